//! From the inventory that a host sent to what the fleet's table knows of it. A foreign inventory: its texts are anybody's.

use ds01_core::detect::{
    Inventory, UNKNOWN_USER,
    inventory::{ContainerEntry, ProcessEntry, SourceState},
};
use jiff::Timestamp;

use super::{
    gather::stale,
    host::{Container, FailedSource, Gpu, Host, Process, State, Use},
};
use crate::{
    gpus::{GpuNames, Gpus},
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
    Host {
        host: name.to_owned(),
        state,
        last_word: inventory.last_scan,
        why,
        failed_sources: inventory
            .hosts_failed_sources()
            .map(|(source, entry)| FailedSource { source: source.to_owned(), last_good: entry.last_good })
            .collect(),
        gpus: (inventory.source_state("nvml") != Some(SourceState::Failed)).then(|| gpus(inventory)),
        containers: Some(inventory.containers.values().map(|entry| container(inventory, entry, &names)).collect()),
        host_processes: Some(inventory.host_processes.values().map(|entry| process(entry, &names)).collect()),
    }
}

/// Those that hold workloads: a partitioned GPU is its instances.
fn gpus(inventory: &Inventory) -> Vec<Gpu> {
    let mut gpus = Vec::new();
    for gpu in &inventory.gpus {
        if gpu.mig_instances.is_empty() && gpu.mig_enabled != Some(true) {
            gpus.push(Gpu {
                gpu: gpu.index.to_string(),
                uuid: gpu.uuid.clone(),
                model: gpu.name.clone(),
                profile: None,
                memory_bytes: gpu.memory_total_mb.map(bytes),
            });
        }
        gpus.extend(gpu.mig_instances.iter().map(|mig| {
            // The driver's name of an instance ends in its profile: `NVIDIA A100-SXM4-40GB MIG 3g.20gb`.
            let profile = mig.name.as_deref().and_then(|name| name.rsplit_once("MIG ")).map(|(_, profile)| profile);
            Gpu {
                gpu: format!("{}:{}", gpu.index, mig.index),
                uuid: mig.uuid.clone(),
                model: gpu.name.clone(),
                profile: profile.map(ToOwned::to_owned),
                memory_bytes: mig.memory_total_mb.map(bytes),
            }
        }));
    }
    gpus
}

fn container(inventory: &Inventory, entry: &ContainerEntry, names: &GpuNames<'_>) -> Container {
    Container {
        id: inventory.key_of(entry).to_owned(),
        engine: Some(entry.engine.clone()),
        name: entry.name.clone(),
        user: Some(entry.user.clone()).filter(|user| user != UNKNOWN_USER),
        user_source: Some(entry.user_source.to_string()),
        kind: entry.origin.into(),
        image: Some(entry.image.clone()),
        status: Some(entry.status.as_str().to_owned()),
        started_at: Some(entry.started_at.unwrap_or(entry.created_at)),
        has_gpu: entry.has_gpu,
        gpus: uses(&Gpus::of_container(entry, names)),
        gpu_memory_bytes: entry.gpu_memory_mb.map(bytes),
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
