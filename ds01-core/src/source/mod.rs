//! The doors to the machine: one trait for each source, the real ones, and the fakes.
//!
//! A source answers with facts, with [`SourceError::Absent`] (the host has no such thing) or with
//! [`SourceError::Failed`]; the difference decides whether an inventory may forget what it knew. What is missing from an
//! answer that came is a [`Reading`] with its reason.
//!
//! Implementations block; none of these traits is async. A caller that is async wraps calls in `spawn_blocking`. They are
//! `Send + Sync` so that a scan can ask all sources side by side, each under its own deadline, and leave behind a thread
//! that is stuck in a driver.

pub mod amd;
mod clock;
mod devpts;
pub mod docker;
mod engines;
mod error;
#[cfg(feature = "fakes")]
pub mod fake;
pub mod nvml;
pub mod proc;
pub mod samples;
pub mod terminals;

pub use clock::{Clock, Shift, ShiftedClock, SystemClock};
pub use engines::{Controls, Engine};
pub use error::{FailureKind, SourceError, SourceName};
pub use samples::{NoSamples, SampleSource};

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::model::{
    ContainerActivity, ContainerDetails, ContainerId, ContainerLife, ContainerListing, EngineName, GpuSnapshot, Host,
    Process, Reading, Unknown, UnknownKind, Vendor,
};

/// The doors of one host.
#[derive(Clone)]
pub struct Sources {
    /// The container engines, in the order in which they are believed: see [`EngineName`].
    pub engines: Vec<Engine>,
    /// The GPUs.
    pub gpus: Arc<dyn GpuSource>,
    /// GPUs of other makers, which are only observed: nobody is judged by what they do. Each maker is a source of its own.
    pub observed: Vec<ObservedGpus>,
    /// Processes and users.
    pub processes: Arc<dyn ProcessSource>,
    /// What the GPU sampler saw.
    pub samples: Arc<dyn SampleSource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A maker's GPUs that are only observed.
#[derive(Clone)]
pub struct ObservedGpus {
    /// Its name in the inventory.
    pub name: SourceName,
    /// Who made them.
    pub vendor: Vendor,
    /// The GPUs.
    pub source: Arc<dyn GpuSource>,
}

impl Sources {
    /// The door to an engine.
    pub fn engine(&self, name: &EngineName) -> Option<&Arc<dyn ContainerSource>> {
        self.engines.iter().find(|engine| engine.name == *name).map(|engine| &engine.source)
    }
}

/// A container engine.
pub trait ContainerSource: Send + Sync {
    /// Every container, running or not.
    ///
    /// # Errors
    ///
    /// [`SourceError::Absent`] when there is no socket, [`SourceError::Failed`] when no whole and sound list came. One
    /// entry with an unknown state is no error.
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError>;

    /// The details of each of `ids`, in their order. Asking for none sends no request.
    ///
    /// # Errors
    ///
    /// When the engine stopped answering: an engine that answers with an error for one container is an
    /// [`Inspection::Unreadable`], not an error.
    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError>;
}

/// What came of inspecting one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// Its details.
    Details(Box<ContainerDetails>),
    /// It was removed since it was listed.
    Gone,
    /// The engine could not describe it, in the engine's words.
    Unreadable(String),
}

/// What may be done to containers. Nothing of it runs anything inside of one.
///
/// Containers are named by their full ids, so that another one that took a name in the meantime is never meant.
pub trait ContainerControl: Send + Sync {
    /// What lies at `path` in the container's file system, its mounts included. Links in the last place are not followed.
    ///
    /// # Errors
    ///
    /// When the engine did not say, as for a container that is gone.
    fn path_stat(&self, id: &ContainerId, path: &str) -> Result<PathStat, SourceError>;

    /// Stops a container: its stop signal, and SIGKILL after `grace`. Returns when it has ended; one that had ended before
    /// is as good.
    ///
    /// # Errors
    ///
    /// When the engine refused, or did not answer within the grace and a while.
    fn stop(&self, id: &ContainerId, grace: Duration) -> Result<Acted, SourceError>;

    /// Lets a paused container run on.
    ///
    /// # Errors
    ///
    /// When the engine refused, as for one that is not paused.
    fn unpause(&self, id: &ContainerId) -> Result<Acted, SourceError>;

    /// Removes a container that does not run. Its volumes stay.
    ///
    /// # Errors
    ///
    /// When the engine refused, as for one that runs.
    fn remove(&self, id: &ContainerId) -> Result<Acted, SourceError>;
}

/// What lies at a path in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathStat {
    /// Nothing.
    Absent,
    /// A regular file, last written at this time on the wall clock.
    File(Timestamp),
    /// A symbolic link.
    Link,
    /// A directory.
    Directory,
    /// A FIFO, a socket or a device.
    Other,
}

/// What came of an order that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It was carried out.
    Done,
    /// There is no such container any more.
    Gone,
}

/// The GPUs of the host.
pub trait GpuSource: Send + Sync {
    /// All GPUs and MIG instances, and who holds a compute context on them.
    ///
    /// # Errors
    ///
    /// [`SourceError::Absent`] when there is no driver library, [`SourceError::Failed`] when it could not be initialised
    /// or does not say how many GPUs there are. One GPU that fails is a
    /// [`GpuReading`](crate::model::GpuReading) with the reason.
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError>;

    /// As [`snapshot`](Self::snapshot), and with it what each GPU and MIG instance did since `since` on the wall clock, as
    /// far back as the driver remembers.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    fn observe(&self, since: Timestamp) -> Result<GpuSnapshot, SourceError>;
}

/// The host's processes and users.
pub trait ProcessSource: Send + Sync {
    /// The host's name and boot id.
    ///
    /// # Errors
    ///
    /// [`SourceError::Failed`] when `/proc` can't be read.
    fn host(&self) -> Result<Host, SourceError>;

    /// Everything detection needs to know of one process.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Gone`] when there is no such process (any more), [`ProcessError::Unreadable`] otherwise.
    fn process(&self, pid: u32) -> Result<Process, ProcessError>;

    /// [`Process::start_ticks`] alone: the cheap way to see that a process is still the one it was.
    ///
    /// # Errors
    ///
    /// As [`process`](Self::process), and [`ProcessError::Gone`] for one that has ended and is a zombie now: its pid is
    /// still its own, but it is nobody's main process any more.
    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError>;

    /// The counters and processes of a running container. Each that could not be read says why, and so does each of a
    /// container whose main process is gone, or is another container's.
    fn container(&self, life: &ContainerLife) -> ContainerActivity;

    /// CPU time that a running container used so far: the cheap way to it, for who asks every few seconds. `life.pid` may be
    /// any of its processes.
    fn cpu_time(&self, life: &ContainerLife) -> Reading<Duration> {
        self.container(life).cpu_time
    }

    /// Bytes that a running container read from disks and wrote to them so far. Only differences mean anything.
    fn disk_bytes(&self, life: &ContainerLife) -> Reading<u64> {
        Unknown::new(UnknownKind::NotSupported, format!("the disk counters of container {}", life.id.short())).into()
    }

    /// Whether there is anything at this absolute path of the host, links followed. Nothing is mounted, opened or made. The
    /// path can lie on a file system whose server does not answer: callers give it a deadline.
    fn host_path(&self, path: &str) -> Reading<bool>;

    /// To whom the directory at this absolute path of the host belongs, by user id; `None` for what is no directory. No link is
    /// followed on the way. As for [`host_path`](Self::host_path), callers give it a deadline.
    fn directory_owner(&self, path: &str) -> Reading<Option<u32>> {
        Unknown::new(UnknownKind::NotSupported, format!("the owner of {path}")).into()
    }

    /// The name of a user id through the name service; asked at most once per id and source, as a directory can be slow.
    fn user_name(&self, uid: u32) -> Reading<String>;

    /// The user ids that a user may use inside his own containers beside his own one (`/etc/subuid`); none where nobody knows.
    fn subordinate_ids(&self, _uid: u32) -> Vec<RangeInclusive<u32>> {
        Vec::new()
    }

    /// The id of the user of this name through the name service. Callers give it a deadline.
    fn user_id(&self, name: &str) -> Reading<u32> {
        Unknown::new(UnknownKind::NotSupported, format!("the user id of {name}")).into()
    }
}

/// Why one process could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// There is no such process.
    #[error("no process {pid}")]
    Gone {
        /// The pid asked for.
        pid: u32,
    },
    /// This file of it could not be read or made sense of; or, where `hidepid` hides other users' processes from the
    /// caller, the process can't be seen and may yet exist.
    #[error("process {pid}: {path}: {detail}")]
    Unreadable {
        /// The pid asked for.
        pid: u32,
        /// The file.
        path: String,
        /// The system's words, or what was wrong with the content.
        detail: String,
    },
}
