//! Whether the warning of an idle spell is known to have arrived.

use super::{
    memory::IdleState,
    track::{LATE_NOTICE, Track, Warning},
};
use crate::{
    model::{ContainerId, Now},
    policy::RequireDelivery,
    units::millis,
};

impl IdleState {
    /// Remembers that a warning that is given now reaches its user on `channel`.
    pub fn told(&mut self, id: &ContainerId, channel: &str) {
        let check = self.checks;
        if let Some(warning) = self.warning_of(id, check) {
            warning.confirmed.push(channel.to_owned());
        }
    }

    /// Remembers that the warning of idleness that check number `check` gave arrived on `channel`.
    ///
    /// Where the policy waits for that, and it comes when the announced time is over, some time is added: whoever reads it
    /// can still answer.
    pub fn confirm(&mut self, id: &ContainerId, check: u64, channel: &str, required: &RequireDelivery, now: &Now) {
        let Some(warning) = self.warning_of(id, check) else { return };
        let was_met = required.is_met(&warning.confirmed);
        if !warning.confirmed.iter().any(|known| known == channel) {
            warning.confirmed.push(channel.to_owned());
        }
        let is_over = now.until(warning.not_before_boot_ms).is_zero();
        if is_over && !was_met && required.is_met(&warning.confirmed) {
            warning.not_before_boot_ms = now.boot_ms.saturating_add(millis(LATE_NOTICE));
        }
    }

    /// Remembers that the warning of that check did not arrive on one channel, for good. Where the policy waits for it, it
    /// is given anew.
    pub fn not_told(&mut self, id: &ContainerId, check: u64, required: &RequireDelivery) {
        let given_up = self.warning_of(id, check).is_some_and(|warning| !required.is_met(&warning.confirmed));
        if let (true, Some(track)) = (given_up, self.tracks.get_mut(id)) {
            track.warning = None;
        }
    }

    fn warning_of(&mut self, id: &ContainerId, check: u64) -> Option<&mut Warning> {
        self.tracks.get_mut(id)?.warning.as_mut().filter(|warning| warning.check == check)
    }

    /// Containers whose users are warned of something that has not come yet.
    pub fn warned(&self) -> impl Iterator<Item = &ContainerId> {
        let runs = |track: &Track| track.warning.is_some() || track.runtime_warning.is_some();
        let tracks = self.tracks.iter().filter(move |(_, track)| runs(track)).map(|(id, _)| id);
        tracks.chain(self.standing.iter().filter(|(_, standing)| standing.warning.is_some()).map(|(id, _)| id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::test_support::{id, now, seen};

    fn warned(check: u64) -> IdleState {
        let mut track = Track::new(&seen(1000));
        let not_before_boot_ms = 1_300_000;
        track.warning = Some(Warning::new(now(1000).at, check, not_before_boot_ms));
        IdleState { checks: check + 1, tracks: [(id(), track)].into(), ..IdleState::default() }
    }

    fn warning(state: &IdleState) -> Option<&Warning> {
        state.tracks[&id()].warning.as_ref()
    }

    #[test]
    fn a_confirmation_is_of_one_warning_and_kept_once() {
        let mut state = warned(6);
        for check in [6, 6, 5] {
            state.confirm(
                &id(),
                check,
                &format!("hook:{}", if check == 5 { "old" } else { "mail" }),
                &RequireDelivery::Any,
                &now(1100),
            );
        }
        assert_eq!(warning(&state).unwrap().confirmed, ["hook:mail"]);
        assert_eq!(warning(&state).unwrap().not_before_boot_ms, 1_300_000, "it came in time");
    }

    #[test]
    fn who_is_told_too_late_gets_time_where_that_is_waited_for() {
        for (required, not_before) in [(RequireDelivery::None, 1_300_000), (RequireDelivery::Any, 2_240_000)] {
            let mut state = warned(6);
            state.confirm(&id(), 6, "hook:mail", &required, &now(2000));
            state.confirm(&id(), 6, "hook:webhook", &required, &now(2500));
            assert_eq!(warning(&state).unwrap().not_before_boot_ms, not_before);
        }
    }

    #[test]
    fn a_warning_that_was_given_up_is_given_anew_only_where_it_is_waited_for() {
        let mut state = warned(6);
        state.not_told(&id(), 6, &RequireDelivery::None);
        state.not_told(&id(), 5, &RequireDelivery::Any);
        assert!(warning(&state).is_some());
        let mut told = state.clone();
        told.confirm(&id(), 6, "terminals", &RequireDelivery::Any, &now(1000));
        told.not_told(&id(), 6, &RequireDelivery::Any);
        assert!(warning(&told).is_some(), "somebody heard it on another channel");
        state.not_told(&id(), 6, &RequireDelivery::Any);
        assert!(warning(&state).is_none());
    }
}
