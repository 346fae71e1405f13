//! Which lines of the journal a check has to read: those that no check before it has taken in.

use std::time::Duration;

use crate::{
    idle::{
        evidence::Observation,
        journal::{self, Journal, Look},
        state::IdleState,
    },
    store::StoreError,
    units::millis,
};

/// How far back observations are read that no check has taken in: so many that a check can hold them all.
const LONGEST_LOOK_BACK: Duration = Duration::from_secs(3600);

impl IdleState {
    /// The observations that no track has taken in. Where there are more than a check can hold, as when it comes hours after
    /// the one before and the detector went on, nothing is known of those who may have worked in what is not read: their
    /// idle time begins anew.
    pub(super) fn not_taken_in(&mut self, journal: &Journal, look: &Look) -> Result<Vec<Observation>, StoreError> {
        let (boot_id, oldest) = (&look.now.boot_id, self.oldest(look));
        let longest = millis(LONGEST_LOOK_BACK);
        let from = oldest.max(look.now.boot_ms.saturating_sub(longest));
        if from > oldest && journal.newest_before(boot_id, from)?.is_some_and(|unread| unread > oldest) {
            self.tracks.retain(|_, track| track.last.boot_id != *boot_id || track.last.boot_ms >= from);
        }
        // A detector that was overtaken by the check before has written down late what it saw before that.
        journal.since(boot_id, from.saturating_sub(journal::DISORDER_MS))
    }

    /// Since when there can be observations that no track has taken in, on the boot clock.
    fn oldest(&self, look: &Look) -> u64 {
        let now = &look.now;
        let last_check = self.last_check.as_ref().filter(|mark| mark.boot_id == now.boot_id).map(|mark| mark.boot_ms);
        let tracks = self.tracks.values().filter(|track| track.last.boot_id == now.boot_id);
        tracks.map(|track| track.last.boot_ms).chain(last_check).min().unwrap_or(now.boot_ms)
    }
}
