//! A GPU or MIG instance, and who holds it: plain data, and its form in JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Vendor;

/// A GPU or MIG instance: what state it is in, and who holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuState {
    /// Its index as people name it: `0`, or `3:1` for the MIG instance 1 of GPU 3.
    pub gpu: String,
    /// Its UUID.
    pub uuid: String,
    /// The product name of the GPU.
    pub model: Option<String>,
    /// The profile of a MIG instance, such as `3g.40gb`.
    pub profile: Option<String>,
    /// Whether anybody holds it, and whether it works.
    pub state: Occupancy,
    /// Since when nothing was done on it, while it is held idle.
    pub idle_since: Option<Timestamp>,
    /// All its memory, in MiB.
    pub memory_total_mb: Option<u64>,
    /// What of that is used, in MiB.
    pub memory_used_mb: Option<u64>,
    /// The share of the time in which something ran on it, in percent.
    pub utilization_percent: Option<f64>,
    /// In watts; of a GPU as a whole.
    pub power_watts: Option<f64>,
    /// When those four were read.
    pub measured_at: Option<Timestamp>,
    /// Why its state is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who holds it.
    pub holders: Vec<Holder>,
}

/// Whether anybody holds a GPU, and whether it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occupancy {
    /// Nobody was given it, and nobody holds a context on it.
    Free,
    /// Somebody holds it, and all who do were seen to do nothing.
    HeldIdle,
    /// Somebody holds it; whether anything is done on it is not known.
    Held,
    /// Something is done on it.
    AtWork,
    /// It is divided into MIG instances, which are listed each.
    Partitioned,
    /// Whether anybody holds it is not known; also a word of another version.
    #[serde(other)]
    Unknown,
}

/// Who holds a GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Whose. Users' text. `None` where nobody knows, or where it is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The container's name. Users' text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Since when it runs.
    pub since: Option<Timestamp>,
    /// Whether one of its processes holds a context there. `None` where that could not be told.
    pub context: Option<bool>,
    /// What it holds there, in MiB.
    pub memory_mb: Option<u64>,
    /// Whether it works, wherever it may: a container with several GPUs works while it works on one.
    pub activity: Activity,
    /// Since when it does nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<Timestamp>,
    /// When it will be stopped, if it goes on like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at: Option<Timestamp>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_for: Option<StopFor>,
    /// Until when somebody asked to keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
}

/// What holds a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// A container.
    Container,
    /// A process outside of the listed containers.
    Process,
    /// Memory that the driver still books to a process that is gone.
    DeadProcess,
    /// Something that another version knows.
    #[serde(other)]
    Other,
}

/// Whether a holder works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// It was seen to work.
    AtWork,
    /// It was seen to do nothing.
    Idle,
    /// Nobody could tell.
    #[serde(other)]
    Unknown,
}

/// For what a container is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopFor {
    /// It reaches its `idle_timeout`.
    Idle,
    /// It reaches its `max_runtime`.
    MaxRuntime,
    /// Something that another version knows.
    #[serde(other)]
    Other,
}

impl GpuState {
    /// Whether it is a MIG instance.
    pub fn is_instance(&self) -> bool {
        self.gpu.contains(':')
    }

    /// Who made it, as its label says.
    pub fn vendor(&self) -> Vendor {
        let whole = self.gpu.split_once(':').map_or(self.gpu.as_str(), |(whole, _)| whole);
        Vendor::parse_label(whole).map_or_else(Vendor::default, |(vendor, _)| vendor)
    }

    /// The memory that nobody uses, in MiB.
    pub fn memory_free_mb(&self) -> Option<u64> {
        Some(self.memory_total_mb?.saturating_sub(self.memory_used_mb?))
    }
}

impl Occupancy {
    /// One word for a table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::HeldIdle => "held-idle",
            Self::Held => "held",
            Self::AtWork => "at-work",
            Self::Partitioned => "partitioned",
            Self::Unknown => "unknown",
        }
    }
}
