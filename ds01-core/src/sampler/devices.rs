//! From what the driver tells to what was done on each device, and by whom.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::{
    idle::evidence::{Asked, by_ring},
    model::{DeviceSpan, Gpu, GpuActivity, GpuSnapshot, MigInstance, Reading, Share, Who},
    units::millis,
};

/// Each GPU that is not in MIG mode, and each MIG instance.
pub(super) fn spans(snapshot: &GpuSnapshot, asked: Asked, who: &HashMap<u32, Who>) -> Vec<DeviceSpan> {
    let mut spans = Vec::new();
    for gpu in snapshot.gpus.iter().filter_map(|reading| reading.gpu.known()) {
        if let Reading::Known(activity) = &gpu.activity {
            spans.push(whole(gpu, activity, asked, who));
        }
        spans.extend(gpu.mig_instances().iter().filter_map(|mig| instance(mig, asked)));
    }
    spans
}

/// How far the driver was seen to remember, where it has a ring of samples.
pub(super) fn memory(gpu: &Gpu, asked: Asked) -> Option<Duration> {
    let activity = gpu.activity.known()?;
    let samples = activity.device.known()?;
    let seen = Duration::from_millis(by_ring(activity, asked).length_ms());
    (samples.len() > 1).then_some(seen)
}

fn whole(gpu: &Gpu, activity: &GpuActivity, asked: Asked, who: &HashMap<u32, Who>) -> DeviceSpan {
    let samples = activity.device.known().map_or(&[][..], Vec::as_slice);
    let gpm = activity.gpm_percent.known().copied().filter(|percent| (0.0..=100.0).contains(percent));
    DeviceSpan {
        uuid: gpu.uuid.clone(),
        covered_ms: by_ring(activity, asked).length_ms(),
        percent: asked.percents(samples).chain(gpm).reduce(f64::max).map(tenths),
        // GPM counts what the ring's samples are taken of.
        mean_percent: gpm.or_else(|| asked.mean(samples)).map(tenths),
        shares: activity.processes.known().map(|rows| {
            let mut shares: BTreeMap<&Who, u32> = BTreeMap::new();
            let sound =
                rows.iter().filter(|row| asked.contains(row.time_us) && (1..=100).contains(&row.highest_percent()));
            let nobody: BTreeMap<u32, Who> = sound.clone().map(|row| (row.pid, Who::Unknown(row.pid))).collect();
            for row in sound {
                if let Some(who) = who.get(&row.pid).or_else(|| nobody.get(&row.pid)) {
                    *shares.entry(who).or_default() += row.highest_percent();
                }
            }
            shares.into_iter().map(|(who, percent)| Share { who: who.clone(), percent: percent.min(100) }).collect()
        }),
    }
}

fn instance(mig: &MigInstance, asked: Asked) -> Option<DeviceSpan> {
    let percent = mig.graphics_percent.known().copied().filter(|percent| (0.0..=100.0).contains(percent))?;
    Some(DeviceSpan {
        uuid: mig.uuid.clone(),
        covered_ms: millis(mig.graphics_over).min(asked.span().length_ms()),
        percent: Some(tenths(percent)),
        mean_percent: Some(tenths(percent)),
        shares: None,
    })
}

/// In tenths of a percent, rounded up: a little work is not none.
fn tenths(percent: f64) -> f64 {
    (percent * 10.0).ceil() / 10.0
}
