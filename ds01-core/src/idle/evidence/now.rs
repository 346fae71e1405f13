//! The moment of a look or a check.

use std::time::Duration;

use jiff::Timestamp;

use crate::{source::Clock, units::millis};

/// The moment of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Wall clock.
    pub at: Timestamp,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Boot clock (`CLOCK_BOOTTIME`) in milliseconds.
    pub boot_ms: u64,
}

impl Now {
    /// What both clocks say, in the boot `boot_id`.
    pub fn read(clock: &dyn Clock, boot_id: &str) -> Self {
        Self { at: clock.now(), boot_id: boot_id.to_owned(), boot_ms: millis(clock.since_boot()) }
    }

    /// How long ago `boot_ms` was, in this boot; zero for the future.
    pub fn since(&self, boot_ms: u64) -> Duration {
        Duration::from_millis(self.boot_ms.saturating_sub(boot_ms))
    }

    /// How long it is to `boot_ms`; zero for the past.
    pub fn until(&self, boot_ms: u64) -> Duration {
        Duration::from_millis(boot_ms.saturating_sub(self.boot_ms))
    }
}
