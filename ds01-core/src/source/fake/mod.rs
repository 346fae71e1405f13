//! A host that exists in memory only, for tests and for the built-in demo.
//!
//! One [`FakeHost`] answers as all three sources and as the clock, so that they agree with each other as those of a real
//! host do. It is stricter than a real one: what can't be is refused with a message instead of answered.
//!
//! ```
//! use std::time::Duration;
//! use ds01_core::{
//!     detect::{Inventory, Settings, look},
//!     source::fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse()?);
//! host.add_gpus(&[GpuSpec { uuid: "GPU-1".to_owned(), ..Default::default() }])?;
//! host.add_container(&ContainerSpec {
//!     name: "train".to_owned(),
//!     gpus: Some(GpuRequest::Count(-1)),
//!     ..Default::default()
//! })?;
//! let inventory = look(&host.sources(), &Inventory::empty(), Duration::from_secs(5), &Settings::default());
//! assert_eq!(inventory.containers.values().next().unwrap().gpus, ["GPU-1"]);
//! # Ok(())
//! # }
//! ```

mod activity;
mod answers;
mod clocks;
mod control;
mod scenario;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Engine, Sources,
    proc::{self, Belongs},
};
use crate::model::{
    ContainerConfig, ContainerId, ContainerStatus, DeviceRequest, Host, InvalidContainerId, Process, Reading,
    UsersGroup,
};

pub use control::Order;
use scenario::before;
pub use scenario::{
    All, Appear, Change, ContainerSpec, Disappear, GpuRequest, GpuSpec, MigSpec, ProcessSpec, Scenario, ScenarioError,
    SourceMood, Step, Work,
};

/// How long the host had been up when its story begins.
const UPTIME_AT_START: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Clock ticks in a second.
const TICKS: u64 = 100;
/// Main processes get pids from here on; a scenario's own stay below.
const FIRST_MAIN_PID: u32 = 100_000;

/// A host in memory. Clones are handles to the same host.
#[derive(Debug, Clone)]
pub struct FakeHost(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    host: Host,
    booted_at: Timestamp,
    boots: u64,
    now: Timestamp,
    users: BTreeMap<u32, String>,
    gpus: Vec<GpuSpec>,
    lost_gpus: Vec<u32>,
    containers: Vec<FakeContainer>,
    processes: BTreeMap<u32, FakeProcess>,
    docker: SourceMood,
    nvml: SourceMood,
    proc: SourceMood,
    next_main_pid: u32,
    inspected: usize,
    orders: Vec<Order>,
    missing_paths: BTreeSet<String>,
    directories: BTreeMap<String, u32>,
}

#[derive(Debug)]
struct FakeContainer {
    id: ContainerId,
    name: String,
    image: String,
    labels: BTreeMap<String, String>,
    config: ContainerConfig,
    uid: u32,
    status: ContainerStatus,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    pid: Option<u32>,
    work: Work,
    cpu_time: Duration,
    net_bytes: u64,
    disk_bytes: u64,
    keep_alive: Option<Timestamp>,
    refuses_stop: bool,
}

#[derive(Debug)]
struct FakeProcess {
    process: Process,
    /// Memory in MiB by GPU or MIG instance, as the scenario names it.
    gpus: BTreeMap<String, Option<u64>>,
    gpu_percent: u32,
    mps: bool,
    no_memory_traffic: bool,
}

impl FakeHost {
    /// A host without GPUs, containers or users, but for root.
    pub fn new(name: &str, now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            host: Host { name: name.to_owned(), boot_id: "5f3a1c9e-0d42-4b7a-9c55-2f6e8b1d7a30".to_owned() },
            booted_at: before(now, UPTIME_AT_START),
            boots: 0,
            now,
            users: [(0, "root".to_owned())].into(),
            gpus: Vec::new(),
            lost_gpus: Vec::new(),
            containers: Vec::new(),
            processes: BTreeMap::new(),
            docker: SourceMood::Ok,
            nvml: SourceMood::Ok,
            proc: SourceMood::Ok,
            next_main_pid: FIRST_MAIN_PID,
            inspected: 0,
            orders: Vec::new(),
            missing_paths: BTreeSet::new(),
            directories: BTreeMap::new(),
        })))
    }

    /// Its doors.
    pub fn sources(&self) -> Sources {
        Sources {
            engines: vec![Engine::docker(Arc::new(self.clone()))],
            gpus: Arc::new(self.clone()),
            observed: Vec::new(),
            processes: Arc::new(self.clone()),
            samples: Arc::new(super::NoSamples),
            clock: Arc::new(self.clone()),
        }
    }

    /// Adds users by uid.
    pub fn with_users(&self, users: BTreeMap<u32, String>) {
        self.state().users.extend(users);
    }

    /// Adds GPUs.
    ///
    /// # Errors
    ///
    /// When two have the same index or UUID.
    pub fn add_gpus(&self, gpus: &[GpuSpec]) -> Result<(), String> {
        let mut state = self.state();
        for gpu in gpus {
            if state.gpus.iter().any(|other| other.index == gpu.index || other.uuid == gpu.uuid) {
                return Err(format!("two GPUs have index {} or UUID {}", gpu.index, gpu.uuid));
            }
            state.gpus.push(gpu.clone());
        }
        Ok(())
    }

    /// Makes a container, and starts it unless its state says otherwise.
    ///
    /// # Errors
    ///
    /// When its name is taken, or it can't be as it is described.
    pub fn add_container(&self, spec: &ContainerSpec) -> Result<(), String> {
        self.state().add_container(spec)
    }

    /// Starts a process outside of the listed containers.
    ///
    /// # Errors
    ///
    /// When its pid is taken, or it holds a GPU that is not there.
    pub fn add_process(&self, spec: &ProcessSpec) -> Result<(), String> {
        let container = spec.foreign_container.as_ref().map(|id| id.parse::<ContainerId>());
        let container = container.transpose().map_err(|error| error.to_string())?;
        self.state().add_process(spec, container)
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, time: Duration) {
        self.state().pass(time);
    }

    /// Removes a path of the host, all of which it has otherwise. An engine that is asked for a path in a container which has
    /// a bind mount of it makes it anew, as Docker does.
    pub fn remove_path(&self, path: &str) {
        self.state().missing_paths.insert(path.to_owned());
    }

    /// Puts it back.
    pub fn put_path_back(&self, path: &str) {
        self.state().missing_paths.remove(path);
    }

    /// Gives it a directory that belongs to the user of this id.
    pub fn with_directory(&self, path: &str, owner: u32) {
        self.state().directories.insert(path.to_owned(), owner);
    }

    /// Whether it has this path.
    pub fn has_path(&self, path: &str) -> bool {
        !self.state().missing_paths.contains(path)
    }

    /// How many containers were inspected so far.
    pub fn inspected(&self) -> usize {
        self.state().inspected
    }

    /// Does what a step says. Time passes before all but the first.
    ///
    /// # Errors
    ///
    /// When it can't be done.
    pub fn apply(&self, step: &Step, is_first: bool) -> Result<(), String> {
        let mut state = self.state();
        state.pass(step.pause(is_first).unsigned_abs());
        for name in &step.disappear.containers {
            state.remove_container(name)?;
        }
        for pid in &step.disappear.processes {
            state.processes.remove(pid).ok_or_else(|| format!("there is no process {pid} to disappear"))?;
        }
        for (name, change) in &step.change {
            state.change_container(name, change)?;
        }
        for container in &step.appear.containers {
            state.add_container(container)?;
        }
        let lost_gpus = step.lost_gpus.clone().unwrap_or_else(|| state.lost_gpus.clone());
        if let Some(index) = lost_gpus.iter().find(|index| state.gpus.iter().all(|gpu| gpu.index != **index)) {
            return Err(format!("there is no GPU {index} to lose"));
        }
        state.lost_gpus = lost_gpus;
        state.docker = step.docker.unwrap_or(state.docker);
        state.nvml = step.nvml.unwrap_or(state.nvml);
        state.proc = step.proc.unwrap_or(state.proc);
        drop(state);
        step.appear.processes.iter().try_for_each(|process| self.add_process(process))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere leaves plain data, as good as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add_container(&mut self, spec: &ContainerSpec) -> Result<(), String> {
        if spec.name.is_empty() {
            return Err("a container has no name".to_owned());
        }
        if self.containers.iter().any(|other| other.name == spec.name) {
            return Err(format!("there is a container {} already", spec.name));
        }
        let status = spec.status.clone().unwrap_or(ContainerStatus::Running);
        let started_at = before(self.now, spec.up_for.unwrap_or_default());
        let never_started = status == ContainerStatus::Created;
        if !status.is_up() && !spec.processes.is_empty() {
            return Err(format!("container {} is {status} and has processes", spec.name));
        }
        self.containers.push(FakeContainer {
            id: made_up_id(&spec.name, self.now)?,
            name: spec.name.clone(),
            image: if spec.image.is_empty() { "busybox:latest".to_owned() } else { spec.image.clone() },
            labels: spec.labels.clone(),
            config: config(spec),
            uid: spec.uid,
            created_at: started_at,
            started_at: (!never_started).then_some(started_at),
            finished_at: (!status.is_up() && !never_started).then_some(started_at),
            pid: None,
            status,
            work: spec.work,
            cpu_time: Duration::ZERO,
            net_bytes: 0,
            disk_bytes: 0,
            keep_alive: spec.keep_alive.map(|age| before(self.now, age)),
            refuses_stop: spec.refuses_stop,
        });
        let index = self.containers.len() - 1;
        self.start_main(index, started_at)?;
        self.start_in(index, &spec.processes)
    }

    fn change_container(&mut self, name: &str, change: &Change) -> Result<(), String> {
        let index = self.container(name)?;
        let (was_up, status) = (self.containers[index].status.is_up(), change.status.clone());
        let status = status.unwrap_or_else(|| self.containers[index].status.clone());
        if change.restart || !status.is_up() {
            self.end_processes_of(index);
            self.containers[index].pid = None;
        }
        if was_up && !status.is_up() {
            self.containers[index].finished_at = Some(self.now);
        }
        let starts = change.restart || (!was_up && status.is_up());
        let container = &mut self.containers[index];
        container.status = status;
        container.work = change.work.unwrap_or(container.work);
        if let Some(name) = &change.name {
            container.name.clone_from(name);
        }
        if starts {
            container.started_at = Some(self.now);
            (container.cpu_time, container.net_bytes, container.disk_bytes) = (Duration::ZERO, 0, 0);
            self.start_main(index, self.now)?;
        }
        for (pid, percent) in &change.gpu_percent {
            let process = self.processes.get_mut(pid).ok_or_else(|| format!("there is no process {pid} to work"))?;
            process.gpu_percent = *percent;
        }
        self.start_in(index, &change.processes)
    }

    fn remove_container(&mut self, name: &str) -> Result<(), String> {
        let index = self.container(name)?;
        self.end_processes_of(index);
        self.containers.remove(index);
        Ok(())
    }

    fn start_main(&mut self, index: usize, started_at: Timestamp) -> Result<(), String> {
        if !self.containers[index].status.is_up() {
            return Ok(());
        }
        let pid = self.next_main_pid;
        self.next_main_pid += 1;
        let container = &mut self.containers[index];
        container.pid = Some(pid);
        let spec = ProcessSpec {
            pid,
            uid: container.uid,
            name: "sh".to_owned(),
            cmdline: "/bin/sh".to_owned(),
            up_for: Some(self.now.duration_since(started_at)),
            ..Default::default()
        };
        let id = container.id.clone();
        self.add_process(&spec, Some(id))
    }

    fn start_in(&mut self, index: usize, processes: &[ProcessSpec]) -> Result<(), String> {
        for spec in processes {
            let FakeContainer { id, name, status, .. } = &self.containers[index];
            if spec.foreign_container.is_some() {
                return Err(format!("process {} is in container {name} and in another", spec.pid));
            }
            if !status.is_up() {
                return Err(format!("process {} starts in container {name}, which is {status}", spec.pid));
            }
            let id = id.clone();
            self.add_process(spec, Some(id))?;
        }
        Ok(())
    }

    fn add_process(&mut self, spec: &ProcessSpec, container: Option<ContainerId>) -> Result<(), String> {
        if spec.pid < 2 || self.processes.contains_key(&spec.pid) {
            return Err(format!("pid {} is taken", spec.pid));
        }
        if let Some(place) = spec.gpus.keys().find(|place| self.gpu_uuid(place).is_none()) {
            return Err(format!("process {} holds GPU {place:?}, which is not there", spec.pid));
        }
        let started_at = before(self.now, spec.up_for.unwrap_or_default());
        let up = Duration::try_from(started_at.duration_since(self.booted_at))
            .map_err(|_| format!("process {} began before the host was booted", spec.pid))?;
        let named: Vec<ContainerId> = container.clone().into_iter().collect();
        // Below a user's slice it is the user who names groups, as on a real host.
        let (containers, users_group) = match spec.user_slice {
            Some(uid) if !named.is_empty() => (Vec::new(), Some(UsersGroup { uid: Some(uid), containers: named })),
            _ => (named, None),
        };
        let outside = Belongs {
            user_slice: Reading::Known(spec.user_slice),
            containers: Reading::Known(containers),
            users_group,
            belongs_to: Vec::new(),
        };
        let belongs = match &spec.cgroup {
            None => outside,
            Some(_) if container.is_some() => {
                return Err(format!("process {} is in a container, and has a control group of its own", spec.pid));
            }
            Some(path) => proc::of_path(path, &spec.env),
        };
        let process = Process {
            pid: spec.pid,
            start_ticks: up.as_secs() * TICKS + u64::from(up.subsec_millis() / 10),
            started_at,
            uid: spec.uid,
            login_uid: Reading::Known(spec.login_uid),
            comm: spec.name.chars().take(15).collect(),
            exe: Reading::Known(spec.name.clone()),
            cmdline: Reading::Known(spec.cmdline.clone()),
            user_slice: belongs.user_slice,
            containers: belongs.containers,
            users_group: belongs.users_group,
            belongs_to: belongs.belongs_to,
        };
        self.processes.insert(
            spec.pid,
            FakeProcess {
                process,
                gpus: spec.gpus.clone(),
                gpu_percent: spec.gpu_percent,
                mps: spec.mps,
                no_memory_traffic: spec.no_memory_traffic,
            },
        );
        Ok(())
    }

    fn end_processes_of(&mut self, index: usize) {
        let id = &self.containers[index].id;
        self.processes.retain(|_, fake| {
            let users = fake.process.users_group.as_ref().map(|group| &group.containers);
            fake.process.containers.known().into_iter().chain(users).all(|ids| !ids.contains(id))
        });
    }

    fn container(&self, name: &str) -> Result<usize, String> {
        self.containers
            .iter()
            .position(|container| container.name == name)
            .ok_or_else(|| format!("there is no container {name}"))
    }

    /// The UUID of `0` or `0:1`.
    fn gpu_uuid(&self, place: &str) -> Option<&str> {
        let (gpu, mig) = place.split_once(':').map_or((place, None), |(gpu, mig)| (gpu, Some(mig)));
        let gpu = self.gpus.iter().find(|other| other.index.to_string() == gpu)?;
        let Some(mig) = mig else { return Some(&gpu.uuid) };
        let instance = gpu.mig.iter().flatten().find(|other| other.index.to_string() == mig)?;
        Some(&instance.uuid)
    }
}

fn config(spec: &ContainerSpec) -> ContainerConfig {
    let gpu = vec![vec!["gpu".to_owned()]];
    let mut device_requests: Vec<DeviceRequest> = match &spec.gpus {
        None => Vec::new(),
        Some(GpuRequest::All(All::All)) => vec![DeviceRequest { count: -1, capabilities: gpu, ..Default::default() }],
        Some(GpuRequest::Count(count)) => {
            vec![DeviceRequest { count: *count, capabilities: gpu, ..Default::default() }]
        }
        Some(GpuRequest::Ids(ids)) => {
            vec![DeviceRequest { ids: ids.clone(), capabilities: gpu, ..Default::default() }]
        }
    };
    if !spec.cdi.is_empty() {
        device_requests.push(DeviceRequest { driver: "cdi".to_owned(), ids: spec.cdi.clone(), ..Default::default() });
    }
    let kept = |(name, _): &(&String, &String)| ContainerConfig::ENV_KEPT.contains(&name.as_str());
    ContainerConfig {
        runtime: spec.runtime.clone().unwrap_or_else(|| "runc".to_owned()),
        env: spec.env.iter().filter(kept).map(|(name, value)| (name.clone(), value.clone())).collect(),
        device_requests,
        devices: spec.devices.clone(),
        bind_sources: spec.binds.clone(),
        stop_timeout_seconds: spec.stop_timeout_seconds,
        health_check: Vec::new(),
        auto_remove: spec.auto_remove,
    }
}

/// An id that is the same in every run, and another one for another container of the same name.
fn made_up_id(name: &str, now: Timestamp) -> Result<ContainerId, String> {
    // FNV-1a: the standard library's hashes may differ between its versions.
    let hash = |seed: u64, bytes: &[u8]| {
        bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    let mut seed = hash(0xcbf2_9ce4_8422_2325, &now.as_second().to_le_bytes());
    let mut digits = String::new();
    for _ in 0..4 {
        seed = hash(seed, name.as_bytes());
        digits += &format!("{seed:016x}");
    }
    digits.parse().map_err(|error: InvalidContainerId| error.to_string())
}
