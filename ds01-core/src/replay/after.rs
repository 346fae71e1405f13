//! A container after a stop that was not really made.

use std::time::Duration;

use jiff::Timestamp;

use super::stop::{Again, Cause, End, EndedBy, Stop};
use crate::{
    idle::{Observation, Thresholds, state::Track},
    model::KeepAlive,
};

/// A container that this policy has stopped, and that ran on in the past.
#[derive(Debug)]
pub(super) struct After {
    /// The stop, by its place in the list.
    pub(super) stop: usize,
    pub(super) started_at: Option<Timestamp>,
    /// What it goes on doing. `None` where nothing was ever observed.
    pub(super) track: Option<Track>,
    pub(super) thresholds: Thresholds,
    /// The reaper's stop, if that came later.
    pub(super) stopped: Option<Cause>,
}

impl After {
    /// It ran on.
    pub(super) fn see(&mut self, seen: &Observation, stops: &mut [Stop]) {
        let (Some(track), Some(stop)) = (&mut self.track, stops.get_mut(self.stop)) else { return };
        if self.started_at != Some(seen.started_at) {
            return;
        }
        let active_before = track.active_boot_ms;
        track.observe(seen, &self.thresholds);
        if track.active_boot_ms > active_before {
            let after = Duration::from_millis(track.active_boot_ms.saturating_sub(stop.boot_ms));
            stop.again.get_or_insert(Again { at: track.active_at, after });
        }
    }

    /// A later check found this where keep-alive files lie.
    pub(super) fn keeps(&self, file: &KeepAlive, stops: &mut [Stop]) {
        let (KeepAlive::File(written), Some(stop)) = (file, stops.get_mut(self.stop)) else { return };
        if stop.cause == Cause::Idle && *written <= stop.at {
            stop.kept.get_or_insert(*written);
        }
    }

    /// It has ended, or the past has. What is asked about begins at `from`.
    pub(super) fn settle(&self, from: Timestamp, is_over: bool, stops: &mut [Stop]) {
        let Some(stop) = stops.get_mut(self.stop) else { return };
        let ran_on = self.track.as_ref().map_or(Duration::ZERO, |track| {
            let last_ms = track.last.boot_ms.max(track.soon.until_boot_ms);
            Duration::from_millis(last_ms.saturating_sub(stop.boot_ms))
        });
        let by = match self.stopped {
            Some(cause) => EndedBy::Reaper(cause),
            None if is_over => EndedBy::Itself,
            None => EndedBy::Nothing,
        };
        stop.end = Some(End { after: ran_on, by });
        if stop.kept.is_some() {
            return;
        }
        // Who is stopped for his run time is stopped at work.
        let again = stop.again.filter(|_| stop.cause == Cause::Idle);
        let free = again.map_or(ran_on, |again| again.after.min(ran_on));
        let too_early = Duration::try_from(from.duration_since(stop.at)).unwrap_or_default();
        let gpus = u32::try_from(stop.life.gpus.len()).unwrap_or(u32::MAX);
        stop.given_back = Some(free.saturating_sub(too_early).saturating_mul(gpus));
    }
}
