//! What the reaper remembers of who works and who does not, as far as it is shown.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use super::device::Activity;
use crate::{
    detect::{Inventory, inventory::ContainerEntry},
    idle::{
        evidence::Verdict,
        habits::GpuHabit,
        state::{CheckMark, IdleState, Interval, Kept, LONGEST_INTERVAL, SCHEMA_VERSION, StateError, Track},
    },
    model::ContainerId,
    text::quoted,
    units::millis,
};

/// The timer makes a check every five minutes. A memory that is older than three of them says nothing of now.
const LONGEST_AGE: Duration = Duration::from_secs(15 * 60);

/// What the reaper remembers of who works and who does not. Of the file, nothing else is taken apart: with a thousand
/// containers it is several megabytes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Idleness {
    schema_version: String,
    last_check: Option<CheckMark>,
    tracks: BTreeMap<ContainerId, Seen>,
    kept: BTreeMap<ContainerId, Kept>,
    habits: SeenHabits,
}

/// Of what was done over hours: of GPUs, by UUID.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct SeenHabits {
    gpus: BTreeMap<String, GpuHabit>,
}

/// Of one life of a container.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Seen {
    last: Last,
    interval: Option<Said>,
    #[serde(default)]
    soon: Soon,
    idle_ms: u64,
    active_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Last {
    at: Timestamp,
    started_at: Timestamp,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Soon {
    work: Option<Said>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Said {
    length_ms: u64,
    verdict: Verdict,
}

/// Whether a container works, by the last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) activity: Activity,
    /// Since when it does nothing.
    pub(super) idle_since: Option<Timestamp>,
    /// The idle time that was observed, and when.
    pub(super) idle: Duration,
    pub(super) observed_at: Timestamp,
}

impl Idleness {
    /// Reads the bytes of `idle-state.json`.
    ///
    /// # Errors
    ///
    /// As [`IdleState::from_json`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, StateError> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| StateError::Corrupt(quoted(&error)))?;
        if read.schema_version == SCHEMA_VERSION {
            Ok(read)
        } else {
            Err(StateError::Version { found: quoted(&read.schema_version) })
        }
    }

    /// Whether it speaks of the time of this picture: of the same boot, and checks were made lately.
    pub fn speaks_of(&self, inventory: &Inventory) -> bool {
        let Some((mark, scan)) = self.last_check.as_ref().zip(inventory.last_scan) else { return false };
        inventory.boot_id() == Some(&*mark.boot_id) && scan.duration_since(mark.at).unsigned_abs() <= LONGEST_AGE
    }

    /// Whether a container works, in the life that it is in.
    pub(super) fn of(&self, entry: &ContainerEntry) -> Option<Standing> {
        let seen = self.tracks.get(&entry.full_id).filter(|seen| Some(seen.last.started_at) == entry.started_at)?;
        let activity = match seen.judged_by().map(Said::says) {
            Some(verdict) if verdict.is_activity() => Activity::AtWork,
            Some(Verdict::Idle) => Activity::Idle,
            _ => Activity::Unknown,
        };
        let idle = Duration::from_millis(seen.idle_ms);
        let idle_since = (activity == Activity::Idle).then_some(seen.active_at);
        Some(Standing { activity, idle_since, idle, observed_at: seen.last.at })
    }

    /// Whether the utilization of a GPU was seen to stand still with nobody on it, until the last check.
    pub(super) fn is_latched(&self, uuid: &str) -> bool {
        let latched = self.habits.gpus.get(uuid).and_then(|habit| habit.latched);
        latched.zip(self.last_check.as_ref()).is_some_and(|(latched, check)| {
            latched.stands() && check.boot_ms.saturating_sub(latched.until_ms) <= millis(LONGEST_AGE)
        })
    }

    /// Who keeps a container, if anybody does.
    pub(super) fn kept(&self, entry: &ContainerEntry) -> Option<&Kept> {
        self.kept.get(&entry.full_id).filter(|kept| kept.left().is_some())
    }
}

impl Seen {
    /// As [`Track::judged_by`].
    fn judged_by(&self) -> Option<Said> {
        self.interval.filter(|interval| interval.verdict == Verdict::GpuActive).or(self.soon.work).or(self.interval)
    }
}

impl Said {
    /// As [`Interval::says`].
    fn says(self) -> Verdict {
        match self.verdict {
            Verdict::Idle if Duration::from_millis(self.length_ms) > LONGEST_INTERVAL => Verdict::NoEvidence,
            verdict => verdict,
        }
    }
}

impl From<&Interval> for Said {
    fn from(interval: &Interval) -> Self {
        Self { length_ms: interval.length_ms, verdict: interval.verdict }
    }
}

impl From<&Track> for Seen {
    fn from(track: &Track) -> Self {
        Self {
            last: Last { at: track.last.at, started_at: track.last.started_at },
            interval: track.interval.as_ref().map(Said::from),
            soon: Soon { work: track.soon.work.as_ref().map(Said::from) },
            idle_ms: track.idle_ms,
            active_at: track.active_at,
        }
    }
}

impl From<&IdleState> for Idleness {
    fn from(state: &IdleState) -> Self {
        Self {
            schema_version: state.schema_version.clone(),
            last_check: state.last_check.clone(),
            tracks: state.tracks.iter().map(|(id, track)| (id.clone(), Seen::from(track))).collect(),
            kept: state.kept.clone(),
            habits: SeenHabits { gpus: state.habits.gpus.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::test_support::{THRESHOLDS, seen};

    const ALL: [Verdict; 5] =
        [Verdict::Idle, Verdict::GpuActive, Verdict::OtherwiseActive, Verdict::GpuUnknown, Verdict::NoEvidence];

    /// What is read of the file without the rest says the same as the reaper.
    #[test]
    fn the_verdict_is_the_reapers() {
        let mut track = Track::new(&seen(1_000));
        track.observe(&seen(1_030), &THRESHOLDS);
        let any = track.interval.clone().unwrap();
        let intervals: Vec<Option<Interval>> = ALL
            .into_iter()
            .flat_map(|verdict| [1, 600_000, 600_001].map(|length_ms| (verdict, length_ms)))
            .map(|(verdict, length_ms)| Some(Interval { verdict, length_ms, ..any.clone() }))
            .chain([None])
            .collect();
        let mut verdicts = Vec::new();
        for interval in &intervals {
            for work in &intervals {
                (track.interval, track.soon.work) = (interval.clone(), work.clone());
                let read: Seen = serde_json::from_str(&serde_json::to_string(&track).unwrap()).unwrap();
                assert_eq!(read, Seen::from(&track));
                let said = read.judged_by().map(Said::says);
                assert_eq!(said, track.judged_by().map(Interval::says), "{interval:?}, {work:?}");
                verdicts.push(said);
            }
        }
        assert!(ALL.into_iter().all(|verdict| verdicts.contains(&Some(verdict))) && verdicts.contains(&None));
    }
}
