//! `/etc/ds01/fleet.yaml`: where the fleet is seen from.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ds01_core::duration;
use serde::{Deserialize, Deserializer, de::Error};

use super::secret;

/// Where it is, unless told otherwise.
pub(super) const PATH: &str = "/etc/ds01/fleet.yaml";

/// Nobody writes more by hand.
const MOST_BYTES: u64 = 1024 * 1024;

/// The file: all below one key, as other files of ds01 do it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fleet: Config,
}

/// What it says.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// The URL of Prometheus, up to its path prefix.
    pub(super) url: Option<String>,
    /// A file with a token, sent as `Authorization: Bearer`.
    pub(super) bearer_token_file: Option<PathBuf>,
    /// A file with `user:password`.
    pub(super) basic_auth_file: Option<PathBuf>,
    /// The certificates to trust instead of the system's, as PEM.
    pub(super) ca_file: Option<PathBuf>,
    /// Mimir's tenant, sent as `X-Scope-OrgID`.
    pub(super) tenant: Option<String>,
    /// The label that names a host.
    pub(super) host_label: Option<String>,
    /// How long a host stays in the table after its last word.
    #[serde(deserialize_with = "span")]
    pub(super) known_for: Option<Duration>,
    /// How long one answer may take.
    #[serde(deserialize_with = "span")]
    pub(super) deadline: Option<Duration>,
    /// The hosts that there should be; without a URL they are asked over ssh.
    pub(super) hosts: Vec<String>,
    /// So many of them at once.
    pub(super) at_once: Option<usize>,
}

impl Config {
    /// Reads the file. One that is not there says nothing.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let Some(text) = secret::text(path, MOST_BYTES)? else { return Ok(Self::default()) };
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        // A file of comments says nothing.
        let file: Option<File> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let config = file.unwrap_or_default().fleet;
        if config.url.is_none() {
            let secrets = [&config.bearer_token_file, &config.basic_auth_file, &config.ca_file];
            if secrets.iter().any(|file| file.is_some()) || config.tenant.is_some() {
                return Err("it says how to speak to Prometheus, and not where it is: url is missing".to_owned());
            }
        }
        if config.bearer_token_file.is_some() && config.basic_auth_file.is_some() {
            return Err("bearer_token_file and basic_auth_file are two ways of saying who asks: keep one".to_owned());
        }
        if config.host_label.as_deref().is_some_and(|label| label.is_empty() || label.starts_with("__")) {
            return Err("host_label has to be a label that series keep, such as instance".to_owned());
        }
        if config.at_once == Some(0) {
            return Err("at_once has to be 1 at least".to_owned());
        }
        Ok(config)
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span =
        duration::parse(&text).map_err(|error| D::Error::custom(format!("`{text}` {error}: {}", error.help())))?;
    if span < Duration::from_secs(1) {
        return Err(D::Error::custom(format!("`{text}` is less than a second")));
    }
    Ok(Some(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_as_the_documentation_shows_it() {
        let docs = include_str!("../../../docs/viewing.md");
        let (_, example) = docs.split_once("# /etc/ds01/fleet.yaml\n").unwrap();
        let example: String =
            example.lines().map_while(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect();
        let config = Config::parse(&example).unwrap();
        assert!(config.url.unwrap().starts_with("https://"));
        assert!(config.bearer_token_file.is_some() && config.ca_file.is_some() && config.tenant.is_some());
        assert_eq!(config.known_for, Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(config.deadline, Some(Duration::from_secs(10)));
        assert!(config.hosts.len() >= 2 && config.at_once == Some(16));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("fleet:\n  uri: x\n", "unknown field `uri`"),
            ("flet:\n  url: x\n", "unknown field `flet`"),
            ("fleet:\n  url: a\n  url: b\n", "duplicate"),
            ("fleet:\n  deadline: 10\n", "has no unit"),
            ("fleet:\n  deadline: 10x\n", "`10x`"),
            ("fleet:\n  deadline: 0s\n", "less than a second"),
            ("fleet:\n  ca_file: /x\n", "url is missing"),
            ("fleet:\n  url: a\n  bearer_token_file: /x\n  basic_auth_file: /y\n", "keep one"),
            ("fleet:\n  hosts: [a]\n  at_once: 0\n", "at_once"),
            ("fleet:\n  url: a\n  host_label: \"\"\n", "such as instance"),
            ("fleet:\n  url: a\n  host_label: __name__\n", "such as instance"),
            ("fleet: [", "line"),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert_eq!(Config::parse("# nothing\n").unwrap(), Config::default());
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }
}
