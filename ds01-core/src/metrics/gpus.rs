//! GPUs and MIG instances.

use super::{
    family::Family,
    label::label,
    picture::{Picture, bytes},
};
use crate::detect::{Device, inventory::UsageEntry};

pub(super) fn families(picture: &Picture<'_>) -> Vec<Family> {
    let mut gpus = Gpus::new();
    for gpu in picture.inventory.gpus.iter().filter(|gpu| !gpu.stale) {
        for device in gpu.devices() {
            gpus.device(&device);
        }
        // That of a partitioned one is the power of all its instances.
        gpus.power(&gpu.uuid, gpu.usage.as_ref());
    }
    if let Some(ratio) = picture.scan.demand.and_then(crate::model::Demand::ratio) {
        gpus.demand.set(&[], ratio);
    }
    vec![gpus.info, gpus.memory, gpus.used, gpus.utilization, gpus.power, gpus.demand]
}

struct Gpus {
    info: Family,
    memory: Family,
    used: Family,
    utilization: Family,
    power: Family,
    demand: Family,
}

impl Gpus {
    fn new() -> Self {
        Self {
            info: Family::gauge(
                "ds01_gpu_info",
                "A GPU, or a MIG instance of one that is partitioned; always 1.",
                &["uuid", "gpu", "model", "profile"],
            ),
            memory: Family::gauge("ds01_gpu_memory_bytes", "Memory of a GPU or MIG instance.", &["uuid"]),
            used: Family::gauge(
                "ds01_gpu_memory_used_bytes",
                "How much of it is used, with what the driver keeps for itself.",
                &["uuid"],
            ),
            utilization: Family::gauge(
                "ds01_gpu_utilization_ratio",
                "The share of time in which something ran on a GPU or MIG instance, from 0 to 1.",
                &["uuid"],
            ),
            power: Family::gauge(
                "ds01_gpu_power_watts",
                "The power that a whole GPU takes, also of one that is partitioned.",
                &["uuid"],
            ),
            demand: Family::gauge(
                "ds01_gpu_demand_ratio",
                "The share of NVIDIA's GPUs and MIG instances that are given to running containers, from 0 to 1.",
                &[],
            ),
        }
    }

    fn device(&mut self, device: &Device<'_>) {
        let [uuid, model, profile] =
            [device.uuid(), device.model().unwrap_or_default(), device.profile().unwrap_or_default()].map(label);
        self.info.set(&[&uuid, &device.label(), &model, &profile], 1.0);
        if let Some(mib) = device.memory_total_mb() {
            self.memory.set(&[&uuid], bytes(mib));
        }
        let Some(usage) = device.usage() else { return };
        if let Some(mib) = usage.figures.memory_used_mb.known() {
            self.used.set(&[&uuid], bytes(*mib));
        }
        if let Some(utilization) = usage.figures.utilization.known() {
            self.utilization.set(&[&uuid], utilization.percent / 100.0);
        }
    }

    fn power(&mut self, uuid: &str, usage: Option<&UsageEntry>) {
        if let Some(watts) = usage.and_then(|usage| usage.figures.power_watts.known()) {
            self.power.set(&[&label(uuid)], *watts);
        }
    }
}
