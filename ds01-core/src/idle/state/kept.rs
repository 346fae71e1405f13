//! Containers that somebody asked to keep.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::track::Track;
use crate::{
    detect::inventory::Extra,
    idle::evidence::ContainerFacts,
    model::{ContainerId, Now},
    units::millis,
};

/// A container that somebody asked to keep, until the time that was asked for is over. After that, it is remembered that this
/// idle spell has had its time, until the container works or begins another life.
///
/// Within a boot, time passes by the boot clock, and setting the wall clock changes nothing. A reboot ends the boot clock, so
/// what passed from the last check before it to the first one after it is read off the wall clock. A wall clock that went back
/// in between counts as no time: then what was left at that check is left still, and never more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Who asked: a user's name, made safe.
    pub by: String,
    /// Who asked, by user id.
    pub uid: u32,
    /// Why, made safe and of bounded length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When the figures below were true, on the wall clock.
    pub at: Timestamp,
    /// The same: the boot.
    pub boot_id: String,
    /// The same on the boot clock, in milliseconds.
    pub boot_ms: u64,
    /// For how long it is kept yet, in milliseconds.
    pub left_ms: u64,
    /// How long ago the first request of this idle spell was made, in milliseconds.
    pub used_ms: u64,
    /// Whether it worked, or began another life, since that request: the next one is a first one.
    #[serde(default)]
    pub anew: bool,
    /// The life in which it was seen last.
    pub started_at: Option<Timestamp>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Kept {
    /// For how long it is kept yet; `None` when that is over.
    pub fn left(&self) -> Option<Duration> {
        (self.left_ms > 0).then(|| Duration::from_millis(self.left_ms))
    }

    /// Until when it is kept; `None` when that is over, or beyond what the clock can say.
    pub fn until(&self) -> Option<Timestamp> {
        self.at.checked_add(self.left()?).ok()
    }

    /// How much of its idle spell's time is used up.
    pub fn used(&self) -> Duration {
        if self.anew { Duration::ZERO } else { Duration::from_millis(self.used_ms) }
    }

    /// Lets time pass up to `now`.
    fn advance(&mut self, facts: &ContainerFacts, track: Option<&Track>, now: &Now) {
        let same_boot = self.boot_id == now.boot_id;
        let worked = |track: &Track| {
            same_boot && track.active_boot_ms > self.boot_ms && track.active_boot_ms > track.first_boot_ms
        };
        let other_life = facts.started_at.is_some() && facts.started_at != self.started_at;
        self.anew |= other_life || track.is_some_and(worked);
        self.started_at = facts.started_at.or(self.started_at);
        let passed = if same_boot {
            now.since(self.boot_ms)
        } else {
            Duration::try_from(now.at.duration_since(self.at)).unwrap_or_default()
        };
        self.left_ms = self.left_ms.saturating_sub(millis(passed));
        self.used_ms = self.used_ms.saturating_add(millis(passed));
        self.at = now.at;
        self.boot_id.clone_from(&now.boot_id);
        self.boot_ms = now.boot_ms;
    }
}

/// Lets the time pass for which containers are kept. What is gone is forgotten, and so is what is over once it worked.
pub(super) fn advance(
    all: &mut BTreeMap<ContainerId, Kept>,
    tracks: &BTreeMap<ContainerId, Track>,
    containers: &[ContainerFacts],
    now: &Now,
) {
    let facts: HashMap<&ContainerId, &ContainerFacts> = containers.iter().map(|facts| (&facts.id, facts)).collect();
    all.retain(|id, kept| {
        let Some(facts) = facts.get(id) else { return false };
        kept.advance(facts, tracks.get(id), now);
        kept.left_ms > 0 || !kept.anew
    });
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
