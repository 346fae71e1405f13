//! What was found on the host, as plain data: all that the checks decide from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, inventory::InventoryError},
    model::{EngineName, GpuSnapshot, Reading},
    outbox::Hooks,
    policy::Notify,
    source::{
        SourceError,
        docker::{ApiVersions, DaemonInfo},
        nvml::DriverHealth,
        terminals::Listed,
    },
};
use jiff::Timestamp;

/// The timer that scans, and its service.
pub(crate) const DETECTOR_TIMER: &str = "ds01-workload-detector.timer";
pub(crate) const DETECTOR_SERVICE: &str = "ds01-workload-detector.service";
/// The timer that looks for idle containers, and its service.
pub(crate) const IDLE_TIMER: &str = "ds01-idle-checker.timer";
pub(crate) const IDLE_SERVICE: &str = "ds01-idle-checker.service";
/// What watches the GPUs between scans.
pub(crate) const LEDGER_TIMER: &str = "ds01-ledger.timer";
pub(crate) const LEDGER_SERVICE: &str = "ds01-ledger.service";
pub(crate) const SAMPLER_SERVICE: &str = "ds01-gpu-sampler.service";
/// What starts the service that runs hooks, and that service.
pub(crate) const NOTIFY_PATH: &str = "ds01-notify.path";
pub(crate) const NOTIFY_SERVICE: &str = "ds01-notify.service";
pub(crate) const DOCKER_SERVICE: &str = "docker.service";
pub(crate) const PERSISTENCED_SERVICE: &str = "nvidia-persistenced.service";

/// All of it.
#[derive(Debug)]
pub(crate) struct Facts {
    /// When it was looked.
    pub(crate) now: Timestamp,
    /// As whom: the effective user id.
    pub(crate) uid: u32,
    /// The command that scans with the same paths.
    pub(crate) scan_command: String,
    pub(crate) docker: DockerFacts,
    pub(crate) engines: Vec<EngineFacts>,
    pub(crate) gpu: GpuFacts,
    pub(crate) host: HostFacts,
    pub(crate) files: FileFacts,
    pub(crate) users: UserFacts,
    pub(crate) units: Units,
    pub(crate) sampler: SamplerFacts,
    pub(crate) notices: NoticeFacts,
}

/// How people are told, and who is to be told.
#[derive(Debug)]
pub(crate) struct NoticeFacts {
    pub(crate) config: PathBuf,
    pub(crate) policy: Result<Notify, NoPolicy>,
    pub(crate) hooks_dir: PathBuf,
    pub(crate) hooks: Hooks,
    /// Where the example of a hook that sends mail is.
    pub(crate) example: PathBuf,
    /// Whether users are shown notices when they log in.
    pub(crate) at_login: bool,
    /// The terminals of the host.
    pub(crate) terminals: Result<Vec<Listed>, String>,
    /// The owners of running GPU containers, by their names.
    pub(crate) owners: Vec<Owner>,
    /// How many running GPU containers have no known owner.
    pub(crate) ownerless: usize,
}

/// Why nothing is known of how people are told.
#[derive(Debug)]
pub(crate) enum NoPolicy {
    Missing,
    /// What is wrong first.
    Unsound(String),
}

/// An owner of running GPU containers.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// Users' text.
    pub(crate) name: String,
    /// His user id, or why it is not known.
    pub(crate) uid: Result<u32, String>,
    /// Whether a login of his led to a process that runs.
    pub(crate) is_logged_in: bool,
    /// How many terminals each of his containers has, or why that is not known.
    pub(crate) inside: Vec<Result<usize, String>>,
}

/// Docker, as far as it let itself be asked: what depends on an answer that did not come is `None`.
#[derive(Debug)]
pub(crate) struct DockerFacts {
    pub(crate) socket: PathBuf,
    /// Whether it was named on the command line or in the environment: then its absence is a failure.
    pub(crate) named: bool,
    /// What is at the socket's path, links followed.
    pub(crate) node: Place,
    pub(crate) connected: Result<(), SourceError>,
    pub(crate) api: Option<Result<ApiVersions, SourceError>>,
    pub(crate) info: Option<Result<DaemonInfo, SourceError>>,
}

/// A container engine beside Docker.
#[derive(Debug)]
pub(crate) struct EngineFacts {
    pub(crate) name: EngineName,
    pub(crate) socket: PathBuf,
    pub(crate) api: Result<ApiVersions, SourceError>,
}

/// NVML and what the kernel knows of NVIDIA's devices.
#[derive(Debug)]
pub(crate) struct GpuFacts {
    pub(crate) driver: Result<DriverHealth, SourceError>,
    pub(crate) gpus: Result<GpuSnapshot, SourceError>,
    /// NVIDIA's display controllers on the PCI bus; `None` when the bus could not be read.
    pub(crate) on_bus: Option<usize>,
    /// The version of the kernel module, while one is loaded.
    pub(crate) module_version: Option<String>,
    /// NVIDIA's device nodes, or why they could not be listed.
    pub(crate) nodes: Result<Vec<DeviceNode>, String>,
}

/// A character device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceNode {
    /// Its name below the device root, such as `nvidia0`.
    pub(crate) name: String,
    /// Whether `char/MAJOR:MINOR` leads to it.
    pub(crate) linked: bool,
}

/// The kernel's side.
#[derive(Debug)]
pub(crate) struct HostFacts {
    pub(crate) proc_root: PathBuf,
    /// Whether process 1 is to be seen there.
    pub(crate) sees_init: bool,
    /// The `hidepid=` of that mount, with its `gid=`, when it has one.
    pub(crate) hidepid: Option<String>,
    pub(crate) cgroup: Option<CgroupVersion>,
    pub(crate) sys_root: PathBuf,
}

/// Which control groups are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CgroupVersion {
    One,
    Hybrid,
    Two,
}

/// What ds01 keeps.
#[derive(Debug)]
pub(crate) struct FileFacts {
    pub(crate) state_dir: PathBuf,
    pub(crate) state: Place,
    /// Where the activity journal is.
    pub(crate) activity_dir: PathBuf,
    pub(crate) activity: Place,
    pub(crate) events_file: PathBuf,
    pub(crate) log: Place,
    pub(crate) events: Place,
    pub(crate) inventory_file: PathBuf,
    pub(crate) inventory_place: Place,
    pub(crate) inventory: Result<Inventory, NoInventory>,
}

impl FileFacts {
    /// The directory of the event log.
    pub(crate) fn log_dir(&self) -> &Path {
        self.events_file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// Why there is no inventory to read.
#[derive(Debug)]
pub(crate) enum NoInventory {
    Missing,
    Denied,
    /// It is a link, a FIFO, a directory.
    NoFile,
    Unreadable(String),
    Unusable(InventoryError),
}

/// What the GPU sampler wrote.
#[derive(Debug)]
pub(crate) struct SamplerFacts {
    pub(crate) dir: PathBuf,
    /// How long ago its newest sample of this boot ended; `None` where there is none.
    pub(crate) newest: Result<Option<Duration>, NoSample>,
}

/// Why its samples could not be read.
#[derive(Debug)]
pub(crate) enum NoSample {
    Denied,
    Unreadable(String),
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Missing,
    /// It could not be looked at; in the system's words.
    Unseen(String),
    There(Stat),
}

/// What the system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The permission bits.
    pub(crate) mode: u32,
    /// How many names it has.
    pub(crate) names: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Socket,
    Other,
}

/// What the name service said.
#[derive(Debug)]
pub(crate) struct UserFacts {
    /// One for each user id that was asked about.
    pub(crate) lookups: Vec<Lookup>,
    /// Names of groups that files belong to, where they have one.
    pub(crate) groups: BTreeMap<u32, String>,
}

#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) uid: u32,
    /// What came within the deadline, and after how long; or that nothing did.
    pub(crate) answer: Result<(Reading<String>, Duration), String>,
}

/// What systemd said of the units that matter.
#[derive(Debug)]
pub(crate) enum Units {
    /// This host is not run by systemd; with the reason to think so.
    NoSystemd(String),
    /// It was asked, and did not answer.
    Silent(String),
    /// Each unit by its name.
    Told(BTreeMap<String, Unit>),
}

impl Units {
    pub(crate) fn get(&self, name: &str) -> Option<&Unit> {
        match self {
            Self::Told(units) => units.get(name).filter(|unit| unit.load != "not-found"),
            _ => None,
        }
    }

    /// Whether a timer scans this host.
    pub(crate) fn scan_by_themselves(&self) -> bool {
        self.get(DETECTOR_TIMER).is_some_and(|timer| timer.active == "active")
    }
}

/// A unit, in systemd's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    /// `LoadState`: `loaded`, `not-found`, `masked`, `error`, `bad-setting`.
    pub(crate) load: String,
    /// `ActiveState`: `active`, `inactive`, `failed`, `activating`.
    pub(crate) active: String,
    /// `UnitFileState`: `enabled`, `disabled`, `static`; empty for none.
    pub(crate) enabled: String,
    /// `Result` of the last run: `success`, `exit-code`, `timeout`.
    pub(crate) result: String,
    /// `ExecMainStatus` of the last run.
    pub(crate) exit_status: String,
    /// `ExecMainExitTimestamp`.
    pub(crate) ended: Option<Timestamp>,
    /// `LastTriggerUSec` of a timer.
    pub(crate) triggered: Option<Timestamp>,
}

/// The inventory as far as a check of something else needs it.
pub(crate) fn inventory(facts: &Facts) -> Option<&Inventory> {
    facts.files.inventory.as_ref().ok()
}
