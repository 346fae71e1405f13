//! Why a replay of the policy in force comes to something else than the reaper did.

use super::stop::{Cause, Missed, Stop};
use crate::idle::{Decision, journal::What};

/// Why the reaper did not do at a check what a policy would have done, or did more.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// No check was made then: the replay supposes one.
    NoCheck,
    /// The check was about some containers only, and the journal does not say which.
    Partial,
    /// The reaper warned only then.
    WarnedThen,
    /// No check looked for a keep-alive file then: for the reaper, it was not idle for long enough.
    NotLookedFor,
    /// The reaper knew that it was idle, and waited.
    Withheld,
    /// The reaper did not act on its run time.
    NotOverdue,
    /// The reaper stopped it, and nothing is written down about whose it is.
    Unknown,
    /// The reaper stopped it, and this policy decides otherwise.
    Waits(Box<Decision>),
}

impl Stop {
    /// Why the reaper did not make this stop, if it was the same policy.
    pub fn why_not_real(&self) -> Option<Why> {
        if self.real {
            return None;
        }
        let warned = self.deed.is_some_and(|deed| matches!(deed.what, What::WarnedIdle | What::WarnedRuntime));
        Some(match self.cause {
            _ if self.check.is_none() => Why::NoCheck,
            _ if warned => Why::WarnedThen,
            _ if self.partial => Why::Partial,
            Cause::Runtime => Why::NotOverdue,
            Cause::Idle if self.keep_alive_known => Why::Withheld,
            Cause::Idle => Why::NotLookedFor,
        })
    }
}

impl Missed {
    /// Why this policy does not make the stop that the reaper made.
    pub fn why(&self) -> Why {
        self.decision.clone().map_or(Why::Unknown, |decision| Why::Waits(Box::new(decision)))
    }
}
