//! What is remembered of all containers and GPUs, and what was told of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Since,
    habit::Habit,
    latched::{self, Latched},
    step::LastLook,
};
use crate::{
    idle::evidence::Observation,
    model::{ContainerId, GpuSnapshot, Now, SuspicionKind},
};

/// A look that is closer to the one before, in milliseconds, is waited for the next: its figures overlap with the next one's.
const SHORTEST_STEP_MS: u64 = 20_000;

/// Where the detector looks, this is about as often as it does, in milliseconds. A check's own look says nothing more then.
const DETECTOR_LOOKS_MS: u64 = 60_000;

/// So long a suspicion has to be gone to be told anew, in milliseconds.
const TOLD_AGAIN_AFTER_MS: u64 = 86_400_000;

/// The habits of this boot, and what GPUs take when they idle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Habits {
    /// The boot.
    #[serde(default)]
    boot_id: String,
    /// Of running GPU containers, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub containers: BTreeMap<ContainerId, Habit>,
    /// Of GPUs, by UUID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gpus: BTreeMap<String, GpuHabit>,
    /// What an admin was told of, by what it is and whom it concerns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raised: BTreeMap<String, Raised>,
}

/// What is remembered of a GPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuHabit {
    /// What it takes when it idles with a context open, in milliwatts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_mw: Option<u64>,
    /// Whether its utilization stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latched: Option<Latched>,
}

/// A suspicion that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// What it is.
    pub kind: SuspicionKind,
    /// When it was told.
    pub told_at: Timestamp,
    /// When it was seen last, on the boot clock, in milliseconds.
    pub seen_boot_ms: u64,
    /// Whether the last check saw it.
    pub stands: bool,
}

impl Habits {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.gpus.is_empty() && self.raised.is_empty()
    }

    /// Takes in what looks of this boot saw. `checks` are the boot clocks of checks, in milliseconds, and `cpu_per_mille` says what
    /// CPU time counts as work of a container, in thousandths of one core; one that it does not know is left out.
    pub fn take_in<'a>(
        &mut self,
        now: &Now,
        observations: impl IntoIterator<Item = &'a Observation>,
        checks: &[u64],
        cpu_per_mille: impl Fn(&ContainerId) -> Option<u64>,
    ) {
        self.begin_boot(&now.boot_id);
        let mut known: BTreeMap<&ContainerId, Option<u64>> = BTreeMap::new();
        for seen in observations.into_iter().filter(|seen| seen.boot_id == now.boot_id) {
            let id = &seen.container_id;
            let Some(cpu) = *known.entry(id).or_insert_with(|| cpu_per_mille(id)) else { continue };
            self.take_in_one(seen, checks.contains(&seen.boot_ms), cpu);
        }
    }

    fn take_in_one(&mut self, seen: &Observation, by_check: bool, cpu_per_mille: u64) {
        let Some(habit) = self.containers.get_mut(&seen.container_id) else {
            self.containers.insert(seen.container_id.clone(), Habit::new(seen));
            return;
        };
        let Some(passed) = seen.boot_ms.checked_sub(habit.last.boot_ms()).filter(|ms| *ms > 0) else { return };
        if habit.started_at != seen.started_at {
            *habit = Habit::new(seen);
            return;
        }
        if passed < SHORTEST_STEP_MS || (by_check && passed <= DETECTOR_LOOKS_MS) {
            return;
        }
        let last = habit.last.clone();
        let step = last.step_to(seen);
        for gpu in &step.gpus {
            if let Some(mw) = gpu.idle_mw(step.length_ms()) {
                let known = self.gpus.entry(gpu.gpu.to_owned()).or_default();
                known.idle_mw = Some(known.idle_mw.map_or(mw, |before| before.min(mw)));
            }
        }
        habit.take_in(&step, cpu_per_mille, |gpu| self.gpus.get(gpu)?.idle_mw);
        habit.last = LastLook::of(seen);
    }

    /// Takes in what a check sees of GPUs, and forgets those that are gone.
    pub fn look_at(&mut self, gpus: &GpuSnapshot, now: &Now) {
        self.begin_boot(&now.boot_id);
        let since = Since { at: now.at, boot_ms: now.boot_ms };
        for gpu in gpus.gpus.iter().filter_map(|reading| reading.gpu.known()) {
            match (latched::shown(gpu), self.gpus.get_mut(&gpu.uuid)) {
                (Some(percent), habit) => {
                    let latched = Latched::after(habit.and_then(|habit| habit.latched), percent, since);
                    self.gpus.entry(gpu.uuid.clone()).or_default().latched = Some(latched);
                }
                (None, Some(habit)) => habit.latched = None,
                (None, None) => {}
            }
        }
        self.gpus.retain(|_, habit| *habit != GpuHabit::default());
    }

    /// Keeps those of whom `is_there` says so.
    pub fn retain(&mut self, is_there: impl Fn(&ContainerId) -> bool) {
        self.containers.retain(|id, _| is_there(id));
    }

    /// Remembers which suspicions stand, and says which of them an admin has to be told of: those that are new, or were gone for a
    /// day. A key says what it is and whom it concerns.
    pub fn raise<'a>(
        &mut self,
        standing: impl IntoIterator<Item = (&'a str, SuspicionKind)>,
        now: &Now,
    ) -> Vec<&'a str> {
        self.begin_boot(&now.boot_id);
        self.raised.values_mut().for_each(|raised| raised.stands = false);
        let mut new = Vec::new();
        for (key, kind) in standing {
            match self.raised.get_mut(key) {
                Some(raised) => (raised.stands, raised.seen_boot_ms) = (true, now.boot_ms),
                None => {
                    let raised = Raised { kind, told_at: now.at, seen_boot_ms: now.boot_ms, stands: true };
                    self.raised.insert(key.to_owned(), raised);
                    new.push(key);
                }
            }
        }
        self.raised.retain(|_, raised| now.boot_ms.saturating_sub(raised.seen_boot_ms) < TOLD_AGAIN_AFTER_MS);
        new
    }

    /// How many suspicions of each kind stood at the last check, for each kind.
    pub fn counts(&self) -> BTreeMap<SuspicionKind, u64> {
        let count = |kind| self.raised.values().filter(|raised| raised.stands && raised.kind == kind).count();
        SuspicionKind::ALL.into_iter().map(|kind| (kind, u64::try_from(count(kind)).unwrap_or(u64::MAX))).collect()
    }

    /// Lives end with the boot. What a GPU takes when it idles stays.
    fn begin_boot(&mut self, boot_id: &str) {
        if self.boot_id != boot_id {
            self.gpus.retain(|_, habit| {
                habit.latched = None;
                habit.idle_mw.is_some()
            });
            self.containers.clear();
            self.raised.clear();
            boot_id.clone_into(&mut self.boot_id);
        }
    }
}
