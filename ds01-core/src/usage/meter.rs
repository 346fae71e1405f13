//! The counters of one workload.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::model::{ContainerId, Reading, Unknown, UnknownKind};

use super::{cgroup::Groups, file, process::Stat};

/// Where the kernel's two file systems are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// `/proc`, as the host's init sees it.
    pub proc: PathBuf,
    /// `/sys`, with cgroupfs below `fs/cgroup`.
    pub sys: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into() }
    }
}

/// Where the counters of a container or process stand. Reading them takes a system call or two, and no privilege.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Container(Groups),
    Process { pid: u32, stat: PathBuf, start_ticks: u64 },
}

impl Meter {
    /// The meter of the container `id`, whose main process is `pid`.
    ///
    /// Unknown when the process is gone, or is not in a control group of that container (any more).
    pub fn container(roots: &Roots, pid: u32, id: &ContainerId) -> Reading<Self> {
        match file::read(&proc_file(&roots.proc, pid, "cgroup")) {
            Reading::Known(text) => Groups::find(&text, id, &roots.sys).map(|groups| Self(Kind::Container(groups))),
            Reading::Unknown(why) => why.into(),
        }
    }

    /// The meter of the process `pid` that began `start_ticks` clock ticks after boot.
    pub fn process(roots: &Roots, pid: u32, start_ticks: u64) -> Self {
        Self(Kind::Process { pid, stat: proc_file(&roots.proc, pid, "stat"), start_ticks })
    }

    /// CPU time used so far. It counts since the container's or process's start, so only differences mean anything.
    ///
    /// A container's in microseconds or better, a process's in clock ticks (10 ms).
    pub fn cpu_time(&self) -> Reading<Duration> {
        match &self.0 {
            Kind::Container(groups) => groups.cpu_time(),
            Kind::Process { stat, start_ticks, .. } => read_stat(stat, *start_ticks).map(|stat| stat.cpu_time),
        }
    }

    /// All processes of a container, as this host numbers them; of a process, itself. A list without entries is a container
    /// that ended just now.
    pub fn pids(&self) -> Reading<BTreeSet<u32>> {
        match &self.0 {
            Kind::Container(groups) => groups.pids(),
            Kind::Process { pid, stat, start_ticks } => read_stat(stat, *start_ticks).map(|_| BTreeSet::from([*pid])),
        }
    }

    /// Memory in use, in bytes: a container's without reclaimable file cache, a process's resident set.
    pub fn memory_bytes(&self) -> Reading<u64> {
        match &self.0 {
            Kind::Container(groups) => groups.memory_bytes(),
            Kind::Process { stat, start_ticks, .. } => read_stat(stat, *start_ticks).map(|stat| stat.rss_bytes),
        }
    }

    /// Bytes that a container read from disks and wrote to them so far. What lies in the page cache is not among them. Of a
    /// process this is not known.
    pub fn disk_bytes(&self) -> Reading<u64> {
        match &self.0 {
            Kind::Container(groups) => groups.disk_bytes(),
            Kind::Process { pid, .. } => {
                Unknown::new(UnknownKind::NotSupported, format!("what process {pid} read and wrote")).into()
            }
        }
    }
}

fn read_stat(path: &Path, start_ticks: u64) -> Reading<Stat> {
    match file::read_as(path, Stat::parse) {
        Reading::Known(stat) if stat.start_ticks != start_ticks => {
            Unknown::new(UnknownKind::Gone, format!("{}: another process has this pid now", path.display())).into()
        }
        reading => reading,
    }
}

fn proc_file(proc: &Path, pid: u32, name: &str) -> PathBuf {
    proc.join(pid.to_string()).join(name)
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
