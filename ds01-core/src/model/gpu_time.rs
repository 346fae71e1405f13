//! Time on GPUs, in sums.

use serde::{Deserialize, Serialize};

/// GPU time of one user's, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuTime {
    /// For how long GPUs and MIG instances were held, each for itself.
    pub held_ms: u64,
    /// For how much of that they were worked on, by the reaper's rules.
    pub work_ms: u64,
}

/// How long a running container was observed to be idle since its last activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleTime {
    /// In milliseconds.
    pub idle_ms: u64,
    /// For how much of the time since the last activity the evidence speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_percent: Option<u64>,
}

impl GpuTime {
    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.held_ms = self.held_ms.saturating_add(other.held_ms);
        self.work_ms = self.work_ms.saturating_add(other.work_ms);
    }
}
