//! Whose container it is, and which signal says so.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::model::ContainerConfig;

/// The owner's name where there is none.
pub const UNKNOWN_USER: &str = "unknown";

/// The signal that named a container's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserSource {
    /// Label `ds01.user`.
    LabelDs01,
    /// Label `aime.mlc.USER`, of an older platform.
    LabelAime,
    /// Label `devcontainer.local_folder`, under `/home/NAME/`.
    LabelDevContainer,
    /// Label `com.docker.compose.project.working_dir`, under `/home/NAME/`.
    LabelCompose,
    /// Bind mounts from under `/home/NAME/`, all of the same name.
    BindMount,
    /// Environment variable `DS01_USER`.
    EnvDs01,
    /// Environment variable `NB_USER`, of Jupyter images.
    EnvNotebook,
    /// Environment variable `JUPYTERHUB_USER`.
    EnvJupyterHub,
    /// The user id of its main process.
    ProcessUid,
    /// No signal named anybody.
    Unknown,
}

impl UserSource {
    const ALL: [Self; 10] = [
        Self::LabelDs01,
        Self::LabelAime,
        Self::LabelDevContainer,
        Self::LabelCompose,
        Self::BindMount,
        Self::EnvDs01,
        Self::EnvNotebook,
        Self::EnvJupyterHub,
        Self::ProcessUid,
        Self::Unknown,
    ];

    /// Its word in files, as `label:ds01.user`.
    pub fn word(self) -> &'static str {
        match self {
            Self::LabelDs01 => "label:ds01.user",
            Self::LabelAime => "label:aime.mlc.USER",
            Self::LabelDevContainer => "label:devcontainer.local_folder",
            Self::LabelCompose => "label:com.docker.compose.project.working_dir",
            Self::BindMount => "bind-mount",
            Self::EnvDs01 => "env:DS01_USER",
            Self::EnvNotebook => "env:NB_USER",
            Self::EnvJupyterHub => "env:JUPYTERHUB_USER",
            Self::ProcessUid => "process-uid",
            Self::Unknown => "unknown",
        }
    }
}

/// In words for people, as `label ds01.user`.
impl fmt::Display for UserSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().replacen([':', '-'], " ", 1))
    }
}

impl Serialize for UserSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for UserSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<'_, str>::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format!("`{word}` is no signal that names an owner"));
        Self::ALL.into_iter().find(|source| source.word() == word).ok_or_else(unknown)
    }
}

/// The owner that labels and configuration name: every signal but the main process's uid, which can change.
pub fn configured_owner(
    labels: &BTreeMap<String, String>,
    config: Option<&ContainerConfig>,
) -> Option<(String, UserSource)> {
    let label = |key: &str| labels.get(key).map(String::as_str);
    let env = |key: &str| config.and_then(|config| config.env.get(key)).map(String::as_str);
    let candidates = [
        (UserSource::LabelDs01, label("ds01.user")),
        (UserSource::LabelAime, label("aime.mlc.USER")),
        (UserSource::LabelDevContainer, label("devcontainer.local_folder").and_then(home_owner)),
        (UserSource::LabelCompose, label("com.docker.compose.project.working_dir").and_then(home_owner)),
        (UserSource::BindMount, mounted_home(config)),
        (UserSource::EnvDs01, env("DS01_USER")),
        (UserSource::EnvNotebook, env("NB_USER")),
        (UserSource::EnvJupyterHub, env("JUPYTERHUB_USER")),
    ];
    candidates.into_iter().find_map(|(source, name)| {
        let name = name?.trim();
        (!name.is_empty()).then(|| (name.to_owned(), source))
    })
}

/// The user of whose home directory something is mounted into a container, where all such mounts agree.
pub fn mounted_home(config: Option<&ContainerConfig>) -> Option<&str> {
    common_home_owner(config?.bind_sources.iter().map(String::as_str))
}

/// The NAME of `/home/NAME` or `/home/NAME/...`.
fn home_owner(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/home/")?.split('/').next()?;
    (!name.is_empty() && name != "." && name != "..").then_some(name)
}

/// The owner of all the paths that lie under `/home`, when they agree.
fn common_home_owner<'a>(paths: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut owners = paths.filter_map(home_owner);
    let first = owners.next()?;
    owners.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_one_word_in_files_and_reads_well_elsewhere() {
        for source in UserSource::ALL {
            let json = serde_json::to_string(&source).unwrap();
            assert_eq!(json, format!("\"{}\"", source.word()));
            assert_eq!(serde_json::from_str::<UserSource>(&json).unwrap(), source);
        }
        assert!(serde_json::from_str::<UserSource>("\"label\"").unwrap_err().to_string().contains("`label`"));
        let said = [UserSource::LabelDevContainer, UserSource::EnvDs01, UserSource::ProcessUid];
        assert_eq!(
            said.map(|source| source.to_string()),
            ["label devcontainer.local_folder", "env DS01_USER", "process uid"]
        );
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn config(env: &[(&str, &str)], binds: &[&str]) -> ContainerConfig {
        ContainerConfig {
            env: map(env),
            bind_sources: binds.iter().map(ToString::to_string).collect(),
            ..Default::default()
        }
    }

    fn owner(labels: &[(&str, &str)], config: &ContainerConfig) -> Option<(String, UserSource)> {
        configured_owner(&map(labels), Some(config))
    }

    fn says(name: &str, source: UserSource) -> Option<(String, UserSource)> {
        Some((name.to_owned(), source))
    }

    #[test]
    fn each_signal_gives_way_to_the_ones_before_it() {
        let mut labels = vec![
            ("ds01.user", "a"),
            ("aime.mlc.USER", "b"),
            ("devcontainer.local_folder", "/home/c/thesis"),
            ("com.docker.compose.project.working_dir", "/home/d/web"),
        ];
        let full =
            config(&[("DS01_USER", "f"), ("NB_USER", "g"), ("JUPYTERHUB_USER", "h")], &["/home/e/data", "/data"]);
        let sources =
            [UserSource::LabelDs01, UserSource::LabelAime, UserSource::LabelDevContainer, UserSource::LabelCompose];
        for (name, source) in ["a", "b", "c", "d"].into_iter().zip(sources) {
            assert_eq!(owner(&labels, &full), says(name, source));
            labels.remove(0);
        }
        assert_eq!(owner(&[], &full), says("e", UserSource::BindMount));
        let mut env = vec![("DS01_USER", "f"), ("NB_USER", "g"), ("JUPYTERHUB_USER", "h")];
        let sources = [UserSource::EnvDs01, UserSource::EnvNotebook, UserSource::EnvJupyterHub];
        for (name, source) in ["f", "g", "h"].into_iter().zip(sources) {
            assert_eq!(owner(&[], &config(&env, &[])), says(name, source));
            env.remove(0);
        }
        assert_eq!(owner(&[], &config(&[], &[])), None);
    }

    #[test]
    fn bind_mounts_count_only_when_all_under_home_agree() {
        assert_eq!(owner(&[], &config(&[], &["/home/e/a", "/home/e", "/srv/x"])), says("e", UserSource::BindMount));
        assert_eq!(owner(&[], &config(&[], &["/home/e/a", "/home/f/a"])), None);
        assert_eq!(owner(&[], &config(&[], &["/home", "/home/", "/home/../etc", "/homes/e"])), None);
    }

    #[test]
    fn names_are_text_and_empty_ones_name_nobody() {
        let none = config(&[], &[]);
        assert_eq!(owner(&[("ds01.user", "bob@uni.example")], &none), says("bob@uni.example", UserSource::LabelDs01));
        assert_eq!(owner(&[("ds01.user", "10042")], &none), says("10042", UserSource::LabelDs01));
        assert_eq!(owner(&[("ds01.user", " "), ("aime.mlc.USER", "b")], &none), says("b", UserSource::LabelAime));
        assert_eq!(owner(&[("devcontainer.local_folder", "/srv/home/x")], &none), None);
    }

    #[test]
    fn labels_speak_even_when_the_details_could_not_be_read() {
        assert_eq!(configured_owner(&map(&[("ds01.user", "a")]), None), says("a", UserSource::LabelDs01));
    }
}
