//! All that one scan saw, before anything is made of it.

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use jiff::Timestamp;

use crate::{
    model::{ContainerDetails, ContainerId, ContainerListing, EngineName, GpuSnapshot, Host, Process, Reading},
    source::{ProcessError, SourceError},
};

/// One look at the host through all sources.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The wall clock just before the first question was asked.
    pub taken_at: Timestamp,
    /// The boot clock at the same instant.
    pub since_boot: Duration,
    /// The answers of the container engines, in the order in which they are believed.
    pub engines: Vec<SeenEngine>,
    /// NVML's answer.
    pub gpus: Result<GpuSnapshot, SourceError>,
    /// The answer of `/proc`.
    pub processes: Result<SeenProcesses, SourceError>,
}

/// What one container engine told.
#[derive(Debug, Clone)]
pub struct SeenEngine {
    /// Which.
    pub name: EngineName,
    /// Its answer.
    pub containers: Result<Vec<SeenContainer>, SourceError>,
}

/// A listed container, with what is known beyond the list.
#[derive(Debug, Clone)]
pub struct SeenContainer {
    /// Its list entry.
    pub listing: ContainerListing,
    /// Its details.
    pub facts: Facts,
}

/// What is known of a container beyond its list entry.
#[derive(Debug, Clone)]
pub enum Facts {
    /// It was inspected.
    Inspected(Box<ContainerDetails>),
    /// What the inventory remembers is still true.
    Remembered,
    /// The engine could not describe it, in its words.
    Unreadable(String),
}

/// The processes that a scan asked about, and the users they belong to.
#[derive(Debug, Clone)]
pub struct SeenProcesses {
    /// The host.
    pub host: Host,
    /// By pid: GPU processes, main processes of containers, and the host processes of the scan before.
    pub by_pid: HashMap<u32, Result<Process, ProcessError>>,
    /// User names by uid; none of an id that the name service did not answer for in time.
    pub users: HashMap<u32, Reading<String>>,
    /// By the uid of each user with an engine of his own: the ids that he may use in his containers beside it.
    pub subordinate: HashMap<u32, Vec<RangeInclusive<u32>>>,
}

impl SeenProcesses {
    /// The process of that pid, when it was there and could be read.
    pub fn get(&self, pid: u32) -> Option<&Process> {
        self.by_pid.get(&pid)?.as_ref().ok()
    }

    /// The name of a user, where the name service has one.
    pub fn user_name(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid)?.known().map(String::as_str)
    }

    /// Whether the kernel says that a process runs in this container of this engine. Its control group has to name the
    /// container. Of an engine that is a user's own, it has to be below his slice too, and the process one of his: whatever
    /// he lists, and whatever he calls the groups that he makes, other users' processes are not in it.
    pub fn runs_in(&self, process: &Process, id: &ContainerId, engine: &EngineName) -> bool {
        process.containers.known().is_some_and(|ids| ids.contains(id)) && self.may_run_in(process, engine)
    }

    /// Whether the kernel lets a process be of a container of this engine, whatever the container's id.
    pub fn may_run_in(&self, process: &Process, engine: &EngineName) -> bool {
        let Some(owner) = engine.owner() else { return true };
        let his = process.uid == owner
            || self.subordinate.get(&owner).into_iter().flatten().any(|range| range.contains(&process.uid));
        his && process.user_slice.known() == Some(&Some(owner))
    }
}
