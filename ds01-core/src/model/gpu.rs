//! What NVML says about GPUs, MIG instances and the processes that hold a context on them, as plain data.

use std::time::Duration;

use super::{DeviceUsage, DeviceUtilization, Reading, Unknown, UnknownKind, UtilizationSource};

/// One scan of all GPUs of the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GpuSnapshot {
    /// `nvmlSystemGetDriverVersion`, such as `550.54.15`.
    pub driver_version: Option<String>,
    /// One per index, in order: a GPU that could not be read keeps its place.
    pub gpus: Vec<GpuReading>,
}

/// The GPU at one NVML index, or why nothing could be read of it.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuReading {
    /// NVML's index, from 0.
    pub index: u32,
    /// The GPU. Unknown when not even its handle or UUID could be had: see the inventory for who it was.
    pub gpu: Reading<Gpu>,
}

/// A physical GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// `nvmlDeviceGetUUID`, such as `GPU-8f6d...`.
    pub uuid: String,
    /// `nvmlDeviceGetName`, such as `NVIDIA A100-SXM4-80GB`.
    pub name: Reading<String>,
    /// `nvmlDeviceGetMinorNumber`: the N of `/dev/nvidiaN`. Often, not always, the index.
    pub minor_number: Reading<u32>,
    /// `nvmlDeviceGetPciInfo`: the bus id, such as `00000000:17:00.0`.
    pub pci_bus_id: Reading<String>,
    /// `nvmlDeviceGetMemoryInfo`: all of its memory, in MiB.
    pub memory_total_mb: Reading<u64>,
    /// `nvmlDeviceGetMemoryInfo`: how much of that is used, in MiB, with what the driver keeps for itself.
    pub memory_used_mb: Reading<u64>,
    /// How much it works: the mean of the samples of [`activity`](Self::activity) where that was asked for, else
    /// `nvmlDeviceGetUtilizationRates`. Not supported while MIG is on.
    pub utilization: Reading<DeviceUtilization>,
    /// `nvmlDeviceGetPowerUsage`, in watts.
    pub power_watts: Reading<f64>,
    /// `nvmlDeviceGetMigMode` and the instances behind it.
    pub mig: Reading<Mig>,
    /// Who holds a compute context on the GPU itself. Those on its MIG instances are under [`MigInstance::processes`].
    pub processes: Reading<Vec<GpuProcess>>,
    /// What it did, where that was asked for. Not supported while MIG is on: see [`MigInstance::graphics_percent`].
    pub activity: Reading<GpuActivity>,
}

/// What a GPU did since the time that was asked about, as far back as the driver remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuActivity {
    /// `nvmlDeviceGetProcessUtilization`: who worked on it. Its "not found" is an empty list: nobody did.
    pub processes: Reading<Vec<ProcessSample>>,
    /// `nvmlDeviceGetSamples` of the GPU's own utilization. The driver's ring of samples is a few seconds deep.
    pub device: Reading<Vec<DeviceSample>>,
    /// `nvmlDeviceGetGraphicsRunningProcesses`: pids, as the host numbers them, of who holds a graphics context on it, such as
    /// a display server. Nobody where there is no such list. They are no part of [`Gpu::processes`], and so of no inventory.
    pub graphics_pids: Reading<Vec<u32>>,
    /// `nvmlDeviceGetTotalEnergyConsumption`: millijoules since the driver was loaded, of the whole GPU, however seldom it is
    /// looked at. From Volta on.
    pub energy_mj: Reading<u64>,
    /// How long after the question that was read.
    pub energy_after: Duration,
    /// By GPM (`nvmlGpmSampleGet`, metric 1), in percent: the mean since the look before, of whoever looks again and again
    /// with one library. Hopper and later have it.
    pub gpm_percent: Reading<f64>,
}

/// One process's share of a GPU's time in one sample, in percent. A driver can tell nonsense here: percentages beyond 100,
/// pids of nobody, times long past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessSample {
    /// The pid as the host numbers it.
    pub pid: u32,
    /// `timeStamp`: the driver's wall clock, in microseconds since 1970.
    pub time_us: u64,
    /// `smUtil`.
    pub sm_percent: u32,
    /// `encUtil`.
    pub encoder_percent: u32,
    /// `decUtil`.
    pub decoder_percent: u32,
    /// `memUtil`: the share of time in which it read or wrote the GPU's memory.
    pub memory_percent: u32,
}

/// A GPU's utilization in one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceSample {
    /// `timeStamp`: the driver's wall clock, in microseconds since 1970.
    pub time_us: u64,
    /// `sampleValue`, in percent.
    pub percent: u32,
}

/// Whether a GPU is partitioned, and into what.
#[derive(Debug, Clone, PartialEq)]
pub enum Mig {
    /// MIG is off, or this GPU has no such mode.
    Disabled,
    /// MIG is on. An empty list is a partitioned GPU without instances.
    Enabled(Vec<MigInstance>),
}

/// One MIG device: a compute instance within a GPU instance.
#[derive(Debug, Clone, PartialEq)]
pub struct MigInstance {
    /// NVML's MIG device index within the GPU: the 1 of `0:1`.
    pub index: u32,
    /// `nvmlDeviceGetUUID` of the MIG handle, such as `MIG-4a1c...`. Handles and instance ids are reused, this is not.
    pub uuid: String,
    /// `nvmlDeviceGetName` of the MIG handle.
    pub name: Reading<String>,
    /// `nvmlDeviceGetGpuInstanceId`.
    pub gpu_instance_id: Reading<u32>,
    /// `nvmlDeviceGetComputeInstanceId`.
    pub compute_instance_id: Reading<u32>,
    /// Memory of the instance, in MiB.
    pub memory_total_mb: Reading<u64>,
    /// How much of that is used, in MiB.
    pub memory_used_mb: Reading<u64>,
    /// Who holds a compute context on the instance.
    pub processes: Reading<Vec<GpuProcess>>,
    /// Graphics utilization in percent by GPM (`nvmlGpmMigSampleGet`, metric 1), where it was asked for, from two samples
    /// more than 100 ms apart. It speaks for the whole GPU instance, not for this compute instance.
    pub graphics_percent: Reading<f64>,
    /// For how long until now that figure is the mean.
    pub graphics_over: Duration,
}

/// A process with a compute context on a GPU or MIG instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuProcess {
    /// The pid as the host numbers it. NVML can name one that is gone; 0 never leaves the door.
    pub pid: u32,
    /// `usedGpuMemory`, in MiB. All ones, under MIG or without rights, is unknown.
    pub memory_mb: Reading<u64>,
    /// Whether it reaches the GPU through an MPS server.
    pub mps: bool,
}

impl ProcessSample {
    /// The highest of its shares: a process that only decodes video works.
    pub fn highest_percent(&self) -> u32 {
        self.sm_percent.max(self.encoder_percent).max(self.decoder_percent)
    }
}

impl GpuSnapshot {
    /// Everybody with a context, with the UUID of the GPU or MIG instance it is on.
    pub fn processes(&self) -> impl Iterator<Item = (&str, &GpuProcess)> {
        self.gpus.iter().filter_map(|reading| reading.gpu.known()).flat_map(|gpu| {
            let own = gpu.processes.known().into_iter().flatten().map(|process| (gpu.uuid.as_str(), process));
            let on_instances = gpu.mig_instances().iter().flat_map(|instance| {
                instance.processes.known().into_iter().flatten().map(|process| (instance.uuid.as_str(), process))
            });
            own.chain(on_instances)
        })
    }

    /// Every obstacle met, as `GPU 3: reason`, so that a scan can say that it saw only part of the picture.
    pub fn problems(&self) -> Vec<String> {
        self.gpus.iter().flat_map(GpuReading::problems).collect()
    }
}

impl GpuReading {
    /// What hides this GPU, its instances, or who uses them. A missing name or memory size is no problem to a scan.
    pub fn problems(&self) -> Vec<String> {
        let obstacles = self.obstacles().into_iter();
        obstacles
            .map(|(instance, why)| match instance {
                None => format!("GPU {}: {why}", self.index),
                Some(instance) => format!("MIG instance {}:{instance}: {why}", self.index),
            })
            .collect()
    }

    /// The same, to be said of this GPU: which it is goes without saying.
    pub fn own_problems(&self) -> Vec<String> {
        let obstacles = self.obstacles().into_iter();
        obstacles
            .map(|(instance, why)| match instance {
                None => why.to_string(),
                Some(instance) => format!("MIG instance {}:{instance}: {why}", self.index),
            })
            .collect()
    }

    /// What hides it, or one of its instances, by its index.
    fn obstacles(&self) -> Vec<(Option<u32>, &Unknown)> {
        let gpu = match &self.gpu {
            Reading::Unknown(why) => return vec![(None, why)],
            Reading::Known(gpu) => gpu,
        };
        let own = [gpu.processes.unknown(), gpu.mig.unknown()].into_iter().flatten().map(|why| (None, why));
        let instances = gpu.mig_instances().iter();
        own.chain(instances.filter_map(|one| Some((Some(one.index), one.processes.unknown()?)))).collect()
    }
}

impl Gpu {
    /// The MIG instances; none when MIG is off or could not be read.
    pub fn mig_instances(&self) -> &[MigInstance] {
        match &self.mig {
            Reading::Known(Mig::Enabled(instances)) => instances,
            _ => &[],
        }
    }

    /// How much of it is used.
    pub fn usage(&self) -> DeviceUsage {
        DeviceUsage {
            memory_used_mb: self.memory_used_mb.clone(),
            utilization: self.utilization.clone(),
            power_watts: self.power_watts.clone(),
        }
    }
}

impl MigInstance {
    /// How much of it is used. Its utilization is that of its GPU instance.
    pub fn usage(&self) -> DeviceUsage {
        let utilization = match &self.graphics_percent {
            Reading::Known(percent) => {
                DeviceUtilization::new(*percent, Some(self.graphics_over), UtilizationSource::Gpm).into()
            }
            Reading::Unknown(why) => why.clone().into(),
        };
        let no_power = Unknown::new(UnknownKind::NotSupported, "the power of a MIG instance");
        DeviceUsage { memory_used_mb: self.memory_used_mb.clone(), utilization, power_watts: no_power.into() }
    }
}
