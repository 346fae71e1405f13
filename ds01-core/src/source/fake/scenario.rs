//! Scenario files: a host in YAML, as a story in steps.
//!
//! ```yaml
#![doc = include_str!("../../../../fixtures/scenarios/transient-process.yaml")]
//! ```
//!
//! What a step does not mention stays as it was. Each step is one scan; `events` says what that scan is to emit, as the
//! event's type and the container's name, the pid or the source that it is about.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::model::ContainerStatus;

use super::FakeHost;

/// A host and what happens on it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// The host's name.
    pub host: String,
    /// When the first step takes place. The host was booted thirty days before.
    pub start: Timestamp,
    /// User names by uid.
    #[serde(default)]
    pub users: BTreeMap<u32, String>,
    /// The GPUs.
    #[serde(default)]
    pub gpus: Vec<GpuSpec>,
    /// What happens, scan by scan.
    pub steps: Vec<Step>,
}

/// A GPU.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuSpec {
    /// NVML's index.
    pub index: u32,
    /// Its UUID.
    pub uuid: String,
    /// Its product name.
    pub name: String,
    /// Its memory in MiB.
    pub memory_mb: u64,
    /// How much of that is used; what its processes hold, when left out.
    pub memory_used_mb: Option<u64>,
    /// Its power in watts; not told when left out.
    pub power_watts: Option<f64>,
    /// Its MIG instances, when MIG is on.
    pub mig: Option<Vec<MigSpec>>,
    /// Whether it has GPM, as from Hopper on.
    #[serde(default)]
    pub gpm: bool,
}

/// A MIG instance.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigSpec {
    /// NVML's MIG device index.
    pub index: u32,
    /// Its UUID.
    pub uuid: String,
    /// GPU instance id.
    pub gpu_instance: u32,
    /// Compute instance id.
    pub compute_instance: u32,
    /// Its memory in MiB.
    pub memory_mb: u64,
    /// Its profile, such as `3g.40gb`: what its name ends in.
    #[serde(default)]
    pub profile: String,
}

/// What happens before one scan.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// The story, for the reader.
    pub says: String,
    /// How long after the step before; 30 seconds, as the timer has it, unless said otherwise.
    #[serde(deserialize_with = "some_duration")]
    pub after: Option<SignedDuration>,
    /// What was started.
    pub appear: Appear,
    /// What went away.
    pub disappear: Disappear,
    /// What became of containers, by name.
    pub change: BTreeMap<String, Change>,
    /// How Docker answers from now on.
    pub docker: Option<SourceMood>,
    /// How NVML answers from now on.
    pub nvml: Option<SourceMood>,
    /// How `/proc` answers from now on.
    pub proc: Option<SourceMood>,
    /// Indices of GPUs that have fallen off the bus, from now on.
    pub lost_gpus: Option<Vec<u32>>,
    /// What the scan is to emit. Left out: anything.
    pub events: Option<Vec<String>>,
}

/// What a step starts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appear {
    /// Containers.
    pub containers: Vec<ContainerSpec>,
    /// Processes outside of the listed containers.
    pub processes: Vec<ProcessSpec>,
}

/// What a step removes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disappear {
    /// Containers, by name, with their processes.
    pub containers: Vec<String>,
    /// Processes, by pid.
    pub processes: Vec<u32>,
}

/// What becomes of a container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Another state. Leaving `running` and `paused` ends its processes.
    pub status: Option<ContainerStatus>,
    /// Another name.
    pub name: Option<String>,
    /// A new life: another main process, another start.
    pub restart: bool,
    /// Processes that start in it.
    pub processes: Vec<ProcessSpec>,
    /// What it does from now on.
    pub work: Option<Work>,
    /// What its processes do on their GPUs from now on, in percent of the GPU's time, by pid.
    pub gpu_percent: BTreeMap<u32, u32>,
}

/// How a source answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceMood {
    /// With facts.
    Ok,
    /// It is not there.
    Absent,
    /// Nobody listens.
    Refused,
    /// The caller has no right to ask.
    Denied,
    /// Not within the deadline.
    Hangs,
    /// With an error.
    Errs,
    /// With nonsense.
    Nonsense,
}

/// A container, as `docker run` would be told.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContainerSpec {
    /// Its name; its id is made from it.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `docker run --gpus`: `all`, a count, or a list of indices and UUIDs.
    pub gpus: Option<GpuRequest>,
    /// CDI names.
    pub cdi: Vec<String>,
    /// Device nodes.
    pub devices: Vec<String>,
    /// Its runtime; `runc` unless said otherwise.
    pub runtime: Option<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Host paths of its bind mounts.
    pub binds: Vec<String>,
    /// The uid of its main process.
    pub uid: u32,
    /// Its state; running unless said otherwise.
    pub status: Option<ContainerStatus>,
    /// How long before this step it was started; at the step itself unless said otherwise.
    #[serde(deserialize_with = "some_duration")]
    pub up_for: Option<SignedDuration>,
    /// What it runs beside its main process.
    pub processes: Vec<ProcessSpec>,
    /// What it does.
    pub work: Work,
    /// How long before this step its keep-alive file was written. There is none unless said otherwise.
    #[serde(deserialize_with = "some_duration")]
    pub keep_alive: Option<SignedDuration>,
    /// How long it was made to have between SIGTERM and SIGKILL, in seconds.
    pub stop_timeout_seconds: Option<u64>,
    /// `docker run --rm`: whether it is removed when it is stopped.
    pub auto_remove: bool,
    /// Whether the engine fails to stop it.
    pub refuses_stop: bool,
}

/// What a container does all the time. What it does on a GPU stands with its processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// CPU time, in percent of one core.
    pub cpu_percent: f64,
    /// Bytes received and sent in a second.
    pub net_bytes_per_second: u64,
    /// Bytes read from disks and written to them in a second.
    pub disk_bytes_per_second: u64,
}

/// What `docker run --gpus` is given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum GpuRequest {
    /// So many, from index 0; -1 is all.
    Count(i64),
    /// `all`.
    All(All),
    /// These indices or UUIDs.
    Ids(Vec<String>),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum All {
    /// `all`.
    #[serde(rename = "all")]
    All,
}

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSpec {
    /// Its pid on the host.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// The user at whose login it began.
    pub login_uid: Option<u32>,
    /// The file name of its program.
    pub name: String,
    /// Its command line.
    pub cmdline: String,
    /// The GPUs (`0`) and MIG instances (`0:1`) it has a context on, each with its memory in MiB, `null` for unknown.
    pub gpus: BTreeMap<String, Option<u64>>,
    /// What it does on each of them, in percent of the GPU's time.
    pub gpu_percent: u32,
    /// Whether it reaches them through an MPS server.
    pub mps: bool,
    /// Whether it works without reading or writing their memory, as a kernel that waits for ever does. Otherwise it does so for a
    /// quarter of the time that it works.
    pub no_memory_traffic: bool,
    /// The id of a container that this host's Docker does not list. For processes outside of listed containers only.
    pub foreign_container: Option<String>,
    /// The path of its control group, for processes outside of containers. Whose its directories are, no fake can say.
    pub cgroup: Option<String>,
    /// Its environment, which is read with a `cgroup` only.
    pub env: BTreeMap<String, String>,
    /// The user below whose slice it runs, by id: in a group that is named like its container, if it is in one. Read from its
    /// `cgroup`, where there is one.
    pub user_slice: Option<u32>,
    /// How long before this step it began; at the step itself unless said otherwise.
    #[serde(deserialize_with = "some_duration")]
    pub up_for: Option<SignedDuration>,
}

/// What is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// It is not YAML of this format.
    #[error("not a scenario: {0}")]
    Format(String),
    /// It tells of something that can't be.
    #[error("step {step}: {problem}")]
    Story {
        /// Which step, from 1.
        step: usize,
        /// What can't be.
        problem: String,
    },
}

impl Scenario {
    /// Reads a scenario and plays it through once, so that one with a mistake in any step is refused as a whole.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], with line and column or with the step.
    pub fn from_yaml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_yaml::from_str(text).map_err(|error| ScenarioError::Format(error.to_string()))?;
        scenario.play(|_, _| Ok::<(), ScenarioError>(()))?;
        Ok(scenario)
    }

    /// A teaching lab at noon: the built-in sample host.
    ///
    /// # Errors
    ///
    /// None: a test reads it.
    pub fn teaching_lab() -> Result<Self, ScenarioError> {
        Self::from_yaml(include_str!("../../../../fixtures/scenarios/teaching-lab-at-noon.yaml"))
    }

    /// The same story, told as if its last step took place at `now`.
    #[must_use]
    pub fn ending_at(self, now: Timestamp) -> Self {
        let pauses = self.steps.iter().enumerate().map(|(index, step)| step.pause(index == 0));
        let start = pauses.fold(now, before);
        Self { start, ..self }
    }

    /// Plays it from the start, and calls `scan` after what happens in each step, with the host as it then is.
    ///
    /// # Errors
    ///
    /// [`ScenarioError::Story`], and the first error of `scan`, which ends the story.
    pub fn play<E: From<ScenarioError>>(
        &self,
        mut scan: impl FnMut(&Step, &FakeHost) -> Result<(), E>,
    ) -> Result<(), E> {
        let host = FakeHost::new(&self.host, self.start);
        let story = |step, problem| ScenarioError::Story { step, problem };
        host.with_users(self.users.clone());
        host.add_gpus(&self.gpus).map_err(|problem| story(1, problem))?;
        for (index, step) in self.steps.iter().enumerate() {
            host.apply(step, index == 0).map_err(|problem| story(index + 1, problem))?;
            scan(step, &host)?;
        }
        Ok(())
    }
}

impl Step {
    /// How much time passes before it.
    pub(super) fn pause(&self, is_first: bool) -> SignedDuration {
        self.after.unwrap_or(if is_first { SignedDuration::ZERO } else { SignedDuration::from_secs(30) })
    }
}

/// So long before `at`; at the beginning of all time, if that is later.
pub(super) fn before(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SignedDuration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map(Some)
        .map_err(|error| D::Error::custom(format!("{text:?} is no duration such as 30s or 2h: {error}")))
}
