//! Sums of GPU time by user, which only grow.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::names::LONGEST_USER;
use crate::{detect::UNKNOWN_USER, model::GpuTime};

/// The most users of whom sums are kept: anybody can name a user in a label.
pub const MOST_USERS: usize = 500;

/// Whose sum did not grow for so long makes room for another.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Sums of GPU time by user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UserSums {
    #[serde(default)]
    users: BTreeMap<String, Sum>,
    /// For whom there was no room.
    #[serde(default)]
    others: GpuTime,
    /// Of those who made room.
    #[serde(default)]
    forgotten: GpuTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Sum {
    #[serde(flatten)]
    time: GpuTime,
    /// When it last grew.
    at: Timestamp,
}

impl UserSums {
    /// Adds what a look found.
    pub fn add(&mut self, added: BTreeMap<Option<String>, GpuTime>, now: Timestamp) {
        for (user, time) in added {
            let user = user.map_or_else(|| UNKNOWN_USER.to_owned(), |user| user.chars().take(LONGEST_USER).collect());
            if time == GpuTime::default() {
                continue;
            }
            if let Some(sum) = self.users.get_mut(&user) {
                sum.time.add(time);
                sum.at = now;
            } else if self.users.len() < MOST_USERS || self.make_room(now) {
                self.users.insert(user, Sum { time, at: now });
            } else {
                self.others.add(time);
            }
        }
    }

    fn make_room(&mut self, now: Timestamp) -> bool {
        let old = |sum: &Sum| now.duration_since(sum.at) > FORGOTTEN_AFTER;
        let oldest = self.users.iter().filter(|(_, sum)| old(sum)).min_by_key(|(_, sum)| sum.at);
        let Some(oldest) = oldest.map(|(user, _)| user.clone()) else { return false };
        if let Some(sum) = self.users.remove(&oldest) {
            self.forgotten.add(sum.time);
        }
        true
    }

    /// Each user's.
    pub(super) fn users(&self) -> impl Iterator<Item = (&str, GpuTime)> {
        self.users.iter().map(|(user, sum)| (user.as_str(), sum.time))
    }

    /// What was added for those for whom there was no room; `None` when there were none.
    pub(super) fn others(&self) -> Option<GpuTime> {
        Some(self.others).filter(|time| *time != GpuTime::default())
    }

    /// All that was ever added.
    pub(super) fn all(&self) -> GpuTime {
        let mut all = self.forgotten;
        all.add(self.others);
        self.users.values().for_each(|sum| all.add(sum.time));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn add(sums: &mut UserSums, user: &str, now: Timestamp) {
        sums.add([(Some(user.to_owned()), GpuTime { held_ms: 10, work_ms: 1 })].into(), now);
    }

    #[test]
    fn names_without_end_take_no_room_without_end_and_lose_no_time() {
        let mut sums = UserSums::default();
        (0..MOST_USERS + 20).for_each(|n| add(&mut sums, &format!("user{n}"), noon()));
        assert_eq!(sums.users().count(), MOST_USERS);
        assert_eq!(sums.others(), Some(GpuTime { held_ms: 200, work_ms: 20 }));
        let later = noon() + FORGOTTEN_AFTER + SignedDuration::from_secs(1);
        add(&mut sums, "user7", later);
        add(&mut sums, "new", later);
        let users: BTreeMap<&str, GpuTime> = sums.users().collect();
        assert_eq!(users.len(), MOST_USERS);
        assert_eq!((users["user7"].held_ms, users["new"].held_ms), (20, 10));
        assert!(!users.contains_key("user0"), "the oldest made room");
        let all = 10 * (MOST_USERS as u64 + 22);
        assert_eq!(sums.all(), GpuTime { held_ms: all, work_ms: all / 10 });
        // A clock that is set back forgets nobody.
        add(&mut sums, "another", noon() - FORGOTTEN_AFTER);
        assert_eq!(sums.users().count(), MOST_USERS);
        assert_eq!(sums.all().held_ms, all + 10);
    }

    #[test]
    fn whom_nobody_names_is_unknown_and_nothing_is_no_series() {
        let mut sums = UserSums::default();
        sums.add(
            [(None, GpuTime { held_ms: 5, work_ms: 0 }), (Some("idle".into()), GpuTime::default())].into(),
            noon(),
        );
        assert_eq!(sums.users().collect::<Vec<_>>(), [(UNKNOWN_USER, GpuTime { held_ms: 5, work_ms: 0 })]);
    }
}
