//! Whose the processes are that work on GPUs, remembered for as long as they are looked at.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    deadline::one_by_one,
    model::{ContainerId, GpuSnapshot, Reading, Who},
    source::{ProcessError, ProcessSource},
};

/// What one process may take: its user can make looking at it hang.
const ONE_AT_MOST: Duration = Duration::from_secs(1);

/// What all that are new may take.
const ALL_AT_MOST: Duration = Duration::from_secs(2);

/// The processes of the looks so far, by pid.
#[derive(Debug, Default)]
pub(super) struct Workers {
    known: HashMap<u32, Worker>,
}

#[derive(Debug, Clone)]
struct Worker {
    start_ticks: u64,
    containers: Vec<ContainerId>,
}

impl Workers {
    /// Who each pid is that holds a context or worked. One that has ended since the look before is still who it was.
    pub(super) fn who(&mut self, source: &Arc<dyn ProcessSource>, snapshot: &GpuSnapshot) -> HashMap<u32, Who> {
        let gpus = || snapshot.gpus.iter().filter_map(|reading| reading.gpu.known());
        let rows = gpus().filter_map(|gpu| gpu.activity.known()?.processes.known()).flatten().map(|row| row.pid);
        let pids: BTreeSet<u32> = rows.chain(snapshot.processes().map(|(_, process)| process.pid)).collect();
        self.known.retain(|pid, _| pids.contains(pid));
        let new = |pid: &u32| match (self.known.get(pid), source.start_ticks(*pid)) {
            (Some(worker), Ok(start_ticks)) => worker.start_ticks != start_ticks,
            (Some(_), Err(_)) | (None, Err(ProcessError::Gone { .. })) => false,
            (None, _) => true,
        };
        let to_read: Vec<u32> = pids.iter().copied().filter(new).collect();
        if !to_read.is_empty() {
            let source = Arc::clone(source);
            let end = Instant::now() + ALL_AT_MOST;
            for (pid, read) in one_by_one("proc", to_read, ONE_AT_MOST, end, move |pid| source.process(*pid)) {
                self.known.remove(&pid);
                if let Ok(Ok(process)) = read
                    && let Reading::Known(containers) = process.containers
                {
                    self.known.insert(pid, Worker { start_ticks: process.start_ticks, containers });
                }
            }
        }
        pids.into_iter()
            .map(|pid| (pid, self.known.get(&pid).map_or(Who::Unknown(pid), |worker| worker.who(pid))))
            .collect()
    }

    /// The containers among them, each with one of its processes.
    pub(super) fn containers(&self) -> impl Iterator<Item = (&ContainerId, u32)> {
        self.known.iter().flat_map(|(pid, worker)| worker.containers.iter().map(|id| (id, *pid)))
    }
}

impl Worker {
    fn who(&self, pid: u32) -> Who {
        if self.containers.is_empty() {
            return Who::Process(pid);
        }
        Who::Containers(self.containers.iter().map(|id| id.short().to_owned()).collect())
    }
}
