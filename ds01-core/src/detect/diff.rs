//! What changed from one inventory to the next, as events.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    event::{Details, Event},
    model::EngineName,
    source::SourceName,
};

use super::{
    inventory::{ContainerEntry, Inventory, ProcessEntry, SourceEntry, SourceState},
    owner::UserSource,
};

/// The events of a scan, in their order: sources, then containers and host processes, each first those that came (the
/// oldest first), then those that changed, then those that went.
///
/// What a failed source would have told stands in both inventories alike, and makes no event.
pub fn diff(old: &Inventory, new: &Inventory) -> Vec<Event> {
    let Some(timestamp) = new.last_scan else { return Vec::new() };
    let mut details = Vec::new();
    sources(old, new, timestamp, &mut details);
    containers(old, new, &mut details);
    processes(old, new, &mut details);
    dead_processes(old, new, &mut details);
    let event = |happened: Happened| {
        let Happened { user, engine, details } = happened;
        Event { timestamp, user, engine, details }
    };
    details.into_iter().map(event).collect()
}

/// What happened, whom it concerns, and which engine's container.
struct Happened {
    user: Option<String>,
    engine: EngineName,
    details: Details,
}

impl Happened {
    fn to(entry: &ContainerEntry, details: Details) -> Self {
        let user = (entry.user_source != UserSource::Unknown).then(|| entry.user.clone());
        Self { user, engine: entry.engine.clone(), details }
    }

    fn outside(user: Option<String>, details: Details) -> Self {
        Self { user, engine: EngineName::DOCKER, details }
    }
}

fn sources(old: &Inventory, new: &Inventory, now: Timestamp, out: &mut Vec<Happened>) {
    let engines = new.engines().into_iter().map(SourceName::Engine);
    for source in engines.chain([SourceName::Nvml, SourceName::Amd, SourceName::Proc]) {
        let before = old.sources.get(source.as_str());
        let Some(after) = new.sources.get(source.as_str()) else { continue };
        // One that failed, and was not there for a while, is back when it gives facts.
        match (before.and_then(SourceEntry::failing_since), after.state) {
            (None, SourceState::Failed) => {
                let error = after.error.clone().unwrap_or_default();
                out.push(Happened::outside(None, Details::SourceFailed { source, error }));
            }
            (Some(since), SourceState::Ok) => {
                let outage_seconds = u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0);
                out.push(Happened::outside(None, Details::SourceRecovered { source, outage_seconds }));
            }
            _ => {}
        }
    }
}

fn containers(old: &Inventory, new: &Inventory, out: &mut Vec<Happened>) {
    let mut came: Vec<_> = new.containers.values().filter(|entry| old.same(entry).is_none()).collect();
    came.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
    for entry in came {
        let discovered = Details::ContainerDiscovered {
            container_id: entry.full_id.clone(),
            name: entry.name.clone(),
            origin: entry.origin,
            has_gpu: entry.has_gpu,
            image: entry.image.clone(),
        };
        out.push(Happened::to(entry, discovered));
    }
    for (before, after) in new.containers.values().filter_map(|after| Some((old.same(after)?, after))) {
        out.extend(status_changed(before, after).map(|details| Happened::to(after, details)));
        out.extend(classification_changed(before, after).map(|details| Happened::to(after, details)));
    }
    for entry in old.containers.values().filter(|entry| new.same(entry).is_none()) {
        let exited = Details::ContainerExited {
            container_id: entry.full_id.clone(),
            name: entry.name.clone(),
            origin: entry.origin,
        };
        out.push(Happened::to(entry, exited));
    }
}

fn status_changed(before: &ContainerEntry, after: &ContainerEntry) -> Option<Details> {
    (before.status != after.status).then(|| Details::ContainerStatusChanged {
        container_id: after.full_id.clone(),
        name: after.name.clone(),
        old_status: before.status.clone(),
        new_status: after.status.clone(),
    })
}

fn classification_changed(before: &ContainerEntry, after: &ContainerEntry) -> Option<Details> {
    let user = before.user != after.user;
    let has_gpu = before.has_gpu != after.has_gpu;
    let access = before.gpu_access != after.gpu_access;
    (before.origin != after.origin || user || has_gpu || access).then(|| Details::ClassificationChanged {
        container_id: after.full_id.clone(),
        name: after.name.clone(),
        old_origin: before.origin,
        new_origin: after.origin,
        old_user: user.then(|| before.user.clone()),
        new_user: user.then(|| after.user.clone()),
        old_has_gpu: has_gpu.then_some(before.has_gpu),
        new_has_gpu: has_gpu.then_some(after.has_gpu),
        old_gpu_access: access.then_some(before.gpu_access),
        new_gpu_access: access.then_some(after.gpu_access),
    })
}

fn dead_processes(old: &Inventory, new: &Inventory, out: &mut Vec<Happened>) {
    let confirmed = |inventory: &Inventory, pid: &u32| {
        let same_boot = old.boot_id() == new.boot_id();
        same_boot && inventory.dead_processes.get(pid).is_some_and(|dead| dead.confirmed)
    };
    for dead in new.dead_processes.values().filter(|dead| dead.confirmed && !confirmed(old, &dead.pid)) {
        let discovered = Details::DeadProcessDiscovered {
            pid: dead.pid,
            gpu_memory_mb: dead.gpu_memory_mb,
            gpu_uuid: dead.gpus.first().map(|held| held.gpu_uuid.clone()),
        };
        out.push(Happened::outside(None, discovered));
    }
    for dead in old.dead_processes.values().filter(|dead| dead.confirmed && !confirmed(new, &dead.pid)) {
        out.push(Happened::outside(None, Details::DeadProcessCleared { pid: dead.pid }));
    }
}

fn processes(old: &Inventory, new: &Inventory, out: &mut Vec<Happened>) {
    let same_boot = old.boot_id() == new.boot_id();
    let known = |in_map: &BTreeMap<u32, ProcessEntry>, entry: &ProcessEntry| {
        same_boot && in_map.get(&entry.pid).is_some_and(|other| other.start_ticks == entry.start_ticks)
    };
    let mut came: Vec<_> = new.host_processes.values().filter(|entry| !known(&old.host_processes, entry)).collect();
    came.sort_by_key(|entry| entry.start_ticks);
    for entry in came {
        let discovered = Details::HostGpuProcessDiscovered {
            pid: entry.pid,
            cmdline: entry.cmdline.clone(),
            gpu_memory_mb: entry.gpu_memory_mb,
            gpu_uuid: entry.gpu_uuid.clone(),
        };
        out.push(Happened::outside(Some(entry.user.clone()), discovered));
    }
    for entry in old.host_processes.values().filter(|entry| !known(&new.host_processes, entry)) {
        let exited = Details::HostGpuProcessExited { pid: entry.pid, cmdline: entry.cmdline.clone() };
        out.push(Happened::outside(Some(entry.user.clone()), exited));
    }
}
