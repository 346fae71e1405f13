//! What one of a container's GPUs did: a figure with its origin, as a line of the journal holds it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::sanitize;

/// What one of a container's GPUs did: a figure in percent of its time, and how it was obtained. A line of the journal
/// holds one for each GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuMeasure {
    /// UUID of the GPU or MIG instance, or the request that names no GPU of this host.
    pub gpu: String,
    /// The figure.
    #[serde(flatten)]
    pub figure: GpuFigure,
    /// Whether the container held a context on it, or had figures of its own there. `None` when that could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<bool>,
    /// Its energy counter, where nobody but this container can have used what it counts. None of a MIG instance, as the GPU
    /// counts for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<EnergyCount>,
    /// Its energy counter, where others can have used what it counts: it tells whether anybody worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_energy: Option<EnergyCount>,
    /// For how much of the time since the observation before the figure speaks, in milliseconds: the driver's ring is seconds
    /// deep, and the sampler has seen what it has seen. `None` where there is no figure, and in lines of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_ms: Option<u64>,
    /// For how long the container used the GPU in that time, in milliseconds of the whole GPU or instance: half of it for ten
    /// seconds is 5,000. `None` where that can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<u64>,
}

impl GpuMeasure {
    /// Its energy counter, whoever used it.
    pub(super) fn any_energy(&self) -> Option<&EnergyCount> {
        self.energy.as_ref().or(self.shared_energy.as_ref())
    }
}

/// A figure in percent, by its origin, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum GpuFigure {
    /// The highest of the container's own processes.
    OwnProcesses {
        /// 0 to 100.
        percent: f64,
    },
    /// The highest of the GPU's own samples: all who share it did no more than this together.
    Device {
        /// 0 to 100.
        percent: f64,
        /// Whether a high figure is this container's doing: it has the GPU to itself, or a context on it.
        attributable: bool,
    },
    /// A MIG instance's, by GPM.
    Gpm {
        /// 0 to 100.
        percent: f64,
        /// As for [`Device`](Self::Device).
        attributable: bool,
    },
    /// Nothing can be said, which is never 0 %.
    Unknown {
        /// What stood in the way.
        why: String,
    },
}

/// A GPU's energy counter, read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnergyCount {
    /// Millijoules since the driver was loaded.
    pub mj: u64,
    /// Boot clock when it was read, in milliseconds: the driver can take seconds to answer, which would be power otherwise.
    pub boot_ms: u64,
}

impl fmt::Display for GpuFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |attributable: &bool| if *attributable { "" } else { ", shared with others" };
        match self {
            Self::OwnProcesses { percent } => write!(f, "{percent:.0} %, by its own processes"),
            Self::Device { percent, attributable } => {
                write!(f, "{percent:.0} %, by the whole GPU{}", whose(attributable))
            }
            Self::Gpm { percent, attributable } => {
                write!(f, "{percent:.0} %, by GPM of the MIG instance{}", whose(attributable))
            }
            Self::Unknown { why } => write!(f, "unknown: {}", sanitize(why)),
        }
    }
}
