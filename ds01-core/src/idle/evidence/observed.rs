//! For how much of the time between two observations the evidence speaks.

use super::{measure::GpuMeasure, observation::Observation, power, since::Since, thresholds::Thresholds};

/// From this share of an interval on, in percent, figures speak for all of it: looks and the sampler's spans don't end at the
/// same moments.
const NEARLY_ALL_PERCENT: u64 = 75;

/// Below this share of an interval, in percent, what was seen says nothing of it: a look every five minutes would take an hour of
/// seconds for an hour.
const TOO_LITTLE_PERCENT: u64 = 25;

/// For how many of the `length_ms` milliseconds from `since` to `now` the evidence speaks. The rest was not observed: it is
/// neither idle nor work.
///
/// CPU time and bytes are counted, and miss nothing. So it is the GPUs that decide, and the one of which the least is known:
///
/// - The energy counter of a GPU that the container has alone speaks for all the time, once it is known what the GPU takes when it
///   idles. That of a shared one does not: seven days in a thousand, it was seen to hide a second's work every few minutes.
/// - Else it is what the driver's ring and the sampler saw, unless that is next to nothing.
/// - Where nothing at all can be told of a GPU, the policy says by what the container is judged (`gpu_unknown`), for all the
///   time. Lines of earlier versions don't say what they cover, and count so too.
pub(crate) fn observed_ms(since: &Since<'_>, now: &Observation, length_ms: u64, thresholds: &Thresholds) -> u64 {
    now.gpus.iter().map(|measure| of_gpu(since, measure, length_ms, thresholds)).min().unwrap_or(length_ms)
}

/// Whether figures speak for nearly all of the time from `since` to now, so that the energy of a GPU that others use too is not
/// asked who worked.
pub(super) fn is_seen(since: &Since<'_>, measure: &GpuMeasure, length_ms: u64) -> bool {
    is_share(seen_ms(since, measure, length_ms), length_ms, NEARLY_ALL_PERCENT)
}

fn of_gpu(since: &Since<'_>, measure: &GpuMeasure, length_ms: u64, thresholds: &Thresholds) -> u64 {
    let seen_ms = seen_ms(since, measure, length_ms);
    let by_energy = thresholds.gpu_watts.is_some() && power::tells(since.idle_powers, &since.before.gpus, measure);
    if by_energy && measure.energy.is_some() {
        length_ms
    } else if is_share(seen_ms, length_ms, TOO_LITTLE_PERCENT) {
        seen_ms
    } else {
        0
    }
}

/// What the driver's ring and the sampler saw.
fn seen_ms(since: &Since<'_>, measure: &GpuMeasure, length_ms: u64) -> u64 {
    let this = |other: &&GpuMeasure| other.gpu == measure.gpu;
    let told = since.joined.iter().filter(this).chain([measure]).map(|measure| measure.covered_ms);
    told.reduce(|sum, one| Some(sum?.saturating_add(one?)))
        .flatten()
        .map_or(length_ms, |covered| covered.min(length_ms))
}

/// Whether `part` is at least so many percent of `whole`.
fn is_share(part: u64, whole: u64, percent: u64) -> bool {
    u128::from(part) * 100 >= u128::from(whole) * u128::from(percent)
}

#[cfg(test)]
#[path = "observed_tests.rs"]
mod tests;
