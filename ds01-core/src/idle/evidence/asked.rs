//! The span that GPUs were asked about, and what the sampler saw in it.

use jiff::Timestamp;

use crate::model::{DeviceSample, Now, Span};

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
    /// From `since` until now.
    pub fn between(since: Timestamp, now: &Now) -> Self {
        let us = |time: Timestamp| u64::try_from(time.as_microsecond()).unwrap_or(0);
        Self { since_us: us(since), until_us: us(now.at), boot_ms: now.boot_ms }
    }

    /// What samples of a whole GPU say of the span, in percent, as far as that makes sense.
    pub(crate) fn percents(self, samples: &[DeviceSample]) -> impl Iterator<Item = f64> {
        let new = samples.iter().filter(move |sample| self.contains(sample.time_us) && sample.percent <= 100);
        new.map(|sample| f64::from(sample.percent))
    }

    /// Their mean.
    pub(crate) fn mean(self, samples: &[DeviceSample]) -> Option<f64> {
        let count = u32::try_from(self.percents(samples).count()).ok().filter(|count| *count > 0)?;
        Some(self.percents(samples).sum::<f64>() / f64::from(count))
    }

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
