//! For how much of an interval a figure speaks, and for how long a GPU was used in it.
//!
//! What one look sees of a GPU reaches as far back as the driver's ring of samples does, seconds in all; a MIG instance shows
//! the time between two samples of GPM. The sampler's spans lie beside that. Each millisecond counts once, and one that
//! nothing speaks of was not observed.

use std::time::Duration;

use super::asked::{Asked, Sampled};
use crate::{
    model::{DeviceSample, GpuActivity, Reading, Span, covered_ms},
    units::millis,
};

/// So far back the driver is taken to remember processes where it has no ring of samples that would tell how far.
pub(super) const LEAST_MEMORY: Duration = Duration::from_secs(5);

/// What the look itself speaks of, of a GPU that is not in MIG mode.
pub(crate) fn by_ring(activity: &GpuActivity, asked: Asked) -> Span {
    if asked.check().is_err() {
        return asked.since(asked.until_us);
    }
    let memory = match &activity.device {
        Reading::Known(samples) => ring(samples, asked),
        Reading::Unknown(_) => {
            Span { from_ms: asked.boot_ms.saturating_sub(millis(LEAST_MEMORY)), to_ms: asked.boot_ms }
        }
    };
    memory.within(asked.span())
}

/// From the first sample on, which stands at the end of what it is the mean of.
fn ring(samples: &[DeviceSample], asked: Asked) -> Span {
    let times = || samples.iter().map(|sample| sample.time_us).filter(|us| asked.contains(*us));
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return asked.since(asked.until_us) };
    let steps = u64::try_from(times().count()).unwrap_or(1) - 1;
    asked.since(first.saturating_sub((last - first).checked_div(steps).unwrap_or(0)))
}

/// For how long something speaks, of `now` and of what the sampler saw.
pub(super) fn together<'a>(now: Span, sampled: impl Iterator<Item = &'a Sampled>, whole: Span) -> u64 {
    let spans = sampled.map(|sampled| sampled.covered).chain([now]);
    covered_ms(spans).min(whole.length_ms())
}

/// For how long a GPU was used: by what the sampler saw, and by the look itself where that says more. `share` gives what
/// counts of a span, in percent; without it nobody can tell.
pub(super) fn used_ms(
    (now, percent): (Span, Option<f64>),
    sampled: &[Sampled],
    share: impl Fn(&Sampled) -> Option<f64>,
) -> Option<u64> {
    let told = || sampled.iter().filter(|sampled| share(sampled).is_some());
    let by_sampler: f64 =
        told().map(|sampled| share(sampled).unwrap_or(0.0) * as_f64(sampled.covered.length_ms())).sum();
    let spans = || told().map(|sampled| sampled.covered);
    let rest = covered_ms(spans().chain([now])) - covered_ms(spans());
    let by_look = percent.map(|percent| percent * as_f64(rest));
    if by_look.is_none() && told().next().is_none() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of an interval")]
    Some(((by_sampler + by_look.unwrap_or(0.0)) / 100.0).round() as u64)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of an interval")]
fn as_f64(ms: u64) -> f64 {
    ms as f64
}

#[cfg(test)]
#[path = "covered_tests.rs"]
mod tests;
