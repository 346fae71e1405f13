//! Which container engine a container belongs to.

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

/// What stands between the kind of a user's own daemon and the user's id.
const OF: char = ':';

/// An engine's name in the inventory, in events, in the policy and on the command line.
///
/// | name | engine |
/// |---|---|
/// | `docker` | the host's Docker daemon |
/// | `podman` | the host's Podman service, which runs as root |
/// | any other word | another daemon of root's, which an admin named |
/// | `docker:1001`, `podman:1001` | a daemon of the user with this id, who decides what it says |
///
/// The order is that of trust: Docker, Podman, what admins named, then users' own daemons. Where two engines say that a
/// container is theirs, the first one has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineName(Cow<'static, str>);

/// A word that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no engine: a name of up to 32 small letters, digits and hyphens was expected, such as podman, or docker:UID \
     for the daemon of a user"
)]
pub struct InvalidEngineName(pub String);

/// The two kinds of daemons that users run on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsersKind {
    /// Docker, rootless.
    Docker,
    /// Podman, rootless.
    Podman,
}

impl EngineName {
    /// The host's Docker daemon.
    pub const DOCKER: Self = Self(Cow::Borrowed("docker"));

    /// The host's Podman service.
    pub const PODMAN: Self = Self(Cow::Borrowed("podman"));

    /// The daemon of the user with this id.
    pub fn of_user(kind: UsersKind, uid: u32) -> Self {
        let kind = match kind {
            UsersKind::Docker => "docker",
            UsersKind::Podman => "podman",
        };
        Self(Cow::Owned(format!("{kind}{OF}{uid}")))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the host's Docker daemon: what is meant where no engine is said.
    pub fn is_docker(&self) -> bool {
        *self == Self::DOCKER
    }

    /// The user whose own daemon it is, and who therefore decides what it says. `None` for root's.
    pub fn owner(&self) -> Option<u32> {
        self.0.split_once(OF)?.1.parse().ok()
    }

    /// What people call it, in sentences.
    pub fn called(&self) -> &str {
        match &*self.0 {
            "docker" => "Docker",
            "podman" => "Podman",
            other => other,
        }
    }

    fn rank(&self) -> (u8, Option<u32>) {
        match (&*self.0, self.owner()) {
            ("docker", _) => (0, None),
            ("podman", _) => (1, None),
            (_, None) => (2, None),
            (_, owner) => (3, owner),
        }
    }
}

impl std::str::FromStr for EngineName {
    type Err = InvalidEngineName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |text: &str| {
            let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            text.len() <= 32 && text.bytes().all(known) && text.starts_with(|first: char| first.is_ascii_lowercase())
        };
        let valid = match text.split_once(OF) {
            Some((kind, uid)) => {
                // As the kernel writes it: `01` would be another name for the same daemon.
                let uid_as_written = uid.parse::<u32>().is_ok_and(|number| number.to_string() == uid);
                matches!(kind, "docker" | "podman") && uid_as_written
            }
            None => is_word(text) && !matches!(text, "nvml" | "amd" | "proc"),
        };
        if valid { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidEngineName(text.to_owned())) }
    }
}

/// Where no engine is said, in files of earlier versions and in all entries of Docker's, Docker is meant.
impl Default for EngineName {
    fn default() -> Self {
        Self::DOCKER
    }
}

impl Ord for EngineName {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank(), &self.0).cmp(&(other.rank(), &other.0))
    }
}

impl PartialOrd for EngineName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_trust() {
        let of = |kind, uid| EngineName::of_user(kind, uid);
        let mut names = [
            of(UsersKind::Docker, 1002),
            of(UsersKind::Podman, 1001),
            of(UsersKind::Docker, 11),
            "a-lab".parse().unwrap(),
            EngineName::PODMAN,
            EngineName::DOCKER,
        ];
        names.sort();
        let names: Vec<&str> = names.iter().map(EngineName::as_str).collect();
        assert_eq!(names, ["docker", "podman", "a-lab", "docker:11", "podman:1001", "docker:1002"]);
    }

    #[test]
    fn a_name_says_whose_daemon_it_is() {
        let owner = |text: &str| text.parse::<EngineName>().map(|name| name.owner());
        assert_eq!(owner("docker:1001"), Ok(Some(1001)));
        assert_eq!((owner("docker"), owner("podman"), owner("lab-2")), (Ok(None), Ok(None), Ok(None)));
        for text in [
            "",
            "nvml",
            "amd",
            "proc",
            "Docker",
            "2nd",
            "lab:1001",
            "docker:",
            "docker:01",
            "docker:+1",
            "docker:x",
            "a b",
        ] {
            assert!(owner(text).is_err(), "{text:?}");
        }
    }
}
