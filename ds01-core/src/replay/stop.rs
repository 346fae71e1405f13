//! What a replay came to.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    idle::{
        Decision, Now,
        journal::{Deed, Life, What},
        state::StopCause,
    },
    model::ContainerId,
};

/// Who is at work again this soon after a stop would rather not have been stopped.
const REGRETTED_WITHIN: Duration = Duration::from_secs(3600);

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

impl Cause {
    /// Of a stop that was really made, or of a warning of one; `None` where it is neither.
    pub(super) fn of(what: What) -> Option<Self> {
        match what {
            What::WarnedIdle | What::StoppedIdle => Some(Self::Idle),
            What::WarnedRuntime | What::StoppedRuntime => Some(Self::Runtime),
            What::WarnedRemoval | What::Removed => None,
        }
    }
}

/// A stop under a policy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stop {
    /// When, on the wall clock.
    pub at: Timestamp,
    /// The same on the boot clock, in milliseconds. A container's life lies within one boot.
    pub boot_ms: u64,
    /// The number of the check that made it; `None` for a supposed one.
    pub check: Option<u64>,
    /// Whether that check was about some containers only.
    pub partial: bool,
    /// Which container, as it was then.
    pub life: Life,
    /// For what.
    pub cause: Cause,
    /// How long it had been idle.
    pub idle: Duration,
    /// How long it may be idle, or run.
    pub limit: Option<Duration>,
    /// Whether the reaper really stopped it at this check.
    pub real: bool,
    /// What the reaper did about it at this check.
    pub deed: Option<Deed>,
    /// When it was at work again; where it really was stopped, when somebody started it again.
    pub again: Option<Again>,
    /// How it went on, had it not been stopped. `None` for one that was really stopped.
    pub end: Option<End>,
    /// How long its GPUs would have been free for others, until it ended or was seen last, and of one that was idle until it was at
    /// work again: all of them together, and of what is asked about. `None` for one that was really stopped, as nobody knows how
    /// long it would have run on, and for one that was [kept](Self::kept).
    pub given_back: Option<Duration>,
    /// Whether a check had looked for its keep-alive file then.
    pub keep_alive_known: bool,
    /// Since when a keep-alive file had lain there that only a later check found: it would not have been stopped.
    pub kept: Option<Timestamp>,
}

/// Work after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// When.
    pub at: Timestamp,
    /// How long after the stop.
    pub after: Duration,
}

impl Again {
    /// Whether it was so soon that its user would rather not have been stopped.
    pub fn is_regretted(self) -> bool {
        self.after <= REGRETTED_WITHIN
    }
}

impl Stop {
    /// Whether it was at work again, or started again, within an hour.
    pub fn is_regretted(&self) -> bool {
        self.again.is_some_and(Again::is_regretted)
    }
}

/// How a container went on that this policy stops and the reaper did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How long it ran on.
    pub after: Duration,
    /// What ended it.
    pub by: EndedBy,
}

/// What ended a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The reaper, at a later check.
    Reaper(Cause),
    /// Itself, its user, or a reboot.
    Itself,
    /// Nothing: it still ran at the end of what was read.
    Nothing,
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

/// A stop that the reaper really made and that a policy would not have: not at that check, and not before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Missed {
    /// Which, by its place among those that were [really](super::Really::stops) made.
    pub stop: usize,
    /// How long it had been idle under this policy.
    pub idle: Duration,
    /// What this policy decided instead. `None` where it could not judge.
    pub decision: Option<Decision>,
}

/// What one policy's replay came to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Replayed {
    /// Stops under this policy, in their order.
    pub stops: Vec<Stop>,
    /// Stops before what is asked about, of containers that really ran on into it.
    pub before: Vec<Stop>,
    /// Warnings of stops under this policy.
    pub warned: Vec<Warned>,
    /// What the reaper really stopped, and this policy would not have.
    pub missed: Vec<Missed>,
}

/// The wall clock and the boot clock of a line.
pub(super) fn now(at: Timestamp, boot_id: &str, boot_ms: u64) -> Now {
    Now { at, boot_id: boot_id.to_owned(), boot_ms }
}
