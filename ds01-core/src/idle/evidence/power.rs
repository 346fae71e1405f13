//! Whether a GPU did a little between two looks that neither of them saw: by the energy it took.
//!
//! The driver's samples reach a few seconds back, so a second's work now and then passes between two looks unseen, and a
//! third of a second of CPU is below what counts as work there. The energy counter misses nothing. It speaks of the whole GPU
//! and in watts, not of anybody's work, so it is a veto and no more:
//!
//! - It speaks of the container where nobody else can have used the energy: see
//!   [`Tenancy::is_alone`](super::report::Tenancy::is_alone). Where others can, and no sampler saw who worked, more power than when
//!   the GPU idles keeps all of them: one of them worked, and nobody can tell which.
//! - The mean power of an interval is held against the lowest of the [`RECENT`] intervals before it, as no figure in watts is
//!   idle on every GPU. They reach two and a half minutes back where a detector looks every 30 seconds: far enough to have a
//!   quiet one among them, and not so far that air that gets warmer counts as work. A level that stays, as when a context was
//!   opened, is work for that long, and then the new idle.
//! - What is not more than idle, or is unknown (the driver was reloaded, the GPU has no such counter), proves nothing: idleness
//!   is for the other figures to show.
//!
//! How much that sees: between two scans of the detector, 30 seconds apart, a GPU that idles at 60 W has to take 70 J more, as in
//! a third of a second of 225 W more. With five minutes between looks it is ten times that. What it does not see is work at
//! the same small rate all the time, and work before the second look at a container. What it can't tell from work is whoever
//! else makes the GPU take power and holds no context: without persistence mode, a program that wakes the GPU to look at it.
//!
//! The figures are chosen, not measured, and so the policy has the last word: `gpu_power_threshold` says how many watts are
//! noise, and `null` there ignores power altogether. The trial in `tests/false_stops` holds what is built in against
//! drift, steps and noise as data sheets and field reports have them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    measure::{EnergyCount, GpuMeasure},
    observation::SHORTEST_INTERVAL,
};
use crate::units::millis;

/// So many intervals back the lowest power counts as that of the idle GPU.
pub const RECENT: usize = 5;

/// And no further back than this: where there are only checks, five minutes apart, that is two intervals.
pub const LONGEST_MEMORY: Duration = Duration::from_secs(480);

/// By this part of it, in thousandths, the mean power of an idle GPU may differ from one interval to another, beside the
/// watts of the policy's `gpu_power_threshold`: the counter moves in steps of a tenth of a second or so.
pub const NOISE_PER_MILLE: u64 = 5;

/// The mean powers of one GPU in the [`RECENT`] intervals, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdlePower(Vec<MeanPower>);

/// The mean power of one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct MeanPower {
    /// Boot clock at its end, in milliseconds.
    until_boot_ms: u64,
    mw: u64,
}

/// By GPU.
pub type IdlePowers = BTreeMap<String, IdlePower>;

impl IdlePower {
    /// By how many watts, beyond noise, a GPU took more power from `before` to `now` than when it idles. `None` when it did
    /// not, and when nobody can tell. Up to `noise` watts prove nothing.
    pub fn excess_watts(&self, before: &EnergyCount, now: &EnergyCount, noise: f64) -> Option<f64> {
        let (mj, ms) = spent(before, now)?;
        let idle_mw = self.idle_mw(before)?;
        let excess_mj = mj.checked_sub(idle_mw.saturating_mul(ms) / 1000)?;
        let excess_over = |ms: u64| watts(excess_mj.saturating_mul(1000) / ms);
        // Over a shorter time than this, steps of the counter look like power.
        let is_more = excess_over(ms.max(millis(SHORTEST_INTERVAL)))
            > noise + watts(idle_mw.saturating_mul(NOISE_PER_MILLE) / 1000);
        is_more.then(|| excess_over(ms))
    }

    /// What the GPU took when it idled, before `before`.
    fn idle_mw(&self, before: &EnergyCount) -> Option<u64> {
        let longest = millis(LONGEST_MEMORY);
        let recent = self.0.iter().filter(|mean| mean.until_boot_ms.saturating_add(longest) >= before.boot_ms);
        recent.map(|mean| mean.mw).min()
    }

    /// Remembers what the GPU took from `before` to `now`.
    pub fn take_in(&mut self, before: &EnergyCount, now: &EnergyCount) {
        let Some((mj, ms)) = spent(before, now) else { return };
        self.0.push(MeanPower { until_boot_ms: now.boot_ms, mw: mj.saturating_mul(1000) / ms });
        let too_many = self.0.len().saturating_sub(RECENT);
        self.0.drain(..too_many);
    }
}

/// Far below what an f64 holds exactly.
#[expect(clippy::cast_precision_loss, reason = "milliwatts of one GPU")]
fn watts(mw: u64) -> f64 {
    mw as f64 / 1000.0
}

/// Millijoules and milliseconds. `None` when the counter went backwards, as after the driver was reloaded.
fn spent(before: &EnergyCount, now: &EnergyCount) -> Option<(u64, u64)> {
    let ms = now.boot_ms.checked_sub(before.boot_ms).filter(|ms| *ms > 0)?;
    Some((now.mj.checked_sub(before.mj)?, ms))
}

/// By how many watts the GPU that did most in secret took more than when it idles, from one observation to another, of those
/// that `speaks` names. Up to `noise` watts prove nothing.
pub(super) fn excess_watts(
    idle: &IdlePowers,
    before: &[GpuMeasure],
    now: &[GpuMeasure],
    noise: f64,
    speaks: impl Fn(&GpuMeasure) -> bool,
) -> Option<f64> {
    let asked = both(before, now).filter(|(measure, ..)| speaks(measure));
    asked.filter_map(|(measure, before, now)| idle.get(&measure.gpu)?.excess_watts(before, now, noise)).reduce(f64::max)
}

/// Whether the energy from one observation to another tells if anybody did anything on a GPU: it was read at both, and what the
/// GPU takes when it idles is known.
pub(super) fn tells(idle: &IdlePowers, before: &[GpuMeasure], now: &GpuMeasure) -> bool {
    let idle = idle.get(&now.gpu);
    both(before, std::slice::from_ref(now))
        .any(|(_, before, now)| spent(before, now).is_some() && idle.is_some_and(|idle| idle.idle_mw(before).is_some()))
}

/// Remembers what GPUs took from one observation to another, and forgets GPUs that are not there any more.
pub(crate) fn take_in(idle: &mut IdlePowers, before: &[GpuMeasure], now: &[GpuMeasure]) {
    idle.retain(|gpu, _| now.iter().any(|measure| measure.gpu == *gpu));
    for (measure, before, now) in both(before, now) {
        idle.entry(measure.gpu.clone()).or_default().take_in(before, now);
    }
}

fn both<'a>(
    before: &'a [GpuMeasure],
    now: &'a [GpuMeasure],
) -> impl Iterator<Item = (&'a GpuMeasure, &'a EnergyCount, &'a EnergyCount)> {
    now.iter().filter_map(|measure| {
        let earlier = before.iter().find(|earlier| earlier.gpu == measure.gpu)?;
        Some((measure, earlier.any_energy()?, measure.any_energy()?))
    })
}

#[cfg(test)]
#[path = "power_tests.rs"]
mod tests;
