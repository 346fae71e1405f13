//! What a replay came to.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    idle::{Now, journal::Life, state::StopCause},
    model::ContainerId,
};

/// What a container is stopped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Idleness.
    Idle,
    /// Its run time.
    Runtime,
}

impl From<StopCause> for Cause {
    fn from(cause: StopCause) -> Self {
        match cause {
            StopCause::Idle => Self::Idle,
            StopCause::Runtime => Self::Runtime,
        }
    }
}

/// A stop.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stop {
    /// When.
    pub at: Timestamp,
    /// The number of the check that made it.
    pub check: u64,
    /// Which container, as it was then.
    pub life: Life,
    /// For what.
    pub cause: Cause,
    /// How long it had been idle.
    pub idle: Duration,
    /// Whether the reaper really made it, at this check.
    pub real: bool,
    /// When it was at work again within an hour, had it not been stopped; or when somebody started it again, where it really was.
    pub regretted: Option<Timestamp>,
    /// How long its GPUs would have been free for others, until the container ended or did its last look: all of them
    /// together. `None` for one that was really stopped, as nobody knows how long it would have run on.
    pub given_back: Option<Duration>,
    /// Whether a check had looked for its keep-alive file then.
    pub keep_alive_known: bool,
}

/// A warning of a stop.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Warned {
    /// When.
    pub at: Timestamp,
    /// Which container.
    pub id: ContainerId,
    /// Of what.
    pub of: Cause,
}

/// What a replay came to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Replayed {
    /// Stops under this policy, in their order.
    pub stops: Vec<Stop>,
    /// Warnings of stops under this policy.
    pub warned: Vec<Warned>,
    /// Stops that the reaper really made and that this policy would not have: not at that check, and not before.
    pub only_real: Vec<Stop>,
    /// Checks that were really made.
    pub checks: u64,
    /// Checks that are supposed, every five minutes, where none was made for a quarter of an hour and looks went on.
    pub supposed_checks: u64,
    /// The first and the last line that was read.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// The wall clock and the boot clock of a line.
pub(super) fn now(at: Timestamp, boot_id: &str, boot_ms: u64) -> Now {
    Now { at, boot_id: boot_id.to_owned(), boot_ms }
}
