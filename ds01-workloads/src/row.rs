//! One line of the table as plain data. Whatever sorts, filters, groups or draws works on these.

use std::time::Duration;

use clap::ValueEnum;
use ds01_core::{
    detect::{
        Inventory, Origin, UNKNOWN_USER,
        inventory::{ContainerEntry, DeadProcess, ProcessEntry},
    },
    model::{Belonging, ContainerId, ContainerStatus, EngineName},
    usage::Usage,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    gpus::{GpuNames, Gpus},
    kept,
};

/// What kind of workload it is: a container by its origin, or a process of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Type {
    #[value(name = "ds01-managed", alias = "managed")]
    Managed,
    #[value(name = "devcontainer")]
    DevContainer,
    Compose,
    #[value(alias = "docker")]
    RawDocker,
    Unknown,
    HostProcess,
    DeadProcess,
    /// No workload: what is to be said of a host of the fleet.
    #[value(skip)]
    Host,
}

/// The three kinds that an admin must never confuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Managed,
    Unmanaged,
    Host,
}

/// What a row is the row of, from one scan to the next: a reused pid is another process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A container, by its key in the inventory.
    Container(String),
    Process {
        pid: u32,
        start_ticks: u64,
    },
    Dead(u32),
    /// All processes of a user on a host of the fleet, where no more is known.
    User(String),
    /// What is said of a host of the fleet.
    Host(String),
}

/// Whose CPU and memory counters are the row's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counters {
    /// Nobody's: it does not run, or its main process is not known.
    None,
    Container {
        pid: u32,
        id: ContainerId,
    },
    Process {
        pid: u32,
        start_ticks: u64,
    },
}

/// What became of it since the table was last drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Same,
    Appeared,
    Left,
}

/// One workload. Texts are as users wrote them: drawing makes them safe.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The host of the fleet; empty where this one is shown.
    pub(crate) host: String,
    pub(crate) key: Key,
    pub(crate) kind: Type,
    /// Which engine holds it, if it is a container that one lists.
    pub(crate) engine: Option<EngineName>,
    pub(crate) user: String,
    /// For how long the name service has not said that name any more, where it does not.
    pub(crate) user_unsaid: Option<Duration>,
    pub(crate) gpus: Gpus,
    pub(crate) status: String,
    /// Whether it is shown without `--all`.
    pub(crate) running: bool,
    /// Since its present or last life began; since it was made when it never ran. Of a host: since its last word.
    pub(crate) age: Option<Duration>,
    /// A container's name, or a process's command line.
    pub(crate) name: String,
    /// The short container id, or the pid.
    pub(crate) id: String,
    /// The image; for a process of a container that is not listed, that container.
    pub(crate) image: Option<String>,
    /// What a process belongs to; nothing for a container.
    pub(crate) belongs_to: Vec<Belonging>,
    pub(crate) gpu_memory_mb: Option<u64>,
    /// Whether it is the platform's own, which holds no GPU from anybody.
    pub(crate) infrastructure: bool,
    /// Whether it is what an earlier scan saw.
    pub(crate) stale: bool,
    pub(crate) counters: Counters,
    /// Measured for the columns that need it, `None` before.
    pub(crate) usage: Option<Usage>,
    pub(crate) change: Change,
}

/// The rows of everything in the inventory. With `unconfirmed`, also of the processes that only one scan has seen.
pub(crate) fn rows(inventory: &Inventory, now: Timestamp, unconfirmed: bool) -> Vec<Row> {
    let names = GpuNames::new(&inventory.gpus);
    let containers = inventory.containers.iter().map(|(key, entry)| container_row(key, entry, &names, now));
    let processes = inventory.host_processes.values().map(|entry| process_row(entry, "running", &names, now));
    let pending = if unconfirmed { Some(&inventory.pending_processes) } else { None };
    let pending = pending.into_iter().flat_map(|map| map.values());
    let pending = pending.map(|entry| process_row(entry, "new", &names, now));
    let dead = inventory.dead_processes.values().filter(|dead| dead.confirmed || unconfirmed);
    let dead = dead.map(|entry| dead_row(entry, &names, now));
    containers.chain(processes).chain(pending).chain(dead).collect()
}

/// GPU memory that nobody holds any more, and that is not free.
fn dead_row(entry: &DeadProcess, names: &GpuNames<'_>, now: Timestamp) -> Row {
    Row {
        host: String::new(),
        key: Key::Dead(entry.pid),
        kind: Type::DeadProcess,
        engine: None,
        user: UNKNOWN_USER.to_owned(),
        user_unsaid: None,
        gpus: Gpus::of_uses(&entry.gpus, names),
        status: "dead".to_owned(),
        running: true,
        age: Some(since(entry.since, now)),
        name: format!("pid {}, no longer exists", entry.pid),
        id: entry.pid.to_string(),
        image: None,
        belongs_to: Vec::new(),
        gpu_memory_mb: entry.gpu_memory_mb,
        infrastructure: false,
        stale: false,
        counters: Counters::None,
        usage: None,
        change: Change::Same,
    }
}

fn container_row(key: &str, entry: &ContainerEntry, names: &GpuNames<'_>, now: Timestamp) -> Row {
    let up = entry.status.is_up();
    Row {
        host: String::new(),
        key: Key::Container(key.to_owned()),
        kind: entry.origin.into(),
        engine: Some(entry.engine.clone()),
        user: entry.user.clone(),
        user_unsaid: entry.user_remembered.as_ref().map(|remembered| since(remembered.as_of, now)),
        gpus: Gpus::of_container(entry, names),
        status: kept::status(entry, now, TimeZone::system),
        running: !matches!(
            entry.status,
            ContainerStatus::Created | ContainerStatus::Exited | ContainerStatus::Dead | ContainerStatus::Removing
        ),
        age: Some(since(entry.started_at.unwrap_or(entry.created_at), now)),
        name: entry.name.clone(),
        id: entry.id.clone(),
        image: Some(entry.image.clone()),
        belongs_to: Vec::new(),
        gpu_memory_mb: entry.gpu_memory_mb,
        infrastructure: entry.infrastructure.is_some(),
        stale: entry.stale,
        counters: match entry.pid {
            Some(pid) if up => Counters::Container { pid, id: entry.full_id.clone() },
            _ => Counters::None,
        },
        usage: None,
        change: Change::Same,
    }
}

fn process_row(entry: &ProcessEntry, status: &str, names: &GpuNames<'_>, now: Timestamp) -> Row {
    Row {
        host: String::new(),
        key: process_key(entry),
        kind: Type::HostProcess,
        engine: None,
        user: entry.user.clone(),
        user_unsaid: entry.user_remembered.as_ref().map(|remembered| since(remembered.as_of, now)),
        gpus: Gpus::of_uses(&entry.gpus, names),
        status: status.to_owned(),
        running: true,
        age: Some(since(entry.started_at, now)),
        // As `ps` does it: a name in brackets is all that is known of the command.
        name: entry.cmdline.clone().filter(|line| !line.is_empty()).unwrap_or_else(|| format!("[{}]", entry.name)),
        id: entry.pid.to_string(),
        image: entry.container_id.as_ref().map(|id| format!("container:{}", id.short())),
        belongs_to: entry.belongs_to.clone(),
        gpu_memory_mb: entry.gpu_memory_mb,
        infrastructure: false,
        stale: entry.stale,
        counters: Counters::Process { pid: entry.pid, start_ticks: entry.start_ticks },
        usage: None,
        change: Change::Same,
    }
}

/// The key of a process's row.
pub(crate) fn process_key(entry: &ProcessEntry) -> Key {
    Key::Process { pid: entry.pid, start_ticks: entry.start_ticks }
}

/// How long ago `then` was; nothing when it is in the future, as after the clock was set back.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

impl Type {
    /// The name in the table and for `--type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Managed => Origin::Managed.as_str(),
            Self::DevContainer => Origin::DevContainer.as_str(),
            Self::Compose => Origin::Compose.as_str(),
            Self::RawDocker => Origin::RawDocker.as_str(),
            Self::Unknown => Origin::Unknown.as_str(),
            Self::HostProcess => "host-process",
            Self::DeadProcess => "dead-process",
            Self::Host => "host",
        }
    }

    /// The type of a container, by its word.
    pub(crate) fn container(word: &str) -> Option<Self> {
        use Type::{Compose, DevContainer, Managed, RawDocker, Unknown};
        [Managed, DevContainer, Compose, RawDocker, Unknown].into_iter().find(|kind| kind.as_str() == word)
    }

    pub(crate) fn category(self) -> Category {
        match self {
            Self::Managed => Category::Managed,
            Self::DevContainer | Self::Compose | Self::RawDocker | Self::Unknown => Category::Unmanaged,
            Self::HostProcess | Self::DeadProcess | Self::Host => Category::Host,
        }
    }
}

impl From<Origin> for Type {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Managed => Self::Managed,
            Origin::DevContainer => Self::DevContainer,
            Origin::Compose => Self::Compose,
            Origin::RawDocker => Self::RawDocker,
            Origin::Unknown => Self::Unknown,
        }
    }
}
