//! A little work all the time, as even as only a clock makes it.
//!
//! Beats that are closer than two looks can't be told apart. But their number in a longer time is always the same, and so is what
//! they use together. Work that comes from people or from other programs is not that even: of a hundred requests that come by
//! chance, a tenth more or less is usual.

use serde::{Deserialize, Serialize};

use super::{Range, Since, step::Step};

/// Figures are added up for so long, in milliseconds.
pub const PART_MS: u64 = 1_200_000;

/// One part may have used so many percent more than another.
const UNEVEN_PERCENT: u64 = 12;

/// Who uses a GPU for a larger share of the time works, in percent.
const MOST_PERCENT: u64 = 30;

/// An unbroken run of even parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Even {
    /// Its beginning.
    pub since: Since,
    /// So many parts, the one under way left out.
    pub parts: u64,
    /// For how long each used the GPU, in milliseconds. `None` until one is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<Range>,
    /// The part under way: since when on the boot clock, and what it used so far.
    now: (u64, u64),
    /// Its beginning.
    now_since: Since,
}

impl Even {
    /// What is remembered after `step`. `None` where nothing was used in it, or much.
    pub fn after(before: Option<Self>, step: &Step<'_>) -> Option<Self> {
        let used_ms = step.used_ms.filter(|used| *used > 0)?;
        let mut even = before.unwrap_or_else(|| {
            let since = Since { boot_ms: step.from_ms, ..step.until };
            Self { since, parts: 0, used_ms: None, now: (step.from_ms, 0), now_since: since }
        });
        even.now.1 = even.now.1.saturating_add(used_ms);
        let length_ms = step.until.boot_ms.saturating_sub(even.now.0);
        if length_ms < PART_MS {
            return Some(even);
        }
        // Looks are never quite so far apart.
        let used_ms = even.now.1.saturating_mul(PART_MS) / length_ms;
        if used_ms.saturating_mul(100) > PART_MS.saturating_mul(MOST_PERCENT) {
            return None;
        }
        let all = even.used_ms.map_or(Range::of(used_ms), |all| all.with(used_ms));
        if all.is_even(UNEVEN_PERCENT, 0) {
            (even.parts, even.used_ms) = (even.parts.saturating_add(1), Some(all));
        } else {
            (even.since, even.parts, even.used_ms) = (even.now_since, 1, Some(Range::of(used_ms)));
        }
        even.now = (step.until.boot_ms, 0);
        even.now_since = step.until;
        Some(even)
    }

    /// How long the run is, the part under way left out, in milliseconds.
    pub fn span_ms(&self) -> u64 {
        self.now.0.saturating_sub(self.since.boot_ms)
    }
}
