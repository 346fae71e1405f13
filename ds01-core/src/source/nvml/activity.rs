//! What GPUs did: utilization since a time, and energy.

use std::time::Duration;

use nvml_wrapper::{Device, enum_wrappers::device::Sampling, enums::device::SampleValue, error::NvmlError};

use super::{
    answer::{Question, reading},
    raw::{self, Row},
};
use crate::model::{
    DeviceSample, DeviceUtilization, GpuActivity, ProcessSample, Unknown, UnknownKind, UtilizationSource,
};

/// So many calls for one list that keeps growing between the question how long it is and the question for it.
const ATTEMPTS: usize = 5;

/// What a GPU that is not in MIG mode did.
pub(super) fn activity(device: &Device<'_>, question: Question) -> GpuActivity {
    // A clock before 1970 is one that was never set.
    let since_us = u64::try_from(question.since.as_microsecond()).unwrap_or(0);
    let processes = listed(|| device.process_utilization_stats(since_us)).map(|samples| {
        let sample = |sample: nvml_wrapper::struct_wrappers::device::ProcessUtilizationSample| ProcessSample {
            pid: sample.pid,
            time_us: sample.timestamp,
            sm_percent: sample.sm_util,
            encoder_percent: sample.enc_util,
            decoder_percent: sample.dec_util,
            memory_percent: sample.mem_util,
        };
        samples.into_iter().map(sample).collect()
    });
    let samples = listed(|| device.samples(Sampling::GpuUtilization, since_us)).map(|samples| {
        let sample = |sample: nvml_wrapper::struct_wrappers::device::Sample| {
            Some(DeviceSample { time_us: sample.timestamp, percent: whole(&sample.value)? })
        };
        samples.into_iter().filter_map(sample).collect()
    });
    let graphics = raw::graphics_processes(device);
    // Pid 0 is nobody's.
    let pids = |rows: Vec<Row>| rows.iter().map(|row| row.pid).filter(|pid| *pid != 0).collect();
    let energy = device.total_energy_consumption();
    GpuActivity {
        graphics_pids: reading("nvmlDeviceGetGraphicsRunningProcesses", graphics).map(pids),
        energy_mj: reading("nvmlDeviceGetTotalEnergyConsumption", energy),
        energy_after: question.begun.elapsed(),
        processes: reading("nvmlDeviceGetProcessUtilization", processes),
        device: reading("nvmlDeviceGetSamples", samples),
        gpm_percent: Unknown::new(UnknownKind::NotAsked, "GPM").into(),
    }
}

/// The mean of the ring's samples since the time that was asked about; `None` when there are none that make sense.
pub(super) fn ring_mean(activity: &GpuActivity, question: Question) -> Option<DeviceUtilization> {
    let since_us = u64::try_from(question.since.as_microsecond()).unwrap_or(0);
    let samples = activity.device.known()?;
    let sound = || samples.iter().filter(|sample| sample.time_us > since_us && sample.percent <= 100);
    let count = u32::try_from(sound().count()).ok().filter(|count| *count > 0)?;
    let sum: u64 = sound().map(|sample| u64::from(sample.percent)).sum();
    let mean = f64::from(u32::try_from(sum).ok()?) / f64::from(count);
    let (first, last) = (sound().map(|sample| sample.time_us).min()?, sound().map(|sample| sample.time_us).max()?);
    DeviceUtilization::new(mean, Some(Duration::from_micros(last - first)), UtilizationSource::Samples).ok()
}

/// A list of what happened, asked for again while it grows. That nothing was found is a list without entries.
fn listed<T>(ask: impl Fn() -> Result<Vec<T>, NvmlError>) -> Result<Vec<T>, NvmlError> {
    for _ in 1..ATTEMPTS {
        match ask() {
            Err(NvmlError::InsufficientSize(_)) => {}
            Err(NvmlError::NotFound) => return Ok(Vec::new()),
            answer => return answer,
        }
    }
    ask()
}

/// A percentage, in whichever type the driver gives it; `None` when it is none.
fn whole(value: &SampleValue) -> Option<u32> {
    match value {
        SampleValue::U32(value) => Some(*value),
        SampleValue::U64(value) => u32::try_from(*value).ok(),
        SampleValue::I64(value) => u32::try_from(*value).ok(),
        // Rounded up: a little work is not none.
        SampleValue::F64(value) if (0.0..=100.0).contains(value) => {
            (0..=100).find(|percent| f64::from(*percent) >= *value)
        }
        SampleValue::F64(_) => None,
    }
}
