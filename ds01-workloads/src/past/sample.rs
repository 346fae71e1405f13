//! The last week of the built-in sample host, as its journal would have it.

use std::collections::BTreeMap;

use ds01_core::{
    detect::{Inventory, Origin, UserSource},
    idle::{
        evidence::{EnergyCount, GpuFigure, GpuMeasure, Observation, ProcessActivity},
        journal::{CheckMade, Deed, Life, ProcessSeen, Record, What},
    },
    model::{ContainerId, ContainerStatus, EngineName, Reading, Unknown, UnknownKind},
    policy::{self, Document, Policy, PolicyFiles},
};
use jiff::{SignedDuration, Timestamp};

use super::{devices::Devices, failure::NoPast};
use crate::source::demo;

/// The shipped policy.
const POLICY: &str = include_str!("../../../config/runtime/resource-limits.yaml");

/// Who is in which group of the sample host.
const MEMBERS: [(&str, &str); 2] =
    [("researcher", "ben\ndmitri@uni.example\ne.okafor@uni.example\n"), ("student", "alice\nfatima\nmaria\n204817\n")];

/// Between two looks, in minutes.
const STEP: i64 = 5;

/// How long before the end of the story it was booted, in hours.
const BOOTED: i64 = 30 * 24;

const HOUR_MS: u64 = 3_600_000;

/// What somebody's time on a GPU goes into.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Work, that takes so many percent of the GPU.
    Work(u32),
    /// Nothing.
    Idle,
    /// Nobody can tell.
    Untold,
    /// Nobody looked.
    Unseen,
}

use Does::{Idle, Unseen, Untold, Work};

/// One stay on a GPU: whose, of what kind, on which device, and what it does from when on, in hours before the end of the
/// story. The last entry's time is its end.
struct Stay {
    user: Option<&'static str>,
    name: &'static str,
    origin: Option<Origin>,
    on: &'static str,
    does: &'static [(f64, Does)],
    ends: f64,
    /// What the reaper did, and when.
    deeds: &'static [(f64, What)],
}

const fn stay(
    user: Option<&'static str>,
    name: &'static str,
    origin: Option<Origin>,
    on: &'static str,
    does: &'static [(f64, Does)],
    ends: f64,
) -> Stay {
    Stay { user, name, origin, on, does, ends, deeds: &[] }
}

const MANAGED: Option<Origin> = Some(Origin::Managed);
const COMPOSE: Option<Origin> = Some(Origin::Compose);
const DEV: Option<Origin> = Some(Origin::DevContainer);
const RAW: Option<Origin> = Some(Origin::RawDocker);
const HOST: Option<Origin> = None;

const ALICE: Option<&str> = Some("alice");
const BEN: Option<&str> = Some("ben");
const DMITRI: Option<&str> = Some("dmitri@uni.example");
const OKAFOR: Option<&str> = Some("e.okafor@uni.example");
const FATIMA: Option<&str> = Some("fatima");
const MARIA: Option<&str> = Some("maria");
const NUMBER: Option<&str> = Some("204817");

/// A week, the last day in detail.
const WEEK: &[Stay] = &[
    stay(ALICE, "alice._.thesis", MANAGED, "0", &[(19.0, Work(97))], 0.0),
    Stay {
        deeds: &[(20.5, What::WarnedIdle), (20.0, What::StoppedIdle)],
        ..stay(MARIA, "maria._.segment", MANAGED, "0", &[(30.0, Work(82)), (22.4, Idle)], 20.0)
    },
    stay(BEN, "llm-chat-api-1", COMPOSE, "1", &[(96.0, Work(38)), (16.5, Idle), (8.0, Work(41))], 0.0),
    stay(DMITRI, "python3", HOST, "2", &[(12.4, Work(88)), (9.2, Idle), (7.9, Work(99))], 0.0),
    Stay {
        deeds: &[(15.3, What::WarnedIdle), (14.8, What::StoppedIdle)],
        ..stay(
            NUMBER,
            "jupyter-204817",
            RAW,
            "2",
            &[(23.2, Work(12)), (21.5, Idle), (19.0, Work(24)), (17.4, Idle)],
            14.8,
        )
    },
    stay(NUMBER, "jupyter-204817", RAW, "2", &[(1.7, Work(9)), (1.3, Idle)], 0.0),
    stay(BEN, "ben._.resnet", MANAGED, "3:0", &[(21.0, Work(74)), (18.2, Idle), (17.8, Work(76))], 6.0),
    stay(BEN, "ben._.resnet", MANAGED, "3:0", &[(3.0, Work(85))], 0.0),
    Stay {
        deeds: &[(2.4, What::WarnedIdle)],
        ..stay(
            DMITRI,
            "dmitri._.notebook",
            MANAGED,
            "3:1",
            &[(9.0, Work(31)), (7.0, Unseen), (6.0, Idle), (4.8, Work(40)), (3.0, Idle)],
            0.0,
        )
    },
    stay(None, "sweet_hopper", RAW, "3:1", &[(22.0, Untold)], 13.5),
    stay(
        OKAFOR,
        "vsc-gan-b07e55",
        DEV,
        "3:2",
        &[(26.0, Work(55)), (18.0, Untold), (16.0, Idle), (10.5, Work(61))],
        0.0,
    ),
    stay(FATIMA, "vsc-thesis-4f1c09", DEV, "0", &[(5.0, Idle)], 2.2),
    stay(ALICE, "alice._.thesis", MANAGED, "0", &[(70.0, Work(95)), (52.0, Idle), (50.0, Work(96))], 33.0),
    stay(ALICE, "alice._.sweep", MANAGED, "2", &[(75.0, Work(91))], 41.0),
    stay(DMITRI, "dmitri._.notebook", MANAGED, "3:1", &[(58.0, Work(22)), (55.0, Idle)], 31.0),
    stay(MARIA, "maria._.segment", MANAGED, "0", &[(110.0, Work(78)), (92.0, Idle)], 84.0),
    stay(BEN, "ben._.resnet", MANAGED, "3:0", &[(120.0, Work(71)), (80.0, Idle), (77.0, Work(69))], 45.0),
    stay(OKAFOR, "vsc-gan-b07e55", DEV, "3:2", &[(140.0, Work(35)), (125.0, Idle), (60.0, Work(58))], 48.0),
    stay(DMITRI, "python3", HOST, "2", &[(130.0, Work(93))], 101.0),
    stay(FATIMA, "vsc-thesis-4f1c09", DEV, "1", &[(150.0, Work(44)), (146.0, Idle)], 128.0),
    stay(NUMBER, "jupyter-204817", RAW, "2", &[(96.0, Work(15)), (94.0, Idle)], 86.0),
];

/// The host as it is at `now`, the lines of its last week, and its policy.
pub(super) fn host(now: Timestamp) -> Result<(Inventory, Vec<Record>, Policy), NoPast> {
    let inventory = demo(now).map_err(NoPast::Demo)?;
    let devices = Devices::new(&inventory.gpus);
    let uuid_of =
        |label: &str| devices.to_hold().find(|device| device.label() == label).map(|device| device.uuid.clone());
    let mut records = Vec::new();
    for (number, stay) in WEEK.iter().enumerate() {
        if let Some(uuid) = uuid_of(stay.on) {
            Told { stay, number, uuid, now }.tell(&mut records);
        }
    }
    // Stable: what happens in one moment stays in the order in which it was told.
    records.sort_by_key(Record::at);
    Ok((inventory, records, policy()?))
}

fn policy() -> Result<Policy, NoPast> {
    let members = |(group, names): &(&str, &str)| {
        let path = format!("/etc/ds01/groups/{group}.members").into();
        ((*group).to_owned(), Document { path, bytes: (*names).into() })
    };
    let files = PolicyFiles {
        policy: Document { path: policy::DEFAULT_PATH.into(), bytes: POLICY.into() },
        overrides: None,
        exemptions: None,
        members: MEMBERS.iter().map(members).collect(),
    };
    Ok(policy::parse(&files).map_err(NoPast::Policy)?.policy)
}

/// One stay, told.
struct Told<'a> {
    stay: &'a Stay,
    number: usize,
    uuid: String,
    now: Timestamp,
}

impl Told<'_> {
    fn tell(&self, records: &mut Vec<Record>) {
        let Some((first, _)) = self.stay.does.first() else { return };
        // A number of its own makes an id of its own.
        let Ok(id) = format!("{:064x}", 0x5eed_0000_0000 + self.number).parse::<ContainerId>() else { return };
        let (begin, end) = (self.at(*first), self.at(self.stay.ends));
        let started_at = begin;
        if let Some(origin) = self.stay.origin {
            records.push(self.life(&id, origin, begin, started_at, ContainerStatus::Running));
        }
        let (mut cpu_us, mut at) = (0_u64, begin);
        while at <= end {
            let does = self.does(at);
            if matches!(does, Unseen) {
                at += SignedDuration::from_mins(STEP);
                continue;
            }
            cpu_us += if matches!(does, Work(_)) { 300_000_000 } else { 30_000 };
            let held_ms = if at == begin { 0 } else { 300_000 };
            records.push(match self.stay.origin {
                Some(_) => Record::Seen(self.seen(&id, at, started_at, does, held_ms, cpu_us)),
                None => Record::Process(self.process(at, does, held_ms)),
            });
            at += SignedDuration::from_mins(STEP);
        }
        for (hours, what) in self.stay.deeds {
            records.push(self.deed(&id, self.at(*hours), *what));
        }
        if let (Some(origin), true) = (self.stay.origin, end < self.now) {
            let over = end + SignedDuration::from_secs(1);
            records.push(self.life(&id, origin, over, started_at, ContainerStatus::Exited));
        }
    }

    /// So many hours before the end of the story, to the step.
    #[expect(clippy::cast_possible_truncation, reason = "hours of a week")]
    fn at(&self, hours: f64) -> Timestamp {
        let steps = (hours * 60.0).round() as i64 / STEP;
        self.now - SignedDuration::from_mins(steps * STEP)
    }

    fn does(&self, at: Timestamp) -> Does {
        let mut begun = self.stay.does.iter().filter(|(hours, _)| self.at(*hours) < at);
        begun.next_back().or(self.stay.does.first()).map_or(Idle, |(_, does)| *does)
    }

    fn boot(&self, at: Timestamp) -> (String, u64) {
        let booted = self.now - SignedDuration::from_hours(BOOTED);
        let since = u64::try_from(at.as_millisecond() - booted.as_millisecond()).unwrap_or(0);
        ("sample".to_owned(), since)
    }

    fn measure(&self, does: Does, held_ms: u64, energy_mj: Option<u64>) -> GpuMeasure {
        let (figure, used) = match does {
            Work(percent) => (GpuFigure::OwnProcesses { percent: percent.into() }, Some(u64::from(percent))),
            Idle => (GpuFigure::OwnProcesses { percent: 0.0 }, Some(0)),
            Untold | Unseen => (GpuFigure::Unknown { why: "the driver did not say".to_owned() }, None),
        };
        GpuMeasure {
            gpu: self.uuid.clone(),
            figure,
            context: Some(true),
            energy: energy_mj.map(|mj| EnergyCount { mj, boot_ms: 0 }),
            shared_energy: None,
            covered_ms: used.map(|_| held_ms),
            used_ms: used.map(|percent| held_ms * percent / 100),
        }
    }

    fn seen(
        &self,
        id: &ContainerId,
        at: Timestamp,
        started_at: Timestamp,
        does: Does,
        held_ms: u64,
        cpu_us: u64,
    ) -> Observation {
        let (boot_id, boot_ms) = self.boot(at);
        // In watts: about a seventh of what it takes at work. Only this one is ever alone on its GPU.
        let energy = (self.stay.on == "1").then(|| cpu_us / 300_000_000 * 300 * 310_000 + boot_ms * 55);
        let told = !matches!(does, Untold);
        let untold = || Unknown::new(UnknownKind::NotAsked, "of the sample host");
        let idle = ProcessActivity { newest: None, terminals: BTreeMap::new() };
        Observation {
            at,
            boot_id,
            boot_ms,
            container_id: id.clone(),
            name: self.stay.name.to_owned(),
            started_at,
            held_ms: Some(held_ms),
            gpus: vec![self.measure(does, held_ms, energy)],
            cpu_us: if told { Reading::Known(cpu_us) } else { untold().into() },
            cpu_burst: None,
            net_bytes: if told { Reading::Known(0) } else { untold().into() },
            activity: if told { Reading::Known(idle) } else { untold().into() },
        }
    }

    fn process(&self, at: Timestamp, does: Does, held_ms: u64) -> ProcessSeen {
        let (boot_id, boot_ms) = self.boot(at);
        ProcessSeen {
            at,
            boot_id,
            boot_ms,
            pid: u32::try_from(30_000 + self.number).unwrap_or(1),
            start_ticks: 7,
            user: self.stay.user.unwrap_or_default().to_owned(),
            program: self.stay.name.to_owned(),
            held_ms,
            gpus: vec![self.measure(does, held_ms, None)],
        }
    }

    fn life(
        &self,
        id: &ContainerId,
        origin: Origin,
        at: Timestamp,
        started_at: Timestamp,
        status: ContainerStatus,
    ) -> Record {
        let (boot_id, boot_ms) = self.boot(at);
        Record::Life(Life {
            engine: EngineName::DOCKER,
            at,
            boot_id,
            boot_ms,
            container_id: id.clone(),
            name: self.stay.name.to_owned(),
            user: self.stay.user.map(ToOwned::to_owned),
            user_source: if self.stay.user.is_some() { UserSource::LabelDs01 } else { UserSource::Unknown },
            origin,
            image: "sample".to_owned(),
            has_gpu: Some(true),
            gpus: vec![self.uuid.clone()],
            status,
            started_at: Some(started_at),
            began_boot_ms: None,
            stop_timeout_seconds: None,
            auto_remove: false,
            problem: None,
            labels: BTreeMap::new(),
        })
    }

    fn deed(&self, id: &ContainerId, at: Timestamp, what: What) -> Record {
        let (boot_id, boot_ms) = self.boot(at);
        Record::Check(CheckMade {
            at,
            boot_id,
            boot_ms,
            check: boot_ms / HOUR_MS,
            demand: None,
            keep_alive: BTreeMap::new(),
            asked: Vec::new(),
            told: Vec::new(),
            done: [(id.clone(), Deed { what, done: true })].into(),
            partial: false,
        })
    }
}
