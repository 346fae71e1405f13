//! One workload's time on one GPU, between two looks.

use std::rc::Rc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::workload::Workload;

/// One workload's time on one GPU or MIG instance, between two looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece<'a> {
    /// UUID of the GPU or MIG instance.
    pub gpu: &'a str,
    /// Whose.
    pub who: &'a Rc<Workload>,
    /// The boot.
    pub boot_id: &'a str,
    /// Its beginning on the boot clock, in milliseconds.
    pub from_ms: u64,
    /// Its end on the boot clock, in milliseconds.
    pub to_ms: u64,
    /// Its end on the wall clock.
    pub ends_at: Timestamp,
    /// What it was spent on.
    pub spent: Spent,
}

/// What time on a GPU was spent on, in milliseconds, and what was done in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// At work, on the GPU or otherwise.
    pub work_ms: u64,
    /// Idle, by the reaper's rules.
    pub idle_ms: u64,
    /// Looked at, and nobody could tell.
    pub unknown_ms: u64,
    /// Not looked at, or nothing spoke of it.
    pub unobserved_ms: u64,
    /// For how long the GPU was used, in milliseconds of the whole GPU or instance, as far as that was measured.
    pub used_ms: u64,
    /// For how much of the time that measurement speaks.
    pub covered_ms: u64,
    /// Energy in millijoules, where the GPU's can only have been this workload's.
    pub energy_mj: u64,
}

impl Spent {
    /// All that was unobserved.
    pub(super) fn unobserved(length_ms: u64) -> Self {
        Self { unobserved_ms: length_ms, ..Self::default() }
    }

    /// All of the time.
    pub fn held_ms(&self) -> u64 {
        // Saturating: a row is read from a file, and says what that says.
        [self.idle_ms, self.unknown_ms, self.unobserved_ms].into_iter().fold(self.work_ms, u64::saturating_add)
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        for (sum, one) in self.fields_mut().into_iter().zip(other.fields()) {
            *sum = sum.saturating_add(one);
        }
    }

    fn fields(&self) -> [u64; 7] {
        let Self { work_ms, idle_ms, unknown_ms, unobserved_ms, used_ms, covered_ms, energy_mj } = *self;
        [work_ms, idle_ms, unknown_ms, unobserved_ms, used_ms, covered_ms, energy_mj]
    }

    fn fields_mut(&mut self) -> [&mut u64; 7] {
        let Self { work_ms, idle_ms, unknown_ms, unobserved_ms, used_ms, covered_ms, energy_mj } = self;
        [work_ms, idle_ms, unknown_ms, unobserved_ms, used_ms, covered_ms, energy_mj]
    }

    /// The part from `from` to `to` of all its time, in milliseconds. Parts that fill the whole without a gap add up to it: for
    /// that, work is taken to come first, then idle, unknown and unobserved time, as nobody knows better.
    pub(super) fn part(&self, from: u64, to: u64) -> Self {
        let length = self.held_ms();
        let share = |whole: u64| {
            let up_to = |end: u64| {
                let part = u128::from(whole) * u128::from(end.min(length)) / u128::from(length.max(1));
                u64::try_from(part).unwrap_or(whole)
            };
            up_to(to) - up_to(from)
        };
        let mut begin = 0;
        let mut overlap = |long: u64| {
            let (first, end) = (begin, begin + long);
            begin = end;
            to.min(end).saturating_sub(from.max(first))
        };
        Self {
            work_ms: overlap(self.work_ms),
            idle_ms: overlap(self.idle_ms),
            unknown_ms: overlap(self.unknown_ms),
            unobserved_ms: overlap(self.unobserved_ms),
            used_ms: share(self.used_ms),
            covered_ms: share(self.covered_ms),
            energy_mj: share(self.energy_mj),
        }
    }
}

impl Piece<'_> {
    /// The part of it that lies in `from` to `to` on the wall clock, if there is any: its span on the boot clock, and what it
    /// was spent on.
    pub fn within(&self, from: Timestamp, to: Timestamp) -> Option<(u64, u64, Spent)> {
        let length = self.to_ms.checked_sub(self.from_ms).filter(|length| *length > 0)?;
        // On the wall clock as it was at the piece's end.
        let before_end = |at: Timestamp| {
            u64::try_from(self.ends_at.as_millisecond().saturating_sub(at.as_millisecond())).unwrap_or(0).min(length)
        };
        let (begin, end) = (length - before_end(from), length - before_end(to));
        (begin < end).then(|| (self.from_ms + begin, self.from_ms + end, self.spent.part(begin, end)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::ContainerId;

    #[test]
    fn a_row_that_says_more_than_there_is_has_the_most() {
        let spent = Spent { work_ms: u64::MAX, idle_ms: 1, ..Spent::default() };
        assert_eq!(spent.held_ms(), u64::MAX);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let id: ContainerId = "ab".repeat(32).parse().unwrap();
        let who = Rc::new(Workload::of_name(&id, "train"));
        let ends_at: Timestamp = "2026-03-03T00:00:07Z".parse().unwrap();
        let spent = Spent {
            work_ms: 10_001,
            idle_ms: 7,
            unknown_ms: 6_661,
            unobserved_ms: 13_331,
            used_ms: 777,
            covered_ms: 9_999,
            energy_mj: 1_000_001,
        };
        let piece = Piece { gpu: "GPU-1", who: &who, boot_id: "b", from_ms: 1_000, to_ms: 31_000, ends_at, spent };
        assert_eq!(piece.spent.held_ms(), 30_000);
        let edges: Vec<Timestamp> = [-40_000, -23_333, -7_000, -6_999, -1, 0, 9]
            .into_iter()
            .map(|ms| ends_at + SignedDuration::from_millis(ms))
            .collect();
        let mut sum = Spent::default();
        let mut at = 1_000;
        for edge in edges.windows(2) {
            let Some((from, to, part)) = piece.within(edge[0], edge[1]) else { continue };
            assert_eq!(from, at, "no gap");
            assert_eq!(part.held_ms(), to - from);
            sum.add(&part);
            at = to;
        }
        assert_eq!(at, 31_000);
        assert_eq!(sum, spent);
    }
}
