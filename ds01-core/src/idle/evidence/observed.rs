//! For how much of the time between two observations the evidence speaks.

use super::{measure::GpuMeasure, observation::Observation, power, signals::Since, thresholds::Thresholds};

/// For how many of the `length_ms` milliseconds from `since` to `now` the evidence speaks. The rest was not observed: it is
/// neither idle nor work.
///
/// CPU time and bytes are counted, and miss nothing. So it is the GPUs that decide, and the one of which the least is known:
///
/// - The energy counter of a GPU that the container has alone speaks for all the time, once it is known what the GPU takes when
///   it idles.
/// - Else it is what the driver's ring and the sampler saw.
/// - Where nothing at all can be told of a GPU, the policy says by what the container is judged (`gpu_unknown`), for all the
///   time. Lines of earlier versions don't say what they cover, and count so too.
pub(crate) fn observed_ms(since: &Since<'_>, now: &Observation, length_ms: u64, thresholds: &Thresholds) -> u64 {
    now.gpus.iter().map(|measure| of_gpu(since, measure, length_ms, thresholds)).min().unwrap_or(length_ms)
}

fn of_gpu(since: &Since<'_>, measure: &GpuMeasure, length_ms: u64, thresholds: &Thresholds) -> u64 {
    let this = |other: &&GpuMeasure| other.gpu == measure.gpu;
    let before = since.before.gpus.iter().find(this).and_then(|before| before.energy.as_ref());
    let by_energy = thresholds.gpu_watts.is_some()
        && since.idle_powers.get(&measure.gpu).is_some_and(|idle| power::tells(idle, before, measure.energy.as_ref()));
    if by_energy {
        return length_ms;
    }
    let told = since.joined.iter().filter(this).chain([measure]).map(|measure| measure.covered_ms);
    told.sum::<Option<u64>>().map_or(length_ms, |covered| covered.min(length_ms))
}
