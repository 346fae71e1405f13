//! The false-stop trial: container-days of plausible work and of idleness, seen as the real sources show them.
//!
//! A detector looks every 30 s, and a check is made every five minutes. GPU figures cover the last seconds before a look
//! only, as deep as the driver's ring of samples is; CPU time, bytes, energy and process starts are counters and miss
//! nothing, but for what noise hides in the energy. Beside it, on the same days: the reaper on a GPU without an energy counter
//! (before Volta), and what a reaper does that reads one GPU utilization per check, as is common.
//!
//! A second trial is on GPUs that several use, as tenants of a whole GPU, of MIG instances and of an MPS server. What a driver
//! tells there comes from the stand-in's living GPUs, which behave as an H200 does, and goes through the library from the
//! report on. Each day is watched with and without the sampler, and with and without the detector.
//!
//! `cargo test -p ds01-core --test false_stops -- --nocapture` prints the tables; `make trial` runs all days of them.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acts;
mod days;
mod shared;
mod shown;
mod trial;
mod watts;

use std::collections::BTreeMap;

use days::Kind;
use ds01_core::idle::evidence::power;
use shared::Layout;
use trial::{Looks, Tally, Trial, Watcher};

const CONTAINER_DAYS: u64 = 10_000;
const DAY: u64 = 86_400;
const LOOK: u64 = 30;
const LOOKS_PER_CHECK: u64 = 10;
const TIMEOUT: u64 = 30 * 60;
const THREADS: u64 = 2;

#[test]
fn no_work_is_stopped_whose_pauses_are_shorter_than_the_timeout() {
    let shares: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> =
            (0..THREADS).map(|share| scope.spawn(move || Trial::new().days(share, THREADS))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut tallies: BTreeMap<Kind, [Tally; Watcher::ALL.len()]> = BTreeMap::new();
    for (kind, share) in shares.iter().flatten() {
        add(tallies.entry(*kind).or_default(), share);
    }
    let mut sum = Default::default();
    tallies.values().for_each(|tally| add(&mut sum, tally));

    println!(
        "{:<13}{:>6} | {:^31} | {:^31} | {:^31}",
        "", "", "reaper", "without the energy counter", "one reading a check"
    );
    let heading = format!("{:>6}{:>8}{:>17}", "stops", "false", "idle GPU-h left");
    println!("{:<13}{:>6} | {heading} | {heading} | {heading}", "", "days");
    tallies.iter().for_each(|(kind, tally)| line(&format!("{kind:?}"), tally));
    line("all", &sum);

    let [reaper, without_energy, polled] = sum;
    assert_eq!(reaper.days, CONTAINER_DAYS);
    for (kind, [reaper, ..]) in &tallies {
        assert_eq!(reaper.false_stops, 0, "{kind:?}");
    }
    assert!(polled.false_stops > 1_000 && without_energy.false_stops > 0, "the days are too easy to tell anything");
    assert_eq!(
        without_energy.false_stops,
        tallies[&Kind::Whisper][Watcher::WithoutEnergy as usize].false_stops,
        "work that the other sources see"
    );
    // A context that is opened counts as work while its power is new.
    let opened = watts::LATEST_OPENING + LOOK * power::RECENT as u64;
    for (idle, longest) in [(Kind::MorningOnly, 0), (Kind::NeverUsed, 0), (Kind::OnlyOpened, opened)] {
        let [reaper, without_energy, _] = tallies[&idle];
        assert_eq!(reaper.stops, reaper.days, "{idle:?}: what is idle goes in the end");
        let most = |longest| reaper.days * (longest + TIMEOUT + 600);
        assert!(without_energy.left_standing <= most(0), "{idle:?}: and within two checks of its time");
        assert!(reaper.left_standing <= most(longest), "{idle:?}: and noise of its power keeps it no longer");
    }
}

/// Of each layout so many days, unless `DS01_TRIAL_DAYS` says otherwise: `make trial` runs 10,000.
const SHARED_DAYS: u64 = 40;

#[test]
fn on_gpus_that_several_use_no_work_is_stopped_either() {
    let days = std::env::var("DS01_TRIAL_DAYS").map_or(SHARED_DAYS, |days| days.parse().unwrap());
    let shares: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> =
            (0..THREADS).map(|share| scope.spawn(move || Trial::new().shared_days(days, share, THREADS))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut tallies: BTreeMap<_, [Tally; Looks::ALL.len()]> = BTreeMap::new();
    for (kind, share) in shares.iter().flatten() {
        add(tallies.entry(*kind).or_default(), share);
    }
    let heading = format!("{:>6}{:>8}{:>17}", "stops", "false", "idle GPU-h left");
    let watchers = ["detector and sampler", "sampler alone", "detector alone", "checks alone", "before"];
    for layout in Layout::ALL {
        print!("\n{:<13}{:>6}", format!("{layout:?}"), "");
        watchers.iter().for_each(|watcher| print!(" | {watcher:^31}"));
        print!("\n{:<13}{:>6}", "", "days");
        watchers.iter().for_each(|_| print!(" | {heading}"));
        println!();
        let mut sum: [Tally; Looks::ALL.len()] = Default::default();
        for ((_, kind), tally) in tallies.iter().filter(|((of, _), _)| *of == layout) {
            line(&kind.name(), tally);
            add(&mut sum, tally);
        }
        line("all", &sum);
        let [both, sampler, detector, checks, before] = sum;
        assert_eq!(both.days, days);
        for (tally, watcher) in [both, sampler, detector, checks].iter().zip(watchers) {
            assert_eq!(tally.false_stops, 0, "{layout:?}, {watcher}");
        }
        assert!(layout == Layout::Mps || before.false_stops > 0, "{layout:?}: the days are too easy to tell anything");
        let most = before.left_standing + before.left_standing / 10;
        assert!(both.left_standing <= most, "{layout:?}: {} of {most} idle seconds", both.left_standing);
    }
}

fn add<const N: usize>(sum: &mut [Tally; N], more: &[Tally; N]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| sum.add(more));
}

fn line<const N: usize>(name: &str, tallies: &[Tally; N]) {
    print!("{name:<13}{:>6}", tallies[0].days);
    for tally in tallies {
        print!(" | {:>6}{:>8}{:>17}", tally.stops, tally.false_stops, tally.left_standing / 3600);
    }
    println!();
}
