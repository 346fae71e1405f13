//! Which GPUs and MIG instances a container can work on, who else is on them, and what they did.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    measure::{GpuFigure, GpuMeasure},
    report::{Asked, GpuReport, Tenancy, Utilization},
};
use crate::{
    detect::{
        Inventory,
        inventory::{ContainerEntry, GpuEntry},
    },
    model::{GpuProcess, GpuSnapshot, Reading, Unknown, UnknownKind},
};

/// The host's GPUs and MIG instances, and to how many running containers each is given.
pub(crate) struct Devices<'a> {
    by_uuid: BTreeMap<&'a str, Device<'a>>,
    entries: &'a [GpuEntry],
    given: BTreeMap<String, usize>,
}

/// A GPU or MIG instance as the driver told of it.
struct Device<'a> {
    utilization: Reading<&'a crate::model::GpuActivity>,
    graphics_percent: Option<&'a Reading<f64>>,
    processes: &'a Reading<Vec<GpuProcess>>,
}

/// One container, as it was seen.
pub(crate) struct Seen<'a> {
    pub(crate) entry: &'a ContainerEntry,
    /// Its pids, as the host numbers them.
    pub(crate) pids: &'a Reading<BTreeSet<u32>>,
    /// What GPUs were asked about.
    pub(crate) asked: Asked,
}

impl<'a> Devices<'a> {
    pub(crate) fn new(inventory: &'a Inventory, gpus: &'a GpuSnapshot) -> Self {
        let mut by_uuid = BTreeMap::new();
        for gpu in gpus.gpus.iter().filter_map(|reading| reading.gpu.known()) {
            let (utilization, processes) = (gpu.activity.as_ref(), &gpu.processes);
            by_uuid.insert(gpu.uuid.as_str(), Device { utilization, graphics_percent: None, processes });
            for mig in gpu.mig_instances() {
                let not_asked = Unknown::new(UnknownKind::NotSupported, "the utilization of a MIG instance");
                by_uuid.insert(
                    mig.uuid.as_str(),
                    Device {
                        utilization: not_asked.into(),
                        graphics_percent: Some(&mig.graphics_percent),
                        processes: &mig.processes,
                    },
                );
            }
        }
        let given = given(inventory, |_| true);
        Self { by_uuid, entries: &inventory.gpus, given }
    }

    /// What each of the container's GPUs did.
    pub(crate) fn measures(&self, seen: &Seen<'_>) -> Vec<GpuMeasure> {
        let known = devices_of(seen.entry, self.entries).into_iter().map(|uuid| self.report(uuid, seen).measure());
        let unresolved = seen.entry.gpus_unresolved.iter().map(|unresolved| GpuMeasure {
            gpu: unresolved.device.clone(),
            figure: GpuFigure::Unknown { why: unresolved.reason.clone() },
            context: None,
            energy: None,
        });
        known.chain(unresolved).collect()
    }

    fn report(&self, uuid: String, seen: &Seen<'_>) -> GpuReport {
        let Some(device) = self.by_uuid.get(uuid.as_str()) else {
            let why = || Unknown::new(UnknownKind::Lost, "the driver does not tell of it");
            let tenancy = Tenancy {
                own_pids: seen.pids.clone(),
                own_context: why().into(),
                others: why().into(),
                other_contexts: why().into(),
                mps: false,
            };
            return GpuReport { gpu: uuid, utilization: why().into(), tenancy };
        };
        let utilization = match (device.graphics_percent, &device.utilization) {
            (Some(graphics), _) => Reading::Known(Utilization::Mig(graphics.clone())),
            (None, Reading::Known(activity)) => Reading::Known(Utilization::Gpu((*activity).clone(), seen.asked)),
            (None, Reading::Unknown(why)) => why.clone().into(),
        };
        let own_given = usize::from(devices_of(seen.entry, self.entries).contains(&uuid));
        let given_to_others = self.given.get(&uuid).copied().unwrap_or(0) > own_given;
        GpuReport { tenancy: tenancy(device, seen.pids, given_to_others), utilization, gpu: uuid }
    }
}

fn tenancy(device: &Device<'_>, pids: &Reading<BTreeSet<u32>>, given_to_others: bool) -> Tenancy {
    let displayed = displays(device, pids);
    let (own_context, stranger, mps) = match (device.processes, pids) {
        (Reading::Known(on_it), Reading::Known(own)) => {
            let (ours, others): (Vec<_>, Vec<_>) = on_it.iter().partition(|process| own.contains(&process.pid));
            let mps = ours.iter().any(|process| process.mps);
            (Reading::Known(!ours.is_empty()), Reading::Known(!others.is_empty()), mps)
        }
        // Nobody at all is on it.
        (Reading::Known(on_it), Reading::Unknown(_)) if on_it.is_empty() => {
            (Reading::Known(false), Reading::Known(false), false)
        }
        // Whether a client of an MPS server is its own can't be told: its work would be booked to the server.
        (Reading::Known(on_it), Reading::Unknown(why)) => {
            (why.clone().into(), why.clone().into(), on_it.iter().any(|process| process.mps))
        }
        (Reading::Unknown(why), _) => (why.clone().into(), why.clone().into(), false),
    };
    let stranger = either(stranger, displayed);
    let others = if given_to_others { Reading::Known(true) } else { stranger.clone() };
    Tenancy { own_pids: pids.clone(), own_context, others, other_contexts: stranger, mps }
}

/// Whether anybody but the container holds a graphics context, as a display does.
fn displays(device: &Device<'_>, pids: &Reading<BTreeSet<u32>>) -> Reading<bool> {
    // Of a MIG instance there are none.
    let Reading::Known(activity) = device.utilization else { return Reading::Known(false) };
    match (&activity.graphics_pids, pids) {
        (Reading::Known(graphics), _) if graphics.is_empty() => Reading::Known(false),
        (Reading::Known(graphics), Reading::Known(own)) => {
            Reading::Known(graphics.iter().any(|pid| !own.contains(pid)))
        }
        (Reading::Unknown(why), _) | (_, Reading::Unknown(why)) => why.clone().into(),
    }
}

/// Whether one of two holds: one that does speaks for both.
fn either(one: Reading<bool>, other: Reading<bool>) -> Reading<bool> {
    match (one, other) {
        (Reading::Known(true), _) | (_, Reading::Known(true)) => Reading::Known(true),
        (Reading::Known(false), other) => other,
        (unknown, _) => unknown,
    }
}

/// To how many running containers, of those that are `counted`, each GPU and MIG instance is given.
pub(crate) fn given(inventory: &Inventory, counted: impl Fn(&ContainerEntry) -> bool) -> BTreeMap<String, usize> {
    let mut given = BTreeMap::new();
    for entry in inventory.containers.values().filter(|entry| entry.status.is_up() && counted(entry)) {
        for uuid in devices_of(entry, &inventory.gpus) {
            *given.entry(uuid).or_default() += 1;
        }
    }
    given
}

/// What a container can work on: what it was given, and what it holds a context on, whatever its configuration says. A GPU in
/// MIG mode stands for its instances, as nothing runs on itself.
fn devices_of(entry: &ContainerEntry, gpus: &[GpuEntry]) -> BTreeSet<String> {
    let held = entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus).map(|held| &held.gpu_uuid);
    let mut devices = BTreeSet::new();
    for uuid in entry.gpus.iter().chain(held) {
        match gpus.iter().find(|gpu| gpu.uuid == *uuid && !gpu.mig_instances.is_empty()) {
            Some(gpu) => devices.extend(gpu.mig_instances.iter().map(|mig| mig.uuid.clone())),
            None => drop(devices.insert(uuid.clone())),
        }
    }
    devices
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
