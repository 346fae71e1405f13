//! The span that GPUs were asked about, and what the sampler saw in it.

use crate::model::Span;

/// A span on the driver's wall clock, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The observation before. What is not later is old.
    pub since_us: u64,
    /// Now.
    pub until_us: u64,
    /// Now, on the boot clock, in milliseconds.
    pub boot_ms: u64,
}

/// What the sampler saw of a GPU or MIG instance in one span, as it concerns one container.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// What it speaks of.
    pub covered: Span,
    /// The highest figure of the whole GPU or instance, in percent.
    pub percent: Option<f64>,
    /// Its mean, in percent.
    pub mean_percent: Option<f64>,
    /// The share of the container's own processes in percent. `None` where the driver tells of no processes.
    pub own_percent: Option<f64>,
    /// Whether somebody worked who was gone before anybody could tell who that was.
    pub by_unknown: bool,
}

impl Asked {
    /// The span on the boot clock.
    pub(crate) fn span(self) -> Span {
        self.since(self.since_us)
    }

    /// From an instant on the driver's wall clock until now, on the boot clock.
    pub(super) fn since(self, us: u64) -> Span {
        Span { from_ms: self.boot_ms.saturating_sub(self.until_us.saturating_sub(us) / 1000), to_ms: self.boot_ms }
    }

    pub(crate) fn contains(self, time_us: u64) -> bool {
        time_us > self.since_us
    }

    /// With the clock set back, everything new looks old until it has caught up: nothing can be told from that.
    pub(super) fn check(self) -> Result<(), String> {
        if self.since_us < self.until_us { Ok(()) } else { Err("the wall clock was set back".to_owned()) }
    }
}
