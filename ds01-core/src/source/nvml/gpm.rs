//! GPM: how much GPUs and MIG instances worked between two samples.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    thread,
    time::{Duration, Instant},
};

use nvml_wrapper::{Device, GpmSample, Nvml, enums::gpm::GpmMetricId, error::NvmlError, gpm::gpm_metrics_get};

use super::answer::unknown;
use crate::model::{Gpu, GpuReading, Mig, MigInstance, Reading, Unknown, UnknownKind};

/// NVML asks for two samples more than 100 ms apart: closer ones say 0 %, and no error.
const APART: Duration = Duration::from_millis(110);

/// The last sample of each GPU and GPU instance. NVML compares two samples of one library that stays loaded.
#[derive(Default)]
pub(super) struct Gpm<'nvml>(BTreeMap<Place, Earlier<'nvml>>);

/// A GPU by its UUID, and a GPU instance of it by its id; `None` is the GPU as a whole.
type Place = (String, Option<u32>);

struct Earlier<'nvml> {
    sample: GpmSample<'nvml>,
    taken: Instant,
    /// The MIG devices in it: when others are there, another instance has got its id.
    devices: Vec<String>,
}

/// A mean in percent, and of how long.
type Mean = (Reading<f64>, Duration);

/// Which GPUs are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those in MIG mode, which tell nothing otherwise.
    InMigMode,
    /// All.
    All,
}

/// Fills in the figures of all MIG instances, with one pause for all of them, and none where no GPU has GPM.
pub(super) fn over_a_pause(nvml: &Nvml, gpus: &mut [GpuReading]) {
    let mut gpm = Gpm::default();
    gpm.look(nvml, gpus, Which::InMigMode);
    if !gpm.0.is_empty() {
        thread::sleep(APART);
        gpm.look(nvml, gpus, Which::InMigMode);
    }
}

impl<'nvml> Gpm<'nvml> {
    /// Takes a sample of each, and fills in the figures of those of which there is an earlier one.
    pub(super) fn look(&mut self, nvml: &'nvml Nvml, gpus: &mut [GpuReading], which: Which) {
        let mut earlier = std::mem::take(&mut self.0);
        for reading in gpus {
            let index = reading.index;
            let Reading::Known(gpu) = &mut reading.gpu else { continue };
            let device = || device(nvml, index);
            match &mut gpu.mig {
                Reading::Known(Mig::Enabled(instances)) if !instances.is_empty() => {
                    self.instances(nvml, &mut earlier, &gpu.uuid, device(), instances);
                }
                Reading::Known(Mig::Disabled) if which == Which::All => {
                    self.whole(nvml, &mut earlier, gpu, device());
                }
                _ => {}
            }
        }
    }

    fn whole(
        &mut self,
        nvml: &Nvml,
        earlier: &mut BTreeMap<Place, Earlier<'nvml>>,
        gpu: &mut Gpu,
        device: Result<Device<'nvml>, Unknown>,
    ) {
        let Reading::Known(activity) = &mut gpu.activity else { return };
        let place = (gpu.uuid.clone(), None);
        let sample = device.and_then(|device| device.gpm_sample().map_err(|error| unknown("nvmlGpmSampleGet", &error)));
        activity.gpm_percent = self.mean(nvml, earlier.remove(&place), place, Vec::new(), sample).0;
    }

    fn instances(
        &mut self,
        nvml: &Nvml,
        earlier: &mut BTreeMap<Place, Earlier<'nvml>>,
        uuid: &str,
        device: Result<Device<'nvml>, Unknown>,
        instances: &mut [MigInstance],
    ) {
        let mut devices: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for instance in instances.iter() {
            if let Reading::Known(id) = &instance.gpu_instance_id {
                devices.entry(*id).or_default().push(instance.uuid.clone());
            }
        }
        // Compute instances of one GPU instance share its figure.
        let mut means: BTreeMap<u32, Mean> = BTreeMap::new();
        for instance in instances {
            let id = match &instance.gpu_instance_id {
                Reading::Known(id) => *id,
                Reading::Unknown(why) => {
                    instance.graphics_percent = why.clone().into();
                    continue;
                }
            };
            let mean = match means.entry(id) {
                Entry::Occupied(mean) => mean.into_mut(),
                Entry::Vacant(place) => {
                    let sample = device.as_ref().map_err(Clone::clone).and_then(|device| {
                        device.gpm_mig_sample(id).map_err(|error| unknown("nvmlGpmMigSampleGet", &error))
                    });
                    let key = (uuid.to_owned(), Some(id));
                    let devices = devices.remove(&id).unwrap_or_default();
                    place.insert(self.mean(nvml, earlier.remove(&key), key, devices, sample))
                }
            };
            (instance.graphics_percent, instance.graphics_over) = mean.clone();
        }
    }

    /// The mean from the earlier sample of a place to this one, which the next one is compared with.
    fn mean(
        &mut self,
        nvml: &Nvml,
        earlier: Option<Earlier<'nvml>>,
        place: Place,
        devices: Vec<String>,
        sample: Result<GpmSample<'nvml>, Unknown>,
    ) -> Mean {
        let sample = match sample {
            Ok(sample) => sample,
            Err(why) => return (why.into(), Duration::ZERO),
        };
        let now = Earlier { sample, taken: Instant::now(), devices };
        let mean = match earlier.filter(|earlier| earlier.devices == now.devices) {
            None => (Unknown::new(UnknownKind::NotAsked, "GPM: there is no earlier sample").into(), Duration::ZERO),
            Some(earlier) => {
                let over = now.taken.saturating_duration_since(earlier.taken);
                if over < APART {
                    // Too near: the earlier one stays, so that nothing is lost.
                    let why = Unknown::new(UnknownKind::NotAsked, "GPM: two samples were too near to each other");
                    self.0.insert(place, earlier);
                    return (why.into(), Duration::ZERO);
                }
                (graphics_percent(nvml, &earlier.sample, &now.sample).into(), over)
            }
        };
        self.0.insert(place, now);
        mean
    }
}

fn graphics_percent(nvml: &Nvml, first: &GpmSample<'_>, second: &GpmSample<'_>) -> Result<f64, Unknown> {
    let answers = gpm_metrics_get(nvml, first, second, &[GpmMetricId::GraphicsUtil]);
    let answer = answers.and_then(|answers| answers.into_iter().next().unwrap_or(Err(NvmlError::NotFound)));
    answer.map(|answer| answer.value).map_err(|error| unknown("nvmlGpmMetricsGet", &error))
}

/// The device, if it has GPM.
fn device(nvml: &Nvml, index: u32) -> Result<Device<'_>, Unknown> {
    let device = nvml.device_by_index(index).map_err(|error| unknown("nvmlDeviceGetHandleByIndex_v2", &error))?;
    match device.gpm_support() {
        Ok(true) => Ok(device),
        Ok(false) => Err(Unknown::new(UnknownKind::NotSupported, "this GPU has no GPM")),
        Err(error) => Err(unknown("nvmlGpmQueryDeviceSupport", &error)),
    }
}
