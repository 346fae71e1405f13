//! Sources that misbehave in ways in which the fake host alone does not: a reboot in between, a directory that hangs, an
//! engine that answers for too few.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, Settings, Sources, diff, inventory::SourceState, look},
    idle::gpus::{Occupancy, states},
    model::{
        ContainerActivity, ContainerDetails, ContainerId, ContainerLife, ContainerListing, EngineName, GpuSnapshot,
        Host, Process, Reading, UsersKind,
    },
    source::{
        ContainerSource, Engine, FailureKind, GpuSource, Inspection, ProcessError, ProcessSource, SourceError,
        SourceName,
        fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec, Scenario, ScenarioError},
    },
};

use jiff::{Timestamp, tz::TimeZone};

const LIMIT: Duration = Duration::from_secs(60);

fn lab() -> FakeHost {
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    host.with_users([(1001, "alice".to_owned())].into());
    host.add_gpus(&[GpuSpec { uuid: "GPU-1".to_owned(), ..Default::default() }]).unwrap();
    host.add_container(&ContainerSpec { name: "web".to_owned(), ..Default::default() }).unwrap();
    let gpus = [("0".to_owned(), Some(512))].into();
    host.add_process(&ProcessSpec { pid: 4001, uid: 1001, gpus, ..Default::default() }).unwrap();
    host
}

/// The fake host, scanned twice, so that its process is in the picture.
fn seen_twice(host: &FakeHost) -> Inventory {
    let first = scan(&host.sources(), &Inventory::empty());
    host.advance(Duration::from_secs(30));
    let second = scan(&host.sources(), &first);
    assert!(second.host_processes.contains_key(&4001));
    host.advance(Duration::from_secs(30));
    second
}

fn scan(sources: &Sources, previous: &Inventory) -> Inventory {
    look(sources, previous, LIMIT, &Settings::default())
}

fn events(old: &Inventory, new: &Inventory) -> Vec<&'static str> {
    diff(old, new).iter().map(|event| event.details.event_type()).collect()
}

/// A host's processes, with what is different about them.
struct OtherProcesses {
    host: FakeHost,
    boot_id: Option<&'static str>,
    /// A directory server that does not answer for as long as the other end is held.
    names_hang: Option<Mutex<mpsc::Receiver<()>>>,
}

impl ProcessSource for OtherProcesses {
    fn host(&self) -> Result<Host, SourceError> {
        let host = self.host.host()?;
        Ok(Host { boot_id: self.boot_id.map_or(host.boot_id, ToOwned::to_owned), ..host })
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        self.host.process(pid)
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.host.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.host.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        self.host.host_path(path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        if let Some(held) = &self.names_hang {
            held.lock().unwrap().recv().ok();
        }
        self.host.user_name(uid)
    }
}

/// A driver that is not built for the kernel that was booted.
struct NoDriver;

impl GpuSource for NoDriver {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        Err(SourceError::failed(SourceName::Nvml, FailureKind::Erred, "nvmlInit_v2: driver not loaded"))
    }

    fn observe(&self, _: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.snapshot()
    }
}

#[test]
fn a_reboot_ends_host_processes_though_nvml_fails() {
    let host = lab();
    let before = seen_twice(&host);
    let processes = Arc::new(OtherProcesses { host: host.clone(), boot_id: Some("another"), names_hang: None });
    let sources = Sources { processes, gpus: Arc::new(NoDriver), ..host.sources() };
    let after = scan(&sources, &before);
    assert!(after.host_processes.is_empty());
    assert_eq!(after.gpus.len(), 1, "what NVML alone can tell is kept");
    assert_eq!(events(&before, &after), ["detection.source_failed", "detection.host_gpu_process_exited"]);
    assert!(events(&after, &scan(&sources, &after)).is_empty());
}

#[test]
fn what_nvml_told_of_containers_is_stale_while_it_fails() {
    let host = lab();
    let gpus = Some(GpuRequest::Ids(vec!["0".to_owned()]));
    host.add_container(&ContainerSpec { name: "train".to_owned(), gpus, ..Default::default() }).unwrap();
    let before = seen_twice(&host);
    let after = scan(&Sources { gpus: Arc::new(NoDriver), ..host.sources() }, &before);
    let stale = |inventory: &Inventory, name: &str| {
        inventory.containers.values().find(|entry| entry.name == name).unwrap().stale
    };
    assert_eq!(["train", "web"].map(|name| stale(&before, name)), [false, false]);
    assert_eq!(
        ["train", "web"].map(|name| stale(&after, name)),
        [true, false],
        "of one without a GPU, NVML tells nothing"
    );
    assert!(!stale(&scan(&host.sources(), &after), "train"));
}

/// A host's processes, some of which answer otherwise: with this error, or after a while.
struct Odd<F> {
    host: FakeHost,
    odd: F,
}

impl<F: Fn(u32) -> Option<ProcessError> + Send + Sync> ProcessSource for Odd<F> {
    fn host(&self) -> Result<Host, SourceError> {
        self.host.host()
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        (self.odd)(pid).map_or_else(|| self.host.process(pid), Err)
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.host.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.host.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        self.host.host_path(path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.host.user_name(uid)
    }
}

/// Processes of which those with these pids do not answer for as long as the other end is held.
fn hanging(host: &FakeHost, pids: RangeInclusive<u32>) -> (mpsc::Sender<()>, Arc<dyn ProcessSource>) {
    let (hold, held) = mpsc::channel();
    let held = Mutex::new(held);
    let odd = move |pid| {
        if pids.contains(&pid) {
            held.lock().unwrap().recv().ok();
        }
        None
    };
    (hold, Arc::new(Odd { host: host.clone(), odd }))
}

#[test]
fn memory_of_a_dead_process_is_told_once_it_was_seen_twice_and_kept_while_nobody_can_look() {
    let host = lab();
    let before = seen_twice(&host);
    // It ended, and the driver goes on naming it.
    let odd = |pid| (pid == 4001).then_some(ProcessError::Gone { pid });
    let dead = Sources { processes: Arc::new(Odd { host: host.clone(), odd }), ..host.sources() };
    let first = scan(&dead, &before);
    assert_eq!(events(&before, &first), ["detection.host_gpu_process_exited"]);
    assert!(!first.dead_processes[&4001].confirmed);
    let second = scan(&dead, &first);
    assert_eq!(events(&first, &second), ["detection.dead_process_discovered"]);
    let entry = &second.dead_processes[&4001];
    assert_eq!((entry.gpu_memory_mb, entry.since), (Some(512), first.last_scan.unwrap()));

    let blind = Sources { gpus: Arc::new(NoDriver), ..dead.clone() };
    let third = scan(&blind, &second);
    assert_eq!(
        (events(&second, &third), third.dead_processes == second.dead_processes),
        (vec!["detection.source_failed"], true)
    );
    let fourth = scan(&host.sources(), &third);
    assert!(fourth.dead_processes.is_empty());
    assert!(events(&third, &fourth).contains(&"detection.dead_process_cleared"));
}

#[test]
fn who_uses_a_gpu_in_a_container_that_was_listed_as_stopped_is_seen() {
    let story = "\
about: x
host: lab
start: 2026-03-02T12:00:00Z
gpus: [{ index: 0, uuid: GPU-1, name: A100, memory_mb: 81920 }]
steps:
  - says: It is stopped.
    appear: { containers: [{ name: train, status: exited }] }
  - says: Docker hangs, and its shim has started the container again.
    docker: hangs
    change: { train: { status: running, processes: [{ pid: 4001, name: python3, gpus: { \"0\": 512 } }] } }
";
    let mut inventory = Inventory::empty();
    Scenario::from_yaml(story)
        .unwrap()
        .play(|_, host| {
            inventory = scan(&host.sources(), &inventory);
            Ok::<(), ScenarioError>(())
        })
        .unwrap();
    let train = inventory.containers.values().next().unwrap();
    assert!(train.stale && !train.status.is_up());
    assert_eq!(train.gpu_memory_mb, Some(512));
    assert!(inventory.pending_processes.is_empty());
}

#[test]
fn a_directory_that_hangs_takes_names_away_and_no_process() {
    let host = lab();
    let before = seen_twice(&host);
    let (hold, held) = mpsc::channel();
    let names_hang = Some(Mutex::new(held));
    let processes = Arc::new(OtherProcesses { host: host.clone(), boot_id: None, names_hang });
    let sources = Sources { processes, ..host.sources() };
    let gpus = [("0".to_owned(), Some(256))].into();
    host.add_process(&ProcessSpec { pid: 4002, uid: 1001, gpus, ..Default::default() }).unwrap();

    let after = look(&sources, &before, Duration::from_secs(2), &Settings::default());
    assert_eq!(after.sources["proc"].state, SourceState::Ok, "{:?}", after.sources["proc"].error);
    assert_eq!(after.host_processes[&4001].user, "alice", "known from the scan before");
    assert_eq!(after.pending_processes[&4002].user, "alice", "as the other one of that number");
    assert!(events(&before, &after).is_empty());
    drop(hold);
}

#[test]
fn a_gpu_process_that_hangs_hides_its_gpu_and_no_other() {
    let host = lab();
    host.add_gpus(&[1, 2].map(|index| GpuSpec { index, uuid: format!("GPU-{}", index + 1), ..Default::default() }))
        .unwrap();
    let gpus = [("1".to_owned(), Some(7))].into();
    host.add_process(&ProcessSpec { pid: 4000, uid: 1002, gpus, ..Default::default() }).unwrap();
    let (hold, processes) = hanging(&host, 4000..=4000);
    let after = scan(&Sources { processes, ..host.sources() }, &Inventory::empty());
    assert_eq!(after.sources["proc"].state, SourceState::Failed);
    let unreadable = &after.unreadable_processes[&4000];
    assert_eq!((unreadable.pid, unreadable.gpus[0].gpu_uuid.as_str()), (4000, "GPU-2"));
    assert!(unreadable.why.contains("no answer"), "{}", unreadable.why);
    let said: Vec<Occupancy> =
        states(&after, None, None, after.last_scan.unwrap(), &TimeZone::UTC).into_iter().map(|gpu| gpu.state).collect();
    assert_eq!(said, [Occupancy::Held, Occupancy::Unknown, Occupancy::Free]);
    drop(hold);
    assert!(scan(&host.sources(), &after).unreadable_processes.is_empty(), "it is read again");
}

/// A user's own daemon, whose containers have the pids that it says.
struct Claims(FakeHost, RangeInclusive<u32>);

impl ContainerSource for Claims {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        self.0.list()
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        let claimed = |(inspection, pid)| match inspection {
            Inspection::Details(details) => {
                Inspection::Details(Box::new(ContainerDetails { pid: Some(pid), ..*details }))
            }
            other => other,
        };
        Ok(self.0.inspect(ids)?.into_iter().zip(self.1.clone()).map(claimed).collect())
    }
}

#[test]
fn a_users_daemon_that_names_processes_that_hang_delays_nobody_else() {
    let host = lab();
    let ben = ContainerSpec { name: "bens".to_owned(), uid: 1002, ..Default::default() };
    host.with_users([(1002, "ben".to_owned()), (1003, "cleo".to_owned())].into());
    host.add_container(&ben).unwrap();
    // As many as would take all of the time, one after another, and all of them before anybody else's.
    let (claimed, limit) = (10..=21, Duration::from_secs(10));
    let daemon = |names: Vec<String>, pids: RangeInclusive<u32>, uid| {
        let own = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        names.into_iter().for_each(|name| own.add_container(&ContainerSpec { name, ..Default::default() }).unwrap());
        let ids: Vec<String> = own.list().unwrap().into_iter().map(|listing| listing.id.to_string()).collect();
        (Engine { name: EngineName::of_user(UsersKind::Docker, uid), source: Arc::new(Claims(own, pids)) }, ids)
    };
    let (hostile, _) = daemon(claimed.clone().map(|pid| format!("hung-{pid}")).collect(), claimed.clone(), 1001);
    let (honest, ids) = daemon(vec!["cleos".to_owned()], 700..=700, 1003);
    let cleos = ProcessSpec {
        pid: 700,
        uid: 1003,
        user_slice: Some(1003),
        foreign_container: Some(ids[0].clone()),
        ..Default::default()
    };
    host.add_process(&cleos).unwrap();
    let (hold, processes) = hanging(&host, claimed);
    let engines = vec![host.sources().engines.remove(0), hostile, honest];
    let sources = Sources { engines, processes, ..host.sources() };
    let inventory = look(&sources, &Inventory::empty(), limit, &Settings::default());
    let entry = |name: &str| inventory.containers.values().find(|entry| entry.name == name).unwrap();
    assert_eq!((entry("bens").user.as_str(), entry("bens").main_uid), ("ben", Some(1002)));
    assert_eq!(entry("cleos").pid, Some(700), "proven, though it was looked at after the other user's");
    assert_eq!(entry("hung-10").pid, None);
    assert!(inventory.pending_processes.contains_key(&4001));
    assert!(["docker", "proc"].iter().all(|name| inventory.sources[*name].state == SourceState::Ok));
    drop(hold);
}

/// An engine that lists all containers and describes none of those it is asked for.
struct Forgetful(FakeHost);

impl ContainerSource for Forgetful {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        self.0.list()
    }

    fn inspect(&self, _: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        Ok(Vec::new())
    }
}

#[test]
fn an_engine_that_answers_for_too_few_has_failed() {
    let host = lab();
    let sources = Sources { engines: vec![Engine::docker(Arc::new(Forgetful(host.clone())))], ..host.sources() };
    let inventory = scan(&sources, &Inventory::empty());
    let error = inventory.sources["docker"].error.as_deref().unwrap();
    assert!(error.contains("0 of 1 inspected containers were answered for"), "{error}");
}

#[test]
fn there_is_no_limit_too_long() {
    let inventory = look(&lab().sources(), &Inventory::empty(), Duration::MAX, &Settings::default());
    assert_eq!(inventory.containers.len(), 1);
}
