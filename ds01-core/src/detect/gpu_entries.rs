//! The GPUs of the inventory: as seen now, or as they were where they could not be seen.

use jiff::Timestamp;

use crate::{
    model::{Gpu, GpuReading, GpuSnapshot, Mig, MigInstance, Reading, Vendor},
    source::SourceError,
};

use super::inventory::{Extra, GpuEntry, MigEntry, UsageEntry};

/// The GPUs, and on which of them nobody could look.
pub(super) struct GpuEntries {
    /// One per GPU.
    pub entries: Vec<GpuEntry>,
    /// UUIDs of GPUs and MIG instances whose processes could not be read.
    pub unseen: Vec<String>,
    now: Timestamp,
}

/// One maker's GPUs. Of `before`, only those of that maker count.
pub(super) fn gpu_entries(
    answer: &Result<GpuSnapshot, SourceError>,
    vendor: Vendor,
    before: &[GpuEntry],
    now: Timestamp,
) -> GpuEntries {
    let mut seen = GpuEntries { entries: Vec::new(), unseen: Vec::new(), now };
    let before: Vec<GpuEntry> = before.iter().filter(|entry| entry.vendor == vendor).cloned().collect();
    let before = before.as_slice();
    match answer {
        Ok(snapshot) => {
            let uuids: Vec<&str> =
                snapshot.gpus.iter().filter_map(|reading| Some(reading.gpu.known()?.uuid.as_str())).collect();
            for reading in &snapshot.gpus {
                seen.add(reading, before, &uuids);
            }
        }
        Err(SourceError::Absent { .. }) => {}
        Err(SourceError::Failed { .. }) => {
            for entry in before {
                seen.keep(entry, None);
            }
        }
    }
    seen.entries.iter_mut().for_each(|entry| entry.vendor = vendor);
    seen
}

impl GpuEntries {
    /// Adds another maker's.
    pub(super) fn append(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.unseen.extend(other.unseen);
    }

    fn add(&mut self, reading: &GpuReading, before: &[GpuEntry], others: &[&str]) {
        let problems = reading.own_problems();
        let problem = (!problems.is_empty()).then(|| problems.join("; "));
        match &reading.gpu {
            Reading::Known(gpu) => {
                let before = before.iter().find(|entry| entry.uuid == gpu.uuid);
                let mut entry = entry(reading.index, gpu, before, problem, self.now);
                if gpu.processes.known().is_none() {
                    self.unseen.push(gpu.uuid.clone());
                }
                let hidden = |instance: &&MigInstance| instance.processes.known().is_none();
                self.unseen.extend(gpu.mig_instances().iter().filter(hidden).map(|instance| instance.uuid.clone()));
                if let (Reading::Unknown(_), Some(before)) = (&gpu.mig, before) {
                    // Its instances are where they were, for all that can be told.
                    entry.mig_enabled = before.mig_enabled;
                    entry.mig_instances.clone_from(&before.mig_instances);
                    self.unseen.extend(before.mig_instances.iter().map(|mig| mig.uuid.clone()));
                }
                self.entries.push(entry);
            }
            // Without a UUID only its place tells which GPU this was.
            Reading::Unknown(_) => {
                let before = before.iter().find(|entry| entry.index == reading.index);
                // Indices shift when a GPU is gone: one that was seen at another index is not this one.
                if let Some(before) = before.filter(|b| !others.contains(&b.uuid.as_str())) {
                    self.keep(before, problem);
                }
            }
        }
    }

    fn keep(&mut self, entry: &GpuEntry, problem: Option<String>) {
        self.unseen.extend(entry.uuids().map(ToOwned::to_owned));
        let problem = problem.or_else(|| entry.problem.clone());
        self.entries.push(GpuEntry { stale: true, problem, ..entry.clone() });
    }
}

fn entry(index: u32, gpu: &Gpu, before: Option<&GpuEntry>, problem: Option<String>, at: Timestamp) -> GpuEntry {
    let mig_extra = |uuid: &str| {
        let before = before?.mig_instances.iter().find(|mig| mig.uuid == uuid)?;
        Some(before.extra.clone())
    };
    GpuEntry {
        index,
        vendor: Vendor::default(),
        uuid: gpu.uuid.clone(),
        name: gpu.name.known().cloned(),
        minor_number: gpu.minor_number.known().copied(),
        pci_bus_id: gpu.pci_bus_id.known().cloned(),
        memory_total_mb: gpu.memory_total_mb.known().copied(),
        usage: Some(UsageEntry { at, figures: gpu.usage() }),
        mig_enabled: gpu.mig.known().map(|mig| matches!(mig, Mig::Enabled(_))),
        mig_instances: gpu
            .mig_instances()
            .iter()
            .map(|instance| MigEntry {
                index: instance.index,
                uuid: instance.uuid.clone(),
                name: instance.name.known().cloned(),
                gpu_instance_id: instance.gpu_instance_id.known().copied(),
                compute_instance_id: instance.compute_instance_id.known().copied(),
                memory_total_mb: instance.memory_total_mb.known().copied(),
                usage: Some(UsageEntry { at, figures: instance.usage() }),
                extra: mig_extra(&instance.uuid).unwrap_or_default(),
            })
            .collect(),
        problem,
        stale: false,
        extra: before.map_or_else(Extra::new, |b| b.extra.clone()),
    }
}
