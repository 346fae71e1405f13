//! All that one scan saw, before anything is made of it.

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use jiff::Timestamp;

use crate::{
    model::{ContainerDetails, ContainerId, ContainerListing, EngineName, GpuSnapshot, Host, Process, Vendor},
    source::{ProcessError, SourceError, SourceName},
};

use super::names::SeenUsers;

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
    /// What the name service said of users.
    pub users: SeenUsers,
    /// By the uid of each user with an engine of his own: the ids that he may use in his containers beside it.
    pub subordinate: HashMap<u32, Vec<RangeInclusive<u32>>>,
}

impl SeenProcesses {
    /// The process of that pid, when it was there and could be read.
    pub fn get(&self, pid: u32) -> Option<&Process> {
        self.by_pid.get(&pid)?.as_ref().ok()
    }

    /// Whether the kernel says that a process runs in this container of this engine. Its control group has to name the
    /// container. Of an engine that is a user's own, it has to be below his slice too, and the process one of his: whatever
    /// he lists, and whatever he calls the groups that he makes, other users' processes are not in it.
    pub fn runs_in(&self, process: &Process, id: &ContainerId, engine: &EngineName) -> bool {
        self.outermost(process, |named| (named == id).then_some(engine)).is_some()
    }

    /// The outermost container that a process runs in, of those that engines list: `listed` tells which one does. Of containers
    /// in a container the engine outside knows the outer one only, and whoever is privileged there can make groups below its
    /// own, and name them like another listed one.
    ///
    /// What root's engines list is found by names that only root could choose. Names that a user chose mean something only as
    /// containers of that user's own engine.
    pub fn outermost<'p, 'e>(
        &self,
        process: &'p Process,
        listed: impl Fn(&ContainerId) -> Option<&'e EngineName>,
    ) -> Option<&'p ContainerId> {
        let proven = process.containers.known().into_iter().flatten();
        let by_root = proven.map(|id| (id, None));
        let group = process.users_group.as_ref();
        let by_user = group.and_then(|group| Some((group, group.uid?)));
        let by_user =
            by_user.into_iter().flat_map(|(group, uid)| group.containers.iter().map(move |id| (id, Some(uid))));
        let mut all = by_root.chain(by_user);
        all.find(|(id, chosen_by)| listed(id).is_some_and(|engine| self.may_run_in(process, engine, *chosen_by)))
            .map(|(id, _)| id)
    }

    /// Whether the kernel lets a process be of a container of this engine, whatever the container's id, which this user chose
    /// the name of its group by; `None` for root.
    fn may_run_in(&self, process: &Process, engine: &EngineName, chosen_by: Option<u32>) -> bool {
        let Some(owner) = engine.owner() else { return chosen_by.is_none() };
        let his = process.uid == owner
            || self.subordinate.get(&owner).into_iter().flatten().any(|range| range.contains(&process.uid));
        his && chosen_by.is_none_or(|uid| uid == owner) && process.user_slice.known() == Some(&Some(owner))
    }
}

#[cfg(test)]
#[path = "may_run_in_tests.rs"]
mod may_run_in_tests;
