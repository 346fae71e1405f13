//! How a container came to be.

use std::fmt;

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
