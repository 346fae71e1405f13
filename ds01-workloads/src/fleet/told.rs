//! From the inventory that a host sent to what the fleet's table knows of it. A foreign inventory: its texts are anybody's.

use ds01_core::detect::{
    Inventory, UNKNOWN_USER,
    inventory::{ContainerEntry, ProcessEntry, SourceState},
};
use jiff::Timestamp;

use super::{
    gather::stale,
    host::{Container, FailedSource, Gpu, Host, Process, State, Use},
    lacking::Lacking,
};
use crate::{
    gpus::{GpuNames, Gpus, Hold},
    row::since,
    warnings::STALE_AFTER,
};

const MIB: u64 = 1024 * 1024;

/// What `inventory` says of the host of that name.
pub(super) fn host(name: &str, inventory: &Inventory, now: Timestamp) -> Host {
    let names = GpuNames::new(&inventory.gpus);
    let age = inventory.last_scan.map(|scan| since(scan, now));
    let (state, why) = match age {
        None => (State::Stale, Some("its detector has not looked yet".to_owned())),
        Some(age) if age > STALE_AFTER => (State::Stale, Some(stale(age))),
        Some(_) => (State::Answers, None),
    };
    // A user's own engine fails as its user likes: that is no failure of the host's.
    let has = inventory.hosts_sources().filter(|(_, entry)| entry.state != SourceState::Absent);
    let lacking = Lacking::of(has.map(|(name, entry)| (name, entry.state == SourceState::Failed)));
    let containers: Vec<Container> =
        inventory.containers.values().map(|entry| container(inventory, entry, &names, lacking)).collect();
    let processes: Vec<Process> = inventory.host_processes.values().map(|entry| process(entry, &names)).collect();
    Host {
        host: name.to_owned(),
        state,
        last_word: inventory.last_scan,
        why,
        failed_sources: inventory
            .hosts_failed_sources()
            .map(|(source, entry)| FailedSource { source: source.to_owned(), last_good: entry.last_good })
            .collect(),
        gpus: (!lacking.gpus).then(|| gpus(inventory)),
        // What the host saw before a source failed is told as that. Where it saw nothing, nobody knows whether there is something.
        containers: Some(containers).filter(|list| !(lacking.containers && list.is_empty())),
        host_processes: Some(processes).filter(|list| !(lacking.processes && list.is_empty())),
    }
}

/// Those that hold workloads: a partitioned GPU is its instances.
fn gpus(inventory: &Inventory) -> Vec<Gpu> {
    let gpus = inventory.devices().map(|device| Gpu {
        gpu: device.label(),
        uuid: device.uuid().to_owned(),
        model: device.model().map(ToOwned::to_owned),
        profile: device.profile().map(ToOwned::to_owned),
        memory_bytes: device.memory_total_mb().map(bytes),
    });
    gpus.collect()
}

fn container(inventory: &Inventory, entry: &ContainerEntry, names: &GpuNames<'_>, lacking: Lacking) -> Container {
    let mut gpus = uses(&Gpus::of_container(entry, names));
    // Of one that is up and not as it was, nobody could see what it holds.
    let is_unseen = lacking.gpus && entry.status.is_up() && !entry.stale;
    for held in gpus.iter_mut().filter(|held| is_unseen && held.hold == Hold::Given) {
        held.hold = Hold::Untold;
    }
    Container {
        id: inventory.key_of(entry).to_owned(),
        engine: Some(entry.engine.clone()),
        name: entry.name.clone(),
        user: Some(entry.user.clone()).filter(|user| user != UNKNOWN_USER),
        user_source: Some(entry.user_source.word().to_owned()),
        kind: entry.origin.into(),
        image: Some(entry.image.clone()),
        status: Some(entry.status.as_str().to_owned()),
        started_at: Some(entry.started_at.unwrap_or(entry.created_at)),
        infrastructure: entry.infrastructure.is_some(),
        has_gpu: entry.has_gpu,
        gpus,
        gpu_memory_bytes: entry.gpu_memory_mb.filter(|_| !is_unseen).map(bytes),
        stale: entry.stale,
    }
}

fn process(entry: &ProcessEntry, names: &GpuNames<'_>) -> Process {
    let line = entry.cmdline.clone().filter(|line| !line.is_empty());
    Process {
        user: Some(entry.user.clone()).filter(|user| user != UNKNOWN_USER),
        processes: 1,
        pid: Some(entry.pid),
        name: Some(line.unwrap_or_else(|| format!("[{}]", entry.name))),
        started_at: Some(entry.started_at),
        gpus: uses(&Gpus::of_uses(&entry.gpus, names)),
        gpu_memory_bytes: entry.gpu_memory_mb.map(bytes),
        belongs_to: entry.belongs_to.clone(),
        stale: entry.stale,
    }
}

fn uses(gpus: &Gpus) -> Vec<Use> {
    let uses = gpus.devices().iter().map(|device| Use {
        gpu: device.label.clone(),
        hold: device.hold,
        memory_bytes: device.memory_mb.map(bytes),
    });
    uses.collect()
}

fn bytes(megabytes: u64) -> u64 {
    megabytes.saturating_mul(MIB)
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
