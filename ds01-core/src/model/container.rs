//! What Docker says about a container, as plain data.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A container's full id: 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// A text that is not a container id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a container id: 64 hexadecimal digits in lower case were expected")]
pub struct InvalidContainerId(pub String);

impl ContainerId {
    /// The first 12 digits, as `docker ps` shows them.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` has the form of a full container id.
    pub fn is_valid(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl FromStr for ContainerId {
    type Err = InvalidContainerId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ContainerId {
    type Error = InvalidContainerId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if Self::is_valid(&text) { Ok(Self(text)) } else { Err(InvalidContainerId(text)) }
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A container's state, in Docker's words (`State` of a list entry, `State.Status` of an inspect).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ContainerStatus {
    /// Made, and never started.
    Created,
    /// Its main process runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It ended, and its restart policy is about to start it again.
    Restarting,
    /// It is being removed.
    Removing,
    /// Its main process ended.
    Exited,
    /// Its removal failed half-way.
    Dead,
    /// A word that this version does not know, as Docker gave it.
    Other(String),
}

impl ContainerStatus {
    /// The word that Docker uses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
            Self::Other(word) => word,
        }
    }

    /// Whether the container has processes: it runs, or is frozen.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

impl From<String> for ContainerStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "removing" => Self::Removing,
            "exited" => Self::Exited,
            "dead" => Self::Dead,
            _ => Self::Other(word),
        }
    }
}

impl From<ContainerStatus> for String {
    fn from(status: ContainerStatus) -> Self {
        status.as_str().to_owned()
    }
}

impl fmt::Display for ContainerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of `GET /containers/json?all=1`.
///
/// `name`, `labels` and `image` are users' text. The Docker door cuts a text of more than 4,096 bytes there, ending it
/// in `…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerListing {
    /// `Id`.
    pub id: ContainerId,
    /// The one of `Names` that has a single slash, without it: `/other/alias` is a name given by a legacy link.
    pub name: String,
    /// `Image`: the reference the container was made from, or an image id when that has no name any more.
    pub image: String,
    /// `ImageID`, such as `sha256:...`.
    pub image_id: String,
    /// `Labels`, those of the image included.
    pub labels: BTreeMap<String, String>,
    /// `State`.
    pub status: ContainerStatus,
    /// `Status`: the state with its age in words, such as `Up 12 seconds` or `Exited (0) 3 days ago`.
    pub status_text: String,
    /// `Created`.
    pub created_at: Timestamp,
}

/// What `GET /containers/ID/json` adds to a list entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDetails {
    /// What was laid down when the container was made, and never changes in its life.
    pub config: ContainerConfig,
    /// `State.Status`.
    pub status: ContainerStatus,
    /// `State.StartedAt`: the start of the present life, or of the last one. `None` when never started.
    pub started_at: Option<Timestamp>,
    /// `State.Pid`: the main process, as the host numbers it. `None` when the container is not up.
    pub pid: Option<u32>,
}

/// The part of a container's configuration that detection reads.
///
/// Environment variables can hold secrets: only those named in [`ContainerConfig::ENV_KEPT`] leave the Docker door. It cuts
/// a text of more than 4,096 bytes there, ending it in `…`, and a list after 1,024 entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerConfig {
    /// `HostConfig.Runtime`, such as `runc` or `nvidia`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
    /// `Config.Env`, only the variables of [`ContainerConfig::ENV_KEPT`]. Users' text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// `HostConfig.DeviceRequests`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_requests: Vec<DeviceRequest>,
    /// `HostConfig.Devices[].PathOnHost`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// `Mounts[].Source` of the bind mounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bind_sources: Vec<String>,
    /// `Config.StopTimeout`: the grace that it was made with. `None` when it was made without one; -1, which is
    /// "for ever", is the largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout_seconds: Option<u64>,
    /// `Config.Healthcheck.Test`, such as `["CMD-SHELL", "curl -f localhost"]`. Users' text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_check: Vec<String>,
    /// `HostConfig.AutoRemove`, which is `docker run --rm`: when it ends, Docker removes it and its unnamed volumes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_remove: bool,
}

impl ContainerConfig {
    /// The environment variables that detection reads: three hints at the owner, two that decide on GPUs.
    pub const ENV_KEPT: [&'static str; 5] =
        ["DS01_USER", "NB_USER", "JUPYTERHUB_USER", "NVIDIA_VISIBLE_DEVICES", "CUDA_VERSION"];
}

/// One entry of `HostConfig.DeviceRequests`: what `docker run --gpus` or `--device nvidia.com/gpu=...` leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRequest {
    /// `Driver`: empty for `--gpus`, `nvidia`, or `cdi`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// `Count`: -1 is all, N means indices 0 to N-1, 0 when ids are given.
    pub count: i64,
    /// `DeviceIDs`: indices, UUIDs or CDI names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// `Capabilities`: a list of alternatives, each a list of capabilities that must all hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Vec<String>>,
}
