//! Sources that misbehave in ways in which the fake host alone does not: a reboot in between, a directory that hangs, an
//! engine that answers for too few.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, Settings, Sources, diff, inventory::SourceState, look},
    model::{ContainerActivity, ContainerId, ContainerLife, ContainerListing, GpuSnapshot, Host, Process, Reading},
    source::{
        ContainerSource, Engine, FailureKind, GpuSource, Inspection, ProcessError, ProcessSource, SourceError,
        SourceName,
        fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec, Scenario, ScenarioError},
    },
};

use jiff::Timestamp;

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

/// A process that ends while the driver goes on naming it.
struct Dead(FakeHost);

impl ProcessSource for Dead {
    fn host(&self) -> Result<Host, SourceError> {
        self.0.host()
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        if pid == 4001 { Err(ProcessError::Gone { pid }) } else { self.0.process(pid) }
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.0.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.0.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        self.0.host_path(path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.0.user_name(uid)
    }
}

#[test]
fn memory_of_a_dead_process_is_told_once_it_was_seen_twice_and_kept_while_nobody_can_look() {
    let host = lab();
    let before = seen_twice(&host);
    let dead = Sources { processes: Arc::new(Dead(host.clone())), ..host.sources() };
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
    assert_eq!(after.pending_processes[&4002].user, "1001");
    assert!(events(&before, &after).is_empty());
    drop(hold);
}

/// Processes of which one can't be read for as long as the other end is held: its memory, where its command line is, lies on a file
/// system that is dead.
struct OneHangs(FakeHost, u32, Mutex<mpsc::Receiver<()>>);

impl ProcessSource for OneHangs {
    fn host(&self) -> Result<Host, SourceError> {
        self.0.host()
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        if pid == self.1 {
            self.2.lock().unwrap().recv().ok();
        }
        self.0.process(pid)
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.0.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.0.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        self.0.host_path(path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.0.user_name(uid)
    }
}

#[test]
fn a_process_that_cannot_be_read_in_time_hides_no_other() {
    let host = lab();
    let process = |pid, gpu_memory| ProcessSpec {
        pid,
        uid: 1001,
        gpus: [("0".to_owned(), Some(gpu_memory))].into(),
        ..Default::default()
    };
    // The one that hangs comes first.
    for pid in [3000, 4002] {
        host.add_process(&process(pid, 256)).unwrap();
    }
    let before = seen_twice(&host);
    host.add_process(&process(4003, 256)).unwrap();
    let (hold, held) = mpsc::channel();
    let processes = Arc::new(OneHangs(host.clone(), 3000, Mutex::new(held)));
    let after = look(&Sources { processes, ..host.sources() }, &before, LIMIT, &Settings::default());
    assert!(after.host_processes[&3000].stale, "known from the scan before");
    for pid in [4001, 4002] {
        assert!(!after.host_processes[&pid].stale, "{pid}");
    }
    assert_eq!(after.pending_processes.keys().collect::<Vec<_>>(), [&4003]);
    assert_eq!(after.containers.values().filter(|entry| entry.stale).count(), 0);
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
