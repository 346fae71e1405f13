//! What of a host is one user's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    detect::{
        Inventory, UserSource,
        inventory::{ContainerEntry, Extra, GpuEntry, SourceEntry, UsageEntry},
        mounted_home,
    },
    idle::rules::{Owner, may_keep},
    model::{DeviceUsage, EngineName, Reading, Unknown},
};

/// What stands in the place of reasons that can name what is others': they quote engines, the driver and the kernel.
const NOT_SHOWN: &str = "an administrator can see why";

/// The part of the picture that is `uid`'s own: what he runs, whole, on the host's GPUs.
///
/// A process is his by the kernel's word. A container is his by the rule by which he may keep it (see
/// [`may_keep`]): that its label names him is not enough, as its label is whoever's who made it. What is mounted into it from
/// elsewhere than homes is not looked at.
///
/// What could not be read is said without the reason: only his own engine's words are his.
pub fn own(inventory: &Inventory, uid: u32) -> Inventory {
    let containers = inventory.containers.iter().filter(|(_, entry)| is_his(entry, uid));
    // What another user's own engine says is that user's text, and nobody else's business.
    let owner_of = |name: &str| name.parse::<EngineName>().ok().and_then(|engine| engine.owner());
    let sources = inventory.sources.iter().filter_map(|(name, source)| match owner_of(name) {
        None => Some((name.clone(), without_words(source))),
        Some(owner) if owner == uid => Some((name.clone(), source.clone())),
        Some(_) => None,
    });
    let processes = inventory.host_processes.iter().filter(|(_, process)| process.uid == uid);
    let pending = inventory.pending_processes.iter().filter(|(_, process)| process.uid == uid);
    Inventory {
        schema_version: inventory.schema_version.clone(),
        last_scan: inventory.last_scan,
        host: inventory.host.clone(),
        sources: sources.collect(),
        gpus: inventory.gpus.iter().map(without_reasons).collect(),
        containers: containers.map(|(key, entry)| (key.clone(), entry.clone())).collect(),
        host_processes: processes.map(|(pid, process)| (*pid, process.clone())).collect(),
        pending_processes: pending.map(|(pid, process)| (*pid, process.clone())).collect(),
        dead_processes: BTreeMap::new(),
        unreadable_processes: BTreeMap::new(),
        extra: Extra::new(),
    }
}

/// Everybody but root who has something of his own.
pub(super) fn owners(inventory: &Inventory) -> BTreeSet<u32> {
    let outside = inventory.host_processes.values().chain(inventory.pending_processes.values());
    let of_containers = inventory.containers.values().flat_map(|entry| {
        let named = [entry.engine.owner(), entry.main_uid, entry.user_uid];
        named.into_iter().flatten().filter(|uid| is_his(entry, *uid))
    });
    of_containers.chain(outside.map(|process| process.uid).filter(|uid| *uid != 0)).collect()
}

fn is_his(entry: &ContainerEntry, uid: u32) -> bool {
    let owner = Owner {
        user: Some(entry.user.as_str()).filter(|_| entry.user_source != UserSource::Unknown),
        source: entry.user_source,
        uid: entry.user_uid,
        home: mounted_home(entry.config.as_ref()),
        directories: None,
        engine: entry.engine.owner(),
        main_uid: entry.main_uid,
    };
    uid != 0 && may_keep(uid, &owner).is_ok()
}

/// How a source of the host's answered, without its words.
fn without_words(source: &SourceEntry) -> SourceEntry {
    SourceEntry {
        state: source.state,
        since: source.since,
        failed_since: None,
        last_good: source.last_good,
        error: source.error.as_ref().map(|_| NOT_SHOWN.to_owned()),
        hint: source.hint.as_ref().map(|_| "tell an administrator".to_owned()),
        last_good_since_boot_ms: None,
        extra: Extra::new(),
    }
}

/// A GPU with its figures, without the words why some are missing.
fn without_reasons(gpu: &GpuEntry) -> GpuEntry {
    let mut gpu = GpuEntry { problem: None, ..gpu.clone() };
    gpu.usage = gpu.usage.map(plain);
    for instance in &mut gpu.mig_instances {
        instance.usage = instance.usage.take().map(plain);
    }
    gpu
}

fn plain(usage: UsageEntry) -> UsageEntry {
    fn one<T>(reading: Reading<T>) -> Reading<T> {
        match reading {
            Reading::Unknown(why) => Unknown::new(why.kind, NOT_SHOWN).into(),
            known @ Reading::Known(_) => known,
        }
    }
    let DeviceUsage { memory_used_mb, utilization, power_watts } = usage.figures;
    let figures = DeviceUsage {
        memory_used_mb: one(memory_used_mb),
        utilization: one(utilization),
        power_watts: one(power_watts),
    };
    UsageEntry { figures, ..usage }
}
