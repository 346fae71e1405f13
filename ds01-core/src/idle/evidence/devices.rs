//! Which GPUs and MIG instances a container can work on, who else is on them, and what they did.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    asked::{Asked, Sampled},
    gpu::ONLY_OBSERVED,
    measure::{GpuFigure, GpuMeasure},
    report::{GpuReport, Tenancy, Utilization},
};
use crate::{
    detect::{
        Inventory,
        inventory::{ContainerEntry, GpuEntry, GpuUse, ProcessEntry, UnresolvedGpu},
    },
    model::{GpuActivity, GpuProcess, GpuSnapshot, MigInstance, Reading, Sample, Unknown, UnknownKind, Who},
};

/// The host's GPUs and MIG instances, and to how many running containers each is given.
pub(crate) struct Devices<'a> {
    by_uuid: BTreeMap<&'a str, Device<'a>>,
    entries: &'a [GpuEntry],
    given: BTreeMap<String, usize>,
    samples: &'a [Sample],
}

/// A GPU or MIG instance as the driver told of it.
struct Device<'a> {
    utilization: Reading<&'a GpuActivity>,
    instance: Option<&'a MigInstance>,
    processes: &'a Reading<Vec<GpuProcess>>,
}

/// Whose work is asked about.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'a> {
    /// A container's.
    Container(&'a ContainerEntry),
    /// A process's, outside of all containers that are listed.
    Process(&'a ProcessEntry),
}

/// One container or host process, as it was seen.
pub(crate) struct Seen<'a> {
    pub(crate) whose: Whose<'a>,
    /// Its pids, as the host numbers them.
    pub(crate) pids: &'a Reading<BTreeSet<u32>>,
    /// What GPUs were asked about.
    pub(crate) asked: Asked,
}

impl<'a> Devices<'a> {
    /// `samples` are what the sampler saw since the look before.
    pub(crate) fn new(inventory: &'a Inventory, gpus: &'a GpuSnapshot, samples: &'a [Sample]) -> Self {
        let mut by_uuid = BTreeMap::new();
        for gpu in gpus.gpus.iter().filter_map(|reading| reading.gpu.known()) {
            let (utilization, processes) = (gpu.activity.as_ref(), &gpu.processes);
            by_uuid.insert(gpu.uuid.as_str(), Device { utilization, instance: None, processes });
            for mig in gpu.mig_instances() {
                let not_asked = Unknown::new(UnknownKind::NotSupported, "the utilization of a MIG instance");
                by_uuid.insert(
                    mig.uuid.as_str(),
                    Device { utilization: not_asked.into(), instance: Some(mig), processes: &mig.processes },
                );
            }
        }
        let given = given(inventory, |_| true);
        Self { by_uuid, entries: &inventory.gpus, given, samples }
    }

    /// What each of its GPUs did.
    pub(crate) fn measures(&self, seen: &Seen<'_>) -> Vec<GpuMeasure> {
        let known = seen.whose.devices(self.entries).into_iter().map(|uuid| self.report(uuid, seen).measure());
        let unresolved = seen.whose.unresolved().iter().map(|unresolved| GpuMeasure {
            gpu: unresolved.device.clone(),
            figure: GpuFigure::Unknown { why: unresolved.reason.clone() },
            context: None,
            energy: None,
            shared_energy: None,
            covered_ms: None,
            used_ms: None,
        });
        known.chain(unresolved).collect()
    }

    fn report(&self, uuid: String, seen: &Seen<'_>) -> GpuReport {
        let Some(device) = self.by_uuid.get(uuid.as_str()) else {
            let entry = self.entries.iter().find(|gpu| gpu.uuid == uuid);
            let why = || match entry {
                Some(gpu) if !gpu.vendor.is_nvidia() => Unknown::new(UnknownKind::NotSupported, ONLY_OBSERVED),
                _ => Unknown::new(UnknownKind::Lost, "the driver does not tell of it"),
            };
            let tenancy = Tenancy {
                own_pids: seen.pids.clone(),
                own_context: why().into(),
                others: why().into(),
                other_contexts: why().into(),
                mps: false,
            };
            return GpuReport { gpu: uuid, utilization: why().into(), tenancy, by_unknown: false, sampled: Vec::new() };
        };
        let utilization = match (device.instance, &device.utilization) {
            (Some(instance), _) => {
                Reading::Known(Utilization::Mig(instance.graphics_percent.clone(), instance.graphics_over, seen.asked))
            }
            (None, Reading::Known(activity)) => Reading::Known(Utilization::Gpu((*activity).clone(), seen.asked)),
            (None, Reading::Unknown(why)) => why.clone().into(),
        };
        let own_given = seen.whose.is_given(&uuid, self.entries);
        let given_to_others = self.given.get(&uuid).copied().unwrap_or(0) > usize::from(own_given);
        GpuReport {
            tenancy: tenancy(device, seen.pids, given_to_others),
            by_unknown: device.tells_of_unknown(seen),
            sampled: self.sampled(&uuid, seen),
            utilization,
            gpu: uuid,
        }
    }

    /// What the sampler saw of a device, as it concerns one container or process.
    fn sampled(&self, uuid: &str, seen: &Seen<'_>) -> Vec<Sampled> {
        let on_it = |sample: &'a Sample| Some((sample, sample.devices.iter().find(|device| device.uuid == uuid)?));
        let sampled = self.samples.iter().filter_map(on_it).map(|(sample, device)| {
            let shares = || device.shares.iter().flatten().filter(|share| share.percent > 0);
            let own: u32 = shares().filter(|share| seen.whose.is(&share.who)).map(|share| share.percent).sum();
            Sampled {
                covered: sample.covered(device),
                percent: device.percent,
                mean_percent: device.mean_percent,
                own_percent: device.shares.is_some().then_some(f64::from(own.min(100))),
                by_unknown: shares().any(|share| matches!(share.who, Who::Unknown(_))),
            }
        });
        sampled.collect()
    }
}

impl Whose<'_> {
    /// What it can work on.
    fn devices(self, gpus: &[GpuEntry]) -> BTreeSet<String> {
        match self {
            Self::Container(entry) => devices_of(entry, gpus),
            Self::Process(entry) => usable(entry.gpus.iter().map(uuid), gpus),
        }
    }

    fn unresolved(&self) -> &[UnresolvedGpu] {
        match self {
            Self::Container(entry) => &entry.gpus_unresolved,
            Self::Process(_) => &[],
        }
    }

    /// Whether it was given the GPU or MIG instance. A process takes what it likes.
    fn is_given(self, uuid: &String, gpus: &[GpuEntry]) -> bool {
        matches!(self, Self::Container(entry) if devices_of(entry, gpus).contains(uuid))
    }

    /// Whether that is whom the sampler saw.
    fn is(self, who: &Who) -> bool {
        match self {
            Self::Container(entry) => who.is_in(&entry.full_id),
            Self::Process(entry) => *who == Who::Process(entry.pid),
        }
    }
}

impl Device<'_> {
    /// Whether the driver tells of work of a process that holds no context any more, and is none of the container's.
    fn tells_of_unknown(&self, seen: &Seen<'_>) -> bool {
        let (Reading::Known(activity), Reading::Known(on_it)) = (&self.utilization, self.processes) else {
            return false;
        };
        let known = |pid: u32| {
            on_it.iter().any(|process| process.pid == pid)
                || activity.graphics_pids.known().is_some_and(|pids| pids.contains(&pid))
                || seen.pids.known().is_some_and(|own| own.contains(&pid))
        };
        activity.processes.known().into_iter().flatten().any(|sample| {
            (1..=100).contains(&sample.highest_percent()) && seen.asked.contains(sample.time_us) && !known(sample.pid)
        })
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

/// What a container can work on: what it was given, and what it holds a context on, whatever its configuration says.
pub(crate) fn devices_of(entry: &ContainerEntry, gpus: &[GpuEntry]) -> BTreeSet<String> {
    let held = entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus).map(uuid);
    usable(entry.gpus.iter().chain(held), gpus)
}

fn uuid(held: &GpuUse) -> &String {
    &held.gpu_uuid
}

/// A GPU in MIG mode stands for its instances, as nothing runs on itself.
pub(super) fn usable<'a>(uuids: impl Iterator<Item = &'a String>, gpus: &[GpuEntry]) -> BTreeSet<String> {
    let mut devices = BTreeSet::new();
    for uuid in uuids {
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
