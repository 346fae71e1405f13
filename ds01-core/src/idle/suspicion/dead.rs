//! Memory of a process that no longer exists.

use super::{finding::Suspicion, known::gpu_name};
use crate::{
    detect::{Inventory, inventory::DeadProcess},
    model::{EngineName, SuspicionKind},
    units,
};

/// What the driver books to processes that are gone, where two scans in a row found it so.
pub(super) fn suspicions(inventory: &Inventory) -> Vec<Suspicion> {
    let suspicion = |dead: &DeadProcess| {
        let memory = dead.gpu_memory_mb.map_or_else(|| "an unknown amount".to_owned(), units::mib);
        let gpus: Vec<String> = dead.gpus.iter().map(|held| held.gpu_uuid.clone()).collect();
        let names: Vec<String> = gpus.iter().map(|gpu| gpu_name(inventory, gpu)).collect();
        Suspicion {
            kind: SuspicionKind::MemoryOfDeadProcess,
            container: None,
            engine: EngineName::DOCKER,
            user: None,
            evidence: format!(
                "{memory} of GPU memory is held by pid {}, which no longer exists, on {}",
                dead.pid,
                names.join(", ")
            ),
            gpus,
            pid: Some(dead.pid),
            since: dead.since,
            advice: "stop what else uses the GPU, and reset it (`nvidia-smi --gpu-reset`), or reboot".to_owned(),
        }
    };
    inventory.dead_processes.values().filter(|dead| dead.confirmed).map(suspicion).collect()
}
