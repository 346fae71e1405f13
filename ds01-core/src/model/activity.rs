//! What the host's counters and `/proc` tell about a running container, as plain data.

use std::{collections::BTreeMap, time::Duration};

use super::{ContainerId, Reading};

/// Which container is meant, and how to find it in `/proc`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerLife {
    /// The full id, which has to stand in the cgroup path of its processes.
    pub id: ContainerId,
    /// Its main process, as the host numbers it.
    pub pid: u32,
    /// `Config.Healthcheck.Test`: what Docker runs in it to see whether it is well. Empty when there is none.
    pub health_check: Vec<String>,
}

/// One container's counters and processes. Each may be unknown for a reason of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerActivity {
    /// CPU time that its control group used so far.
    pub cpu_time: Reading<Duration>,
    /// Bytes received and sent so far by the interfaces of its network namespace, loopback left out. Not supported on the
    /// host's network, where nobody can tell whose bytes they are.
    pub net_bytes: Reading<u64>,
    /// All its processes that have not ended.
    pub processes: Reading<Vec<RunningProcess>>,
    /// The time of the last input of each terminal, in milliseconds on the wall clock, by the N of `/dev/pts/N`.
    pub terminals: Reading<BTreeMap<String, i64>>,
}

/// A process of a container, as `/proc` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningProcess {
    /// The pid as the host numbers it.
    pub pid: u32,
    /// Boot clock at its start in milliseconds, at the end of the clock tick (10 ms) in which it began.
    pub started_boot_ms: u64,
    /// `comm` of `/proc/PID/stat`. Users' text.
    pub name: String,
    /// Whether Docker's health check runs it.
    pub health_check: bool,
}
