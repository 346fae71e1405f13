//! How many of the host's GPUs are given away.

use serde::{Deserialize, Serialize};

/// How many of the host's GPUs and MIG instances are given to running containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Given to at least one container.
    pub assigned: u64,
    /// All of them.
    pub total: u64,
}
