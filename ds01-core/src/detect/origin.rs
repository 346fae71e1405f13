//! How a container came to be.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// Where a container comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// Made by the platform's own tools: its user knows that it is ephemeral.
    #[serde(rename = "ds01-managed")]
    Managed,
    /// A VS Code dev container.
    #[serde(rename = "devcontainer")]
    DevContainer,
    /// A service of a compose project.
    #[serde(rename = "compose")]
    Compose,
    /// A plain `docker run`.
    #[serde(rename = "raw-docker")]
    RawDocker,
    /// Its details could not be read: it is listed, and never acted upon.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Origin {
    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "ds01-managed",
            Self::DevContainer => "devcontainer",
            Self::Compose => "compose",
            Self::RawDocker => "raw-docker",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The origin of a container whose details could be read: the first rule that matches.
///
/// ```
/// use std::collections::BTreeMap;
/// use ds01_core::detect::{Origin, classify};
///
/// assert_eq!(classify("vsc-thesis-4f1c", &BTreeMap::new()), Origin::DevContainer);
/// ```
pub fn classify(name: &str, labels: &BTreeMap<String, String>) -> Origin {
    if labels.get("ds01.managed").is_some_and(|value| value != "false") {
        Origin::Managed
    } else if labels.keys().any(|key| key.starts_with("devcontainer.")) {
        Origin::DevContainer
    } else if labels.contains_key("com.docker.compose.project") {
        Origin::Compose
    } else if name.starts_with("vsc-") {
        Origin::DevContainer
    } else {
        Origin::RawDocker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(name: &str, labels: &[(&str, &str)]) -> Origin {
        classify(name, &labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn each_rule_of_the_table_and_their_order() {
        let managed = ("ds01.managed", "true");
        let dev = ("devcontainer.config_file", "/x");
        let compose = ("com.docker.compose.project", "web");
        assert_eq!(origin("a", &[managed, dev, compose]), Origin::Managed);
        assert_eq!(origin("a", &[("ds01.managed", "")]), Origin::Managed);
        assert_eq!(origin("a", &[("ds01.managed", "false"), dev]), Origin::DevContainer);
        assert_eq!(origin("a", &[dev, compose]), Origin::DevContainer);
        assert_eq!(origin("vsc-x", &[compose]), Origin::Compose);
        assert_eq!(origin("vsc-x", &[]), Origin::DevContainer);
        assert_eq!(origin("my-vsc-x", &[]), Origin::RawDocker);
        assert_eq!(origin("a", &[("devcontainers.x", "1"), ("com.docker.compose.project.x", "1")]), Origin::RawDocker);
    }
}
