use super::*;
use crate::idle::{
    evidence::{EnergyCount, GpuFigure, IdlePowers, Signals, Verdict},
    test_support::{THRESHOLDS, seen},
};

/// A look at a shared GPU that shows no work, of which so much was seen, and what the GPU took so far.
fn look(seconds: u64, covered_s: u64, joules: Option<u64>) -> Observation {
    let mut observation = seen(seconds);
    let measure = &mut observation.gpus[0];
    measure.covered_ms = Some(covered_s * 1000);
    measure.context = Some(true);
    measure.shared_energy = joules.map(|joules| EnergyCount { mj: joules * 1000, boot_ms: seconds * 1000 });
    observation
}

/// From 1,000 s on for `length_s`: for how many seconds the evidence speaks, and its verdict. The GPU idles at 100 W.
fn after(length_s: u64, covered_s: u64, joules: Option<u64>) -> (u64, Verdict) {
    let before = look(1_000, 0, Some(100_000));
    let mut idle_powers = IdlePowers::new();
    power::take_in(&mut idle_powers, &look(970, 0, Some(97_000)).gpus, &before.gpus);
    let since = Since { before: &before, net_at_check: None, joined: &[], idle_powers: &idle_powers };
    let now = look(1_000 + length_s, covered_s, joules);
    let signals = Signals::between(&since, &now, &THRESHOLDS);
    let observed = observed_ms(&since, &now, length_s * 1000, &THRESHOLDS) / 1000;
    (observed, Verdict::of(&signals, THRESHOLDS.gpu_unknown))
}

#[test]
fn the_energy_of_a_shared_gpu_tells_that_somebody_worked_and_never_that_nobody_did() {
    let idle = Some(100_000 + 30 * 100);
    assert_eq!(after(30, 14, idle), (14, Verdict::Idle), "noise can hide a little work");
    assert_eq!(after(30, 14, None), (14, Verdict::Idle));
    // A fifth of a second at 600 W more, beside nothing that a look has seen.
    let worked = Some(100_000 + 30 * 100 + 120);
    assert_eq!(after(30, 14, worked).1, Verdict::GpuActive, "somebody did, and it could have been this one");
    assert_eq!(after(30, 30, worked), (30, Verdict::Idle), "the sampler saw that it was not");
    assert_eq!(after(30, 0, idle), (0, Verdict::Idle), "others work all the time, at a power that stays");
}

#[test]
fn a_look_that_sees_next_to_nothing_says_nothing_of_the_rest() {
    assert_eq!(after(300, 14, None).0, 0);
    assert_eq!(after(300, 14, Some(100_000 + 300 * 100)).0, 0);
    assert_eq!(after(300, 290, None).0, 290);
}

#[test]
fn who_holds_no_context_is_not_taken_for_the_one_who_worked() {
    let without = |mut observation: Observation| {
        observation.gpus[0].context = Some(false);
        observation
    };
    let before = without(look(1_000, 0, Some(100_000)));
    let mut idle_powers = IdlePowers::new();
    power::take_in(&mut idle_powers, &look(970, 0, Some(97_000)).gpus, &before.gpus);
    let since = Since { before: &before, net_at_check: None, joined: &[], idle_powers: &idle_powers };
    let now = without(look(1_030, 14, Some(120_000)));
    assert!(!Signals::between(&since, &now, &THRESHOLDS).gpu.is_active());
    let opened = look(1_030, 14, Some(120_000));
    assert!(Signals::between(&since, &opened, &THRESHOLDS).gpu.is_active());
}

#[test]
fn without_a_figure_and_in_lines_of_earlier_versions_all_of_the_time_counts() {
    let before = seen(0);
    let since = Since { before: &before, net_at_check: None, joined: &[], idle_powers: &IdlePowers::new() };
    let mut unknown = seen(30);
    unknown.gpus[0].figure = GpuFigure::Unknown { why: "lost".to_owned() };
    for now in [unknown, seen(30)] {
        assert_eq!(observed_ms(&since, &now, 30_000, &THRESHOLDS), 30_000);
    }
}
