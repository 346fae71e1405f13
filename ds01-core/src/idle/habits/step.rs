//! What a container did from one look of the detector to the next.

use serde::{Deserialize, Serialize};

use super::Since;
use crate::{
    idle::evidence::{EnergyCount, GpuFigure, GpuMeasure, Observation},
    model::Reading,
};

/// From this share of a step on, in percent, figures speak for all of it.
const NEARLY_ALL_PERCENT: u64 = 75;

/// What a step begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastLook {
    boot_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    net_bytes: Option<u64>,
    /// The last input at any of its terminals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gpus: Vec<LastGpu>,
}

/// One of its GPUs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LastGpu {
    gpu: String,
    held: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    energy: Option<EnergyCount>,
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'a> {
    /// Its beginning, on the boot clock, in milliseconds.
    pub from_ms: u64,
    /// Its end.
    pub until: Since,
    /// For how long the container used its GPUs, all together, in milliseconds. `None` where that is not known of one of them.
    pub used_ms: Option<u64>,
    /// Whether that speaks for nearly all of the step.
    pub is_seen: bool,
    /// CPU time, in microseconds.
    pub cpu_us: Option<u64>,
    /// Bytes received and sent.
    pub net_bytes: Option<u64>,
    /// Whether a program was started in it, or somebody typed, or that is not known.
    pub acted: bool,
    /// Its GPUs.
    pub gpus: Vec<GpuStep<'a>>,
}

/// What happened on one GPU in a step.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuStep<'a> {
    /// Its UUID.
    pub gpu: &'a str,
    /// Whether the container held a context on it all the time.
    pub held: bool,
    /// For how long it used it, in milliseconds.
    pub used_ms: Option<u64>,
    /// For how much of the step that speaks.
    pub covered_ms: u64,
    /// What it took in the mean, in milliwatts, where nobody else can have used it.
    pub mean_mw: Option<u64>,
}

impl LastLook {
    /// From what was seen.
    pub fn of(seen: &Observation) -> Self {
        let gpu = |measure: &GpuMeasure| LastGpu {
            gpu: measure.gpu.clone(),
            held: measure.context == Some(true),
            energy: measure.energy,
        };
        Self {
            boot_ms: seen.boot_ms,
            cpu_us: seen.cpu_us.known().copied(),
            net_bytes: seen.net_bytes.known().copied(),
            input: last_input(seen),
            gpus: seen.gpus.iter().map(gpu).collect(),
        }
    }

    /// When it was, on the boot clock, in milliseconds.
    pub fn boot_ms(&self) -> u64 {
        self.boot_ms
    }

    /// What happened from then to `seen`, which is later.
    pub fn step_to<'a>(&self, seen: &'a Observation) -> Step<'a> {
        let length_ms = seen.boot_ms.saturating_sub(self.boot_ms);
        let gpus: Vec<GpuStep<'a>> = seen.gpus.iter().map(|measure| self.gpu_step(measure, length_ms)).collect();
        let used = |sum: Option<u64>, gpu: &GpuStep<'_>| Some(sum?.saturating_add(gpu.used_ms?));
        let difference = |before: Option<u64>, now: &Reading<u64>| now.known()?.checked_sub(before?);
        Step {
            from_ms: self.boot_ms,
            until: Since { at: seen.at, boot_ms: seen.boot_ms },
            used_ms: if gpus.is_empty() { None } else { gpus.iter().fold(Some(0), used) },
            is_seen: gpus.iter().all(|gpu| gpu.covers(NEARLY_ALL_PERCENT, length_ms)),
            cpu_us: difference(self.cpu_us, &seen.cpu_us),
            net_bytes: difference(self.net_bytes, &seen.net_bytes),
            acted: self.acted(seen),
            gpus,
        }
    }

    fn gpu_step<'a>(&self, measure: &'a GpuMeasure, length_ms: u64) -> GpuStep<'a> {
        let before = self.gpus.iter().find(|other| other.gpu == measure.gpu);
        let known = !matches!(measure.figure, GpuFigure::Unknown { .. });
        GpuStep {
            gpu: &measure.gpu,
            held: measure.context == Some(true) && before.is_some_and(|before| before.held),
            used_ms: measure.used_ms.filter(|_| known),
            covered_ms: measure.covered_ms.unwrap_or(0).min(length_ms),
            mean_mw: before.and_then(|before| mean_mw(before.energy.as_ref()?, measure.energy.as_ref()?)),
        }
    }

    fn acted(&self, seen: &Observation) -> bool {
        let Reading::Known(activity) = &seen.activity else { return true };
        let started = activity.newest.as_ref().is_some_and(|newest| newest.started_boot_ms >= self.boot_ms);
        started || last_input(seen) != self.input
    }
}

impl Step<'_> {
    /// How long it was, in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.until.boot_ms.saturating_sub(self.from_ms)
    }

    /// CPU time in thousandths of one core; `None` where it is not known.
    pub fn cpu_per_mille(&self) -> Option<u64> {
        self.cpu_us?.checked_div(self.length_ms())
    }
}

impl GpuStep<'_> {
    /// Whether the figures speak for so many percent of a step of this length.
    pub fn covers(&self, percent: u64, length_ms: u64) -> bool {
        self.covered_ms.saturating_mul(100) >= length_ms.saturating_mul(percent)
    }

    /// For what share of the time that the figures speak for it was used, in percent. `None` where that is not known.
    pub fn used_percent(&self) -> Option<u64> {
        let hundredfold = self.used_ms?.saturating_mul(100);
        hundredfold.saturating_add(self.covered_ms / 2).checked_div(self.covered_ms)
    }
}

fn last_input(seen: &Observation) -> Option<i64> {
    seen.activity.known()?.terminals.values().max().copied()
}

/// The mean power between two readings of the energy counter, in milliwatts.
fn mean_mw(before: &EnergyCount, now: &EnergyCount) -> Option<u64> {
    let ms = now.boot_ms.checked_sub(before.boot_ms).filter(|ms| *ms > 0)?;
    Some(now.mj.checked_sub(before.mj)?.saturating_mul(1000) / ms)
}
