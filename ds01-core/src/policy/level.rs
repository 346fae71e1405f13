//! Where a value came from.

use std::{fmt, path::Path, sync::Arc};

use crate::{model::Origin, text::sanitize};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was given.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", sanitize(&self.file.display().to_string()), self.line))
    }
}

/// Who said what a value is, from the nearest to the farthest. The names are text from the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level {
    /// The override of this user, by the name that the file gives.
    UserOverride(String),
    /// The user's group.
    Group(String),
    /// The container's type.
    ContainerType(ContainerType),
    /// `defaults` or `policies`: what holds for everybody.
    Default,
    /// No file says it.
    BuiltIn,
}

impl Level {
    /// The level without the name, as programs are shown it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UserOverride(_) => "user override",
            Self::Group(_) => "group",
            Self::ContainerType(_) => "container type",
            Self::Default => "default",
            Self::BuiltIn => "built in",
        }
    }

    /// The name of the user, group or type.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::UserOverride(name) | Self::Group(name) => Some(name),
            Self::ContainerType(kind) => Some(kind.as_str()),
            Self::Default | Self::BuiltIn => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(&format!("{} {}", self.kind(), sanitize(name))),
            None => f.pad(self.kind()),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who said so.
    pub level: Level,
    /// Where. `None` for built-in values.
    pub place: Option<Place>,
}

/// What a container is to the policy: the origin that detection found, under the file's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerType {
    /// Made by the platform's own tools: its user's group decides.
    Managed,
    /// A dev container.
    DevContainer,
    /// A service of a compose project.
    Compose,
    /// A plain `docker run`.
    Docker,
    /// One whose origin could not be told.
    Unknown,
}

impl ContainerType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Managed, Self::DevContainer, Self::Compose, Self::Docker, Self::Unknown];

    /// The name in the policy file and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::DevContainer => "devcontainer",
            Self::Compose => "compose",
            Self::Docker => "docker",
            Self::Unknown => "unknown",
        }
    }

    /// The type of this name, or of the origin of this name in the inventory, which [`Origin::as_str`] gives.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ds01-managed" => Some(Self::Managed),
            "raw-docker" => Some(Self::Docker),
            _ => Self::ALL.into_iter().find(|kind| kind.as_str() == name),
        }
    }
}

impl From<Origin> for ContainerType {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Managed => Self::Managed,
            Origin::DevContainer => Self::DevContainer,
            Origin::Compose => Self::Compose,
            Origin::RawDocker => Self::Docker,
            Origin::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for ContainerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_origin_has_its_type_by_value_and_by_name() {
        for (origin, kind) in [
            (Origin::Managed, ContainerType::Managed),
            (Origin::DevContainer, ContainerType::DevContainer),
            (Origin::Compose, ContainerType::Compose),
            (Origin::RawDocker, ContainerType::Docker),
            (Origin::Unknown, ContainerType::Unknown),
        ] {
            assert_eq!(ContainerType::from(origin), kind);
            assert_eq!(ContainerType::from_name(origin.as_str()), Some(kind), "{origin}");
        }
    }
}
