//! The kinds of what looks wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What looks wrong, for an admin to judge. Nobody is ever stopped for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspicionKind {
    /// A container is exempt by a label or name that its creator chose, and no line of the policy names it or its owner.
    ExemptByLabel,
    /// A container that hardly works is kept for days, by a keep-alive file or requests that are renewed again and again.
    KeptForDays,
    /// A container does a little at even intervals, and nothing else, as a script does that keeps it from being idle.
    KeptBusy,
    /// A GPU is busy and takes no more power than when it idles.
    BusyAtIdlePower,
    /// A GPU is busy for hours, and no memory traffic, CPU time or output shows that anything comes of it.
    BusyAndHung,
    /// The utilization of a GPU stands still though nobody is on it.
    LatchedCounter,
    /// The driver books GPU memory to a process that no longer exists.
    MemoryOfDeadProcess,
}

impl SuspicionKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ExemptByLabel,
        Self::KeptForDays,
        Self::KeptBusy,
        Self::BusyAtIdlePower,
        Self::BusyAndHung,
        Self::LatchedCounter,
        Self::MemoryOfDeadProcess,
    ];

    /// Its name in events, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExemptByLabel => "exempt_by_label",
            Self::KeptForDays => "kept_for_days",
            Self::KeptBusy => "kept_busy",
            Self::BusyAtIdlePower => "busy_at_idle_power",
            Self::BusyAndHung => "busy_and_hung",
            Self::LatchedCounter => "latched_counter",
            Self::MemoryOfDeadProcess => "memory_of_dead_process",
        }
    }

    /// The same for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ExemptByLabel => "exempt by its own label",
            Self::KeptForDays => "kept for days",
            Self::KeptBusy => "kept busy by the clock",
            Self::BusyAtIdlePower => "busy at idle power",
            Self::BusyAndHung => "busy, and hung",
            Self::LatchedCounter => "latched counter",
            Self::MemoryOfDeadProcess => "memory of a dead process",
        }
    }
}

impl fmt::Display for SuspicionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_name_that_is_written() {
        for kind in SuspicionKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
