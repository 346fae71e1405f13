//! Whose time on a GPU it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    detect::UserSource,
    idle::journal::{Life, ProcessSeen},
    model::{ContainerId, Origin},
};

/// What holds a GPU: a container, or all processes of one user's that run one program outside of containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// How it came to be.
    pub kind: Kind,
    /// Its user. `None` where no signal named anybody, or where that was not written down. Users' text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Which signal named the user of a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_source: Option<UserSource>,
    /// A container's name, or a program's. Users' text.
    pub name: String,
    /// A container's short id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A container's image. Users' text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// How a workload came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kind {
    /// A container.
    Container(Origin),
    /// Processes outside of listed containers.
    HostProcess(HostProcess),
}

/// The word for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HostProcess {
    /// The only one.
    #[serde(rename = "host-process")]
    HostProcess,
}

impl Kind {
    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Container(origin) => origin.as_str(),
            Self::HostProcess(_) => "host-process",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Workload {
    /// A container of which only a line without its owner was written down.
    pub(super) fn of_name(id: &ContainerId, name: &str) -> Self {
        Self {
            kind: Kind::Container(Origin::Unknown),
            user: None,
            user_source: None,
            name: name.to_owned(),
            id: Some(id.short().to_owned()),
            image: None,
        }
    }

    pub(super) fn of_life(life: &Life) -> Self {
        Self {
            kind: Kind::Container(life.origin),
            user: life.user.clone(),
            user_source: Some(life.user_source),
            name: life.name.clone(),
            id: Some(life.container_id.short().to_owned()),
            image: Some(life.image.clone()),
        }
    }

    pub(super) fn of_process(seen: &ProcessSeen) -> Self {
        Self {
            kind: Kind::HostProcess(HostProcess::HostProcess),
            user: Some(seen.user.clone()),
            user_source: None,
            name: seen.program.clone(),
            id: None,
            image: None,
        }
    }
}
