//! What containers and GPUs did over hours and days, in a few figures each: for an admin to see what looks wrong. Pure.
//!
//! ```text
//! two looks of the detector -> Step -> Habit of a container, and what a GPU takes when it idles
//! ```
//!
//! Nothing here stops anybody, and no rule asks it. It is taken in from what a check has read anyway, and kept in
//! `idle-state.json`. Where a look shows that something is not so, its figures begin anew. So what is remembered of a container is
//! always an unbroken run, and most containers have none.

mod beats;
mod even;
mod habit;
mod hung;
mod kept_on;
mod latched;
mod memory;
mod power;
mod step;

pub use beats::Beats;
pub use even::{Even, PART_MS};
pub use habit::Habit;
pub use hung::{Hung, LastWord};
pub use kept_on::{Hold, KeptOn};
pub use latched::Latched;
pub use memory::{GpuHabit, Habits, Raised};
pub use power::{LowPower, within_idle};
pub use step::{GpuStep, LastLook, Step};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When something began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// On the wall clock, for people.
    pub at: Timestamp,
    /// On the boot clock, in milliseconds.
    pub boot_ms: u64,
}

/// The lowest and the highest of some figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The lowest.
    pub least: u64,
    /// The highest.
    pub most: u64,
}

impl Range {
    /// Of one figure.
    pub fn of(one: u64) -> Self {
        Self { least: one, most: one }
    }

    /// With one more.
    #[must_use]
    pub fn with(self, one: u64) -> Self {
        Self { least: self.least.min(one), most: self.most.max(one) }
    }

    /// Whether the highest is no more than so many percent above the lowest, and `slack` more.
    pub fn is_even(self, percent: u64, slack: u64) -> bool {
        self.most <= self.least.saturating_add(self.least.saturating_mul(percent) / 100).saturating_add(slack)
    }
}

#[cfg(test)]
mod tests;
