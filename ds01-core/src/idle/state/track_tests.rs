use super::*;
use crate::{
    idle::{
        evidence::{EnergyCount, ProcessActivity, Sign, Signal},
        test_support::{THRESHOLDS, now, on_gpu, seen},
    },
    model::{Reading, Unknown, UnknownKind},
};

fn after(observations: &[Observation]) -> Track {
    let mut track = Track::new(&observations[0]);
    for observation in &observations[1..] {
        track.observe(observation, &THRESHOLDS);
    }
    track
}

fn idle_seconds(observations: &[Observation]) -> u64 {
    after(observations).idle_ms / 1000
}

fn unreadable(seconds: u64) -> Observation {
    let why = || Unknown::new(UnknownKind::Failed, "no answer");
    let mut observation = seen(seconds);
    observation.gpus.clear();
    observation.cpu_us = why().into();
    observation.net_bytes = why().into();
    observation.activity = why().into();
    observation
}

#[test]
fn idle_time_is_the_sum_of_observed_intervals() {
    assert_eq!(idle_seconds(&[seen(1000)]), 0, "what came before the first look is not known");
    assert_eq!(idle_seconds(&[seen(1000), seen(1030), seen(1090)]), 90);
    assert_eq!(idle_seconds(&[seen(1000), seen(1600)]), 600);
    assert_eq!(idle_seconds(&[seen(1000), seen(1030), seen(1631)]), 30, "a gap adds nothing and takes nothing away");
    assert_eq!(idle_seconds(&[seen(1000), seen(1030), on_gpu(1060, 50.0), seen(1090)]), 30, "work begins it anew");
}

#[test]
fn what_cannot_be_told_is_neither_idle_nor_work() {
    let track = after(&[seen(1000), seen(1030), unreadable(1060), seen(1090), seen(1120)]);
    // With an unreadable look there is nothing to compare the next one with: its CPU use is unknown too.
    assert_eq!(track.idle_ms, 60_000);
    assert_eq!(track.last.boot_ms, 1_120_000);
}

#[test]
fn gaps_and_darkness_break_the_row_of_idle_checks() {
    for dark in [unreadable(1060), seen(2000)] {
        let mut track = after(&[seen(1000), seen(1030)]);
        track.close_check(&now(1030));
        assert_eq!(track.idle_checks, 1);
        track.observe(&dark, &THRESHOLDS);
        assert_eq!(track.idle_checks, 0);
        track.close_check(&now(dark.boot_ms / 1000));
        assert_eq!(track.idle_checks, 0);
    }
}

#[test]
fn work_between_two_checks_ends_the_row() {
    let mut track = after(&[seen(1000), seen(1030)]);
    track.close_check(&now(1030));
    for observation in [on_gpu(1060, 50.0), seen(1090), seen(1330)] {
        track.observe(&observation, &THRESHOLDS);
    }
    track.close_check(&now(1330));
    assert_eq!((track.idle_checks, track.idle_ms), (0, 270_000));
    track.observe(&seen(1360), &THRESHOLDS);
    track.close_check(&now(1360));
    assert_eq!(track.idle_checks, 1);
}

#[test]
fn an_old_observation_does_not_speak_of_now() {
    let track = after(&[seen(1000), seen(1030)]);
    assert_eq!(track.verdict(&now(1090)), Verdict::Idle);
    assert_eq!(track.verdict(&now(1091)), Verdict::NoEvidence);
}

#[test]
fn looks_that_are_too_near_are_joined_with_the_next() {
    let short = after(&[seen(1000), seen(1030), seen(1031)]);
    assert_eq!((short.idle_ms, short.last.boot_ms), (30_000, 1_030_000));
    assert_eq!(idle_seconds(&[seen(1000), seen(1030), seen(1031), seen(1060)]), 60);
    assert_eq!(
        idle_seconds(&[seen(1000), seen(1030), on_gpu(1031, 50.0), seen(1060)]),
        29,
        "work is never joined away"
    );
    let mut unknown = seen(1031);
    unknown.gpus.clear();
    assert_eq!(idle_seconds(&[seen(1000), seen(1030), unknown, seen(1060)]), 60);

    // Steady use of 5 % of a core, looked at every second, is use all the same.
    let mut busy = Vec::new();
    for second in 0..60 {
        let mut observation = seen(1000 + second);
        observation.cpu_us = Reading::Known(second * 50_000);
        busy.push(observation);
    }
    assert!(after(&busy).idle_ms < 10_000);
}

/// A container that uses exactly half a core, and its GPU by 97 %.
fn steady(millis: u64) -> Observation {
    let mut observation = on_gpu(0, 97.0);
    observation.boot_ms = millis;
    observation.cpu_us = Reading::Known(millis * 500);
    observation
}

#[test]
fn what_is_shown_is_a_rate_over_an_interval_that_is_long_enough() {
    let scans: Vec<Observation> = (0..4).map(|n| steady(n * 30_000)).collect();
    for offset in (0..30_000).step_by(250) {
        let mut track = after(&scans);
        // A look so soon after a scan has no sample of the GPU yet.
        let mut look = steady(90_000 + offset);
        look.gpus = if offset < 1_000 { seen(0).gpus } else { look.gpus };
        track.observe(&look, &THRESHOLDS);
        let now = Now { boot_ms: look.boot_ms, ..now(0) };
        let interval = track.interval.clone().unwrap();
        assert_eq!(interval.signals.cpu, Signal::Active(50.0), "{offset} ms after a scan");
        assert_eq!(interval.signals.gpu, GpuEvidence::Active(97.0), "{offset} ms after a scan");
        assert_eq!(track.verdict(&now), Verdict::GpuActive);
        let (length, age) = if offset < 10_000 { (30_000, offset) } else { (offset, 0) };
        assert_eq!((interval.length_ms, now.boot_ms - track.last.boot_ms), (length, age));
    }
}

#[test]
fn work_that_a_look_saw_soon_after_another_counts_at_once_and_once() {
    let mut track = after(&[seen(1000), seen(1030)]);
    let mut typed = seen(1033);
    typed.activity = Reading::Known(ProcessActivity { newest: None, terminals: [("0".to_owned(), 5)].into() });
    track.observe(&typed, &THRESHOLDS);
    assert_eq!((track.idle_ms, track.verdict(&now(1033))), (0, Verdict::OtherwiseActive));
    assert_eq!(track.judged_by().unwrap().signals.work(), Some(Sign::Input));
    assert_eq!(track.interval.as_ref().unwrap().verdict, Verdict::Idle, "and that is what was seen before");
    track.close_check(&now(1033));
    track.observe(&typed, &THRESHOLDS);
    assert!(!track.active_since_check, "the same line again");
}

#[test]
fn a_late_line_that_saw_work_counts_once() {
    let mut track = after(&[seen(1000), seen(1030), seen(1060), seen(1090)]);
    track.observe(&on_gpu(1010, 0.0), &THRESHOLDS);
    assert_eq!(track.idle_ms, 90_000);
    track.observe(&on_gpu(1045, 50.0), &THRESHOLDS);
    assert_eq!(track.idle_ms, 0);
    track.observe(&seen(1120), &THRESHOLDS);
    track.observe(&on_gpu(1045, 50.0), &THRESHOLDS);
    assert_eq!(track.idle_ms, 30_000);
    track.observe(&seen(1120), &THRESHOLDS);
    assert_eq!(track.idle_ms, 30_000, "the same line again");
    track.observe(&on_gpu(1120, 50.0), &THRESHOLDS);
    assert_eq!(track.idle_ms, 0, "two looks at one instant");
}

#[test]
fn a_network_counter_that_was_unknown_or_went_back_counts_from_where_it_is() {
    let mut track = after(&[unreadable(1000), seen(1030)]);
    assert_eq!(track.net_at_check, Some(1_000));
    let mut lower = seen(1060);
    lower.net_bytes = Reading::Known(10);
    track.observe(&lower, &THRESHOLDS);
    assert_eq!(track.net_at_check, Some(10));
}

/// A look at a GPU that others use too, of which so much of the time was seen.
fn partly(seconds: u64, covered_s: u64) -> Observation {
    let mut observation = seen(seconds);
    observation.gpus[0].covered_ms = Some(covered_s * 1000);
    observation
}

#[test]
fn time_that_nothing_spoke_of_is_neither_idle_nor_work() {
    let mut track = Track::new(&partly(0, 14));
    for n in 1..=10 {
        track.observe(&partly(30 * n, 14), &THRESHOLDS);
    }
    assert_eq!((track.idle_ms, track.unobserved_ms), (140_000, 160_000));
    assert_eq!(track.observed_percent(), Some(46));
    assert_eq!(track.interval.as_ref().unwrap().observed_ms(), 14_000);
    assert_eq!(track.verdict(&now(300)), Verdict::Idle, "what was seen was idle");

    // With a sampler all of it was seen, and looks that are too near to each other are joined.
    for n in 1..=20 {
        track.observe(&partly(300 + 5 * n, 5), &THRESHOLDS);
    }
    assert_eq!((track.idle_ms, track.unobserved_ms), (240_000, 160_000));

    // Lines of earlier versions say nothing of it, and energy speaks for all of a GPU that nobody shares.
    track.observe(&seen(430), &THRESHOLDS);
    assert_eq!(track.idle_ms, 270_000);
    let alone = |seconds: u64| {
        let mut observation = partly(seconds, 14);
        let count = EnergyCount { mj: seconds * 60_000, boot_ms: seconds * 1000 };
        observation.gpus[0].energy = Some(count);
        observation
    };
    let idle_after = |gpu_watts| {
        let mut track = Track::new(&alone(0));
        let thresholds = Thresholds { gpu_watts, ..THRESHOLDS };
        (1..=3).for_each(|n| track.observe(&alone(30 * n), &thresholds));
        track.idle_ms
    };
    assert_eq!(idle_after(Some(2.0)), 74_000, "but for the first interval, in which its idle power was not known");
    assert_eq!(idle_after(None), 42_000, "a policy that ignores energy");
}

#[test]
fn work_ends_what_was_not_observed_too() {
    let mut track = Track::new(&partly(0, 14));
    track.observe(&partly(30, 14), &THRESHOLDS);
    track.observe(&on_gpu(60, 3.0), &THRESHOLDS);
    assert_eq!((track.idle_ms, track.unobserved_ms), (0, 0));
    assert_eq!(track.observed_percent(), Some(100), "of a line that does not say");
    assert_eq!(Track::new(&partly(0, 14)).observed_percent(), None);
}
