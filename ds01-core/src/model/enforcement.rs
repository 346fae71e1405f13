//! What a policy enforces.

use serde::{Deserialize, Serialize};

/// What somebody can be exempt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Being stopped for idleness.
    IdleTimeout,
    /// Being stopped for running too long.
    MaxRuntime,
}

impl Enforcement {
    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::MaxRuntime => "max_runtime",
        }
    }
}
