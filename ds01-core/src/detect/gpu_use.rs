//! Who holds a context on which GPU: NVML's pids, placed by `/proc`.

use std::collections::{BTreeMap, HashMap};

use crate::{
    model::{ContainerId, EngineName, GpuSnapshot, Process, Reading},
    source::{ProcessError, SourceError},
};

use super::{
    gpu_entries::GpuEntries,
    inventory::{ContainerEntry, ContainerProcess, GpuEntry, GpuUse, UnreadableProcess},
    snapshot::SeenProcesses,
};

/// Everybody with a context, by place.
pub(super) struct GpuUsers<'a> {
    /// In listed containers.
    contained: BTreeMap<ContainerId, Vec<(&'a Process, Vec<GpuUse>)>>,
    /// Elsewhere: on the host, or in containers that are not listed.
    pub outside: BTreeMap<u32, (&'a Process, Vec<GpuUse>)>,
    /// Pids that the driver names and `/proc` does not have.
    pub dead: BTreeMap<u32, Vec<GpuUse>>,
    /// Pids that could not be placed, each with the reason.
    pub unreadable: BTreeMap<u32, UnreadableProcess>,
    /// What the scan saw of processes; none where there is no NVML, and so nobody to place.
    pub processes: Option<&'a SeenProcesses>,
    /// The GPUs, in their order, and on which of them nobody could look.
    places: &'a GpuEntries,
}

impl<'a> GpuUsers<'a> {
    /// Places everybody; `None` when NVML or `/proc` failed, so that nobody can tell.
    pub(super) fn new(
        gpus: &Result<GpuSnapshot, SourceError>,
        processes: &'a Result<SeenProcesses, SourceError>,
        places: &'a GpuEntries,
        containers: &BTreeMap<String, ContainerEntry>,
    ) -> Option<Self> {
        let mut users = Self {
            contained: BTreeMap::new(),
            outside: BTreeMap::new(),
            dead: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            processes: processes.as_ref().ok(),
            places,
        };
        let snapshot = match gpus {
            Ok(snapshot) => snapshot,
            // Without a driver nobody holds anything.
            Err(SourceError::Absent { .. }) => return Some(users),
            Err(SourceError::Failed { .. }) => return None,
        };
        let processes = users.processes?;
        let listed: HashMap<&ContainerId, &EngineName> =
            containers.values().map(|entry| (&entry.full_id, &entry.engine)).collect();
        let mut held: BTreeMap<u32, Vec<GpuUse>> = BTreeMap::new();
        for (uuid, process) in snapshot.processes() {
            held.entry(process.pid).or_default().push(GpuUse {
                gpu_uuid: uuid.to_owned(),
                memory_mb: process.memory_mb.known().copied(),
                memory_unknown: process.memory_mb.unknown().map(ToString::to_string),
            });
        }
        for (pid, uses) in held {
            users.place(pid, uses, processes, &listed);
        }
        Some(users)
    }

    fn place(
        &mut self,
        pid: u32,
        uses: Vec<GpuUse>,
        processes: &'a SeenProcesses,
        listed: &HashMap<&ContainerId, &EngineName>,
    ) {
        let process = match processes.by_pid.get(&pid) {
            Some(Ok(process)) => process,
            // It ended between NVML's answer and the look at /proc, or the driver still holds what it held.
            Some(Err(ProcessError::Gone { .. })) | None => {
                self.dead.insert(pid, uses);
                return;
            }
            Some(Err(error @ ProcessError::Unreadable { .. })) => {
                self.unreadable.insert(pid, UnreadableProcess { pid, gpus: uses, why: error.to_string() });
                return;
            }
        };
        match &process.containers {
            Reading::Known(_) => match processes.outermost(process, |id| listed.get(id).copied()) {
                Some(id) => self.contained.entry(id.clone()).or_default().push((process, uses)),
                None => drop(self.outside.insert(pid, (process, uses))),
            },
            Reading::Unknown(why) => {
                let why = format!("process {pid}: which container it is in: {why}");
                self.unreadable.insert(pid, UnreadableProcess { pid, gpus: uses, why });
            }
        }
    }

    /// The processes of one container, with what could not be seen now as it was `before`.
    pub(super) fn of_container(&self, id: &ContainerId, before: &[ContainerProcess]) -> Vec<ContainerProcess> {
        let seen = self.contained.get(id).into_iter().flatten();
        let mut processes: Vec<ContainerProcess> = seen
            .map(|(process, uses)| {
                let extra = before.iter().find(|old| old.pid == process.pid).map(|old| old.extra.clone());
                let (name, gpus) = (name(process), uses.clone());
                ContainerProcess { pid: process.pid, name, gpus, extra: extra.unwrap_or_default() }
            })
            .collect();
        for old in before {
            let kept = self.kept(old.pid, &old.gpus);
            match processes.iter_mut().find(|process| process.pid == old.pid) {
                Some(process) => self.add_kept(&mut process.gpus, kept),
                None if !kept.is_empty() => processes.push(ContainerProcess { gpus: kept, ..old.clone() }),
                None => {}
            }
        }
        processes
    }

    /// The part of what a process held that nobody can say it let go of: on a GPU that could not be read, or all of it when
    /// the process could not be.
    pub(super) fn kept(&self, pid: u32, before: &[GpuUse]) -> Vec<GpuUse> {
        let hidden = self.unreadable.contains_key(&pid);
        before.iter().filter(|held| hidden || self.places.unseen.contains(&held.gpu_uuid)).cloned().collect()
    }

    /// Adds what was kept to what was seen, in the order of the GPUs: a process's first GPU is the same one whether or not
    /// it could be read.
    pub(super) fn add_kept(&self, seen: &mut Vec<GpuUse>, kept: Vec<GpuUse>) {
        let places: Vec<&str> = self.places.entries.iter().flat_map(GpuEntry::uuids).collect();
        seen.extend(kept);
        seen.sort_by_key(|held| places.iter().position(|uuid| *uuid == held.gpu_uuid));
    }
}

/// What a process's program is called: the file it runs, else the name it gives itself.
pub(super) fn name(process: &Process) -> String {
    process.exe.known().unwrap_or(&process.comm).clone()
}
