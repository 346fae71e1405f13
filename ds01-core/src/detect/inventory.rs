//! The picture of the host that one scan leaves for the next one, for people and for scripts.
//!
//! # The file
//!
//! `workload-inventory.json` is one JSON object. Times are UTC in RFC 3339, memory is in MiB, `null` means "could not be
//! had", never zero. Keys that begin with `_` are the detector's own memory and may change with any version.
//!
//! ```json
#![doc = include_str!("../../../fixtures/inventory-example.json")]
//! ```
//!
//! A part of the picture whose source failed is carried over from the last good scan: its entries say `"stale": true`,
//! and `sources` says since when and why.
//!
//! Fields that this version does not know survive a round trip: of the file itself, the host, sources, GPUs, MIG instances,
//! containers and processes. What each scan makes anew (who holds what) has none to keep. A new word for an origin, a state
//! or a signal comes with another `schema_version`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    json,
    model::{
        Belonging, Called, ContainerConfig, ContainerId, ContainerStatus, DeviceUsage, EngineName, GpuAccess, Origin,
        Remembered, Vendor,
    },
    text::quoted,
};

use super::owner::UserSource;

/// The version that this program writes. A file with another one is not understood, and not overwritten.
pub const SCHEMA_VERSION: &str = "1";

/// The file's name within the state directory.
pub const FILE_NAME: &str = "workload-inventory.json";

/// Fields written by a version that knows more than this one.
pub type Extra = Map<String, Value>;

/// Everything that was running on the host at the last scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// When the last scan looked. `None` before the first.
    pub last_scan: Option<Timestamp>,
    /// Which host this is. `None` until `/proc` was read once.
    pub host: Option<HostEntry>,
    /// The state of each container engine, of `nvml` and of `proc`, by name.
    pub sources: BTreeMap<String, SourceEntry>,
    /// GPUs in the order of their indices.
    pub gpus: Vec<GpuEntry>,
    /// Containers, running or not, by the first 12 digits of their ids. Of two whose ids begin alike, the one whose engine is
    /// believed less, or whose id is larger, is found by all 64 digits. See [`Inventory::container`].
    pub containers: BTreeMap<String, ContainerEntry>,
    /// Processes with a GPU context that belong to no listed container, by pid.
    pub host_processes: BTreeMap<u32, ProcessEntry>,
    /// Processes seen once, that become host processes when the next scan sees them again, by pid.
    #[serde(rename = "_pending_processes")]
    pub pending_processes: BTreeMap<u32, ProcessEntry>,
    /// Processes that no longer exist and to which the driver still books GPU memory, by pid.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dead_processes: BTreeMap<u32, DeadProcess>,
    /// Processes with a GPU context of which the last scan could not tell whose they are, by pid.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable_processes: BTreeMap<u32, UnreadableProcess>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostEntry {
    /// Host name.
    pub name: String,
    /// Kernel's boot id: pids and start times are comparable within one boot only.
    pub boot_id: String,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a source answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// It gave facts.
    Ok,
    /// There is no such thing on this host.
    Absent,
    /// It is there and erred: its part of the picture is as old as `last_good`.
    Failed,
}

/// One source's state, since when, and when it last answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// The answer of the last scan.
    pub state: SourceState,
    /// The first scan of the unbroken run of scans with this state.
    pub since: Timestamp,
    /// The last scan at which it gave all its facts.
    pub last_good: Option<Timestamp>,
    /// What went wrong, or what was looked for and is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// What an admin can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// The first failed scan since it last gave all its facts, while it is absent: it failed, and is not back.
    #[serde(rename = "_failed_since", default, skip_serializing_if = "Option::is_none")]
    pub failed_since: Option<Timestamp>,
    /// Boot clock at `last_good`, in milliseconds: tells how much time really passed when the wall clock was set.
    #[serde(rename = "_last_good_since_boot_ms", default, skip_serializing_if = "Option::is_none")]
    pub last_good_since_boot_ms: Option<u64>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuEntry {
    /// NVML's index; of another maker's GPU its place among those of its maker.
    pub index: u32,
    /// Who made it. Left out for NVIDIA.
    #[serde(default, skip_serializing_if = "Vendor::is_nvidia")]
    pub vendor: Vendor,
    /// UUID, such as `GPU-...`.
    pub uuid: String,
    /// Product name.
    pub name: Option<String>,
    /// The N of `/dev/nvidiaN`.
    pub minor_number: Option<u32>,
    /// PCI bus id.
    pub pci_bus_id: Option<String>,
    /// Memory of the whole GPU, in MiB.
    pub memory_total_mb: Option<u64>,
    /// How much of it is used. `None` from versions before this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageEntry>,
    /// Whether it is partitioned. `null` when that could not be read.
    pub mig_enabled: Option<bool>,
    /// Its MIG instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mig_instances: Vec<MigEntry>,
    /// What could not be read of it at the last scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether this is what an earlier scan saw.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stale: bool,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How much of a GPU or MIG instance is used: each figure, or why it is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageEntry {
    /// When it was read. Older than the last scan where the GPU could not be read since.
    pub at: Timestamp,
    /// What was read.
    #[serde(flatten)]
    pub figures: DeviceUsage,
}

/// A MIG instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigEntry {
    /// NVML's MIG device index: the 1 of `0:1`.
    pub index: u32,
    /// UUID, such as `MIG-...`.
    pub uuid: String,
    /// Product name with its profile.
    pub name: Option<String>,
    /// GPU instance id.
    pub gpu_instance_id: Option<u32>,
    /// Compute instance id.
    pub compute_instance_id: Option<u32>,
    /// Memory of the instance, in MiB.
    pub memory_total_mb: Option<u64>,
    /// How much of it is used. `None` from versions before this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageEntry>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerEntry {
    /// The first 12 digits of the id.
    pub id: String,
    /// All 64 digits.
    pub full_id: ContainerId,
    /// Which engine holds it; left out where that is Docker.
    #[serde(default, skip_serializing_if = "EngineName::is_docker")]
    pub engine: EngineName,
    /// Its name. Users' text.
    pub name: String,
    /// How it came to be.
    pub origin: Origin,
    /// Its owner, or `unknown`. Users' text.
    pub user: String,
    /// Which signal named the owner.
    pub user_source: UserSource,
    /// Since when the name service does not say the owner's name any more. Left out where it does, or was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_remembered: Option<Remembered>,
    /// Whether it can use a GPU. `null` when its details could not be read.
    pub has_gpu: Option<bool>,
    /// The first rule that said so.
    pub gpu_access: Option<GpuAccess>,
    /// The devices it was given, as they were asked for. Users' text.
    pub gpu_devices: Vec<String>,
    /// The same, resolved to UUIDs of GPUs and MIG instances.
    pub gpus: Vec<String>,
    /// The requests that name no GPU of this host, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus_unresolved: Vec<UnresolvedGpu>,
    /// Docker's word for its state.
    pub status: ContainerStatus,
    /// The name of its image, or the short image id. Users' text.
    pub image: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its present or last life began.
    pub started_at: Option<Timestamp>,
    /// Its main process, as the host numbers it, while it is up.
    pub pid: Option<u32>,
    /// Its processes with a GPU context. `null` when that could not be told.
    pub gpu_processes: Option<Vec<ContainerProcess>>,
    /// What they hold together, in MiB. `null` when unknown for any of them.
    pub gpu_memory_mb: Option<u64>,
    /// Why the policy takes it for the platform's own (`monitoring`), as by its `label ds01.monitoring`. It holds the GPUs that it
    /// has a context on, and none that it was merely given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<String>,
    /// When a scan first saw it.
    pub detected_at: Timestamp,
    /// The labels it would carry if Docker could add labels to a container: none on a managed one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detected_labels: BTreeMap<String, String>,
    /// Why its details could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether this is what an earlier scan saw.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stale: bool,
    /// What an inspect told of its configuration, which never changes in its life.
    #[serde(rename = "_config", default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ContainerConfig>,
    /// Start of its main process in clock ticks since boot, when `/proc` confirmed that `pid` is this container's.
    #[serde(rename = "_pid_start_ticks", default, skip_serializing_if = "Option::is_none")]
    pub pid_start_ticks: Option<u64>,
    /// As whom its main process ran when a scan looked at it, by user id, and as the kernel said: nobody's label.
    #[serde(rename = "_main_uid", default, skip_serializing_if = "Option::is_none")]
    pub main_uid: Option<u32>,
    /// The owner's user id: that of the process that named him, or what the name service said last.
    #[serde(rename = "_user_uid", default, skip_serializing_if = "Option::is_none")]
    pub user_uid: Option<u32>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A device request that names no GPU of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresolvedGpu {
    /// The request. Users' text.
    pub device: String,
    /// Why it could not be resolved.
    pub reason: String,
}

/// A process of a container that holds a GPU context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerProcess {
    /// The pid as the host numbers it.
    pub pid: u32,
    /// Its program's name. Users' text.
    pub name: String,
    /// What it holds, by GPU or MIG instance.
    pub gpus: Vec<GpuUse>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A process's hold on one GPU or MIG instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuUse {
    /// UUID of the GPU or MIG instance.
    pub gpu_uuid: String,
    /// Memory in MiB; `null` when the driver does not say.
    pub memory_mb: Option<u64>,
    /// Why the memory is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_unknown: Option<String>,
}

/// A process with a GPU context outside the listed containers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessEntry {
    /// The pid as the host numbers it.
    pub pid: u32,
    /// When it began, to a second.
    pub started_at: Timestamp,
    /// Its user's name, or the uid in digits where the name service knows none.
    pub user: String,
    /// Since when the name service does not say that name any more. Left out where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_remembered: Option<Remembered>,
    /// Its effective user id.
    pub uid: u32,
    /// Its program's name. Users' text.
    pub name: String,
    /// Its command line; `null` when it could not be read. Users' text.
    pub cmdline: Option<String>,
    /// What it holds together, in MiB; `null` when the driver does not say for any of its GPUs.
    pub gpu_memory_mb: Option<u64>,
    /// The first GPU or MIG instance it holds.
    pub gpu_uuid: Option<String>,
    /// All that it holds.
    pub gpus: Vec<GpuUse>,
    /// Whether it runs in a container that is not listed: of Kubernetes, Podman or another daemon.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_container: bool,
    /// That container's full id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<ContainerId>,
    /// What it belongs to beside its user, such as a job or a session: what its control group proves first, then what it says
    /// itself. Left out where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub belongs_to: Vec<Belonging>,
    /// When a scan first saw it.
    pub detected_at: Timestamp,
    /// Whether this is what an earlier scan saw.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stale: bool,
    /// Its start in clock ticks since boot: with pid and boot id, its identity.
    #[serde(rename = "_start_ticks")]
    pub start_ticks: u64,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A process that no longer exists, and to which the driver still books GPU memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadProcess {
    /// The pid as the host numbered it.
    pub pid: u32,
    /// What the driver books to it.
    pub gpus: Vec<GpuUse>,
    /// The sum, in MiB; `null` when the driver does not say for any of its GPUs.
    pub gpu_memory_mb: Option<u64>,
    /// The first scan of the unbroken run of scans that found it so.
    pub since: Timestamp,
    /// Whether two scans in a row found it so. One alone may have met a process that was just ending.
    #[serde(default)]
    pub confirmed: bool,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A process with a GPU context of which nobody can tell whose it is, nor in which container it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnreadableProcess {
    /// The pid as the host numbers it.
    pub pid: u32,
    /// What the driver books to it.
    pub gpus: Vec<GpuUse>,
    /// Why it could not be read.
    pub why: String,
}

/// Why an inventory file is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// It is not the JSON that this version writes.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// Another version wrote it.
    #[error("written by another version: schema_version is {found}, this program reads {SCHEMA_VERSION}")]
    Version {
        /// Its `schema_version`, as JSON.
        found: String,
    },
}

/// Reads a file of which `version_of` tells the schema's version, which is [`SCHEMA_VERSION`].
///
/// # Errors
///
/// As [`Inventory::from_json`].
pub(crate) fn of_this_version<T: DeserializeOwned>(
    bytes: &[u8],
    version_of: impl Fn(&T) -> &str,
) -> Result<T, InventoryError> {
    /// Only what tells the version: another version may have changed anything else.
    #[derive(Deserialize)]
    struct Head {
        schema_version: Value,
    }

    let parsed = serde_json::from_slice::<T>(bytes);
    let found = match &parsed {
        Ok(read) => Some(Value::from(version_of(read))),
        Err(_) => serde_json::from_slice::<Head>(bytes).ok().map(|head| head.schema_version),
    };
    match found.filter(|found| *found != SCHEMA_VERSION) {
        Some(found) => Err(InventoryError::Version { found: quoted(&found) }),
        None => parsed.map_err(|error| InventoryError::Corrupt(quoted(&error))),
    }
}

impl Inventory {
    /// The picture before the first scan.
    pub fn empty() -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            last_scan: None,
            host: None,
            sources: BTreeMap::new(),
            gpus: Vec::new(),
            containers: BTreeMap::new(),
            host_processes: BTreeMap::new(),
            pending_processes: BTreeMap::new(),
            dead_processes: BTreeMap::new(),
            unreadable_processes: BTreeMap::new(),
            extra: Extra::new(),
        }
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Version`] when a sound JSON object says that another version wrote it, else
    /// [`InventoryError::Corrupt`] with line and column.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InventoryError> {
        of_this_version(bytes, |inventory: &Self| &inventory.schema_version).and_then(Self::in_order)
    }

    /// Entries are looked up by what they are filed under, and told by what they say: in a sound file that is the same. A container
    /// whose first digits another one has is filed under all of its own.
    fn in_order(self) -> Result<Self, InventoryError> {
        let mut wrong = self.containers.iter().filter(|(id, entry)| {
            let is_its_own = **id == entry.id || **id == entry.full_id.as_str();
            !is_its_own || entry.id != entry.full_id.short()
        });
        if let Some((id, entry)) = wrong.next() {
            return Err(InventoryError::Corrupt(format!("under {id:?} stands container {}", entry.full_id)));
        }
        let processes = self.host_processes.iter().chain(&self.pending_processes).map(|(pid, entry)| (pid, entry.pid));
        let unreadable = self.unreadable_processes.iter().map(|(pid, entry)| (pid, entry.pid));
        let mut pids =
            processes.chain(self.dead_processes.iter().map(|(pid, entry)| (pid, entry.pid))).chain(unreadable);
        match pids.find(|(filed, pid)| *filed != pid) {
            Some((filed, pid)) => Err(InventoryError::Corrupt(format!("under {filed} stands process {pid}"))),
            None => Ok(self),
        }
    }

    /// The file's bytes: one line for each leaf, so that a person can read it and `diff` it, on a terminal too.
    ///
    /// # Errors
    ///
    /// None that plain data of these types can cause; the signature is the serialiser's.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        json::pretty(self)
    }

    /// The boot id of the last scan.
    pub fn boot_id(&self) -> Option<&str> {
        self.host.as_ref().map(|host| host.boot_id.as_str())
    }

    /// The container with this id. No two in a picture have the same, whatever engines say.
    pub fn container(&self, id: &ContainerId) -> Option<&ContainerEntry> {
        let is_it = |entry: &&ContainerEntry| entry.full_id == *id;
        self.containers.get(id.short()).filter(is_it).or_else(|| self.containers.get(id.as_str()).filter(is_it))
    }

    /// The key of a container in [`containers`](Self::containers): the first 12 digits of its id, or all where those are of
    /// another one.
    pub fn key_of<'a>(&self, entry: &'a ContainerEntry) -> &'a str {
        let has_short = self.containers.get(&entry.id).is_none_or(|other| other.full_id == entry.full_id);
        if has_short { &entry.id } else { entry.full_id.as_str() }
    }

    /// The same container in this picture: with the same id, of the same engine.
    pub fn same(&self, entry: &ContainerEntry) -> Option<&ContainerEntry> {
        self.container(&entry.full_id).filter(|other| other.engine == entry.engine)
    }

    /// The containers of one engine.
    pub fn containers_of(&self, engine: &EngineName) -> impl Iterator<Item = &ContainerEntry> {
        self.containers.values().filter(move |entry| entry.engine == *engine)
    }

    /// The container engines that were asked, or have containers here, in the order in which they are believed.
    pub fn engines(&self) -> BTreeSet<EngineName> {
        let asked = self.sources.keys().filter(|name| !matches!(name.as_str(), "nvml" | "amd" | "proc"));
        let asked = asked.filter_map(|name| name.parse().ok());
        asked.chain(self.containers.values().map(|entry| entry.engine.clone())).collect()
    }

    /// The state of the source of that name, when a scan has asked it before.
    pub fn source_state(&self, name: &str) -> Option<SourceState> {
        self.sources.get(name).map(|entry| entry.state)
    }
}

/// Containers by the keys of [`Inventory::containers`]: the first 12 digits where no container before them in `entries` has
/// those, else all 64. Of two with the same id the first is kept.
pub fn keyed(entries: impl IntoIterator<Item = ContainerEntry>) -> BTreeMap<String, ContainerEntry> {
    let mut all: BTreeMap<String, ContainerEntry> = BTreeMap::new();
    for entry in entries {
        match all.get(entry.full_id.short()) {
            None => drop(all.insert(entry.full_id.short().to_owned(), entry)),
            Some(other) if other.full_id == entry.full_id => {}
            Some(_) => drop(all.entry(entry.full_id.as_str().to_owned()).or_insert(entry)),
        }
    }
    all
}

impl SourceEntry {
    /// Since when it is known to have failed, if it has not given all its facts since.
    pub fn failing_since(&self) -> Option<Timestamp> {
        if self.state == SourceState::Failed {
            Some(self.failed_since.unwrap_or(self.since))
        } else {
            self.failed_since
        }
    }
}

impl ContainerEntry {
    /// What it is called.
    pub fn called(&self) -> Called<'_> {
        Called { name: &self.name, id: self.full_id.as_str(), engine: &self.engine }
    }
}

impl GpuEntry {
    /// What admins call it: its index, as `0`, with its maker before it where that is not NVIDIA, as `amd0`.
    pub fn label(&self) -> String {
        self.vendor.label(self.index)
    }

    /// The UUIDs of the GPU and of its MIG instances.
    pub fn uuids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.uuid.as_str()).chain(self.mig_instances.iter().map(|mig| mig.uuid.as_str()))
    }
}

/// The sum of what a process holds on its GPUs, in MiB: unknown when any part is.
pub fn total_memory_mb<'a>(uses: impl IntoIterator<Item = &'a GpuUse>) -> Option<u64> {
    uses.into_iter().try_fold(0_u64, |sum, held| Some(sum.saturating_add(held.memory_mb?)))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
