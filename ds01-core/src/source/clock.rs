//! Time from outside, so that whoever decides can be given any.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use crate::{model::Now, units::millis};

/// The two clocks of the host.
pub trait Clock: Send + Sync {
    /// The wall clock. It can be set, forward and back.
    fn now(&self) -> Timestamp;

    /// Time since boot, suspended time included (`CLOCK_BOOTTIME`). It never jumps, and starts anew at boot.
    fn since_boot(&self) -> Duration;
}

impl Now {
    /// What both clocks say, in the boot `boot_id`.
    pub fn read(clock: &dyn Clock, boot_id: &str) -> Self {
        Self { at: clock.now(), boot_id: boot_id.to_owned(), boot_ms: millis(clock.since_boot()) }
    }
}

/// The host's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn since_boot(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        // The kernel gives neither a negative boot time nor a billion nanoseconds or more.
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// How far clocks are from the host's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift {
    /// The wall clock, either way.
    pub wall: SignedDuration,
    /// The boot clock, which can only be ahead.
    pub boot: Duration,
}

/// The host's own clocks, shifted: for tests that can't wait half an hour.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShiftedClock(pub Shift);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        now.checked_add(self.0.wall).unwrap_or(now)
    }

    fn since_boot(&self) -> Duration {
        SystemClock.since_boot().saturating_add(self.0.boot)
    }
}
