//! A utilization that stands still though nobody is on the GPU.
//!
//! Such counters were seen to stay at 100 % for days after a process died in a kernel. For the reaper they are no work of
//! anybody's. Here they are told to whoever can mend them.

use serde::{Deserialize, Serialize};

use super::Since;
use crate::model::{Gpu, GpuActivity, Mig, Reading};

/// So many checks in a row have to have seen it: who ended a moment ago is in the driver's memory yet.
const CHECKS: u64 = 3;

/// And for so long, in milliseconds.
const FROM_MS: u64 = 480_000;

/// What a GPU shows at one look, while nobody is on it: the lowest of its samples, in percent. `None` where somebody is or was on
/// it, where it shows nothing, and where that can't be told.
pub(super) fn shown(gpu: &Gpu) -> Option<u32> {
    let (Reading::Known(Mig::Disabled), Reading::Known(on_it)) = (&gpu.mig, &gpu.processes) else { return None };
    let Reading::Known(GpuActivity { processes, device, graphics_pids, .. }) = &gpu.activity else { return None };
    // Whoever came and went between two looks has a row, or the driver tells of none.
    let nobody_was = processes.known()?.iter().all(|row| row.highest_percent() == 0);
    let nobody_is = on_it.is_empty() && graphics_pids.known()?.is_empty();
    let lowest = device.known()?.iter().map(|sample| sample.percent).min()?;
    (nobody_is && nobody_was && (1..=100).contains(&lowest)).then_some(lowest)
}

/// An unbroken run of checks that saw it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latched {
    /// The first.
    pub since: Since,
    /// The last, on the boot clock, in milliseconds.
    pub until_ms: u64,
    /// How many.
    pub checks: u64,
    /// The lowest that it showed, in percent.
    pub percent: u32,
}

impl Latched {
    /// Whether it was seen often and long enough for nobody to be behind it.
    pub fn stands(&self) -> bool {
        self.checks >= CHECKS && self.until_ms.saturating_sub(self.since.boot_ms) >= FROM_MS
    }

    pub(super) fn after(before: Option<Self>, percent: u32, now: Since) -> Self {
        let mut latched = before.unwrap_or(Self { since: now, until_ms: now.boot_ms, checks: 0, percent });
        latched.until_ms = now.boot_ms;
        latched.checks = latched.checks.saturating_add(1);
        latched.percent = latched.percent.min(percent);
        latched
    }
}
