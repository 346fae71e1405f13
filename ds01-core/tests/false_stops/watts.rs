//! What power a GPU takes, and what its energy counter says of it.

use std::f64::consts::TAU;

use super::{
    DAY,
    days::{Burst, Kind, Random},
};

/// The counter moves in steps of this many milliseconds.
const STEP_MS: u64 = 100;

/// The driver answers within this many milliseconds.
const SLOWEST_ANSWER_MS: u64 = 2_000;

/// A context with which nothing is done is opened by this second of the day.
pub(crate) const LATEST_OPENING: u64 = 3_600;

/// A GPU's power, in watts: a level without a context (P8) and one with a context (P0), both with drift, and what work adds.
pub(crate) struct Power {
    without_context: f64,
    with_context: f64,
    /// From when to when there is a context, in seconds of the day.
    context: (u64, u64),
    work: f64,
    /// By so many milliseconds work on the GPU lies behind the full second.
    late_ms: u64,
    /// Drift: watts, period in seconds, and phase of slow waves.
    waves: [(f64, f64, f64); 3],
    random: Random,
    /// Read so far: until when, and what.
    until_ms: u64,
    mj: f64,
    next: usize,
}

/// The counter, read once.
pub(crate) struct Count {
    pub(crate) mj: u64,
    /// In milliseconds of the day.
    pub(crate) at_ms: u64,
}

impl Power {
    pub(crate) fn new(kind: Kind, bursts: &[Burst], random: &mut Random) -> Self {
        let mut watts = |low: u64, high: u64| random.between(low * 1000, high * 1000) as f64 / 1000.0;
        let without_context = watts(8, 75);
        let with_context = without_context + watts(5, 45);
        let work = watts(150, 300);
        // A watt by itself, and two more from neighbours that heat the air.
        let mut wave = |size, shortest| (size, watts(shortest, 10_800), watts(0, 6));
        let waves = [wave(0.5, 1_200), wave(0.5, 1_200), wave(2.0, 3_600)];
        let last = bursts.last().map_or(DAY, |burst| burst.end);
        let context = match (kind, bursts.iter().find(|burst| burst.on_gpu)) {
            // Half of them leave the notebook open, with all that it holds on the GPU.
            (Kind::MorningOnly, Some(first)) => (first.begin, if random.between(0, 1) == 0 { last } else { DAY }),
            (_, Some(first)) => (first.begin, DAY),
            (Kind::OnlyOpened, None) => (random.between(0, LATEST_OPENING), DAY),
            (_, None) => (DAY, DAY),
        };
        let (late_ms, noise) = (random.between(0, 999), Random(random.next()));
        Self {
            without_context,
            with_context,
            context,
            work,
            late_ms,
            waves,
            random: noise,
            until_ms: 0,
            mj: 0.0,
            next: 0,
        }
    }

    /// Reads the counter a while after the second `second`: when, and what it says.
    pub(crate) fn read(&mut self, bursts: &[Burst], second: u64) -> Count {
        let at_ms = second * 1000 + self.random.between(0, SLOWEST_ANSWER_MS);
        let to_ms = at_ms - at_ms % STEP_MS;
        let (from_ms, length_ms) = (self.until_ms, to_ms.saturating_sub(self.until_ms));
        let overlap = |begin_ms: u64, end_ms: u64| end_ms.min(to_ms).saturating_sub(begin_ms.max(from_ms)) as f64;
        let with_context_ms = overlap(self.context.0 * 1000, self.context.1 * 1000);
        self.mj += self.without_context * length_ms as f64
            + (self.with_context - self.without_context) * with_context_ms
            + self.drift(to_ms)
            - self.drift(from_ms);
        // What does not even out over an interval.
        self.mj += (self.random.between(0, 300) as f64 / 1000.0 - 0.15) * length_ms as f64;
        let late_ms = self.late_ms;
        while self.next < bursts.len() && bursts[self.next].end * 1000 + late_ms <= from_ms {
            self.next += 1;
        }
        for burst in bursts[self.next..].iter().take_while(|burst| burst.begin * 1000 + late_ms < to_ms) {
            if burst.on_gpu {
                self.mj += self.work * overlap(burst.begin * 1000 + late_ms, burst.end * 1000 + late_ms);
            }
        }
        self.until_ms = to_ms;
        Count { mj: self.mj as u64, at_ms }
    }

    /// The energy in millijoules that the drift has added until then.
    fn drift(&self, until_ms: u64) -> f64 {
        let seconds = until_ms as f64 / 1000.0;
        let wave = |(watts, period, phase): &(f64, f64, f64)| {
            -1000.0 * watts * period / TAU * (TAU * seconds / period + phase).cos()
        };
        self.waves.iter().map(wave).sum()
    }
}
