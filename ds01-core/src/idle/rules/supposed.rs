//! What would have been done by now, had checks been made all along: for a host where the timer is off.

use super::{
    case::Case,
    decision::{Action, Decision, Next, Waits},
};
use crate::idle::state::StopCause;

/// What would have been done by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supposed {
    /// Its owner would have been warned.
    Warned,
    /// It would have been stopped.
    Stopped(StopCause),
    /// It would have been removed.
    Removed,
}

/// What would have been done about a container by now, if anything. `decision` is what a check would do at this moment, which
/// is less: nobody is stopped whom no earlier check has warned.
pub fn supposed(case: Option<&Case<'_>>, decision: &Decision) -> Option<Supposed> {
    let over_idle_limit = decision.idle_limit.is_some_and(|limit| decision.idle >= limit);
    let over_runtime = case.and_then(Case::runtime_used).is_some_and(|(ran, limit)| ran >= limit);
    match &decision.action {
        Action::Stop { cause, .. } => Some(Supposed::Stopped(*cause)),
        Action::WarnOfRuntime { .. } if over_runtime => Some(Supposed::Stopped(StopCause::Runtime)),
        Action::Warn { .. } if over_idle_limit => Some(Supposed::Stopped(StopCause::Idle)),
        Action::Warn { .. } | Action::WarnOfRuntime { .. } | Action::WarnOfRemoval { .. } => Some(Supposed::Warned),
        Action::Remove(_) => Some(Supposed::Removed),
        Action::TellExempt(_) => None,
        Action::Nothing => match (&decision.waits, decision.next) {
            (Some(Waits::Announced), Next::RuntimeStop(_)) if over_runtime => {
                Some(Supposed::Stopped(StopCause::Runtime))
            }
            (Some(Waits::Announced | Waits::Window(..) | Waits::Cap), _) if over_idle_limit => {
                Some(Supposed::Stopped(StopCause::Idle))
            }
            _ => None,
        },
    }
}
