//! What a decision that was carried out leaves in the memory.

use std::time::Duration;

use super::decision::{Action, Decision, Waits};
use crate::{
    idle::state::{IdleState, Warning},
    model::{ContainerId, Now},
    units::millis,
};

impl IdleState {
    /// Remembers that `decision` about `id` was carried out. Not called for one that was not: it comes again.
    pub fn record(&mut self, id: &ContainerId, decision: &Decision, now: &Now) {
        let check = self.checks;
        let warning = |left: Duration| {
            let left_ms = millis(left);
            let not_before_boot_ms = now.boot_ms.saturating_add(left_ms);
            Some(Warning { at: now.at, check, not_before_boot_ms, confirmed: Vec::new() })
        };
        match &decision.action {
            Action::Remove(_) => return drop(self.standing.remove(id)),
            Action::WarnOfRemoval { left, .. } => {
                if let Some(standing) = self.standing.get_mut(id) {
                    standing.warning = warning(*left);
                }
                return;
            }
            _ => {}
        }
        let Some(track) = self.tracks.get_mut(id) else { return };
        match &decision.action {
            Action::Warn { left, .. } => track.warning = warning(*left),
            Action::WarnOfRuntime { left } => track.runtime_warning = warning(*left),
            Action::TellExempt(from) => track.told_exempt.push(*from),
            Action::Stop { .. } => self.stopped_here(id, now),
            // Who keeps it answers the warning: when that ends, there is another one first.
            Action::Nothing if matches!(decision.waits, Some(Waits::Kept | Waits::Asked)) => track.warning = None,
            Action::Nothing | Action::WarnOfRemoval { .. } | Action::Remove(_) => {}
        }
    }
}
