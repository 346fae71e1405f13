//! What GPUs and MIG instances did: utilization since a time, and GPM.

use std::{collections::BTreeMap, thread, time::Duration};

use nvml_wrapper::{
    Device, GpmSample, Nvml,
    enum_wrappers::device::Sampling,
    enums::{device::SampleValue, gpm::GpmMetricId},
    error::NvmlError,
    gpm::gpm_metrics_get,
};

use super::{
    answer::{Question, reading, unknown},
    raw::{self, Row},
};
use crate::model::{
    DeviceSample, GpuActivity, GpuReading, Mig, MigInstance, ProcessSample, Reading, Unknown, UnknownKind,
};

/// So many calls for one list that keeps growing between the question how long it is and the question for it.
const ATTEMPTS: usize = 5;

/// NVML asks for two GPM samples more than 100 ms apart.
const BETWEEN_GPM_SAMPLES: Duration = Duration::from_millis(110);

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
    }
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

/// Fills in the figures of all MIG instances, with one pause for all of them, and none where no GPU has GPM.
pub(super) fn graphics_percents(nvml: &Nvml, gpus: &mut [GpuReading]) {
    let first: Vec<_> = gpus.iter().map(|gpu| first_samples(nvml, gpu)).collect();
    if first.iter().flatten().any(|samples| samples.values().any(Result::is_ok)) {
        thread::sleep(BETWEEN_GPM_SAMPLES);
    }
    for (gpu, first) in gpus.iter_mut().zip(first) {
        let index = gpu.index;
        let Reading::Known(gpu) = &mut gpu.gpu else { continue };
        let Reading::Known(Mig::Enabled(instances)) = &mut gpu.mig else { continue };
        let figures = match &first {
            Err(why) => Err(why),
            Ok(first) => Ok(second_samples(nvml, index, first)),
        };
        for instance in instances {
            instance.graphics_percent = match (&instance.gpu_instance_id, &figures) {
                (Reading::Unknown(why), _) => why.clone().into(),
                (_, Err(why)) => (*why).clone().into(),
                (Reading::Known(id), Ok(figures)) => figures
                    .get(id)
                    .cloned()
                    .unwrap_or_else(|| Unknown::new(UnknownKind::Gone, format!("GPU instance {id}")).into()),
            };
        }
    }
}

/// Samples by GPU instance id.
type Samples<'nvml> = BTreeMap<u32, Result<GpmSample<'nvml>, Unknown>>;

/// The first sample of each GPU instance of a GPU, or why there can be none.
fn first_samples<'nvml>(nvml: &'nvml Nvml, gpu: &GpuReading) -> Result<Samples<'nvml>, Unknown> {
    let instances: &[MigInstance] = gpu.gpu.known().map(|gpu| gpu.mig_instances()).unwrap_or_default();
    if instances.is_empty() {
        return Ok(Samples::new());
    }
    let device = device(nvml, gpu.index)?;
    match device.gpm_support() {
        Ok(true) => {}
        Ok(false) => return Err(Unknown::new(UnknownKind::NotSupported, "this GPU has no GPM")),
        Err(error) => return Err(unknown("nvmlGpmQueryDeviceSupport", &error)),
    }
    let ids = instances.iter().filter_map(|instance| instance.gpu_instance_id.known().copied());
    Ok(ids.map(|id| (id, sample(&device, id))).collect())
}

/// The figure of each GPU instance, from its first sample and another one.
fn second_samples(nvml: &Nvml, index: u32, first: &Samples<'_>) -> BTreeMap<u32, Reading<f64>> {
    let figure = |id: u32, first: &Result<GpmSample<'_>, Unknown>| -> Result<f64, Unknown> {
        let first = first.as_ref().map_err(Clone::clone)?;
        let second = sample(&device(nvml, index)?, id)?;
        let answers = gpm_metrics_get(nvml, first, &second, &[GpmMetricId::GraphicsUtil]);
        let answer = answers.and_then(|answers| answers.into_iter().next().unwrap_or(Err(NvmlError::NotFound)));
        answer.map(|answer| answer.value).map_err(|error| unknown("nvmlGpmMetricsGet", &error))
    };
    first.iter().map(|(id, first)| (*id, figure(*id, first).into())).collect()
}

fn device(nvml: &Nvml, index: u32) -> Result<Device<'_>, Unknown> {
    nvml.device_by_index(index).map_err(|error| unknown("nvmlDeviceGetHandleByIndex_v2", &error))
}

fn sample<'nvml>(device: &Device<'nvml>, gpu_instance_id: u32) -> Result<GpmSample<'nvml>, Unknown> {
    device.gpm_mig_sample(gpu_instance_id).map_err(|error| unknown("nvmlGpmMigSampleGet", &error))
}
