//! Which GPUs a workload has, and on which of them it holds a context, in a word short enough for a column.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use ds01_core::{
    detect::inventory::{ContainerEntry, GpuEntry, GpuUse, total_memory_mb},
    model::Vendor,
    units,
};

/// Characters of a UUID that no GPU of this host has: as many as `docker ps` shows of an id.
const SHORT_UUID: usize = 12;

/// What admins call the GPUs and MIG instances of a host, by UUID.
#[derive(Debug)]
pub(crate) struct GpuNames<'a> {
    by_uuid: HashMap<&'a str, Place>,
    whole: HashSet<&'a str>,
}

/// Where a GPU or MIG instance is: by its maker and index, and by the instance's within it.
pub(crate) type Place = ((Vendor, u32), Option<u32>);

/// What a GPU or MIG instance is called: `0`, `3:1`, or the beginning of its UUID.
pub(crate) fn label(place: Option<Place>, uuid: &str) -> String {
    match place {
        Some(((vendor, gpu), None)) => vendor.label(gpu),
        Some(((vendor, gpu), Some(mig))) => format!("{}:{mig}", vendor.label(gpu)),
        None => short(uuid),
    }
}

/// The beginning of a UUID.
pub(crate) fn short(uuid: &str) -> String {
    uuid.chars().take(SHORT_UUID).collect()
}

/// A product name as everybody knows it: whose it is need not be said.
pub(crate) fn short_model(name: &str) -> &str {
    name.strip_prefix("NVIDIA ").unwrap_or(name)
}

/// A workload's GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gpus {
    /// Whether it can use any. `None` when that could not be read.
    access: Option<bool>,
    /// By index; those that this host does not have come last.
    devices: Vec<Device>,
    /// Whether it has every GPU of the host, and there are several.
    all: bool,
    /// What a process holds is shown together with how much.
    show_memory: bool,
}

/// One GPU or MIG instance of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// `0`, `0:1` or a short UUID; for a request that names no GPU of this host, the request.
    pub(crate) label: String,
    pub(crate) hold: Hold,
    pub(crate) memory_mb: Option<u64>,
}

/// Whether a workload that has a GPU uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hold {
    /// One of its processes holds a context.
    Held,
    /// It was given the GPU, and holds no context on it.
    Given,
    /// It was given the GPU; whether it holds a context could not be told.
    Untold,
    /// It asked for something that is no GPU of this host.
    Unresolved,
}

impl<'a> GpuNames<'a> {
    pub(crate) fn new(gpus: &'a [GpuEntry]) -> Self {
        let mut by_uuid = HashMap::new();
        for gpu in gpus {
            by_uuid.insert(gpu.uuid.as_str(), ((gpu.vendor, gpu.index), None));
            by_uuid.extend(
                gpu.mig_instances.iter().map(|mig| (mig.uuid.as_str(), ((gpu.vendor, gpu.index), Some(mig.index)))),
            );
        }
        Self { by_uuid, whole: gpus.iter().map(|gpu| gpu.uuid.as_str()).collect() }
    }

    /// The same of GPUs and instances by label and UUID, as a host of the fleet tells them.
    pub(crate) fn told(gpus: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let by_uuid = gpus.filter_map(|(label, uuid)| {
            let place = match label.split_once(':') {
                Some((gpu, mig)) => (Vendor::parse_label(gpu)?, Some(mig.parse().ok()?)),
                None => (Vendor::parse_label(label)?, None),
            };
            Some((uuid, place))
        });
        Self { by_uuid: by_uuid.collect(), whole: HashSet::new() }
    }

    /// The labels of the GPUs and instances that an admin may mean: by index, or by the beginning of a UUID.
    pub(crate) fn meant_by(&self, gpu: &str) -> Vec<String> {
        if gpu.starts_with("GPU-") || gpu.starts_with("MIG-") {
            self.by_uuid.keys().filter(|uuid| uuid.starts_with(gpu)).map(|uuid| self.label(uuid)).collect()
        } else {
            vec![gpu.to_owned()]
        }
    }

    /// Whether this host has the GPU or instance of this label.
    pub(crate) fn has(&self, label: &str) -> bool {
        self.by_uuid.keys().any(|uuid| self.label(uuid) == label)
    }

    /// The labels of all GPUs and instances, in order.
    pub(crate) fn labels(&self) -> Vec<String> {
        self.sorted(self.by_uuid.keys().copied()).into_iter().map(|uuid| self.label(uuid)).collect()
    }

    fn place(&self, uuid: &str) -> Option<Place> {
        self.by_uuid.get(uuid).copied()
    }

    fn label(&self, uuid: &str) -> String {
        label(self.place(uuid), uuid)
    }

    /// Whether these are all the GPUs of a host that has more than one.
    fn is_all(&self, uuids: &HashSet<&str>) -> bool {
        self.whole.len() > 1 && self.whole.is_subset(uuids)
    }

    /// Devices in the order of their places.
    fn sorted(&self, uuids: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let mut uuids: Vec<&str> = uuids.into_iter().collect();
        uuids.sort_unstable_by_key(|uuid| ((self.place(uuid).is_none(), self.place(uuid)), *uuid));
        uuids.dedup();
        uuids
    }
}

impl Gpus {
    /// What a container was given, and what its processes hold beyond that.
    pub(crate) fn of_container<'a>(entry: &'a ContainerEntry, names: &GpuNames<'a>) -> Self {
        let uses = || entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus);
        let held: HashSet<&str> = uses().map(|held| held.gpu_uuid.as_str()).collect();
        let given: HashSet<&str> = entry.gpus.iter().map(String::as_str).collect();
        let held_places: HashSet<Place> = held.iter().filter_map(|uuid| names.place(uuid)).collect();
        // Who was given a partitioned GPU as a whole holds its contexts on the instances of it.
        let is_held = |uuid: &str| match names.place(uuid) {
            Some((gpu, None)) => held_places.iter().any(|(held, _)| *held == gpu),
            _ => held.contains(uuid),
        };
        let beyond = held.iter().copied().filter(|uuid| match names.place(uuid) {
            Some((gpu, Some(_))) => {
                !given.contains(uuid) && !given.iter().any(|given| names.place(given) == Some((gpu, None)))
            }
            _ => !given.contains(uuid),
        });
        let hold = |uuid: &str| match (is_held(uuid), &entry.gpu_processes) {
            (true, _) => Hold::Held,
            // A container without processes holds nothing, whatever the driver could tell.
            (false, None) if entry.status.is_up() => Hold::Untold,
            (false, _) => Hold::Given,
        };
        let is_on = |uuid: &str, held: &GpuUse| match (names.place(uuid), names.place(&held.gpu_uuid)) {
            (Some((gpu, None)), Some((of, _))) => gpu == of,
            _ => held.gpu_uuid == uuid,
        };
        let device = |uuid: &str| {
            let hold = hold(uuid);
            let memory_mb = match hold {
                Hold::Held => total_memory_mb(uses().filter(|held| is_on(uuid, held))),
                _ => None,
            };
            Device { label: names.label(uuid), hold, memory_mb }
        };
        let mut devices: Vec<Device> =
            names.sorted(given.iter().copied().chain(beyond)).into_iter().map(device).collect();
        devices.extend(entry.gpus_unresolved.iter().map(|unresolved| Device {
            label: unresolved.device.clone(),
            hold: Hold::Unresolved,
            memory_mb: None,
        }));
        Self { access: entry.has_gpu, devices, all: names.is_all(&given), show_memory: false }
    }

    /// What a process of the host holds, and how much memory on each.
    pub(crate) fn of_uses<'a>(uses: &'a [GpuUse], names: &GpuNames<'a>) -> Self {
        let uuids: HashSet<&str> = uses.iter().map(|held| held.gpu_uuid.as_str()).collect();
        let all = names.is_all(&uuids);
        let device = |uuid: &str| Device {
            label: names.label(uuid),
            hold: Hold::Held,
            memory_mb: total_memory_mb(uses.iter().filter(|held| held.gpu_uuid == uuid)),
        };
        let devices = names.sorted(uuids).into_iter().map(device).collect();
        Self { access: Some(true), devices, all, show_memory: true }
    }

    /// What a host of the fleet told of a workload, device by device.
    pub(crate) fn told(access: Option<bool>, devices: Vec<Device>, all: bool, show_memory: bool) -> Self {
        Self { access, devices, all, show_memory }
    }

    /// All that it has, and what it asked for in vain.
    pub(crate) fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Whether it has the GPU or instance of this label, or an instance of that GPU.
    pub(crate) fn has(&self, label: &str) -> bool {
        let part_of = |gpu: &str| gpu.split_once(':').is_some_and(|(gpu, _)| gpu == label);
        self.devices.iter().any(|device| device.label == label || part_of(&device.label))
    }

    /// Whether it can use a GPU; also `true` when that could not be read, so that nothing is overlooked.
    pub(crate) fn may_use(&self) -> bool {
        self.access != Some(false) || !self.devices.is_empty()
    }

    /// Whether it is known to be able to use a GPU.
    pub(crate) fn can_use(&self) -> bool {
        self.access == Some(true) || !self.devices.is_empty()
    }

    /// Whether it holds a context on any GPU.
    pub(crate) fn holds(&self) -> bool {
        self.devices.iter().any(|device| device.hold == Hold::Held)
    }

    /// The GPUs and instances of this host that it has.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|device| device.hold != Hold::Unresolved)
    }

    /// By index, and who has none at the end.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let order = |gpus: &Self| (gpus.devices.is_empty(), !gpus.may_use());
        // Shorter labels are smaller numbers.
        fn labels(gpus: &Gpus) -> impl Iterator<Item = (usize, &str)> {
            gpus.devices.iter().map(|device| (device.label.len(), device.label.as_str()))
        }
        order(self).cmp(&order(other)).then_with(|| labels(self).cmp(labels(other)))
    }

    /// The word for the column: see `--info`.
    pub(crate) fn text(&self) -> String {
        let Some(first) = self.devices.first() else {
            return if self.may_use() { "?" } else { "-" }.to_owned();
        };
        if self.all && self.devices.iter().all(|device| device.hold == first.hold) {
            let memory_mb = self.devices.iter().map(|device| device.memory_mb).sum();
            return word("all", first.hold, memory_mb, self.show_memory);
        }
        let devices = self.devices.iter().map(|device| (device.label.as_str(), device.hold, device.memory_mb));
        words(devices, self.show_memory)
    }
}

/// Devices in a word: with one pair of parentheses around all that is given and not used, as in `0,(1,2,3)`.
pub(crate) fn words<'a>(
    devices: impl Iterator<Item = (&'a str, Hold, Option<u64>)> + Clone,
    show_memory: bool,
) -> String {
    let of = |wanted: Hold| devices.clone().filter(move |(_, hold, _)| *hold == wanted);
    let mut words: Vec<String> =
        of(Hold::Held).map(|(label, hold, memory_mb)| word(label, hold, memory_mb, show_memory)).collect();
    let given: Vec<&str> = of(Hold::Given).map(|(label, ..)| label).collect();
    if !given.is_empty() {
        words.push(word(&given.join(","), Hold::Given, None, show_memory));
    }
    for hold in [Hold::Untold, Hold::Unresolved] {
        words.extend(of(hold).map(|(label, ..)| word(label, hold, None, show_memory)));
    }
    words.join(",")
}

fn word(label: &str, hold: Hold, memory_mb: Option<u64>, show_memory: bool) -> String {
    match (hold, memory_mb) {
        (Hold::Held, Some(memory_mb)) if show_memory => format!("{label}={}", units::mib(memory_mb)),
        (Hold::Held, None) if show_memory => format!("{label}=?"),
        (Hold::Held, _) => label.to_owned(),
        (Hold::Given, _) => format!("({label})"),
        (Hold::Untold, _) => format!("{label}?"),
        (Hold::Unresolved, _) => format!("{label}!"),
    }
}

#[cfg(test)]
#[path = "gpus_tests.rs"]
mod tests;
