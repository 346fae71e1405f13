//! What a decision that was carried out leaves in the memory.

use std::time::Duration;

use super::decision::{Action, Decision, Waits};
use crate::{
    idle::state::{IdleState, StopCause, Warning},
    model::{ContainerId, Now},
    units::millis,
};

/// So long, nobody is told again of what is tried at each check, and fails.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(3600);

impl IdleState {
    /// Whether its user has yet to be told that `action` is being done.
    pub fn is_to_be_told(&self, id: &ContainerId, action: &Action, now: &Now) -> bool {
        let warning = match action {
            Action::Stop { cause: StopCause::Idle, .. } => self.tracks.get(id).and_then(|track| track.warning.as_ref()),
            Action::Stop { .. } => self.tracks.get(id).and_then(|track| track.runtime_warning.as_ref()),
            _ => self.standing.get(id).and_then(|standing| standing.warning.as_ref()),
        };
        let told = warning.and_then(|warning| warning.done_told_boot_ms);
        told.is_none_or(|told| now.since(told) >= TOLD_AGAIN_AFTER)
    }

    /// Remembers that its user was told that `action` is being done.
    pub fn record_told(&mut self, id: &ContainerId, action: &Action, now: &Now) {
        let warning = match action {
            Action::Stop { cause: StopCause::Idle, .. } => {
                self.tracks.get_mut(id).and_then(|track| track.warning.as_mut())
            }
            Action::Stop { .. } => self.tracks.get_mut(id).and_then(|track| track.runtime_warning.as_mut()),
            _ => self.standing.get_mut(id).and_then(|standing| standing.warning.as_mut()),
        };
        if let Some(warning) = warning {
            warning.done_told_boot_ms = Some(now.boot_ms);
        }
    }

    /// Remembers that `decision` about `id` was carried out. Not called for one that was not: it comes again.
    pub fn record(&mut self, id: &ContainerId, decision: &Decision, now: &Now) {
        let check = self.checks;
        let warning = |left: Duration| {
            let left_ms = millis(left);
            let not_before_boot_ms = now.boot_ms.saturating_add(left_ms);
            Some(Warning::new(now.at, check, not_before_boot_ms))
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
