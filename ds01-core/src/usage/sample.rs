//! CPU use now: two readings of the counters of all workloads, a moment apart.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::model::{Reading, Unknown, UnknownKind};

use super::Meter;

/// What a workload uses at the moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Percent of one core: 250 is two and a half cores.
    pub cpu_percent: Reading<f64>,
    /// Memory in bytes, as [`Meter::memory_bytes`] tells it.
    pub memory_bytes: Reading<u64>,
}

/// Reads the meters twice, `interval` apart for each of them, and answers in their order.
///
/// It takes `interval` and one more round of reading, however many meters there are. An empty slice takes no time.
pub fn measure(meters: &[Reading<Meter>], interval: Duration) -> Vec<Usage> {
    if meters.iter().all(|meter| meter.known().is_none()) {
        return meters.iter().map(|meter| unknown(meter.unknown())).collect();
    }
    let begin = Instant::now();
    let first: Vec<_> =
        meters.iter().map(|meter| meter.known().map(|meter| (meter.cpu_time(), Instant::now()))).collect();
    thread::sleep(interval.saturating_sub(begin.elapsed()));
    meters
        .iter()
        .zip(first)
        .map(|(meter, first)| {
            let (Reading::Known(meter), Some((before, then))) = (meter, first) else { return unknown(meter.unknown()) };
            let (after, now) = (meter.cpu_time(), Instant::now());
            Usage { cpu_percent: cpu_percent(before, after, now - then), memory_bytes: meter.memory_bytes() }
        })
        .collect()
}

/// Percent of one core between two readings of a counter of CPU time, `elapsed` apart.
pub fn cpu_percent(before: Reading<Duration>, after: Reading<Duration>, elapsed: Duration) -> Reading<f64> {
    let (before, after) = match (before, after) {
        (Reading::Known(before), Reading::Known(after)) => (before, after),
        (Reading::Unknown(why), _) | (_, Reading::Unknown(why)) => return why.into(),
    };
    match after.checked_sub(before) {
        Some(used) if !elapsed.is_zero() => Reading::Known(used.as_secs_f64() / elapsed.as_secs_f64() * 100.0),
        Some(_) => Unknown::new(UnknownKind::Failed, "two readings at the same instant").into(),
        None => Unknown::new(UnknownKind::Gone, "the counter began anew: it was restarted").into(),
    }
}

fn unknown(why: Option<&Unknown>) -> Usage {
    let why = why.cloned().unwrap_or_else(|| Unknown::new(UnknownKind::NotAsked, "not measured"));
    Usage { cpu_percent: why.clone().into(), memory_bytes: why.into() }
}
