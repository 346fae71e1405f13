//! What is to be done about a container, and what comes next, as plain data.

use std::time::Duration;

use jiff::Timestamp;

use super::rule::Reason;
use crate::{
    idle::{journal::What, state::StopCause},
    model::Enforcement,
};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Tell its owner that it will be stopped for idleness.
    Warn {
        /// The stop comes after this much more idle time.
        left: Duration,
        /// Why a keep-alive file that lies there does not count.
        keep_alive_refused: Option<&'static str>,
    },
    /// Tell its owner that it will be stopped for its run time.
    WarnOfRuntime {
        /// The stop comes after this long.
        left: Duration,
    },
    /// Tell its owner, once, that it would have been stopped and is not.
    TellExempt(Enforcement),
    /// Stop it.
    Stop {
        /// For what.
        cause: StopCause,
        /// How long it has between SIGTERM and SIGKILL.
        grace: Duration,
    },
    /// Tell its owner that it will be removed.
    WarnOfRemoval {
        /// The removal comes after this long.
        left: Duration,
        /// Why.
        removal: Removal,
    },
    /// Remove it, without its volumes.
    Remove(Removal),
}

impl Action {
    /// How the journal calls it; `None` where nothing is done that is written down.
    pub fn what(&self) -> Option<What> {
        match self {
            Self::Warn { .. } => Some(What::WarnedIdle),
            Self::WarnOfRuntime { .. } => Some(What::WarnedRuntime),
            Self::WarnOfRemoval { .. } => Some(What::WarnedRemoval),
            Self::Stop { cause: StopCause::Idle, .. } => Some(What::StoppedIdle),
            Self::Stop { cause: StopCause::Runtime, .. } => Some(What::StoppedRuntime),
            Self::Remove(_) => Some(What::Removed),
            Self::TellExempt(_) | Self::Nothing => None,
        }
    }
}

/// Why a container is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was made and never started.
    NeverStarted,
    /// It ended, and was held for as long as the policy says.
    Held,
}

/// About the time from one check to the next, where the timer is as shipped.
const BETWEEN_CHECKS: Duration = Duration::from_secs(300);

/// What happens if nothing changes, and after how much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// It is warned of its stop for idleness after this much more idle time.
    Warning(Duration),
    /// It is stopped for idleness after this much more idle time, at a check.
    Stop(Duration),
    /// It is stopped for idleness after so many more idle checks.
    StopAfterChecks(u64),
    /// It is warned of its stop for run time after this long.
    RuntimeWarning(Duration),
    /// It is stopped for its run time after this long.
    RuntimeStop(Duration),
    /// Its grace period ends after this long.
    GraceEnds(Duration),
    /// Its keep-alive, or the time that was asked for, ends then; `None` is never.
    KeptUntil(Option<Timestamp>),
    /// It is removed after this long.
    Removal(Duration),
    /// Nothing that time alone brings.
    Nothing,
}

impl Next {
    /// After how long it happens, as of `now`. `None` for what has no time.
    pub fn after(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Warning(left)
            | Self::Stop(left)
            | Self::RuntimeWarning(left)
            | Self::RuntimeStop(left)
            | Self::GraceEnds(left)
            | Self::Removal(left) => Some(left),
            Self::StopAfterChecks(checks) => BETWEEN_CHECKS.checked_mul(u32::try_from(checks).ok()?),
            Self::KeptUntil(until) => Duration::try_from(until?.duration_since(now)).ok(),
            Self::Nothing => None,
        }
    }
}

/// Why an idle container is not stopped at this check, though it is past its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// A keep-alive file holds.
    Kept,
    /// Somebody asked to keep it.
    Asked,
    /// Whether there is a keep-alive file could not be told.
    KeepAliveUnreadable(String),
    /// The time that was announced is not over.
    Announced,
    /// Not enough idle checks in a row yet: so many of so many.
    Window(u64, u64),
    /// Its warning is not known to have reached anybody, and the policy's `require_delivery` asks for that.
    Untold,
    /// Enough others are stopped in this run.
    Cap,
}

/// What is to be done about one container at one check, and why.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// What.
    pub action: Action,
    /// The rule that decided. `None` for one that does not run.
    pub reason: Option<Reason>,
    /// What keeps it from being stopped although it is idle.
    pub waits: Option<Waits>,
    /// What comes next: of what is near, the earliest.
    pub next: Next,
    /// What comes after that.
    pub later: Vec<Next>,
    /// Observed idle time.
    pub idle: Duration,
    /// How long it may be idle at this check. `None` where idleness has no consequence.
    pub idle_limit: Option<Duration>,
}
