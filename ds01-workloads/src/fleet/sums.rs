//! The last line: what the hosts come to. Only what is current counts.

use serde::Serialize;

use super::host::{Host, Process, State};
use crate::totals::counted;

/// Sums over the hosts, of the workloads that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sums {
    pub(super) hosts: usize,
    pub(super) silent_hosts: usize,
    pub(super) stale_hosts: usize,
    /// Hosts that answer, and of which a source failed.
    pub(super) failed_hosts: usize,
    pub(super) containers: usize,
    pub(super) containers_with_gpu: usize,
    pub(super) host_processes: u64,
    /// GPUs and MIG instances that answering hosts have.
    pub(super) gpus: usize,
    /// Those of them that a workload holds or was given.
    pub(super) gpus_held: usize,
    /// Hosts that answer, and whose GPUs are not known.
    pub(super) hosts_with_unknown_gpus: usize,
    /// Hosts that answer, and of which it is not known who holds the GPUs.
    pub(super) hosts_with_unknown_holders: usize,
}

impl Sums {
    /// Adds up.
    pub(super) fn of(hosts: &[Host]) -> Self {
        let mut sums = Self { hosts: hosts.len(), ..Self::default() };
        for host in hosts {
            match host.state {
                State::Silent => sums.silent_hosts += 1,
                State::Stale => sums.stale_hosts += 1,
                State::Answers => sums.add(host),
            }
        }
        sums
    }

    fn add(&mut self, host: &Host) {
        self.failed_hosts += usize::from(!host.failed_sources.is_empty());
        let containers = || host.containers.iter().flatten().filter(|container| !container.stale);
        self.containers += containers().count();
        self.containers_with_gpu +=
            containers().filter(|container| container.has_gpu == Some(true) || !container.gpus.is_empty()).count();
        let processes = host.host_processes.iter().flatten().filter(|process| !process.stale);
        let count = |sum: u64, process: &Process| sum.saturating_add(process.processes);
        self.host_processes = processes.fold(self.host_processes, count);
        let taken = host.taken();
        let is_taken =
            |gpu: &str| taken.contains(gpu) || gpu.split_once(':').is_some_and(|(whole, _)| taken.contains(whole));
        self.hosts_with_unknown_holders += usize::from(!host.knows_holders());
        match &host.gpus {
            None => self.hosts_with_unknown_gpus += 1,
            Some(gpus) => {
                self.gpus += gpus.len();
                self.gpus_held += gpus.iter().filter(|gpu| is_taken(&gpu.gpu)).count();
            }
        }
    }

    /// The line. The hosts come first: it is what a narrow terminal must not cut.
    pub(super) fn line(&self) -> String {
        let lacking = [
            (self.silent_hosts, "silent"),
            (self.stale_hosts, "stale"),
            (self.failed_hosts, "with a source that failed"),
        ];
        let lacking: String = lacking
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {count} {what}"))
            .collect();
        let least = if self.hosts_with_unknown_gpus > 0 { "at least " } else { "" };
        let held = if self.hosts_with_unknown_holders > 0 { "at least " } else { "" };
        let processes = if self.host_processes == 1 { "host GPU process" } else { "host GPU processes" };
        format!(
            "{}{lacking}: {}, {} with GPU, {} {processes}, {held}{} of {least}{} held",
            counted(self.hosts, "host", "hosts"),
            counted(self.containers, "container", "containers"),
            self.containers_with_gpu,
            self.host_processes,
            self.gpus_held,
            counted(self.gpus, "GPU", "GPUs"),
        )
    }
}
