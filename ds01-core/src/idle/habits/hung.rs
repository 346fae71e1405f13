//! A GPU that is busy all the time, with nothing to show for it.

use serde::{Deserialize, Serialize};

use super::{
    Since,
    step::{GpuStep, Step},
};

/// From this share of the time on, in percent, a GPU is busy all the time: a driver says 96 to 99 % of a kernel that never ends.
const BUSY_PERCENT: u64 = 95;

/// The figures have to speak for so many percent of a step.
const COVERED_PERCENT: u64 = 40;

/// So many times what a GPU takes when it idles is work, however little else shows.
const WORKS_FROM: u64 = 2;

/// More bytes in a second are output, or input.
const NET_BYTES_PER_SECOND: u64 = 200;

/// An unbroken time in which each GPU that a container holds a context on was busy, and nothing else showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hung {
    /// Its beginning.
    pub since: Since,
    /// Its end, on the boot clock, in milliseconds.
    pub until_ms: u64,
    /// The most CPU time in a step, in thousandths of one core.
    pub cpu_per_mille: u64,
    /// Whether bytes received and sent were counted.
    pub net_known: bool,
    /// So many checks asked the driver for memory traffic, and were told of none.
    pub without_traffic: u64,
    /// The disk counters at the last check that could read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// So many checks saw that they stood still.
    pub disk_still: u64,
}

/// What only a check asks, of who could be hung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastWord {
    /// The highest share of time in which its processes read or wrote GPU memory, in percent. `None` where the driver does not tell.
    pub memory_percent: Option<u32>,
    /// Its disk counters.
    pub disk_bytes: Option<u64>,
}

impl Hung {
    /// What is remembered after `step`. `most_cpu` is below what CPU time is nothing, in thousandths of one core, and `idle_mw` says
    /// what a GPU takes when it idles.
    pub fn after(
        before: Option<Self>,
        step: &Step<'_>,
        most_cpu: u64,
        idle_mw: impl Fn(&str) -> Option<u64>,
    ) -> Option<Self> {
        let length_ms = step.length_ms();
        let mut held = step.gpus.iter().filter(|gpu| gpu.held).peekable();
        held.peek()?;
        let takes_power = |gpu: &GpuStep<'_>| {
            let idle_mw = idle_mw(gpu.gpu);
            gpu.mean_mw.zip(idle_mw).is_some_and(|(mw, idle_mw)| mw > idle_mw.saturating_mul(WORKS_FROM))
        };
        let busy = held.all(|gpu| {
            gpu.covers(COVERED_PERCENT, length_ms)
                && gpu.used_percent().is_some_and(|percent| percent >= BUSY_PERCENT)
                && !takes_power(gpu)
        });
        let cpu = step.cpu_per_mille()?;
        let net = step
            .net_bytes
            .is_none_or(|bytes| bytes.saturating_mul(1000) <= length_ms.saturating_mul(NET_BYTES_PER_SECOND));
        if !busy || cpu >= most_cpu || !net || step.acted {
            return None;
        }
        let mut hung = before.unwrap_or(Self {
            since: Since { boot_ms: step.from_ms, ..step.until },
            until_ms: step.until.boot_ms,
            cpu_per_mille: 0,
            net_known: true,
            without_traffic: 0,
            disk_bytes: None,
            disk_still: 0,
        });
        hung.until_ms = step.until.boot_ms;
        hung.cpu_per_mille = hung.cpu_per_mille.max(cpu);
        hung.net_known &= step.net_bytes.is_some();
        Some(hung)
    }

    /// The same after a check has asked. `None` where it does something after all.
    #[must_use]
    pub fn asked(mut self, word: LastWord) -> Option<Self> {
        match word.memory_percent {
            Some(0) => self.without_traffic = self.without_traffic.saturating_add(1),
            Some(_) => return None,
            None => {}
        }
        match (self.disk_bytes, word.disk_bytes) {
            (Some(before), Some(now)) if now != before => return None,
            (Some(_), Some(_)) => self.disk_still = self.disk_still.saturating_add(1),
            _ => {}
        }
        self.disk_bytes = word.disk_bytes.or(self.disk_bytes);
        Some(self)
    }

    /// How long, in milliseconds.
    pub fn span_ms(&self) -> u64 {
        self.until_ms.saturating_sub(self.since.boot_ms)
    }
}
