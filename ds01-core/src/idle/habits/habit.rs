//! What one life of a container did over hours.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    beats::Beats,
    even::Even,
    hung::Hung,
    kept_on::KeptOn,
    power::LowPower,
    step::{LastLook, Step},
};
use crate::idle::evidence::Observation;

/// Looks that are further apart, in milliseconds, see no beats between them.
const LONGEST_FOR_BEATS_MS: u64 = 90_000;

/// And nothing at all is known of longer steps.
const LONGEST_STEP_MS: u64 = 600_000;

/// More bytes in a second, received and sent, are a sign that somebody asks for the work.
const NET_BYTES_PER_SECOND: u64 = 50;

/// CPU time that launching work on a GPU can take, beside as much as the work itself, in milliseconds of a step.
const LAUNCH_MS: u64 = 1_500;

/// And that of a step without work on a GPU, for it to be a beat and no work.
const CPU_BEAT_MS: u64 = 5_000;

/// What one life of a container did over hours. What is not so now is not remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Habit {
    /// The life.
    pub started_at: Timestamp,
    /// The last look that was taken in.
    pub last: LastLook,
    /// Short work at even intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beats: Option<Beats>,
    /// A little work all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub even: Option<Even>,
    /// Busy, with nothing to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hung: Option<Hung>,
    /// Busy at idle power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_power: Option<LowPower>,
    /// Kept again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_on: Option<KeptOn>,
}

impl Habit {
    /// Of a life that is seen for the first time.
    pub fn new(seen: &Observation) -> Self {
        Self {
            started_at: seen.started_at,
            last: LastLook::of(seen),
            beats: None,
            even: None,
            hung: None,
            low_power: None,
            kept_on: None,
        }
    }

    /// Takes in what happened up to the next look. `cpu_per_mille` is the CPU time that counts as work, in thousandths of one core.
    pub(super) fn take_in(&mut self, step: &Step<'_>, cpu_per_mille: u64, idle_mw: impl Fn(&str) -> Option<u64>) {
        let is_long = step.length_ms() > LONGEST_STEP_MS;
        self.hung = if is_long { None } else { Hung::after(self.hung.take(), step, cpu_per_mille, &idle_mw) };
        self.low_power = if is_long { None } else { LowPower::after(self.low_power.take(), step, idle_mw) };
        if step.length_ms() > LONGEST_FOR_BEATS_MS || !does_little_else(step) {
            (self.beats, self.even) = (None, None);
            return;
        }
        let (used_ms, cpu) = (step.used_ms.unwrap_or(0), step.cpu_per_mille().unwrap_or(0));
        let on_gpu = self.beats.as_ref().is_some_and(|beats| beats.used_ms.most > 0);
        let by_cpu = cpu >= cpu_per_mille;
        let is_beat = used_ms > 0 || (by_cpu && !on_gpu);
        // CPU time without work on the GPU is something else.
        let strays = by_cpu && on_gpu && used_ms == 0;
        self.beats = if strays { None } else { Beats::after(self.beats.take(), step, is_beat) };
        self.even = Even::after(self.even.take(), step);
    }
}

/// Whether all is known of a step, and it shows nothing but, at most, work on a GPU and the CPU time that this takes.
fn does_little_else(step: &Step<'_>) -> bool {
    let (Some(used_ms), Some(cpu_us), Some(net)) = (step.used_ms, step.cpu_us, step.net_bytes) else { return false };
    let launches = match used_ms {
        0 => CPU_BEAT_MS,
        used_ms => used_ms.saturating_add(used_ms / 4).saturating_add(LAUNCH_MS),
    };
    let quiet = net.saturating_mul(1000) <= step.length_ms().saturating_mul(NET_BYTES_PER_SECOND);
    step.is_seen && !step.acted && quiet && cpu_us / 1000 <= launches
}
