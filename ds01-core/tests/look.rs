//! One look at the host: whom it observes, when it observes nobody, and what one container that hangs costs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, Settings, Sources},
    idle::{GpuFigure, Look, Observation},
    model::{
        ContainerActivity, ContainerId, ContainerLife, ContainerStatus, GpuSnapshot, Host, Process, Reading,
        UnknownKind,
    },
    source::{
        GpuSource, ProcessError, ProcessSource, SourceError, SourceName,
        fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec, SourceMood, Step},
    },
};
use jiff::{SignedDuration, Timestamp};

/// Longer than any look here takes on any machine.
const LONG: Duration = Duration::from_secs(60);

fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn gpu_container(name: &str, pid: u32) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        gpus: Some(GpuRequest::Ids(vec!["0".to_owned()])),
        up_for: Some(SignedDuration::from_hours(1)),
        processes: vec![ProcessSpec {
            pid,
            name: "python3".to_owned(),
            gpus: BTreeMap::from([("0".to_owned(), Some(100))]),
            up_for: Some(SignedDuration::from_mins(30)),
            ..ProcessSpec::default()
        }],
        ..ContainerSpec::default()
    }
}

/// A host with two GPUs, and containers `a`, `b` and `c` on the first.
fn host() -> FakeHost {
    let host = FakeHost::new("lab", noon());
    let gpu = |index, uuid: &str| GpuSpec { index, uuid: uuid.to_owned(), ..GpuSpec::default() };
    host.add_gpus(&[gpu(0, "GPU-0"), gpu(1, "GPU-1")]).unwrap();
    for (name, pid) in [("a", 501), ("b", 502), ("c", 503)] {
        host.add_container(&gpu_container(name, pid)).unwrap();
    }
    host
}

fn look(sources: &Sources) -> Look {
    Look::at(sources, &Inventory::empty(), LONG, &Settings::default(), None)
}

fn names(look: &Look) -> Vec<&str> {
    let mut names: Vec<&str> = look.observations.iter().map(|seen| seen.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn of<'a>(look: &'a Look, name: &str) -> &'a Observation {
    look.observations.iter().find(|seen| seen.name == name).unwrap_or_else(|| panic!("no {name}: {look:?}"))
}

#[test]
fn whoever_is_up_and_has_a_gpu_is_observed() {
    let host = host();
    let add = |name: &str, status: ContainerStatus, gpus: Option<GpuRequest>| {
        let spec = ContainerSpec { name: name.to_owned(), status: Some(status), gpus, ..ContainerSpec::default() };
        host.add_container(&spec).unwrap();
    };
    add("paused", ContainerStatus::Paused, Some(GpuRequest::Count(-1)));
    add("exited", ContainerStatus::Exited, Some(GpuRequest::Count(-1)));
    add("created", ContainerStatus::Created, Some(GpuRequest::Count(-1)));
    add("web", ContainerStatus::Running, None);
    let look = look(&host.sources());
    assert_eq!(look.blind(), None);
    assert_eq!(names(&look), ["a", "b", "c", "paused"]);
    assert_eq!(look.containers.len(), 7, "facts are of all");
    let seen = of(&look, "a");
    assert_eq!((seen.at, seen.boot_ms), (look.now.at, look.now.boot_ms));
    assert_eq!(seen.gpus.iter().map(|measure| measure.gpu.as_str()).collect::<Vec<_>>(), ["GPU-0"]);
    assert_eq!(seen.gpus[0].figure, GpuFigure::OwnProcesses { percent: 0.0 });
    assert_eq!(look.pids[&seen.container_id].known().unwrap().len(), 2, "its main process and python3");
}

#[test]
fn while_a_source_tells_nothing_nobody_is_observed() {
    use SourceMood::{Absent, Denied, Errs, Hangs, Nonsense, Refused};
    for mood in [Absent, Refused, Denied, Hangs, Errs, Nonsense] {
        let blind = |step: Step| {
            let host = host();
            host.apply(&step, true).unwrap();
            let look = look(&host.sources());
            assert!(look.observations.is_empty() && look.pids.is_empty(), "{mood:?}: {look:?}");
            look
        };
        let docker = blind(Step { docker: Some(mood), ..Step::default() });
        assert_eq!((docker.blind(), docker.containers.len()), (Some(SourceName::DOCKER), 0), "{mood:?}");
        let nvml = blind(Step { nvml: Some(mood), ..Step::default() });
        assert_eq!((nvml.blind(), nvml.containers.len()), (Some(SourceName::Nvml), 3), "{mood:?}");
        let proc = blind(Step { proc: Some(mood), ..Step::default() });
        assert_eq!(proc.blind(), Some(SourceName::Proc), "{mood:?}");
        let both = blind(Step { nvml: Some(mood), proc: Some(mood), ..Step::default() });
        assert_eq!(both.blind(), Some(SourceName::Nvml), "{mood:?}");
    }
}

#[test]
fn a_source_that_tells_a_part_hides_that_part() {
    let host = host();
    host.add_container(&ContainerSpec {
        name: "other".to_owned(),
        gpus: Some(GpuRequest::Ids(vec!["1".to_owned()])),
        ..ContainerSpec::default()
    })
    .unwrap();
    let before = look(&host.sources()).inventory;
    host.apply(&Step { lost_gpus: Some(vec![0]), ..Step::default() }, false).unwrap();
    let look = Look::at(&host.sources(), &before, LONG, &Settings::default(), None);
    assert_eq!(look.blind(), None);
    assert_eq!(names(&look), ["a", "b", "c", "other"]);
    assert!(matches!(of(&look, "a").gpus[0].figure, GpuFigure::Unknown { .. }), "{look:?}");
    assert_eq!(of(&look, "other").gpus[0].figure, GpuFigure::OwnProcesses { percent: 0.0 });
}

/// A `/proc` in which reading these containers hangs until the test is over.
struct Hanging {
    host: FakeHost,
    stuck: Vec<ContainerId>,
    never: Mutex<mpsc::Receiver<()>>,
}

impl ProcessSource for Hanging {
    fn host(&self) -> Result<Host, SourceError> {
        self.host.host()
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        self.host.process(pid)
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.host.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        if self.stuck.contains(&life.id) {
            // The sender is never used: this ends when it is dropped.
            let _ = self.never.lock().unwrap().recv();
        }
        self.host.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        self.host.host_path(path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.host.user_name(uid)
    }
}

/// What a look within `limit` sees while the containers of these names hang.
fn look_past(stuck: &[&str], limit: Duration) -> Look {
    let host = host();
    let facts = look(&host.sources()).containers;
    let stuck = facts.iter().filter(|facts| stuck.contains(&&*facts.name)).map(|facts| facts.id.clone()).collect();
    let (_keep_waiting, never) = mpsc::channel();
    let processes = Arc::new(Hanging { host: host.clone(), stuck, never: Mutex::new(never) });
    let sources = Sources { processes, ..host.sources() };
    Look::at(&sources, &Inventory::empty(), limit, &Settings::default(), None)
}

fn cpu_known(look: &Look, name: &str) -> bool {
    match &of(look, name).cpu_us {
        Reading::Known(_) => true,
        Reading::Unknown(why) => {
            assert_eq!(why.kind, UnknownKind::TimedOut, "{name}: {why}");
            false
        }
    }
}

#[test]
fn one_container_that_hangs_costs_itself_only() {
    for stuck in ["a", "b", "c"] {
        let look = look_past(&[stuck], LONG);
        assert_eq!((look.blind(), names(&look)), (None, vec!["a", "b", "c"]));
        let known: Vec<&str> = ["a", "b", "c"].into_iter().filter(|name| cpu_known(&look, name)).collect();
        let expected: Vec<&str> = ["a", "b", "c"].into_iter().filter(|name| *name != stuck).collect();
        assert_eq!(known, expected);
        let Observation { net_bytes, activity, gpus, container_id, .. } = of(&look, stuck);
        assert!(net_bytes.unknown().is_some() && activity.unknown().is_some());
        assert!(look.pids[container_id].unknown().is_some());
        // Whether it is the one that works on the GPU can't be told without its pids.
        assert_eq!(gpus[0].figure, GpuFigure::Device { percent: 0.0, attributable: false });
    }
}

#[test]
fn when_all_hang_the_look_ends_all_the_same_and_knows_nothing_of_them() {
    let look = look_past(&["a", "b", "c"], Duration::from_secs(5));
    assert_eq!(look.observations.len(), 3);
    assert!(["a", "b", "c"].iter().all(|name| !cpu_known(&look, name)));
}

#[test]
fn a_second_look_sees_one_container_as_it_is_now() {
    let host = host();
    let look = look(&host.sources());
    let entry = look.inventory.containers.values().find(|entry| entry.name == "b").unwrap();
    let life = ContainerLife { id: entry.full_id.clone(), pid: entry.pid.unwrap(), health_check: Vec::new() };
    host.advance(Duration::from_secs(2));
    let step = Step { change: [("b".to_owned(), working(502, 70))].into(), ..Step::default() };
    host.apply(&step, true).unwrap();
    let started_at = entry.started_at.unwrap();
    let seen = look.again(&host.sources(), &life, started_at).into_known().unwrap();
    assert_eq!((seen.name.as_str(), seen.boot_ms), ("b", look.now.boot_ms + 2_000));
    assert_eq!(seen.gpus[0].figure, GpuFigure::OwnProcesses { percent: 70.0 });

    let elsewhere = ContainerLife { pid: 501, ..life.clone() };
    let seen = look.again(&host.sources(), &elsewhere, started_at).into_known().unwrap();
    assert_eq!(seen.cpu_us.unknown().unwrap().kind, UnknownKind::Gone, "a pid that is not its own");
    let stranger = ContainerLife { id: "ab".repeat(32).parse().unwrap(), ..life.clone() };
    assert_eq!(look.again(&host.sources(), &stranger, started_at).unknown().unwrap().kind, UnknownKind::Gone);
    host.apply(&Step { nvml: Some(SourceMood::Errs), ..Step::default() }, true).unwrap();
    assert_eq!(look.again(&host.sources(), &life, started_at).unknown().unwrap().kind, UnknownKind::Failed);
}

fn working(pid: u32, percent: u32) -> ds01_core::source::fake::Change {
    ds01_core::source::fake::Change { gpu_percent: [(pid, percent)].into(), ..Default::default() }
}

/// GPUs that note since when they were asked.
struct Noting(FakeHost, Mutex<Vec<Timestamp>>);

impl GpuSource for Noting {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        self.0.snapshot()
    }

    fn observe(&self, since: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.1.lock().unwrap().push(since);
        self.0.observe(since)
    }
}

#[test]
fn gpus_are_asked_about_the_time_that_no_look_has_seen() {
    let host = host();
    let noting = Arc::new(Noting(host.clone(), Mutex::default()));
    let sources = Sources { gpus: noting.clone(), ..host.sources() };
    let boot_ms = |at: Timestamp| {
        let noon_ms = 30 * 24 * 3_600_000;
        u64::try_from(noon_ms + at.duration_since(noon()).as_millis()).unwrap()
    };
    let asked = |previous: &Inventory, since: Option<Timestamp>| {
        let look = Look::at(&sources, previous, LONG, &Settings::default(), since.map(boot_ms));
        assert_eq!(noting.1.lock().unwrap().pop(), Some(look.since));
        (look.since, look.inventory)
    };
    let minute = SignedDuration::from_mins(1);
    let (since, scanned) = asked(&Inventory::empty(), None);
    assert_eq!(since, noon() - minute, "without a picture before, more than drivers remember");
    host.advance(Duration::from_secs(30));
    assert_eq!(asked(&scanned, None).0, noon(), "since the picture");
    assert_eq!(asked(&scanned, Some(noon() - minute)).0, noon());
    let day = SignedDuration::from_hours(24);
    let set_back = Inventory { last_scan: Some(noon() + day), ..scanned.clone() };
    assert_eq!(asked(&set_back, None).0, noon(), "the wall clock was set back by a day since the picture");
    assert_eq!(asked(&scanned, Some(noon() + SignedDuration::from_secs(9))).0, noon() + SignedDuration::from_secs(9));

    // A picture that a source told nothing for saw nobody work.
    host.apply(&Step { docker: Some(SourceMood::Refused), ..Step::default() }, true).unwrap();
    let blind = asked(&scanned, None).1;
    host.apply(&Step { docker: Some(SourceMood::Ok), ..Step::default() }, false).unwrap();
    let check = noon() + SignedDuration::from_secs(9);
    assert_eq!(asked(&blind, Some(check)).0, check);
    assert_eq!(asked(&blind, None).0, noon(), "a minute ago");
}
