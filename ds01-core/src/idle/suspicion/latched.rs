//! A utilization that stands still though nobody is on the GPU.

use std::time::Duration;

use super::{
    finding::Suspicion,
    known::{FRESH_MS, Known, gpu_name},
};
use crate::{
    model::{EngineName, SuspicionKind},
    units,
};

/// GPUs that show work of nobody.
pub(super) fn suspicions(known: &Known<'_>) -> Vec<Suspicion> {
    let latched = known.habits.gpus.iter().filter_map(|(gpu, habit)| Some((gpu, habit.latched?)));
    let stands = latched.filter(|(_, latched)| {
        let goes_on = known.now.boot_ms.saturating_sub(latched.until_ms) <= FRESH_MS;
        latched.stands() && goes_on
    });
    let suspicion = |(gpu, latched): (&String, crate::idle::habits::Latched)| {
        let span_ms = latched.until_ms.saturating_sub(latched.since.boot_ms);
        let evidence = format!(
            "{} shows {} % and more at {} checks, for {}, and nobody is on it",
            gpu_name(known.inventory, gpu),
            latched.percent,
            latched.checks,
            units::duration(Duration::from_millis(span_ms)),
        );
        Suspicion {
            kind: SuspicionKind::LatchedCounter,
            container: None,
            engine: EngineName::DOCKER,
            user: None,
            gpus: vec![gpu.clone()],
            pid: None,
            since: latched.since.at,
            evidence,
            advice: "open and close a context on it, such as by a small CUDA program: that clears such a counter"
                .to_owned(),
        }
    };
    stands.map(suspicion).collect()
}
