//! A check as the journal keeps it.

use super::checked::{Checked, Outcome};
use crate::{
    idle::{
        journal::{CheckMade, Deed, What},
        rules::{Action, Asked, Decision},
        state::StopCause,
    },
    model::ContainerId,
};

impl Checked {
    /// What is written down of this check, once all is done. `asked` is what users asked to keep, `told` whose owners heard a
    /// warning at once.
    pub(super) fn made(&self, asked: Vec<Asked>, told: Vec<ContainerId>, partial: bool) -> CheckMade {
        let now = &self.look.now;
        let deed = |(id, decision): (&ContainerId, &Decision)| {
            let what = what(&decision.action)?;
            let done = matches!(self.outcomes.get(id), Some(Outcome::Done | Outcome::Holding(_)));
            Some((id.clone(), Deed { what, done }))
        };
        CheckMade {
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            check: self.state.checks,
            demand: self.demand,
            keep_alive: self.keep_alive.clone(),
            asked,
            told,
            done: self.plan.decisions.iter().filter_map(deed).collect(),
            partial,
        }
    }
}

/// What an action does; `None` where it does nothing that is written down.
fn what(action: &Action) -> Option<What> {
    match action {
        Action::Warn { .. } => Some(What::WarnedIdle),
        Action::WarnOfRuntime { .. } => Some(What::WarnedRuntime),
        Action::WarnOfRemoval { .. } => Some(What::WarnedRemoval),
        Action::Stop { cause: StopCause::Idle, .. } => Some(What::StoppedIdle),
        Action::Stop { cause: StopCause::Runtime, .. } => Some(What::StoppedRuntime),
        Action::Remove(_) => Some(What::Removed),
        Action::TellExempt(_) | Action::Nothing => None,
    }
}
