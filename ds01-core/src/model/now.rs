//! The moment of a look or a check.

use std::time::Duration;

use jiff::Timestamp;
use rustix::param::clock_ticks_per_second;

/// A moment on both clocks of one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Wall clock.
    pub at: Timestamp,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Boot clock (`CLOCK_BOOTTIME`) in milliseconds.
    pub boot_ms: u64,
}

/// The boot clock in milliseconds at a clock tick since boot, as `/proc/PID/stat` tells of a process's start.
pub fn boot_ms_at(ticks: u64) -> u64 {
    ticks.saturating_mul(1000) / clock_ticks_per_second().max(1)
}

impl Now {
    /// How long ago `boot_ms` was, in this boot; zero for the future.
    pub fn since(&self, boot_ms: u64) -> Duration {
        Duration::from_millis(self.boot_ms.saturating_sub(boot_ms))
    }

    /// How long it is to `boot_ms`; zero for the past.
    pub fn until(&self, boot_ms: u64) -> Duration {
        Duration::from_millis(boot_ms.saturating_sub(self.boot_ms))
    }
}
