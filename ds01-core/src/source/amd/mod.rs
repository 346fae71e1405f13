//! AMD's GPUs, as their kernel driver tells of them in sysfs and procfs. Observed only: nothing is loaded, opened or asked of a GPU.
//!
//! | what | where |
//! |---|---|
//! | the GPUs, in the order that ROCm numbers them | `/sys/class/kfd/kfd/topology/nodes/N`: those whose `gpu_id` is not 0 |
//! | their memory, how busy they are, watts | `/sys/class/drm/renderDN/device`: `mem_info_vram_*`, `gpu_busy_percent`, `hwmon/` |
//! | who computes on them, and with how much memory | `/sys/class/kfd/kfd/proc/PID/vram_GPUID` and `queues/*/gpuid` |
//! | who computes without KFD, as through Vulkan | `/proc/PID/fdinfo`: `drm-engine-compute`, `drm-memory-vram` |
//!
//! What a process did on a GPU, and when, none of these tells: its idleness is unknown.

mod files;
mod kfd;
mod render;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use self::{
    files::{names, number, text},
    kfd::Node,
};
use super::{FailureKind, GpuSource, SourceError, SourceName};
use crate::model::{
    DeviceUtilization, Gpu, GpuProcess, GpuReading, GpuSnapshot, Mig, Reading, Unknown, UnknownKind, UtilizationSource,
};

const MIB: u64 = 1024 * 1024;

/// AMD's GPUs below a `/sys`, and their users in a `/proc`.
pub struct Amd {
    sys: PathBuf,
    proc: PathBuf,
}

impl Amd {
    /// Those of the host that these two are of. Nothing is read yet.
    pub fn new(sys: impl Into<PathBuf>, proc: impl Into<PathBuf>) -> Self {
        Self { sys: sys.into(), proc: proc.into() }
    }
}

impl GpuSource for Amd {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        let kfd = self.sys.join("class/kfd/kfd");
        let nodes = kfd.join("topology/nodes");
        if !nodes.exists() {
            return Err(SourceError::absent(SourceName::Amd, format!("no {}", nodes.display())));
        }
        let nodes = kfd::nodes(&nodes)
            .map_err(|why| SourceError::failed(SourceName::Amd, FailureKind::Erred, why.to_string()))?;
        if nodes.is_empty() {
            // The driver is loaded for processors that could work with a GPU.
            return Err(SourceError::absent(SourceName::Amd, "KFD knows no GPU"));
        }
        let known: Vec<&Node> = nodes.iter().filter_map(Reading::known).collect();
        let mut users = kfd::users(&kfd.join("proc"));
        if let Reading::Known(users) = &mut users {
            for (place, by_pid) in render::users(&self.proc) {
                let Some(node) = known.iter().find(|node| node.pci_bus_id == place) else { continue };
                let of_gpu = users.entry(node.gpu_id).or_default();
                // Who uses both has its memory told of by KFD.
                for (pid, bytes) in by_pid {
                    of_gpu.entry(pid).or_insert(bytes);
                }
            }
        }
        let uuids = uuids(&known, &self.sys);
        let gpu = |(index, node): (usize, &Reading<Node>)| GpuReading {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            gpu: match node {
                Reading::Known(node) => Reading::Known(self.gpu(node, &uuids[&node.gpu_id], &users)),
                Reading::Unknown(why) => why.clone().into(),
            },
        };
        Ok(GpuSnapshot { driver_version: None, gpus: nodes.iter().enumerate().map(gpu).collect() })
    }

    /// The driver remembers nothing of the past.
    fn observe(&self, _since: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.snapshot()
    }
}

/// Bytes by pid, by KFD's id of the GPU.
type Users = BTreeMap<u64, BTreeMap<u32, Reading<u64>>>;

impl Amd {
    fn gpu(&self, node: &Node, uuid: &str, users: &Reading<Users>) -> Gpu {
        let device = device(&self.sys, node);
        let busy = match number(&device.join("gpu_busy_percent")) {
            // No integer of a percentage is too large for an f64.
            #[expect(clippy::cast_precision_loss, reason = "100 at most")]
            Reading::Known(percent) => DeviceUtilization::new(percent as f64, None, UtilizationSource::Busy).into(),
            Reading::Unknown(why) => why.into(),
        };
        let processes = users.as_ref().map(|users| {
            let process = |(pid, bytes): (&u32, &Reading<u64>)| GpuProcess {
                pid: *pid,
                memory_mb: bytes.clone().map(|bytes| bytes / MIB),
                mps: false,
            };
            users.get(&node.gpu_id).into_iter().flatten().map(process).collect()
        });
        Gpu {
            uuid: uuid.to_owned(),
            name: name(&device, node),
            minor_number: node.render_minor.clone(),
            pci_bus_id: Reading::Known(node.pci_bus_id.clone()),
            memory_total_mb: number(&device.join("mem_info_vram_total")).map(|bytes| bytes / MIB),
            memory_used_mb: number(&device.join("mem_info_vram_used")).map(|bytes| bytes / MIB),
            utilization: busy,
            power_watts: power(&device),
            mig: Reading::Known(Mig::Disabled),
            processes,
            activity: Unknown::new(UnknownKind::NotSupported, "what was done on an AMD GPU").into(),
        }
    }
}

/// What stands behind its render node.
fn device(sys: &Path, node: &Node) -> PathBuf {
    let minor = node.render_minor.known().copied().unwrap_or_default();
    sys.join(format!("class/drm/renderD{minor}/device"))
}

/// `GPU-` and the 16 digits that ROCm knows it by (`ROCR_VISIBLE_DEVICES`); of one that has none, its place on the bus. The parts
/// of a partitioned one have the same digits: all but the first are told apart by their render nodes.
fn uuids(nodes: &[&Node], sys: &Path) -> BTreeMap<u64, String> {
    let mut uuids = BTreeMap::<u64, String>::new();
    for node in nodes {
        let of_device = text(&device(sys, node).join("unique_id")).into_known();
        let of_device = of_device.and_then(|id| u64::from_str_radix(id.trim_start_matches("0x"), 16).ok());
        let id = node.unique_id.or(of_device).filter(|id| *id != 0);
        let mut uuid = id.map_or_else(|| format!("GPU-{}", node.pci_bus_id), |id| format!("GPU-{id:016x}"));
        if uuids.values().any(|other| *other == uuid) {
            let minor = node.render_minor.known().copied().unwrap_or_default();
            uuid = format!("{uuid}-renderD{minor}");
        }
        uuids.insert(node.gpu_id, uuid);
    }
    uuids
}

/// What its board is called, else its chip.
fn name(device: &Path, node: &Node) -> Reading<String> {
    let board = text(&device.join("product_name")).into_known().filter(|name| !name.is_empty());
    board.map_or_else(|| node.name.clone(), Reading::Known)
}

/// The mean of its power, or the power of the moment, in microwatts.
fn power(device: &Path) -> Reading<f64> {
    let hwmon = device.join("hwmon");
    let sensors = names(&hwmon).unwrap_or_default();
    let files =
        sensors.iter().flat_map(|sensor| ["power1_average", "power1_input"].map(|file| hwmon.join(sensor).join(file)));
    let figure = files.map(|file| number(&file)).find(|figure| figure.known().is_some());
    let none = || Unknown::new(UnknownKind::NotSupported, format!("{}: no power1_average", hwmon.display())).into();
    // Microwatts of a board are far below what an f64 holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "no GPU takes gigawatts")]
    figure.unwrap_or_else(none).map(|microwatts: u64| microwatts as f64 / 1e6)
}

#[cfg(test)]
#[path = "amd_tests.rs"]
mod tests;
