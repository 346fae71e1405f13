//! A check as the journal keeps it.

use super::checked::{Checked, Outcome};
use crate::{
    idle::{
        journal::{CheckMade, Deed},
        rules::{Asked, Decision},
    },
    model::ContainerId,
};

impl Checked {
    /// What is written down of this check, once all is done. `asked` is what users asked to keep, `told` whose owners heard a
    /// warning at once.
    pub(super) fn made(&self, asked: Vec<Asked>, told: Vec<ContainerId>, partial: bool) -> CheckMade {
        let now = &self.look.now;
        let deed = |(id, decision): (&ContainerId, &Decision)| {
            let what = decision.action.what()?;
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
