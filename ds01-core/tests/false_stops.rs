//! The false-stop trial: container-days of plausible work and of idleness, seen as the real sources show them.
//!
//! A detector looks every 30 s, and a check is made every five minutes. GPU figures cover the last seconds before a look
//! only, as deep as the driver's ring of samples is; CPU time, bytes and process starts are counters and miss nothing. What
//! a reaper does that reads one GPU utilization per check, as is common, is counted beside it, on the same days.
//!
//! `cargo test -p ds01-core --test false_stops -- --nocapture` prints the table.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, time::Duration};

use ds01_core::{
    detect::Origin,
    idle::{
        Action, Case, ContainerFacts, ContainerPolicy, GpuFigure, GpuMeasure, KeepAlive, Now, Observation,
        ProcessActivity, Thresholds, Track,
        decide::{asks_keep_alive, decide},
        observation::StartedProcess,
        track::Warning,
    },
    model::{ContainerStatus, Reading},
    policy::{ContainerType, Document, PolicyFiles, parse},
};
use jiff::{SignedDuration, Timestamp};

const CONTAINER_DAYS: u64 = 10_000;
const DAY: u64 = 86_400;
const LOOK: u64 = 30;
const LOOKS_PER_CHECK: u64 = 10;
/// How far back the driver's samples reach, in seconds.
const RING: u64 = 6;
const TIMEOUT: u64 = 30 * 60;
/// Boot clock at the start of a day, in seconds.
const MORNING: u64 = 1_000_000;

/// Random numbers that are the same on every machine (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }
}

/// Something that a container does for a while, in seconds of the day.
#[derive(Clone, Copy)]
struct Burst {
    begin: u64,
    end: u64,
    on_gpu: bool,
    /// In thousandths of a core.
    cpu: u64,
    bytes_per_second: u64,
    /// A process begins with it.
    starts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Training,
    Notebook,
    Inference,
    Preparation,
    Download,
    /// Requests of a third of a second of CPU and a second of GPU, minutes apart: less than the counters' thresholds, and
    /// mostly between two glances at the driver's ring. What can't be seen can't be spared: the trial says how much that is.
    Whisper,
    MorningOnly,
    NeverUsed,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Training,
        Self::Notebook,
        Self::Inference,
        Self::Preparation,
        Self::Download,
        Self::Whisper,
        Self::MorningOnly,
        Self::NeverUsed,
    ];

    fn is_work(self) -> bool {
        !matches!(self, Self::MorningOnly | Self::NeverUsed)
    }
}

/// A day's bursts in their order. Pauses in work are shorter than the timeout.
fn day(kind: Kind, random: &mut Random) -> Vec<Burst> {
    let mut bursts = Vec::new();
    let mut time = random.between(1, 300);
    let burst =
        |begin, end, on_gpu, cpu, bytes_per_second| Burst { begin, end, on_gpu, cpu, bytes_per_second, starts: false };
    while time < DAY {
        let end = match kind {
            // Steps on the GPU; then a checkpoint, or an evaluation whose pauses show nothing at all.
            Kind::Training => {
                let steps = time + random.between(600, 7_200);
                bursts.push(burst(time, steps, true, 900, 2_000));
                let written = steps + random.between(5, 120);
                bursts.push(burst(steps, written, false, 300, 200));
                time = written + random.between(0, TIMEOUT - 120);
                continue;
            }
            // A cell: seconds on the GPU, run by hand every few minutes, seldom after a long think.
            Kind::Notebook => {
                let end = time + random.between(2, 25);
                bursts.push(burst(time, end, true, 800, 20_000));
                end
            }
            // A request: seconds on the GPU, from the network.
            Kind::Inference => {
                let end = time + random.between(2, 15);
                bursts.push(burst(time, end, true, 600, 4_000));
                end
            }
            // A pipeline of programs on the CPU.
            Kind::Preparation => {
                let end = time + random.between(20, 5_400);
                let cpu = random.between(100, 8_000);
                bursts.push(Burst { starts: true, ..burst(time, end, false, cpu, 0) });
                end
            }
            Kind::Download => {
                let end = time + random.between(60, 7_200);
                let speed = random.between(20_000, 50_000_000);
                bursts.push(burst(time, end, false, 15, speed));
                end
            }
            Kind::Whisper => {
                bursts.push(burst(time, time + 1, true, 333, 2_000));
                time + 1
            }
            Kind::MorningOnly => {
                let end = time + random.between(1_800, 4 * 3_600);
                bursts.push(burst(time, end, true, 900, 2_000));
                return bursts;
            }
            Kind::NeverUsed => return bursts,
        };
        let pause = match (kind, random.between(0, 9)) {
            (Kind::Notebook, 0..=7) => random.between(20, 600),
            (Kind::Inference, 0..=4) => random.between(10, 600),
            _ => random.between(60, TIMEOUT - 120),
        };
        time = end + pause;
    }
    bursts
}

/// What a container shows to whoever looks.
struct Shown<'a> {
    bursts: &'a [Burst],
    /// The first that has not ended before the last look.
    next: usize,
    cpu_us: u64,
    bytes: u64,
    /// What runs in it although nobody uses it, in thousandths of a core: a notebook server, a shell.
    background: u64,
}

/// One look: what the ring of samples shows, what the GPU does at this very second, and what began last.
struct Look {
    in_ring: bool,
    at_once: bool,
    began: Option<u64>,
}

impl Shown<'_> {
    /// Moves from the second `from` to `to`.
    fn advance(&mut self, from: u64, to: u64) -> Look {
        let mut look = Look { in_ring: false, at_once: false, began: None };
        self.cpu_us += (to - from) * self.background * 1_000;
        self.bytes += (to - from) * 40;
        while self.next < self.bursts.len() && self.bursts[self.next].end <= from {
            self.next += 1;
        }
        for burst in self.bursts[self.next..].iter().take_while(|burst| burst.begin < to) {
            let seconds = burst.end.min(to) - burst.begin.max(from);
            self.cpu_us += seconds * burst.cpu * 1_000;
            self.bytes += seconds * burst.bytes_per_second;
            look.in_ring |= burst.on_gpu && burst.end > to - RING;
            look.at_once |= burst.on_gpu && burst.end >= to;
            if burst.starts && burst.begin >= from && burst.end > to {
                look.began = Some(burst.begin);
            }
        }
        look
    }
}

#[derive(Default, Clone, Copy)]
struct Tally {
    days: u64,
    stops: u64,
    false_stops: u64,
    /// Seconds for which nobody used the GPU, and nobody took it back.
    left_standing: u64,
}

impl Tally {
    /// A container was stopped at this second of its day, or never.
    fn count(&mut self, kind: Kind, bursts: &[Burst], stopped: Option<u64>) {
        self.days += 1;
        self.stops += u64::from(stopped.is_some());
        let last_use = bursts.last().map_or(0, |burst| burst.end);
        if kind.is_work() {
            self.false_stops += u64::from(stopped.is_some());
        } else {
            self.false_stops += u64::from(stopped.is_some_and(|at| at < last_use));
            self.left_standing += stopped.unwrap_or(DAY).saturating_sub(last_use);
        }
    }

    fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.stops += other.stops;
        self.false_stops += other.false_stops;
        self.left_standing += other.left_standing;
    }
}

struct Trial {
    policy: ContainerPolicy,
    thresholds: Thresholds,
    facts: ContainerFacts,
    morning: Timestamp,
}

impl Trial {
    fn new() -> Self {
        let text = "defaults: {idle_timeout: 30m, max_runtime: null}\n";
        let policy = parse(&PolicyFiles {
            policy: Document { path: "resource-limits.yaml".into(), bytes: text.into() },
            overrides: None,
            exemptions: None,
            members: BTreeMap::new(),
        })
        .unwrap()
        .policy;
        let resolved = policy.resolve(None, ContainerType::Docker);
        let morning: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        Self {
            thresholds: Thresholds::from(&resolved.rules),
            policy: ContainerPolicy { resolved, exemptions: Vec::new(), monitoring: policy.monitoring },
            facts: ContainerFacts {
                id: "ab".repeat(32).parse().unwrap(),
                name: "c".to_owned(),
                labels: BTreeMap::new(),
                origin: Origin::RawDocker,
                user: None,
                has_gpu: Some(true),
                gpus: Vec::new(),
                status: ContainerStatus::Running,
                started_at: Some(morning),
                running_for: Reading::Known(Duration::from_secs(DAY)),
                stop_timeout: None,
            },
            morning,
        }
    }

    fn observation(&self) -> Observation {
        Observation {
            at: self.morning,
            boot_id: "b".to_owned(),
            boot_ms: MORNING * 1000,
            container_id: self.facts.id.clone(),
            name: String::new(),
            started_at: self.morning,
            gpus: vec![GpuMeasure { gpu: String::new(), figure: GpuFigure::OwnProcesses { percent: 0.0 } }],
            cpu_us: Reading::Known(0),
            net_bytes: Reading::Known(0),
            activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
        }
    }

    /// When this day's container is stopped: by the reaper, and by one utilization reading per check.
    fn run(&self, bursts: &[Burst], background: u64, phase: u64) -> (Option<u64>, Option<u64>) {
        let mut seen = self.observation();
        let mut track = Track::new(&seen);
        let mut shown = Shown { bursts, next: 0, cpu_us: 0, bytes: 0, background };
        let mut now = Now { at: self.morning, boot_id: "b".to_owned(), boot_ms: 0 };
        let (mut reaped, mut polled) = (None, None);
        let mut idle_polls = 0;
        let mut before = 0;
        for number in 1.. {
            let second = number * LOOK + phase;
            if second > DAY || (reaped.is_some() && polled.is_some()) {
                break;
            }
            let look = shown.advance(before, second);
            before = second;
            seen.boot_ms = (MORNING + second) * 1000;
            seen.gpus[0].figure = GpuFigure::OwnProcesses { percent: if look.in_ring { 80.0 } else { 0.0 } };
            seen.cpu_us = Reading::Known(shown.cpu_us);
            seen.net_bytes = Reading::Known(shown.bytes);
            if let (Some(began), Reading::Known(activity)) = (look.began, &mut seen.activity) {
                let started_boot_ms = (MORNING + began) * 1000;
                activity.newest = Some(StartedProcess { started_boot_ms, name: String::new() });
            }
            if reaped.is_none() {
                track.observe(&seen, &self.thresholds);
            }
            if number % LOOKS_PER_CHECK != 0 {
                continue;
            }
            if polled.is_none() {
                idle_polls = if look.at_once { 0 } else { idle_polls + 1 };
                // The first of them says nothing of the time before it.
                polled = (idle_polls > TIMEOUT / (LOOK * LOOKS_PER_CHECK)).then_some(second);
            }
            if reaped.is_none() {
                now.boot_ms = seen.boot_ms;
                now.at = self.morning + SignedDuration::from_secs(i64::try_from(second).unwrap());
                track.close_check(&now);
                reaped = self.check(&mut track, &now, number).then_some(second);
            }
        }
        (reaped, polled)
    }

    fn check(&self, track: &mut Track, now: &Now, check: u64) -> bool {
        let case = Case { now, check, facts: &self.facts, policy: &self.policy, track: Some(track), demand: None };
        if !asks_keep_alive(&case) {
            return false;
        }
        match decide(&case, &KeepAlive::Absent).action {
            Action::Warn { left, .. } => {
                let left_ms = u64::try_from(left.as_millis()).unwrap();
                track.warning = Some(Warning { at: now.at, check, not_before_boot_ms: now.boot_ms + left_ms });
                false
            }
            Action::Stop { .. } => true,
            _ => false,
        }
    }

    /// The container-days whose numbers are `share` modulo `of`.
    fn days(&self, share: u64, of: u64) -> BTreeMap<Kind, [Tally; 2]> {
        let mut tallies = BTreeMap::new();
        for number in (0..CONTAINER_DAYS).filter(|number| number % of == share) {
            let mut random = Random(number);
            let kind = Kind::ALL[usize::try_from(random.next() % 8).unwrap()];
            let bursts = day(kind, &mut random);
            let background = random.between(0, 12);
            let phase = random.between(0, LOOK - 1);
            let (reaped, polled) = self.run(&bursts, background, phase);
            let tally: &mut [Tally; 2] = tallies.entry(kind).or_default();
            tally[0].count(kind, &bursts, reaped);
            tally[1].count(kind, &bursts, polled);
        }
        tallies
    }
}

#[test]
fn no_work_is_stopped_whose_pauses_are_shorter_than_the_timeout() {
    let threads = 2;
    let shares: Vec<BTreeMap<Kind, [Tally; 2]>> = std::thread::scope(|scope| {
        let running: Vec<_> =
            (0..threads).map(|share| scope.spawn(move || Trial::new().days(share, threads))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut tallies: BTreeMap<Kind, [Tally; 2]> = BTreeMap::new();
    for (kind, share) in shares.iter().flatten() {
        let tally = tallies.entry(*kind).or_default();
        tally[0].add(&share[0]);
        tally[1].add(&share[1]);
    }

    println!("{:<13}{:>6} | {:^31} | {:^31}", "", "", "observed idle time", "one reading per check");
    println!(
        "{:<13}{:>6} | {:>6}{:>8}{:>17} | {:>6}{:>8}{:>17}",
        "", "days", "stops", "false", "idle GPU-h left", "stops", "false", "idle GPU-h left"
    );
    let mut sum = [Tally::default(); 2];
    for (kind, tally) in &tallies {
        line(&format!("{kind:?}"), tally);
        sum[0].add(&tally[0]);
        sum[1].add(&tally[1]);
    }
    line("all", &sum);

    assert_eq!(sum[0].days, CONTAINER_DAYS);
    assert_eq!(sum[0].false_stops, tallies[&Kind::Whisper][0].false_stops, "work that the sources can see");
    assert!(sum[1].false_stops > 0, "the days are too easy to tell anything");
    for idle in [Kind::MorningOnly, Kind::NeverUsed] {
        let [reaper, _] = tallies[&idle];
        assert_eq!(reaper.stops, reaper.days, "{idle:?}: what is idle goes in the end");
        assert!(reaper.left_standing <= reaper.days * (TIMEOUT + 600), "{idle:?}: and within two checks of its time");
    }
}

fn line(name: &str, [reaper, polled]: &[Tally; 2]) {
    let hours = |tally: &Tally| tally.left_standing / 3600;
    println!(
        "{name:<13}{:>6} | {:>6}{:>8}{:>17} | {:>6}{:>8}{:>17}",
        reaper.days,
        reaper.stops,
        reaper.false_stops,
        hours(reaper),
        polled.stops,
        polled.false_stops,
        hours(polled)
    );
}
