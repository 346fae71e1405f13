//! All that one scan saw, before anything is made of it.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use crate::{
    model::{ContainerDetails, ContainerListing, GpuSnapshot, Host, Process, Reading, Vendor},
    source::{ProcessError, SourceError, SourceName},
};

/// One look at the host through all sources.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The wall clock just before the first question was asked.
    pub taken_at: Timestamp,
    /// The boot clock at the same instant.
    pub since_boot: Duration,
    /// Docker's answer.
    pub containers: Result<Vec<SeenContainer>, SourceError>,
    /// NVML's answer.
    pub gpus: Result<GpuSnapshot, SourceError>,
    /// The answers about GPUs that are only observed, a maker each.
    pub observed: Vec<SeenGpus>,
    /// The answer of `/proc`.
    pub processes: Result<SeenProcesses, SourceError>,
}

/// What was seen of a maker's GPUs that are only observed.
#[derive(Debug, Clone)]
pub struct SeenGpus {
    /// The source.
    pub name: SourceName,
    /// Who made them.
    pub vendor: Vendor,
    /// Its answer.
    pub answer: Result<GpuSnapshot, SourceError>,
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
    /// Docker could not describe it, in Docker's words.
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
}
