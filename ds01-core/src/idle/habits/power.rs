//! A GPU that is busy, and takes no more power than when it idles with a context open.
//!
//! What it takes then is learned, as it differs from GPU to GPU: the lowest mean power of a step in which a container that had the
//! GPU to itself held a context all the time and did nothing. (With a context open an H200 takes 120 W, without one 77 W; a rule
//! that knows only the latter would see no hang.) Until that was seen once, nothing is said.

use serde::{Deserialize, Serialize};

use super::{
    Since,
    step::{GpuStep, Step},
};

/// From this share of the time on, in percent, a GPU is busy.
const BUSY_PERCENT: u64 = 50;

/// The figures have to speak for so many percent of a step.
const COVERED_PERCENT: u64 = 40;

/// For a GPU to have done nothing, they have to speak for nearly all.
const IDLE_COVERED_PERCENT: u64 = 75;

/// So many percent above what it takes when it idles, a GPU may idle yet: it gets warmer.
const ABOVE_IDLE_PERCENT: u64 = 10;

/// An unbroken time in which a GPU was busy at idle power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowPower {
    /// Which GPU.
    pub gpu: String,
    /// Its beginning.
    pub since: Since,
    /// Its end, on the boot clock, in milliseconds.
    pub until_ms: u64,
    /// The least share of the time in which it was busy, in percent.
    pub least_percent: u64,
    /// The most that it took in a step, in milliwatts.
    pub most_mw: u64,
    /// What it takes when it idles.
    pub idle_mw: u64,
}

/// Whether so many milliwatts are what a GPU takes when it idles.
pub fn within_idle(mw: u64, idle_mw: u64) -> bool {
    mw <= idle_mw.saturating_add(idle_mw.saturating_mul(ABOVE_IDLE_PERCENT) / 100)
}

impl GpuStep<'_> {
    /// What it takes when it idles with a context open, where the step shows that.
    pub fn idle_mw(&self, length_ms: u64) -> Option<u64> {
        let idle = self.held && self.used_ms == Some(0) && self.covers(IDLE_COVERED_PERCENT, length_ms);
        self.mean_mw.filter(|_| idle)
    }

    fn busy_at(&self, idle_mw: u64, length_ms: u64) -> Option<(u64, u64)> {
        let percent = self.used_percent().filter(|percent| *percent >= BUSY_PERCENT)?;
        let mw = self.mean_mw.filter(|mw| within_idle(*mw, idle_mw))?;
        (self.held && self.covers(COVERED_PERCENT, length_ms)).then_some((percent, mw))
    }
}

impl LowPower {
    /// What is remembered after `step`. `idle_mw` says what a GPU takes when it idles.
    pub fn after(before: Option<Self>, step: &Step<'_>, idle_mw: impl Fn(&str) -> Option<u64>) -> Option<Self> {
        let low = |gpu: &GpuStep<'_>| {
            let idle_mw = idle_mw(gpu.gpu)?;
            Some((gpu.gpu.to_owned(), idle_mw, gpu.busy_at(idle_mw, step.length_ms())?))
        };
        let mut found: Vec<_> = step.gpus.iter().filter_map(low).collect();
        let same = |low: &Self| found.iter().position(|(gpu, ..)| *gpu == low.gpu);
        let (before, at) = match before.and_then(|low| same(&low).map(|at| (low, at))) {
            Some((low, at)) => (Some(low), at),
            None => (None, 0),
        };
        if found.is_empty() {
            return None;
        }
        let (gpu, idle_mw, (percent, mw)) = found.swap_remove(at);
        let mut low = before.unwrap_or(Self {
            gpu,
            since: Since { boot_ms: step.from_ms, ..step.until },
            until_ms: step.until.boot_ms,
            least_percent: percent,
            most_mw: mw,
            idle_mw,
        });
        low.until_ms = step.until.boot_ms;
        low.least_percent = low.least_percent.min(percent);
        low.most_mw = low.most_mw.max(mw);
        low.idle_mw = idle_mw;
        Some(low)
    }

    /// How long, in milliseconds.
    pub fn span_ms(&self) -> u64 {
        self.until_ms.saturating_sub(self.since.boot_ms)
    }
}
