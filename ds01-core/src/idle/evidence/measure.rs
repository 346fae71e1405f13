//! What one of a container's GPUs did: a figure with its origin, as a line of the journal holds it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::sanitize;

/// What one of a container's GPUs did: a figure in percent of its time, and how it was obtained. A line of the journal
/// holds one for each GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
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

/// The same as a line has it. A flattened field makes serde keep all of it in between, and a month has millions of them.
#[derive(Deserialize)]
struct Written {
    gpu: String,
    how: How,
    percent: Option<f64>,
    attributable: Option<bool>,
    why: Option<String>,
    context: Option<bool>,
    energy: Option<EnergyCount>,
    shared_energy: Option<EnergyCount>,
    covered_ms: Option<u64>,
    used_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    OwnProcesses,
    Device,
    Gpm,
    Unknown,
}

impl TryFrom<Written> for GpuMeasure {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let percent = written.percent.ok_or("`percent` is missing");
        let attributable = written.attributable.ok_or("`attributable` is missing");
        let figure = match written.how {
            How::OwnProcesses => GpuFigure::OwnProcesses { percent: percent? },
            How::Device => GpuFigure::Device { percent: percent?, attributable: attributable? },
            How::Gpm => GpuFigure::Gpm { percent: percent?, attributable: attributable? },
            How::Unknown => GpuFigure::Unknown { why: written.why.ok_or("`why` is missing")? },
        };
        let Written { gpu, context, energy, shared_energy, covered_ms, used_ms, .. } = written;
        Ok(Self { gpu, figure, context, energy, shared_energy, covered_ms, used_ms })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_read_as_it_is_written() {
        let count = EnergyCount { mj: 7, boot_ms: 9 };
        let figures = [
            GpuFigure::OwnProcesses { percent: 0.5 },
            GpuFigure::Device { percent: 7.0, attributable: true },
            GpuFigure::Gpm { percent: 71.5, attributable: false },
            GpuFigure::Unknown { why: "lost".to_owned() },
        ];
        for (figure, full) in figures.into_iter().zip([true, false].into_iter().cycle()) {
            let measure = GpuMeasure {
                gpu: "GPU-1".to_owned(),
                figure,
                context: full.then_some(true),
                energy: full.then_some(count),
                shared_energy: (!full).then_some(count),
                covered_ms: full.then_some(30_000),
                used_ms: full.then_some(1),
            };
            let json = serde_json::to_string(&measure).unwrap();
            assert_eq!(serde_json::from_str::<GpuMeasure>(&json).unwrap(), measure, "{json}");
        }
        for (torn, why) in [
            (r#"{"gpu":"a","how":"own_processes"}"#, "`percent` is missing"),
            (r#"{"gpu":"a","how":"gpm","percent":1.0}"#, "`attributable` is missing"),
            (r#"{"gpu":"a","how":"unknown"}"#, "`why` is missing"),
            (r#"{"gpu":"a","how":"else"}"#, "unknown variant"),
        ] {
            let error = serde_json::from_str::<GpuMeasure>(torn).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
