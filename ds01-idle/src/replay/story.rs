//! A small past for tests: one day of a few containers, with the reaper that really stopped some of them.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};

use ds01_core::{
    detect::{Origin, UserSource},
    idle::{
        Check, ContainerFacts, Demand, GpuFigure, GpuMeasure, IdleState, Journal, KeepAlive, Now, Observation, Plan,
        ProcessActivity,
        journal::{CheckMade, Deed, Life, Record},
    },
    model::{ContainerId, ContainerStatus, Reading},
    policy,
    store::Store,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tempfile::TempDir;

/// Minutes of the day in which something happens, from..to.
type Spans = Vec<(u64, u64)>;

/// Hours and minutes.
pub(super) const fn at(hour: u64, minute: u64) -> u64 {
    hour * 60 + minute
}

/// One container.
struct Role {
    name: &'static str,
    user: Option<&'static str>,
    origin: Origin,
    gpus: usize,
    from: u64,
    to: u64,
    works: Spans,
    /// Since when it has a keep-alive file.
    keep_alive: Option<u64>,
    /// How it was seen last: 0 is gone.
    shown: u64,
}

/// The day, and the folder that it is kept in.
pub(super) struct Story {
    dir: TempDir,
    /// When checks are made.
    pub(super) checked: Spans,
    /// When nobody looks.
    pub(super) dark: Spans,
}

impl Story {
    /// A day on which the timer was always on, and everybody was looked at.
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), checked: vec![(0, 1440)], dark: Vec::new() }
    }

    pub(super) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// A policy's file.
    pub(super) fn policy(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        // Long before the day.
        fs::File::open(&path)
            .unwrap()
            .set_modified(instant(0).checked_sub(SignedDuration::from_hours(99)).unwrap().into())
            .unwrap();
        path
    }

    /// Lives through the day from 08:00 to 18:00 by the policy in `file`, and writes the journal.
    pub(super) fn live(&self, file: &std::path::Path) {
        let policy = policy::load(file).unwrap_or_else(|_| panic!("a sound policy")).policy;
        let journal = Journal::open(&Store::open(&self.state_dir()).unwrap()).unwrap();
        let (mut cast, mut state, mut seen) = (cast(), IdleState::default(), Vec::new());
        for minute in at(8, 0)..=at(18, 0) {
            if within(&self.dark, minute) {
                continue;
            }
            let now = now(minute);
            let mut records = Vec::new();
            for (n, role) in cast.iter_mut().enumerate() {
                let up = (role.from..role.to).contains(&minute);
                let life = if up { role.from } else { 0 };
                if role.shown != life {
                    role.shown = life;
                    records.push(Record::Life(role.life(n, minute, up)));
                }
                if up {
                    let look = role.look(n, minute);
                    seen.push(look.clone());
                    records.push(Record::Seen(look));
                }
            }
            if minute.is_multiple_of(5) && within(&self.checked, minute) {
                let facts: Vec<ContainerFacts> =
                    cast.iter().enumerate().map(|(n, role)| role.life(n, minute, role.shown > 0).facts(&now)).collect();
                let demand = Some(Demand { assigned: 5, total: 16 });
                let check = Check {
                    now: now.clone(),
                    zone: TimeZone::UTC,
                    policy: &policy,
                    containers: &facts,
                    observations: &seen,
                    demand,
                    asked: &[],
                    only: None,
                };
                let mut keep_alive = BTreeMap::new();
                let plan = Plan::make(&mut state, &check, |asked| {
                    let file = |asked: &ContainerId| {
                        let role = cast.iter().enumerate().find(|(n, _)| id(*n) == *asked).unwrap().1;
                        let written = role.keep_alive.filter(|since| *since <= minute);
                        written.map_or(KeepAlive::Absent, |since| KeepAlive::File(instant(since)))
                    };
                    keep_alive = asked.iter().map(|(id, _)| ((*id).clone(), file(id))).collect();
                    keep_alive.clone()
                });
                let mut done = BTreeMap::new();
                for (id, decision) in &plan.decisions {
                    let what = decision.action.what();
                    state.record(id, decision, &now);
                    done.extend(what.map(|what| (id.clone(), Deed { what, done: true })));
                }
                for (n, role) in cast.iter_mut().enumerate() {
                    if done.get(&id(n)).is_some_and(|deed| deed.what.is_stop()) {
                        role.to = minute + 1;
                    }
                }
                seen.clear();
                records.push(Record::Check(CheckMade {
                    at: now.at,
                    boot_id: now.boot_id.clone(),
                    boot_ms: now.boot_ms,
                    check: state.checks,
                    demand,
                    keep_alive,
                    asked: Vec::new(),
                    told: Vec::new(),
                    done,
                    partial: false,
                }));
            }
            journal.append_all(&records.iter().map(Record::as_ref).collect::<Vec<_>>()).unwrap();
        }
        journal.pack(instant(2 * 1440), Duration::from_secs(30)).unwrap();
    }
}

fn cast() -> Vec<Role> {
    let role = |name, user, gpus, works: &[(u64, u64)]| Role {
        name,
        user,
        origin: Origin::RawDocker,
        gpus,
        from: at(7, 30),
        to: 1440,
        works: works.to_vec(),
        keep_alive: None,
        shown: 0,
    };
    vec![
        role("train", Some("ann"), 4, &[(at(7, 30), 1440)]),
        // Thinks for most of an hour.
        Role {
            to: at(17, 10),
            ..role(
                "notebook",
                Some("ben"),
                1,
                &[(at(8, 0), at(9, 10)), (at(10, 5), at(12, 0)), (at(13, 30), at(15, 0))],
            )
        },
        // Stopped by whoever checks.
        role("forgotten-since-monday", Some("cara.of.a.long.name@uni.example"), 2, &[]),
        // Ended by its user, and hostile.
        Role { to: at(12, 30), ..role("sly\u{1b}[31m\u{202e}", Some("mal\u{7}lory"), 1, &[(at(8, 0), at(10, 0))]) },
        Role { keep_alive: Some(at(8, 30)), ..role("kept", Some("dan"), 1, &[(at(8, 0), at(8, 20))]) },
        Role { origin: Origin::Compose, ..role("nobodys", None, 1, &[(at(8, 0), at(14, 0))]) },
    ]
}

impl Role {
    fn life(&self, n: usize, minute: u64, up: bool) -> Life {
        let Now { at, boot_id, boot_ms } = now(minute);
        Life {
            at,
            boot_id,
            boot_ms,
            container_id: id(n),
            engine: ds01_core::model::EngineName::DOCKER,
            name: self.name.to_owned(),
            user: self.user.map(ToOwned::to_owned),
            user_source: UserSource::LabelDs01,
            origin: self.origin,
            image: "pytorch".to_owned(),
            has_gpu: Some(true),
            gpus: (0..self.gpus).map(|gpu| format!("GPU-{n}{gpu}")).collect(),
            status: if up { ContainerStatus::Running } else { ContainerStatus::Exited },
            started_at: Some(instant(self.from)),
            began_boot_ms: Some(boot_ms - (minute - self.from) * 60_000),
            stop_timeout_seconds: None,
            auto_remove: false,
            problem: None,
            labels: BTreeMap::new(),
        }
    }

    fn look(&self, n: usize, minute: u64) -> Observation {
        let Now { at, boot_id, boot_ms } = now(minute);
        let works = within(&self.works, minute);
        let worked: u64 = self.works.iter().map(|(from, to)| minute.min(*to).saturating_sub(*from)).sum();
        Observation {
            at,
            boot_id,
            boot_ms,
            container_id: id(n),
            name: self.name.to_owned(),
            started_at: instant(self.from),
            held_ms: Some(60_000),
            gpus: vec![GpuMeasure {
                gpu: format!("GPU-{n}0"),
                figure: GpuFigure::OwnProcesses { percent: if works { 90.0 } else { 0.0 } },
                context: Some(true),
                energy: None,
                shared_energy: None,
                covered_ms: Some(60_000),
                used_ms: Some(0),
            }],
            cpu_us: Reading::Known(worked * 60_000_000),
            cpu_burst: None,
            net_bytes: Reading::Known(0),
            activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
        }
    }
}

fn id(n: usize) -> ContainerId {
    format!("{n:x}").repeat(64).parse().unwrap()
}

fn within(spans: &Spans, minute: u64) -> bool {
    spans.iter().any(|(from, to)| (*from..*to).contains(&minute))
}

/// A minute of the day, in UTC.
pub(super) fn instant(minute: u64) -> Timestamp {
    let midnight: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
    midnight + SignedDuration::from_mins(i64::try_from(minute).unwrap())
}

fn now(minute: u64) -> Now {
    Now { at: instant(minute), boot_id: "boot".to_owned(), boot_ms: 86_400_000 + minute * 60_000 }
}
