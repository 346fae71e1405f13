//! Which lines of the journal a check has to read: those that no check before it has taken in.

use jiff::Timestamp;

use crate::{
    idle::{
        evidence::Observation,
        journal::{self, Journal, Recent},
        state::IdleState,
    },
    model::Now,
    store::StoreError,
};

/// So many lines at most: about 50 MB, a second's reading at the very most, and many hours of a busy host.
pub(super) const MOST_LINES: usize = 100_000;

/// What the journal held.
#[derive(Debug, Default)]
pub(super) struct LookBack {
    /// What no check has taken in, oldest first.
    pub(super) observations: Vec<Observation>,
    /// The oldest of these, where there was more than could be read.
    pub(super) cut_at: Option<Timestamp>,
}

impl IdleState {
    /// The observations that no track has taken in: all of this boot where no check was ever made. Of more than `most` lines
    /// the newest are read. Nothing is known then of those who may have worked in what is not read: their idle time begins
    /// anew.
    pub(super) fn not_taken_in(&mut self, journal: &Journal, now: &Now, most: usize) -> Result<LookBack, StoreError> {
        // A detector that was overtaken by the check before has written down late what it saw before that.
        let from = self.oldest(now).saturating_sub(journal::DISORDER_MS);
        let Recent { observations, cut } = journal.since(&now.boot_id, from, most)?;
        let Some(first) = observations.first().filter(|_| cut) else {
            return Ok(LookBack { observations, cut_at: None });
        };
        self.tracks.retain(|_, track| track.last.boot_id != now.boot_id || track.last.boot_ms >= first.boot_ms);
        Ok(LookBack { cut_at: Some(first.at), observations })
    }

    /// Since when there can be observations that no track has taken in, on the boot clock.
    fn oldest(&self, now: &Now) -> u64 {
        let last_check = self.last_check.as_ref().filter(|mark| mark.boot_id == now.boot_id).map(|mark| mark.boot_ms);
        let tracks = self.tracks.values().filter(|track| track.last.boot_id == now.boot_id);
        tracks.map(|track| track.last.boot_ms).chain(last_check).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        idle::{
            state::Track,
            test_support::{now, seen},
        },
        store::Store,
    };

    #[test]
    fn what_can_not_be_read_leaves_no_idle_time_behind() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&Store::open(dir.path()).unwrap()).unwrap();
        let lines: Vec<Observation> = (0..20).map(|n| seen(1_000 + 30 * n)).collect();
        journal.append(&lines).unwrap();
        let read = |tracked: Option<u64>, most: usize| {
            let mut state = IdleState::default();
            if let Some(seconds) = tracked {
                let first = seen(seconds);
                state.tracks.insert(first.container_id.clone(), Track::new(&first));
            }
            let LookBack { observations, cut_at } = state.not_taken_in(&journal, &now(1_600), most).unwrap();
            (observations.len(), cut_at.is_some(), state.tracks.len())
        };
        assert_eq!(read(None, 100), (20, false, 0), "no check was ever made");
        assert_eq!(read(None, 20), (20, false, 0));
        assert_eq!(read(None, 19), (19, true, 0));
        assert_eq!(read(Some(1_300), 100), (12, false, 1), "and what a late detector may have seen a minute before");
        assert_eq!(read(Some(1_300), 5), (5, true, 0));
    }
}
