//! When a check is to be supposed: looks went on, and no check was made.

use std::time::Duration;

use jiff::Timestamp;

use super::stop::now;
use crate::idle::{Now, Observation};

/// Where no check was made for this long and looks went on, checks are supposed.
const TIMER_IS_OFF: Duration = Duration::from_secs(900);

/// Looks that lie further apart don't go on.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// From one supposed check to the next.
const BETWEEN_CHECKS: Duration = Duration::from_secs(300);

/// Stands in for a timer that was off.
#[derive(Debug, Default)]
pub(super) struct Timer {
    /// The looks that go on without a gap.
    looks: Option<Looks>,
    /// The last check, and whether it was supposed.
    last_check: Option<(Now, bool)>,
}

#[derive(Debug)]
struct Looks {
    boot_id: String,
    /// Boot clock at the first of them, in milliseconds.
    since_ms: u64,
    /// The last of them.
    last_ms: u64,
    last_at: Timestamp,
}

impl Timer {
    /// Takes in the next line of a look. When a check is due at the look before this one, that moment.
    pub(super) fn look(&mut self, seen: &Observation) -> Option<Now> {
        let goes_on = self.looks.as_mut().filter(|looks| {
            looks.boot_id == seen.boot_id
                && Duration::from_millis(seen.boot_ms.saturating_sub(looks.last_ms)) <= LONGEST_PAUSE
        });
        let Some(looks) = goes_on else {
            let boot_id = seen.boot_id.clone();
            self.looks = Some(Looks { boot_id, since_ms: seen.boot_ms, last_ms: seen.boot_ms, last_at: seen.at });
            return None;
        };
        // Another container's line of the same look, or of one that was written down late.
        if seen.boot_ms <= looks.last_ms {
            return None;
        }
        let before = (looks.last_at, looks.last_ms);
        (looks.last_at, looks.last_ms) = (seen.at, seen.boot_ms);
        let last = self.last_check.as_ref().filter(|(last, _)| last.boot_id == seen.boot_id);
        let supposed = last.is_some_and(|(_, supposed)| *supposed);
        let since_ms = last.map_or(looks.since_ms, |(last, _)| last.boot_ms.max(looks.since_ms));
        let passed = Duration::from_millis(before.1.saturating_sub(since_ms));
        (passed >= if supposed { BETWEEN_CHECKS } else { TIMER_IS_OFF }).then(|| now(before.0, &seen.boot_id, before.1))
    }

    /// A check was made, or is supposed.
    pub(super) fn checked(&mut self, now: &Now, supposed: bool) {
        self.last_check = Some((now.clone(), supposed));
    }
}
