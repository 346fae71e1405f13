//! What each source can do to a scan, and what then has to be true: the rows, columns and cells of the matrix.

use crate::host::{FIRST_GPU, SECOND_GPU};

/// What Docker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Docker {
    Fine,
    Absent,
    Refused,
    Hangs,
    ListStalls,
    InspectStalls,
    Http500,
    NotJson,
    UnknownState,
    NoPermission,
}

impl Docker {
    pub(crate) const ALL: [Self; 10] = [
        Self::Fine,
        Self::Absent,
        Self::Refused,
        Self::Hangs,
        Self::ListStalls,
        Self::InspectStalls,
        Self::Http500,
        Self::NotJson,
        Self::UnknownState,
        Self::NoPermission,
    ];

    fn hangs(self) -> bool {
        matches!(self, Self::Hangs | Self::ListStalls | Self::InspectStalls)
    }
}

/// What NVML does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nvml {
    Fine,
    Absent,
    InitError,
    Hangs,
    GpuLost,
    OneCallFails,
}

impl Nvml {
    pub(crate) const ALL: [Self; 6] =
        [Self::Fine, Self::Absent, Self::InitError, Self::Hangs, Self::GpuLost, Self::OneCallFails];

    /// The GPU that can't be looked at, while the others can.
    pub(crate) fn hidden_gpu(self) -> Option<&'static str> {
        match self {
            Self::GpuLost => Some(FIRST_GPU),
            Self::OneCallFails => Some(SECOND_GPU),
            _ => None,
        }
    }

    /// Whether it tells of nothing at all.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Absent | Self::InitError | Self::Hangs)
    }
}

/// What `/proc` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proc {
    Fine,
    Unreadable,
    Hangs,
}

impl Proc {
    pub(crate) const ALL: [Self; 3] = [Self::Fine, Self::Unreadable, Self::Hangs];
}

/// One combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) docker: Docker,
    pub(crate) nvml: Nvml,
    pub(crate) proc: Proc,
}

impl Cell {
    pub(crate) const FINE: Self = Self { docker: Docker::Fine, nvml: Nvml::Fine, proc: Proc::Fine };

    /// Each trouble alone, and each pair of them.
    pub(crate) fn singles_and_pairs() -> Vec<Self> {
        let mut cells = Vec::new();
        for docker in Docker::ALL {
            for nvml in Nvml::ALL {
                for proc in Proc::ALL {
                    let cell = Self { docker, nvml, proc };
                    let troubles = [docker != Docker::Fine, nvml != Nvml::Fine, proc != Proc::Fine];
                    if (1..=2).contains(&troubles.iter().filter(|trouble| **trouble).count()) {
                        cells.push(cell);
                    }
                }
            }
        }
        cells
    }

    /// The sources that have to count as failed, in the order of their events.
    pub(crate) fn failing(self) -> Vec<&'static str> {
        let docker = (!matches!(self.docker, Docker::Fine | Docker::UnknownState)).then_some("docker");
        let nvml = (self.nvml != Nvml::Fine).then_some("nvml");
        let proc = (self.proc != Proc::Fine).then_some("proc");
        [docker, nvml, proc].into_iter().flatten().collect()
    }

    pub(crate) fn hangs(self) -> bool {
        self.docker.hangs() || self.nvml == Nvml::Hangs || self.proc == Proc::Hangs
    }

    /// Whether nobody can tell who holds a GPU.
    pub(crate) fn is_blind(self) -> bool {
        self.nvml.is_silent() || self.proc != Proc::Fine
    }

    /// Whether a process on this GPU can be seen.
    pub(crate) fn sees(self, gpu: &str) -> bool {
        !self.is_blind() && self.nvml.hidden_gpu() != Some(gpu)
    }
}
