//! Several container engines on one host: each fails by itself, and none speaks for another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, Settings, UserSource, diff, inventory::SourceState, look},
    event::EventLog,
    idle::{self, Broadcast, CheckOptions, Checked, Delivery, Hands, Message, Reason},
    model::{ContainerId, ContainerListing, EngineName, UsersKind},
    policy::{Document, Policy, PolicyFiles, parse},
    scan::{self, ScanOptions},
    source::{
        ContainerSource, Controls, Engine, FailureKind, Inspection, SourceError, SourceName, Sources,
        fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, Order, ProcessSpec},
    },
};
use jiff::{SignedDuration, tz::TimeZone};

const LIMIT: Duration = Duration::from_secs(60);
const ALICE: u32 = 1001;

/// The containers of one host that have this in their names, as an engine of their own.
struct Part {
    host: FakeHost,
    engine: EngineName,
    has: &'static str,
    down: AtomicBool,
}

impl Part {
    fn of(host: &FakeHost, engine: EngineName, has: &'static str) -> Arc<Self> {
        Arc::new(Self { host: host.clone(), engine, has, down: AtomicBool::new(false) })
    }

    fn is_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<(), SourceError> {
        let refused = || {
            let name = SourceName::Engine(self.engine.clone());
            Err(SourceError::failed(name, FailureKind::Erred, "HTTP 500"))
        };
        if self.down.load(Ordering::SeqCst) { refused() } else { Ok(()) }
    }
}

impl ContainerSource for Part {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        self.answer()?;
        Ok(self.host.list()?.into_iter().filter(|listing| listing.name.contains(self.has)).collect())
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        self.answer()?;
        self.host.inspect(ids)
    }
}

/// A host with a GPU that two containers share, one of Docker's and one of Podman's.
fn two_engines() -> (FakeHost, Arc<Part>, Arc<Part>, Sources) {
    let host = host();
    for (name, pid) in [("docker-train", 501), ("podman-train", 502)] {
        let process = ProcessSpec { pid, gpus: [("0".to_owned(), Some(100))].into(), ..ProcessSpec::default() };
        let spec = ContainerSpec {
            name: name.to_owned(),
            gpus: Some(GpuRequest::Count(1)),
            up_for: Some(SignedDuration::from_hours(2)),
            labels: [("ds01.user".to_owned(), "bob".to_owned())].into(),
            processes: vec![ProcessSpec { up_for: Some(SignedDuration::from_hours(2)), ..process }],
            ..ContainerSpec::default()
        };
        host.add_container(&spec).unwrap();
    }
    let docker = Part::of(&host, EngineName::DOCKER, "docker-");
    let podman = Part::of(&host, EngineName::PODMAN, "podman-");
    let engines = vec![Engine::docker(docker.clone()), Engine { name: EngineName::PODMAN, source: podman.clone() }];
    let sources = Sources { engines, ..host.sources() };
    (host, docker, podman, sources)
}

fn host() -> FakeHost {
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    host.add_gpus(&[GpuSpec { uuid: "GPU-0".to_owned(), ..GpuSpec::default() }]).unwrap();
    host
}

fn scanned(host: &FakeHost, sources: &Sources, previous: &Inventory) -> (Inventory, Vec<String>) {
    host.advance(Duration::from_secs(30));
    let inventory = look(sources, previous, LIMIT, &Settings::default());
    let events = diff(previous, &inventory);
    (inventory, events.iter().map(|event| format!("{} {}", event.engine, event.details.event_type())).collect())
}

fn shown(inventory: &Inventory) -> Vec<String> {
    let one = |entry: &ds01_core::detect::inventory::ContainerEntry| {
        format!("{} {} {}{}", entry.engine, entry.name, entry.status, if entry.stale { " stale" } else { "" })
    };
    let mut all: Vec<String> = inventory.containers.values().map(one).collect();
    all.sort();
    all
}

#[test]
fn one_that_fails_keeps_its_containers_and_hides_no_news_of_the_others() {
    let (host, docker, podman, sources) = two_engines();
    let (first, events) = scanned(&host, &sources, &Inventory::empty());
    assert_eq!(shown(&first), ["docker docker-train running", "podman podman-train running"]);
    assert_eq!(events, ["docker detection.container_discovered", "podman detection.container_discovered"]);
    assert_eq!(first.sources.keys().collect::<Vec<_>>(), ["docker", "nvml", "podman", "proc"]);

    podman.is_down(true);
    let spec = ContainerSpec { name: "docker-new".to_owned(), ..ContainerSpec::default() };
    host.add_container(&spec).unwrap();
    let (second, events) = scanned(&host, &sources, &first);
    let expected = ["docker docker-new running", "docker docker-train running", "podman podman-train running stale"];
    assert_eq!(shown(&second), expected);
    assert_eq!(events, ["docker detection.source_failed", "docker detection.container_discovered"]);

    podman.is_down(false);
    docker.is_down(true);
    let (third, events) = scanned(&host, &sources, &second);
    let expected =
        ["docker docker-new running stale", "docker docker-train running stale", "podman podman-train running"];
    assert_eq!(shown(&third), expected);
    assert_eq!(events, ["docker detection.source_failed", "docker detection.source_recovered"]);
}

#[test]
fn one_that_is_gone_has_failed_until_it_is_forgotten() {
    let (host, _, _, mut sources) = two_engines();
    let (first, _) = scanned(&host, &sources, &Inventory::empty());
    sources.engines.truncate(1);
    let (second, events) = scanned(&host, &sources, &first);
    assert_eq!(second.source_state("podman"), Some(SourceState::Failed));
    assert_eq!(shown(&second), ["docker docker-train running", "podman podman-train running stale"]);
    assert_eq!(events, ["docker detection.source_failed"]);
    let forget = vec![SourceName::Engine(EngineName::PODMAN)];
    let third = look(&sources, &second, LIMIT, &Settings { forget, ..Settings::default() });
    assert_eq!(shown(&third), ["docker docker-train running"]);
    assert_eq!(third.source_state("podman"), None, "nothing is said of an engine that was never there");
}

/// A host where Alice's own daemon lists one container, and a process with this uid, below this user's slice, holds the GPU in a
/// control group with the container's id.
fn claimed(uid: u32, user_slice: Option<u32>) -> Inventory {
    let (host, alices) = (host(), FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap()));
    host.with_users(BTreeMap::from([(ALICE, "alice".to_owned()), (1002, "bob".to_owned())]));
    let spec = ContainerSpec {
        name: "mine".to_owned(),
        gpus: Some(GpuRequest::Count(-1)),
        labels: ["ds01.user", "ds01.managed"].map(|key| (key.to_owned(), "bob".to_owned())).into(),
        ..ContainerSpec::default()
    };
    alices.add_container(&spec).unwrap();
    let id = alices.list().unwrap()[0].id.clone();
    let process = ProcessSpec {
        pid: 700,
        uid,
        user_slice,
        gpus: [("0".to_owned(), Some(100))].into(),
        foreign_container: Some(id.as_str().to_owned()),
        ..ProcessSpec::default()
    };
    host.add_process(&process).unwrap();
    let own = Engine { name: EngineName::of_user(UsersKind::Docker, ALICE), source: Arc::new(alices) };
    let sources = Sources { engines: vec![host.sources().engines.remove(0), own], ..host.sources() };
    let (first, _) = scanned(&host, &sources, &Inventory::empty());
    scanned(&host, &sources, &first).0
}

#[test]
fn a_process_is_in_a_users_container_only_if_the_kernel_says_that_it_is_his() {
    let inventory = claimed(ALICE, Some(ALICE));
    let entry = inventory.containers.values().next().unwrap();
    assert_eq!((entry.user.as_str(), entry.user_source), ("alice", UserSource::ProcessUid), "whatever its labels say");
    assert_eq!(entry.origin, ds01_core::detect::Origin::RawDocker);
    assert_eq!(
        (entry.has_gpu, entry.gpus.as_slice()),
        (Some(true), ["GPU-0".to_owned()].as_slice()),
        "it was seen there"
    );
    assert!(inventory.host_processes.is_empty() && entry.problem.is_none());

    for (what, uid, slice) in [
        ("another user's process", 1002, Some(ALICE)),
        ("root's", 0, Some(ALICE)),
        ("below another's slice", ALICE, Some(1002)),
        ("of a service or of root's engines", ALICE, None),
    ] {
        let inventory = claimed(uid, slice);
        let entry = inventory.containers.values().next().unwrap();
        assert_eq!((entry.has_gpu, entry.gpus.len(), entry.pid), (None, 0, None), "{what}");
        assert!(entry.problem.as_deref().is_some_and(|words| words.contains("own engine")), "{what}: said why");
        assert_eq!(inventory.host_processes.keys().collect::<Vec<_>>(), [&700], "{what}");
    }
}

struct Nobody;

impl Broadcast for Nobody {
    fn tell(&self, _: &Message<'_>) -> Vec<Delivery> {
        Vec::new()
    }
}

const POLICY: &str = "
defaults: {idle_timeout: 30m, max_runtime: null}
container_types: {docker: {idle_timeout: 30m, max_runtime: null}}
policies: {grace_period: 1m, idle_detection_window: 1, high_demand_threshold: null}
";

fn policy(engines: &str) -> Policy {
    let text = format!("{POLICY}engines: {engines}\n");
    let document = Document { path: PathBuf::from("limits.yaml"), bytes: text.into() };
    parse(&PolicyFiles { policy: document, overrides: None, exemptions: None, members: BTreeMap::default() })
        .unwrap()
        .policy
}

struct Checks {
    dir: tempfile::TempDir,
    host: FakeHost,
    sources: Sources,
}

impl Checks {
    /// A scan and a check five minutes later, and what it decided about Podman's and Docker's container.
    fn next(&self, engines: &str) -> (Checked, [Option<Reason>; 2]) {
        self.host.advance(Duration::from_secs(300));
        let scanned = ScanOptions {
            metrics: None,
            state_dir: self.dir.path().join("state"),
            events: EventLog::new(self.dir.path().join("events.jsonl"), "test"),
            deadline: LIMIT,
            settings: Settings::default(),
        };
        scan::run(&self.sources, &scanned).unwrap();
        let options = CheckOptions {
            metrics: None,
            state_dir: self.dir.path().join("state"),
            keep_dir: self.dir.path().join("keep"),
            events: EventLog::new(self.dir.path().join("events.jsonl"), "test"),
            deadline: LIMIT,
            settings: Settings::default(),
            policy: policy(engines),
            zone: TimeZone::UTC,
            only: Vec::new(),
        };
        let control = Arc::new(self.host.clone());
        let controls = Controls::docker(control.clone()).with(EngineName::PODMAN, control);
        let hands = Hands { controls, broadcast: Arc::new(Nobody) };
        let checked = idle::run(&self.sources, &hands, &options).unwrap();
        let reason = |name: &str| {
            let facts = checked.look.containers.iter().find(|facts| facts.name == name)?;
            checked.plan.decisions.get(&facts.id)?.reason.clone()
        };
        let reasons = [reason("podman-train"), reason("docker-train")];
        (checked, reasons)
    }
}

#[test]
fn who_is_on_an_engine_that_does_not_answer_is_left_and_the_others_are_judged() {
    let (host, docker, podman, sources) = two_engines();
    let checks = Checks { dir: tempfile::tempdir().unwrap(), host, sources };
    let both = "{reap: [docker, podman]}";
    // Idle for about 25 minutes, and warned.
    for _ in 0..6 {
        checks.next(both);
    }
    podman.is_down(true);
    for _ in 0..3 {
        let (checked, [of_podman, of_docker]) = checks.next(both);
        assert_eq!(of_podman, Some(Reason::NotTold(EngineName::PODMAN)));
        assert_ne!(of_docker, Some(Reason::NotTold(EngineName::DOCKER)));
        assert_eq!((checked.blind(), checked.demand), (None, None), "how many GPUs are given nobody knows");
    }
    let stopped: Vec<String> = checks
        .host
        .orders()
        .iter()
        .map(|order| match order {
            Order::Stop(name, _) => name.clone(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(stopped, ["docker-train"]);
    // Nobody saw it, but it is not forgotten: it goes on where it was.
    podman.is_down(false);
    let (checked, [of_podman, _]) = checks.next(both);
    assert_ne!(of_podman, Some(Reason::NotTold(EngineName::PODMAN)));
    let id = checked.look.containers.iter().find(|facts| facts.name == "podman-train").unwrap().id.clone();
    let idle = checked.state.tracks[&id].idle();
    assert!(
        (20 * 60..=30 * 60).contains(&idle.as_secs()),
        "what was seen of it before counts, and the gap does not: {idle:?}"
    );

    // Without any engine of root's nobody is judged.
    podman.is_down(true);
    docker.is_down(true);
    assert_eq!(checks.next(both).0.blind(), Some(SourceName::DOCKER));
}

#[test]
fn on_an_engine_that_the_policy_does_not_name_everybody_is_judged_and_nobody_touched() {
    let (host, _, _, sources) = two_engines();
    let checks = Checks { dir: tempfile::tempdir().unwrap(), host, sources };
    // Neither for idleness nor for its run time: it has run for two hours, and may for one.
    let shipped = "{}\nuser_overrides: {bob: {max_runtime: 1h}}";
    for _ in 0..12 {
        let (checked, [of_podman, _]) = checks.next(shipped);
        assert_eq!(of_podman, Some(Reason::Engine(EngineName::PODMAN)), "as shipped");
        let podmans = checked.look.containers.iter().find(|facts| facts.name == "podman-train").unwrap();
        assert_eq!(checked.plan.decisions[&podmans.id].action, idle::Action::Nothing);
    }
    assert!(checks.host.orders().iter().all(|order| matches!(order, Order::Stop(name, _) if name == "docker-train")));
    assert_eq!(checks.host.orders().len(), 1);
}
