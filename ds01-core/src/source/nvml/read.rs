//! From an initialised library to plain data. What can't be read is a [`Reading`] with NVML's answer.

use std::{collections::BTreeMap, time::Duration};

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::{
    activity::{activity, ring_mean},
    answer::{Question, kind, reading, unknown},
    raw::{self, Row},
};
use crate::model::{
    DeviceUtilization, Gpu, GpuActivity, GpuProcess, GpuReading, GpuSnapshot, Mig, MigInstance, Reading, Unknown,
    UnknownKind, UtilizationSource,
};
use crate::source::{FailureKind, SourceError, SourceName};

/// `current` of `nvmlDeviceGetMigMode` while the mode is on.
const MIG_ENABLED: u32 = 1;

/// The most places for MIG instances that are believed: GPUs have seven. Each is asked for.
const MOST_INSTANCES: u32 = 256;

/// All GPUs; with a question, also what they did, but for what GPM tells.
pub(super) fn snapshot(nvml: &Nvml, question: Option<Question>) -> Result<GpuSnapshot, SourceError> {
    let count = nvml.device_count().map_err(|error| {
        let kind = if matches!(error, NvmlError::NoPermission) { FailureKind::Denied } else { FailureKind::Erred };
        SourceError::failed(SourceName::Nvml, kind, format!("nvmlDeviceGetCount_v2: {error}"))
    })?;
    let gpus = (0..count).map(|index| GpuReading { index, gpu: gpu(nvml, index, question).into() }).collect();
    Ok(GpuSnapshot { driver_version: nvml.sys_driver_version().ok(), gpus })
}

/// The GPU at an index. Without a handle or a UUID there is nothing to say about it.
fn gpu(nvml: &Nvml, index: u32, question: Option<Question>) -> Result<Gpu, Unknown> {
    let device = nvml.device_by_index(index).map_err(|error| unknown("nvmlDeviceGetHandleByIndex_v2", &error))?;
    let uuid = device.uuid().map_err(|error| unknown("nvmlDeviceGetUUID", &error))?;
    let mig = mig(&device).into();
    let memory = memory(&device);
    let activity = own_activity(&device, &mig, question);
    Ok(Gpu {
        uuid,
        name: reading("nvmlDeviceGetName", device.name()),
        minor_number: reading("nvmlDeviceGetMinorNumber", device.minor_number()),
        pci_bus_id: reading("nvmlDeviceGetPciInfo_v3", device.pci_info()).map(|info| info.bus_id),
        memory_total_mb: memory.as_ref().map(|memory| mib(memory.total)),
        memory_used_mb: memory.as_ref().map(|memory| mib(memory.used)),
        utilization: utilization(&device, &mig, &activity, question),
        power_watts: reading("nvmlDeviceGetPowerUsage", device.power_usage()).map(|mw| f64::from(mw) / 1000.0),
        processes: own_processes(&device, &mig),
        activity,
        mig,
    })
}

/// The processes on the GPU itself.
///
/// While MIG is on there can be none: a CUDA context is on an instance. The driver's list for the GPU is then that of all
/// instances together, and told to the privileged alone; asking each instance says the same to everyone. Where MIG could
/// not be read the list is not asked for: it could be that of the instances, who would seem to have moved.
fn own_processes(device: &Device<'_>, mig: &Reading<Mig>) -> Reading<Vec<GpuProcess>> {
    match mig {
        Reading::Known(Mig::Disabled) => processes(device),
        Reading::Known(Mig::Enabled(_)) => Reading::Known(Vec::new()),
        Reading::Unknown(why) => Unknown::new(UnknownKind::NotAsked, format!("processes: {}", why.detail)).into(),
    }
}

/// What the GPU itself did. While MIG is on, drivers tell neither utilization nor samples of it.
fn own_activity(device: &Device<'_>, mig: &Reading<Mig>, question: Option<Question>) -> Reading<GpuActivity> {
    match (question, mig) {
        (None, _) => Unknown::new(UnknownKind::NotAsked, "utilization").into(),
        (Some(question), Reading::Known(Mig::Disabled)) => Reading::Known(activity(device, question)),
        (Some(_), Reading::Known(Mig::Enabled(_))) => {
            Unknown::new(UnknownKind::NotSupported, "the utilization of a GPU in MIG mode").into()
        }
        (Some(_), Reading::Unknown(why)) => {
            Unknown::new(UnknownKind::NotAsked, format!("utilization: {}", why.detail)).into()
        }
    }
}

/// Whether MIG is on, and the instances. A GPU or driver without such a mode is one where it is off.
fn mig(device: &Device<'_>) -> Result<Mig, Unknown> {
    match device.mig_mode() {
        Ok(mode) if mode.current == MIG_ENABLED => instances(device).map(Mig::Enabled),
        Ok(_) => Ok(Mig::Disabled),
        Err(error) if kind(&error) == UnknownKind::NotSupported => Ok(Mig::Disabled),
        Err(error) => Err(unknown("nvmlDeviceGetMigMode", &error)),
    }
}

/// All instances, or none: a list that lacks the one that could not be read would say that it is gone.
fn instances(device: &Device<'_>) -> Result<Vec<MigInstance>, Unknown> {
    let places = device.mig_device_count().map_err(|error| unknown("nvmlDeviceGetMaxMigDeviceCount", &error))?;
    if places > MOST_INSTANCES {
        let detail = format!("nvmlDeviceGetMaxMigDeviceCount: {places} instances, which no GPU has");
        return Err(Unknown::new(UnknownKind::Failed, detail));
    }
    let mut instances = Vec::new();
    for index in 0..places {
        match device.mig_device_by_index(index) {
            Ok(device) => instances.push(instance(index, &device)?),
            // Indices have holes where instances were destroyed.
            Err(NvmlError::NotFound) => {}
            Err(error) => return Err(unknown("nvmlDeviceGetMigDeviceHandleByIndex", &error)),
        }
    }
    Ok(instances)
}

fn instance(index: u32, device: &Device<'_>) -> Result<MigInstance, Unknown> {
    let memory = memory(device);
    Ok(MigInstance {
        index,
        uuid: device.uuid().map_err(|error| unknown("nvmlDeviceGetUUID", &error))?,
        name: reading("nvmlDeviceGetName", device.name()),
        gpu_instance_id: reading("nvmlDeviceGetGpuInstanceId", raw::gpu_instance_id(device)),
        compute_instance_id: reading("nvmlDeviceGetComputeInstanceId", raw::compute_instance_id(device)),
        memory_total_mb: memory.as_ref().map(|memory| mib(memory.total)),
        memory_used_mb: memory.as_ref().map(|memory| mib(memory.used)),
        processes: processes(device),
        graphics_percent: Unknown::new(UnknownKind::NotAsked, "utilization").into(),
        graphics_over: Duration::ZERO,
    })
}

fn memory(device: &Device<'_>) -> Reading<raw::Memory> {
    reading("nvmlDeviceGetMemoryInfo", raw::memory(device))
}

/// How much the GPU itself works: the mean of the driver's ring, which says the same as its own figure and of a longer time, else
/// that figure.
fn utilization(
    device: &Device<'_>,
    mig: &Reading<Mig>,
    activity: &Reading<GpuActivity>,
    question: Option<Question>,
) -> Reading<DeviceUtilization> {
    match mig {
        Reading::Known(Mig::Disabled) => {}
        Reading::Known(Mig::Enabled(_)) => {
            return Unknown::new(UnknownKind::NotSupported, "the utilization of a GPU in MIG mode").into();
        }
        Reading::Unknown(why) => {
            return Unknown::new(UnknownKind::NotAsked, format!("utilization: {}", why.detail)).into();
        }
    }
    let ring = activity.known().zip(question).and_then(|(activity, question)| ring_mean(activity, question));
    if let Some(mean) = ring {
        return Reading::Known(mean);
    }
    let rates = device.utilization_rates().map_err(|error| unknown("nvmlDeviceGetUtilizationRates", &error));
    rates.and_then(|rates| DeviceUtilization::new(f64::from(rates.gpu), None, UtilizationSource::Rates)).into()
}

/// Who holds a compute context. Both lists or neither: one alone would say that those of the other are gone.
fn processes(device: &Device<'_>) -> Reading<Vec<GpuProcess>> {
    let compute = match raw::compute_processes(device) {
        Ok(rows) => rows,
        Err(error) => return unknown("nvmlDeviceGetComputeRunningProcesses", &error).into(),
    };
    reading("nvmlDeviceGetMPSComputeRunningProcesses", raw::mps_processes(device)).map(|mps| merge(&compute, &mps))
}

/// One entry for each pid, in their order, however often and wherever it is listed; memory is the most that any row
/// says, as rows for one process speak of the same memory. Pid 0 is nobody's.
fn merge(compute: &[Row], mps: &[Row]) -> Vec<GpuProcess> {
    let mut merged: BTreeMap<u32, (Option<u64>, bool)> = BTreeMap::new();
    let rows = compute.iter().map(|row| (row, false)).chain(mps.iter().map(|row| (row, true)));
    for (row, is_mps) in rows.filter(|(row, _)| row.pid != 0) {
        let (memory_bytes, mps) = merged.entry(row.pid).or_default();
        *memory_bytes = row.memory_bytes.max(*memory_bytes);
        *mps |= is_mps;
    }
    let hidden = || Unknown::new(UnknownKind::NotSupported, "usedGpuMemory: not available");
    let process = |(pid, (bytes, mps)): (u32, (Option<u64>, bool))| {
        let memory_mb = bytes.map_or_else(|| hidden().into(), |bytes| Reading::Known(mib(bytes)));
        GpuProcess { pid, memory_mb, mps }
    };
    merged.into_iter().map(process).collect()
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}
