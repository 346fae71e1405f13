//! GPUs and MIG instances.

use super::{
    family::Family,
    label::label,
    picture::{Picture, bytes},
};
use crate::detect::inventory::UsageEntry;

/// What stands in a MIG instance's product name before its profile.
const BEFORE_PROFILE: &str = " MIG ";

pub(super) fn families(picture: &Picture<'_>) -> Vec<Family> {
    let mut gpus = Gpus::new();
    for gpu in picture.inventory.gpus.iter().filter(|gpu| !gpu.stale) {
        if gpu.mig_enabled == Some(true) {
            // What has instances is none itself; its power is that of all of them.
            gpus.power(&gpu.uuid, gpu.usage.as_ref());
            for mig in &gpu.mig_instances {
                let index = format!("{}:{}", gpu.label(), mig.index);
                gpus.device(&mig.uuid, &index, mig.name.as_deref(), mig.memory_total_mb, mig.usage.as_ref());
            }
        } else {
            let index = gpu.label();
            gpus.device(&gpu.uuid, &index, gpu.name.as_deref(), gpu.memory_total_mb, gpu.usage.as_ref());
            gpus.power(&gpu.uuid, gpu.usage.as_ref());
        }
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

    fn device(
        &mut self,
        uuid: &str,
        index: &str,
        name: Option<&str>,
        memory_mb: Option<u64>,
        usage: Option<&UsageEntry>,
    ) {
        let name = name.unwrap_or_default();
        let (model, profile) = name.rsplit_once(BEFORE_PROFILE).unwrap_or((name, ""));
        let (uuid, model, profile) = (label(uuid), label(model), label(profile));
        self.info.set(&[&uuid, index, &model, &profile], 1.0);
        if let Some(mib) = memory_mb {
            self.memory.set(&[&uuid], bytes(mib));
        }
        let Some(usage) = usage else { return };
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
