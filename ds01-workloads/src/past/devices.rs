//! What admins call the GPUs and MIG instances of a host.

use std::{cmp::Ordering, collections::HashMap};

use ds01_core::{detect::inventory::GpuEntry, model::Vendor};

use crate::gpus::{Place, label, short_model};

/// The GPUs and MIG instances that can be held.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    all: Vec<Device>,
    by_uuid: HashMap<String, usize>,
}

/// A GPU or MIG instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// Its UUID.
    pub(crate) uuid: String,
    /// Its maker and index, and the index of the instance within it. `None` for one that this host does not have any more.
    place: Option<Place>,
    /// Its product name, without the maker's.
    pub(crate) model: Option<String>,
}

impl Devices {
    /// Those of an inventory. A GPU that is partitioned is held by its instances.
    pub(crate) fn new(gpus: &[GpuEntry]) -> Self {
        let mut devices = Self::default();
        let model = |name| short_model(name).to_owned();
        for gpu in gpus {
            let whole = Device {
                uuid: gpu.uuid.clone(),
                place: Some(((gpu.vendor, gpu.index), None)),
                model: gpu.name.as_deref().map(model),
            };
            let instances = gpu.mig_instances.iter().map(|mig| Device {
                uuid: mig.uuid.clone(),
                place: Some(((gpu.vendor, gpu.index), Some(mig.index))),
                model: mig.name.as_deref().or(gpu.name.as_deref()).map(model),
            });
            for device in std::iter::once(whole.clone()).chain(instances) {
                devices.by_uuid.insert(device.uuid.clone(), devices.all.len());
                devices.all.push(device);
            }
        }
        devices
    }

    /// The one with this UUID, whether this host has it or not.
    pub(crate) fn of(&self, uuid: &str) -> Device {
        match self.by_uuid.get(uuid).and_then(|at| self.all.get(*at)) {
            Some(device) => device.clone(),
            None => Device { uuid: uuid.to_owned(), place: None, model: None },
        }
    }

    /// Those that somebody can hold: GPUs that are not partitioned, and instances.
    pub(crate) fn to_hold(&self) -> impl Iterator<Item = &Device> {
        let has_instances = |index: (Vendor, u32)| {
            self.all.iter().any(|other| matches!(other.place, Some((of, Some(_))) if of == index))
        };
        self.all.iter().filter(move |device| match device.place {
            Some((index, None)) => !has_instances(index),
            _ => true,
        })
    }
}

impl Device {
    /// `0`, `3:1`, or the beginning of its UUID.
    pub(crate) fn label(&self) -> String {
        label(self.place, &self.uuid)
    }
}

impl Ord for Device {
    /// By index; those that this host does not have come last.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.place.is_none(), self.place, &self.uuid).cmp(&(other.place.is_none(), other.place, &other.uuid))
    }
}

impl PartialOrd for Device {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
