//! What does not change from look to look: whose a container is, what it was given, and how long it runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    detect::{
        Inventory, Origin, UNKNOWN_USER, UserSource,
        inventory::{ContainerEntry, SourceState},
    },
    idle::evidence::ContainerFacts,
    model::{ContainerId, ContainerStatus, EngineName, Now, boot_ms_at, day_of},
};

/// Labels that rules look at begin so. Others are users' own business, and are not written down.
const LABELS: &str = "ds01.";

/// So many labels of one container at most.
const MOST_LABELS: usize = 16;

/// Longer labels are cut.
const LONGEST_LABEL: usize = 200;

/// A GPU container, as it was at one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Wall clock.
    pub at: Timestamp,
    /// The boot.
    pub boot_id: String,
    /// Boot clock, in milliseconds.
    pub boot_ms: u64,
    /// The full id.
    pub container_id: ContainerId,
    /// Which engine holds it; left out where that is Docker.
    #[serde(default, skip_serializing_if = "EngineName::is_docker")]
    pub engine: EngineName,
    /// Its name. Users' text.
    pub name: String,
    /// Its owner. `None` where no signal named anybody. Users' text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Which signal named the owner.
    pub user_source: UserSource,
    /// How it came to be.
    pub origin: Origin,
    /// Its image. Users' text.
    pub image: String,
    /// Whether it can use a GPU; `None` when that could not be read.
    pub has_gpu: Option<bool>,
    /// UUIDs of the GPUs and MIG instances that it was given.
    pub gpus: Vec<String>,
    /// Docker's word for its state.
    pub status: ContainerStatus,
    /// `State.StartedAt`.
    pub started_at: Option<Timestamp>,
    /// When its main process began on the boot clock, in milliseconds, where `/proc` confirmed that it is this container's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_boot_ms: Option<u64>,
    /// `Config.StopTimeout`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout_seconds: Option<u64>,
    /// Whether Docker removes it when it ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_remove: bool,
    /// What of it could not be read, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Those of its labels that rules look at, which begin with `ds01.`. Users' text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// GPU containers that were listed at the look before, and are not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Wall clock.
    pub at: Timestamp,
    /// The boot.
    pub boot_id: String,
    /// Boot clock, in milliseconds.
    pub boot_ms: u64,
    /// Which.
    pub ids: Vec<ContainerId>,
}

impl Life {
    fn of(entry: &ContainerEntry, labels: &BTreeMap<String, String>, now: &Now) -> Self {
        let known = labels.iter().filter(|(key, _)| key.starts_with(LABELS)).take(MOST_LABELS);
        let cut = |text: &str| text.chars().take(LONGEST_LABEL).collect::<String>();
        let config = entry.config.as_ref();
        Self {
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            container_id: entry.full_id.clone(),
            engine: entry.engine.clone(),
            name: entry.name.clone(),
            user: (entry.user != UNKNOWN_USER).then(|| entry.user.clone()),
            user_source: entry.user_source,
            origin: entry.origin,
            image: entry.image.clone(),
            has_gpu: entry.has_gpu,
            gpus: entry.gpus.clone(),
            status: entry.status.clone(),
            started_at: entry.started_at,
            began_boot_ms: entry.pid_start_ticks.map(boot_ms_at),
            stop_timeout_seconds: config.and_then(|config| config.stop_timeout_seconds),
            auto_remove: config.is_some_and(|config| config.auto_remove),
            problem: entry.problem.clone(),
            labels: known.map(|(key, value)| (cut(key), cut(value))).collect(),
        }
    }

    /// What is known of it at a later moment of the same boot, as long as nothing else was written down.
    pub fn facts(&self, now: &Now) -> ContainerFacts {
        ContainerFacts {
            id: self.container_id.clone(),
            engine: self.engine.clone(),
            answered: true,
            name: self.name.clone(),
            labels: self.labels.clone(),
            origin: self.origin,
            image: self.image.clone(),
            user: self.user.clone(),
            user_source: self.user_source,
            user_uid: None,
            has_gpu: self.has_gpu,
            gpus: self.gpus.clone(),
            problem: self.problem.clone(),
            status: self.status.clone(),
            started_at: self.started_at,
            running_for: ContainerFacts::running_since(self.began_boot_ms, now),
            stop_timeout: self.stop_timeout_seconds.map(Duration::from_secs),
            auto_remove: self.auto_remove,
        }
    }
}

/// What is written down of the containers at a look: those that are new or have changed since the picture `previous`, all of
/// them at the first look of a day and of a boot, and those that are gone.
pub(super) fn changes(
    previous: &Inventory,
    inventory: &Inventory,
    labels: impl Fn(&ContainerEntry) -> BTreeMap<String, String>,
    now: &Now,
) -> (Vec<Life>, Option<Gone>) {
    let is_first = previous.last_scan.is_none_or(|last| day_of(last) != day_of(now.at))
        || previous.boot_id() != inventory.boot_id();
    let told = |entry: &ContainerEntry| inventory.source_state(entry.engine.as_str()) == Some(SourceState::Ok);
    let matters = |entry: &&ContainerEntry| may_have_gpu(entry) && !entry.stale && told(entry);
    let is_new = |entry: &&ContainerEntry| {
        is_first || previous.same(entry).is_none_or(|before| before.stale || differs(before, entry))
    };
    let lives = inventory.containers.values().filter(matters).filter(is_new);
    let lives = lives.map(|entry| Life::of(entry, &labels(entry), now)).collect();
    let there: BTreeSet<&ContainerId> = inventory.containers.values().map(|entry| &entry.full_id).collect();
    let gone = previous.containers.values().filter(|entry| may_have_gpu(entry));
    let ids: Vec<ContainerId> = gone.map(|entry| &entry.full_id).filter(|id| !there.contains(id)).cloned().collect();
    let gone = (!ids.is_empty()).then(|| Gone { at: now.at, boot_id: now.boot_id.clone(), boot_ms: now.boot_ms, ids });
    (lives, gone)
}

/// The same of every GPU container of a look, changed or not: for whoever begins anew.
pub(crate) fn lives_of_all(inventory: &Inventory, containers: &[ContainerFacts], now: &Now) -> Vec<Life> {
    let of = |facts: &ContainerFacts| {
        let entry = inventory.container(&facts.id)?;
        may_have_gpu(entry).then(|| Life::of(entry, &facts.labels, now))
    };
    containers.iter().filter_map(of).collect()
}

/// Of a container of a user's own daemon, only what is seen to hold a GPU is written down: he can list what he likes, as often
/// as he likes.
fn may_have_gpu(entry: &ContainerEntry) -> bool {
    if entry.engine.owner().is_some() { entry.has_gpu == Some(true) } else { entry.has_gpu != Some(false) }
}

/// Whether anything of what is written down is another one.
fn differs(before: &ContainerEntry, now: &ContainerEntry) -> bool {
    before.full_id != now.full_id
        || before.started_at != now.started_at
        || before.status != now.status
        || before.pid_start_ticks != now.pid_start_ticks
        || before.name != now.name
        || (&before.user, before.user_source) != (&now.user, now.user_source)
        || before.origin != now.origin
        || before.has_gpu != now.has_gpu
        || before.gpus != now.gpus
        || before.problem != now.problem
        || before.config.is_some() != now.config.is_some()
}
