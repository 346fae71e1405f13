//! Containers that are up.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    family::Family,
    label::label,
    parts::CheckPart,
    picture::{MOST_CONTAINERS, MOST_PAIRS, Picture, bytes, seconds, unix},
};
use crate::{
    detect::inventory::{ContainerEntry, GpuUse},
    model::IdleTime,
};

/// Families of containers, as they are filled.
pub(super) struct Containers {
    info: Family,
    status: Family,
    infrastructure: Family,
    allocated: Family,
    context: Family,
    memory: Family,
    started: Family,
    idle: Family,
    limit: Family,
    observed: Family,
    /// Pairs of a container and a device that were told.
    pairs: usize,
}

impl Containers {
    pub(super) fn families(picture: &Picture<'_>, left_out: &mut BTreeMap<&'static str, usize>) -> Vec<Family> {
        let up = picture.up();
        let told = &up[..up.len().min(MOST_CONTAINERS)];
        left_out.insert("containers", up.len() - told.len());
        let mut containers = Self::new();
        let check = picture.fresh_check();
        let devices = picture.devices();
        let mut more_pairs = 0;
        for entry in told {
            containers.add(picture, entry, check);
            more_pairs += containers.add_devices(picture, entry, &devices);
        }
        left_out.insert("container_gpus", more_pairs);
        let Self { info, status, infrastructure, allocated, context, memory, started, idle, limit, observed, .. } =
            containers;
        vec![info, status, infrastructure, allocated, context, memory, started, idle, limit, observed]
    }

    fn new() -> Self {
        Self {
            info: Family::gauge(
                "ds01_container_info",
                "A container that is up; always 1.",
                &["id", "name", "user", "user_source", "type", "image"],
            ),
            status: Family::gauge("ds01_container_status", "The state of a container; always 1.", &["id", "status"]),
            infrastructure: Family::gauge(
                "ds01_container_infrastructure",
                "A container of the platform itself, which holds no GPU from anybody; always 1.",
                &["id"],
            ),
            allocated: Family::gauge(
                "ds01_container_gpu_allocated",
                "A GPU or MIG instance that a container was given; always 1.",
                &["id", "uuid"],
            ),
            context: Family::gauge(
                "ds01_container_gpu_context",
                "A GPU or MIG instance on which a container holds a context; always 1.",
                &["id", "uuid"],
            ),
            memory: Family::gauge(
                "ds01_container_gpu_memory_used_bytes",
                "Memory of a GPU or MIG instance that a container's processes hold.",
                &["id", "uuid"],
            ),
            started: Family::gauge(
                "ds01_container_start_time_seconds",
                "When a container was started, as seconds since 1970.",
                &["id"],
            ),
            idle: Family::gauge(
                "ds01_container_idle_seconds",
                "For how long a GPU container was observed to be idle since its last activity.",
                &["id"],
            ),
            limit: Family::gauge(
                "ds01_container_idle_limit_seconds",
                "For how long it may be idle. No series where idleness has no consequence, or no check was made.",
                &["id"],
            ),
            observed: Family::gauge(
                "ds01_container_observed_ratio",
                "For how much of the time since its last activity the evidence speaks, from 0 to 1.",
                &["id"],
            ),
            pairs: 0,
        }
    }

    fn add(&mut self, picture: &Picture<'_>, entry: &ContainerEntry, check: Option<&CheckPart>) {
        let names = picture.names;
        let (id, image) = (picture.inventory.key_of(entry), names.image(&entry.image));
        let (name, user) = (names.container(&entry.name), names.user(&entry.user));
        let source = entry.user_source.word();
        self.info.set(&[id, &name, &user, source, entry.origin.as_str(), &image], 1.0);
        self.status.set(&[id, entry.status.as_str()], 1.0);
        if let Some(at) = entry.started_at {
            self.started.set(&[id], unix(at));
        }
        // Idleness of the platform's own says nothing: they are meant to wait.
        if entry.infrastructure.is_some() {
            self.infrastructure.set(&[id], 1.0);
            return;
        }
        // What nobody could look at in this scan may be at work again.
        if entry.stale || picture.inventory.gpus_failed() || picture.failed("proc") {
            return;
        }
        let judged = check.and_then(|check| check.judged.get(&entry.full_id));
        let idle: Option<IdleTime> =
            judged.map(|judged| judged.idle).or_else(|| picture.scan.idle.get(&entry.full_id).copied());
        if let Some(idle) = idle {
            self.idle.set(&[id], seconds(idle.idle_ms));
            if let Some(percent) = idle.observed_percent.and_then(|percent| u8::try_from(percent).ok()) {
                self.observed.set(&[id], f64::from(percent) / 100.0);
            }
        }
        if let Some(limit_ms) = judged.and_then(|judged| judged.limit_ms) {
            self.limit.set(&[id], seconds(limit_ms));
        }
    }

    /// Its devices; of how many there is no word.
    fn add_devices(
        &mut self,
        picture: &Picture<'_>,
        entry: &ContainerEntry,
        devices: &BTreeMap<&str, Vec<&str>>,
    ) -> usize {
        let given: BTreeSet<&str> =
            entry.gpus.iter().filter_map(|uuid| devices.get(uuid.as_str())).flatten().copied().collect();
        // The sum of what its processes hold; none where that of any of them is unknown.
        let mut held: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        let uses = entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus);
        for GpuUse { gpu_uuid, memory_mb, .. } in uses.filter(|_| !entry.stale) {
            let sum = held.entry(gpu_uuid).or_insert(Some(0));
            *sum = sum.zip(*memory_mb).map(|(sum, one)| sum.saturating_add(one));
        }
        held.retain(|uuid, _| devices.contains_key(uuid));
        let all: BTreeSet<&str> = given.iter().chain(held.keys()).copied().collect();
        let room = MOST_PAIRS.saturating_sub(self.pairs);
        self.pairs += all.len().min(room);
        let id = picture.inventory.key_of(entry);
        for uuid in all.iter().take(room) {
            let shown = label(uuid);
            if given.contains(uuid) {
                self.allocated.set(&[id, &shown], 1.0);
            }
            if let Some(memory_mb) = held.get(uuid) {
                self.context.set(&[id, &shown], 1.0);
                if let Some(mib) = memory_mb {
                    self.memory.set(&[id, &shown], bytes(*mib));
                }
            }
        }
        all.len().saturating_sub(room)
    }
}
