//! Samplers that are killed at any instant lose their last span at most.

use std::{process::Stdio, thread, time::Duration};

use ds01_core::model::Sample;
use nvml_standin::{Gpu, Scenario};

use crate::{gpus::Gpus, run::Place};

const RUNS: u32 = 500;

/// Each is killed within so much of its start: most after some looks, some before the first.
const SPAN: Duration = Duration::from_millis(60);

#[test]
fn five_hundred_killed_samplers_lose_their_last_span_at_most() {
    let place = Place::new();
    let gpus = Gpus::new(&Scenario::default().gpu(Gpu::new("GPU-aaaaaaaa-0000-4000-8000-000000000000", 81_920)));
    let seed: u64 =
        std::env::var("DS01_TEST_SEED").map_or_else(|_| u64::from(std::process::id()), |seed| seed.parse().unwrap());
    println!("DS01_TEST_SEED={seed}");
    let mut number = seed;
    let mut before: Vec<Sample> = Vec::new();
    let mut wrote = 0;
    for run in 0..RUNS {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = u32::try_from(number >> 40).unwrap() % 1_000;
        let mut child = place.command(gpus.library(), 2).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(SPAN * part / 1_000);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "run {run} ended by itself");
        let now = place.samples();
        // What was whole before is whole still.
        assert_eq!(now[..before.len()], before, "run {run}");
        wrote += u32::from(now.len() > before.len());
        before = now;
    }
    println!("{wrote} of {RUNS} wrote, {} samples in all", before.len());
    assert!(wrote > RUNS / 3, "{wrote} wrote: this has not shown much");
    let last = before.last().unwrap().to_ms;
    let mut next = place.command(gpus.library(), 2);
    assert!(next.args(["--looks", "1"]).status().unwrap().success());
    let after = place.samples();
    assert_eq!(after.len(), before.len() + 1, "a torn line spoils no other");
    assert!(after.last().unwrap().to_ms > last);
}
