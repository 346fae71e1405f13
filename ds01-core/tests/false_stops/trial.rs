//! Watching container-days, and counting what became of them.

use ds01_core::model::EngineName;
use ds01_core::policy::Engines;
use std::{collections::BTreeMap, time::Duration};

use ds01_core::{
    detect::{Origin, UserSource},
    idle::{
        Action, Case, ContainerFacts, ContainerPolicy, EnergyCount, GpuFigure, GpuMeasure, KeepAlive, Now, Observation,
        ProcessActivity, Thresholds, Track,
        evidence::StartedProcess,
        rules::{asks_keep_alive, decide},
        state::Warning,
    },
    model::{ContainerStatus, Reading},
    policy::{ContainerType, Document, PolicyFiles, parse},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    CONTAINER_DAYS, DAY, LOOK, LOOKS_PER_CHECK, TIMEOUT, acts,
    days::{Kind, Random, day},
    shared::{Layout, Shown, Tenanted},
    shown,
    watts::Power,
};

/// Boot clock at the start of a day, in seconds.
pub(crate) const MORNING: u64 = 1_000_000;

/// How a container is watched.
#[derive(Clone, Copy)]
pub(crate) enum Watcher {
    Reaper,
    WithoutEnergy,
    OneReading,
}

impl Watcher {
    pub(crate) const ALL: [Self; 3] = [Self::Reaper, Self::WithoutEnergy, Self::OneReading];
}

#[derive(Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) days: u64,
    pub(crate) stops: u64,
    pub(crate) false_stops: u64,
    /// Seconds for which nobody used the GPU, and nobody took it back.
    pub(crate) left_standing: u64,
}

impl Tally {
    /// A container was stopped at this second of its day, or never.
    fn count(&mut self, is_work: bool, last_use: u64, stopped: Option<u64>) {
        self.days += 1;
        self.stops += u64::from(stopped.is_some());
        if is_work {
            self.false_stops += u64::from(stopped.is_some());
        } else {
            self.false_stops += u64::from(stopped.is_some_and(|at| at < last_use));
            self.left_standing += stopped.unwrap_or(DAY).saturating_sub(last_use);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.stops += other.stops;
        self.false_stops += other.false_stops;
        self.left_standing += other.left_standing;
    }
}

pub(crate) struct Trial {
    policy: ContainerPolicy,
    thresholds: Thresholds,
    facts: ContainerFacts,
    morning: Timestamp,
}

impl Trial {
    pub(crate) fn new() -> Self {
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
            policy: ContainerPolicy {
                engines: Engines::default(),
                resolved,
                exemptions: Vec::new(),
                monitoring: policy.monitoring,
                require_delivery: policy.notify.require_delivery,
            },
            facts: ContainerFacts {
                answered: true,
                engine: EngineName::DOCKER,
                id: "ab".repeat(32).parse().unwrap(),
                name: "c".to_owned(),
                labels: BTreeMap::new(),
                origin: Origin::RawDocker,
                image: "busybox:latest".to_owned(),
                user_source: UserSource::Unknown,
                user_uid: None,
                user: None,
                has_gpu: Some(true),
                problem: None,
                gpus: Vec::new(),
                status: ContainerStatus::Running,
                started_at: Some(morning),
                running_for: Reading::Known(Duration::from_secs(DAY)),
                stop_timeout: None,
                auto_remove: false,
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
            held_ms: None,
            gpus: vec![GpuMeasure {
                gpu: String::new(),
                figure: GpuFigure::OwnProcesses { percent: 0.0 },
                context: None,
                energy: None,
                shared_energy: None,
                covered_ms: None,
                used_ms: None,
            }],
            cpu_us: Reading::Known(0),
            cpu_burst: None,
            net_bytes: Reading::Known(0),
            activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
        }
    }

    /// When this day's container is stopped, by each of the watchers.
    fn run(&self, mut shown: shown::Shown<'_>, phase: u64) -> [Option<u64>; Watcher::ALL.len()] {
        let mut seen = self.observation();
        let mut tracks = [Track::new(&seen), Track::new(&seen)];
        let mut now = Now { at: self.morning, boot_id: "b".to_owned(), boot_ms: 0 };
        let mut stopped = [None; Watcher::ALL.len()];
        let mut idle_polls = 0;
        let mut before = 0;
        for number in 1.. {
            let second = number * LOOK + phase;
            if second > DAY || stopped.iter().all(Option::is_some) {
                break;
            }
            let look = shown.advance(before, second);
            before = second;
            seen.boot_ms = (MORNING + second) * 1000;
            seen.gpus[0].figure = GpuFigure::OwnProcesses { percent: if look.in_ring { 80.0 } else { 0.0 } };
            let energy = EnergyCount { mj: look.energy.mj, boot_ms: MORNING * 1000 + look.energy.at_ms };
            seen.cpu_us = Reading::Known(look.cpu_us);
            seen.net_bytes = Reading::Known(look.bytes);
            if let (Some(began), Reading::Known(activity)) = (look.began, &mut seen.activity) {
                let started_boot_ms = (MORNING + began) * 1000;
                activity.newest = Some(StartedProcess { started_boot_ms, name: String::new() });
            }
            let is_check = number % LOOKS_PER_CHECK == 0;
            now.boot_ms = seen.boot_ms;
            now.at = self.morning + SignedDuration::from_secs(i64::try_from(second).unwrap());
            for (watcher, track) in [Watcher::Reaper, Watcher::WithoutEnergy].into_iter().zip(&mut tracks) {
                if stopped[watcher as usize].is_some() {
                    continue;
                }
                seen.gpus[0].energy = matches!(watcher, Watcher::Reaper).then_some(energy);
                track.observe(&seen, &self.thresholds);
                if is_check {
                    track.close_check(&now);
                    stopped[watcher as usize] = self.check(track, &now, number).then_some(second);
                }
            }
            let polled = &mut stopped[Watcher::OneReading as usize];
            if is_check && polled.is_none() {
                idle_polls = if look.at_once { 0 } else { idle_polls + 1 };
                // The first of them says nothing of the time before it.
                *polled = (idle_polls > TIMEOUT / (LOOK * LOOKS_PER_CHECK)).then_some(second);
            }
        }
        stopped
    }

    fn check(&self, track: &mut Track, now: &Now, check: u64) -> bool {
        let case =
            Case { now, check, facts: &self.facts, policy: &self.policy, track: Some(track), demand: None, kept: None };
        if !asks_keep_alive(&case) {
            return false;
        }
        match decide(&case, &KeepAlive::Absent).action {
            Action::Warn { left, .. } => {
                let left_ms = u64::try_from(left.as_millis()).unwrap();
                let not_before_boot_ms = now.boot_ms + left_ms;
                track.warning = Some(Warning::new(now.at, check, not_before_boot_ms));
                false
            }
            Action::Stop { .. } => true,
            _ => false,
        }
    }

    /// The container-days whose numbers are `share` modulo `of`.
    pub(crate) fn days(&self, share: u64, of: u64) -> BTreeMap<Kind, [Tally; Watcher::ALL.len()]> {
        let mut tallies = BTreeMap::new();
        for number in (0..CONTAINER_DAYS).filter(|number| number % of == share) {
            let mut random = Random(number);
            let kind = Kind::ALL[usize::try_from(random.next()).unwrap() % Kind::ALL.len()];
            let bursts = day(kind, &mut random);
            let background = random.between(0, 12);
            let phase = random.between(0, LOOK - 1);
            let power = Power::new(kind, &bursts, &mut random);
            let stopped = self.run(shown::Shown::new(&bursts, background, power), phase);
            let last_use = bursts.last().map_or(0, |burst| burst.end);
            let tallies: &mut [Tally; Watcher::ALL.len()] = tallies.entry(kind).or_default();
            tallies.iter_mut().zip(stopped).for_each(|(tally, stopped)| tally.count(kind.is_work(), last_use, stopped));
        }
        tallies
    }

    /// When this day's container on a GPU that others use is stopped, by each who looks.
    fn run_shared(&self, day: &Tenanted<'_>, phase: u64) -> [Option<u64>; Looks::ALL.len()] {
        let mut tracks = Looks::ALL.map(|_| Track::new(&self.observation()));
        let mut stopped = [None; Looks::ALL.len()];
        let mut now = Now { at: self.morning, boot_id: "b".to_owned(), boot_ms: 0 };
        let (mut before, mut check_before, mut mj) = (0, 0, 0);
        for number in 1..=DAY / LOOK {
            let second = number * LOOK + phase;
            if second > DAY || stopped.iter().all(Option::is_some) {
                break;
            }
            let (is_check, at) = (number % LOOKS_PER_CHECK == 0, second * 1_000);
            let by_detector = day.look(before, at);
            let by_check = is_check.then(|| day.look(check_before, at));
            mj += by_detector.mj;
            for ((by, track), stopped) in Looks::ALL.into_iter().zip(&mut tracks).zip(&mut stopped) {
                let shown = if by.has_detector() { Some(&by_detector) } else { by_check.as_ref() };
                let Some(shown) = shown.filter(|_| stopped.is_none()) else { continue };
                track.observe(&self.seen(shown, by, at, mj), &self.thresholds_of(by));
                if is_check {
                    now.boot_ms = MORNING * 1_000 + at;
                    now.at = self.morning + SignedDuration::from_secs(i64::try_from(second).unwrap());
                    track.close_check(&now);
                    *stopped = self.check(track, &now, number).then_some(second);
                }
            }
            before = at;
            if is_check {
                check_before = at;
            }
        }
        stopped
    }

    fn thresholds_of(&self, by: Looks) -> Thresholds {
        if by == Looks::Before {
            // As it was: the share of a process counted from the threshold of a whole GPU on.
            return Thresholds { gpu_process_percent: self.thresholds.gpu_percent - 0.1, ..self.thresholds };
        }
        self.thresholds
    }

    fn seen(&self, shown: &Shown, by: Looks, at: u64, mj: u64) -> Observation {
        let mut seen = self.observation();
        seen.boot_ms = MORNING * 1_000 + at;
        let mut report = shown.report.clone();
        if !by.has_sampler() {
            report.sampled.clear();
        }
        let count = EnergyCount { mj, boot_ms: seen.boot_ms };
        seen.gpus[0] = GpuMeasure { shared_energy: shown.tells_energy.then_some(count), ..report.measure() };
        if by == Looks::Before {
            seen.gpus[0] = GpuMeasure { shared_energy: None, covered_ms: None, ..seen.gpus[0].clone() };
        }
        seen.cpu_us = Reading::Known(shown.cpu_us);
        seen.cpu_burst = shown.cpu_burst.filter(|_| by.has_sampler());
        seen.net_bytes = Reading::Known(shown.bytes);
        if let (Some(started_boot_ms), Reading::Known(activity)) = (shown.began, &mut seen.activity) {
            activity.newest = Some(StartedProcess { started_boot_ms, name: String::new() });
        }
        seen
    }

    /// The container-days on GPUs that others use, of so many of each layout, whose numbers are `share` modulo `of`.
    pub(crate) fn shared_days(
        &self,
        days: u64,
        share: u64,
        of: u64,
    ) -> BTreeMap<(Layout, acts::Kind), [Tally; Looks::ALL.len()]> {
        let mut tallies = BTreeMap::new();
        for number in (0..days).filter(|number| number % of == share) {
            for layout in Layout::ALL {
                let mut random = Random(number ^ 0x5eed_0000);
                let kind = acts::Kind::ALL[usize::try_from(random.next()).unwrap() % acts::Kind::ALL.len()];
                let acts = acts::day(kind, &mut random);
                let opened = kind == acts::Kind::Like(Kind::OnlyOpened);
                let day = Tenanted::new(layout, &acts, opened, &mut random);
                let phase = random.between(0, LOOK - 1);
                let last_use = acts.last().map_or(0, |act| act.until / 1_000);
                let tallies: &mut [Tally; Looks::ALL.len()] = tallies.entry((layout, kind)).or_default();
                for (tally, stopped) in tallies.iter_mut().zip(self.run_shared(&day, phase)) {
                    tally.count(kind.is_work(), last_use, stopped);
                }
            }
        }
        tallies
    }
}

/// Who looks at a GPU that several use, beside the checks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Detector and sampler, as shipped.
    Both,
    /// The sampler alone.
    Sampler,
    /// The detector alone.
    Detector,
    /// Nobody.
    Checks,
    /// The detector, before figures said for how much of the time they speak.
    Before,
}

impl Looks {
    pub(crate) const ALL: [Self; 5] = [Self::Both, Self::Sampler, Self::Detector, Self::Checks, Self::Before];

    fn has_sampler(self) -> bool {
        matches!(self, Self::Both | Self::Sampler)
    }

    fn has_detector(self) -> bool {
        !matches!(self, Self::Sampler | Self::Checks)
    }
}
