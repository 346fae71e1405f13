//! Whether a container worked on its GPUs: from figures to evidence.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    measure::{GpuFigure, GpuMeasure},
    thresholds::Thresholds,
};
use crate::text::sanitize;

/// Why it is unknown what was done on a GPU that is only observed.
pub(crate) const ONLY_OBSERVED: &str = "GPUs of this maker are only observed, and nobody is stopped for them";

/// Whether a container worked on its GPUs, judged by a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuEvidence {
    /// It did, with this highest figure in percent.
    Active(f64),
    /// It did, a little and between looks: none saw more than this highest figure in percent, `None` where there was none
    /// of some GPU, and yet one took so many watts more than when it idles. See [`power`](super::power).
    Worked {
        /// 0 to 100.
        percent: Option<f64>,
        /// In the mean, beyond noise.
        watts: f64,
    },
    /// It did not, on any: this is the highest figure in percent.
    Idle(f64),
    /// It can't be told, and this is why.
    Unknown(String),
}

impl GpuMeasure {
    /// What this one GPU proves. `held` says whether the container held a context on it at one end of the interval at least.
    ///
    /// Any share of its own processes above the policy's is work: the driver gives their mean over seconds, so that a third of a
    /// second's work is a few percent, and exactly 0 of one that does nothing.
    ///
    /// The utilization of a whole GPU can only be the container's work when it can have done it: that counter has been seen to
    /// stay at 100 % for days after a process died in a kernel. GPM compares two samples, and can't get stuck so.
    pub fn evidence(&self, thresholds: &Thresholds, held: bool) -> GpuEvidence {
        let unknown = |why: &str| GpuEvidence::Unknown(format!("{}: {why}", self.gpu));
        match &self.figure {
            GpuFigure::OwnProcesses { percent } if *percent <= thresholds.gpu_process_percent => {
                GpuEvidence::Idle(*percent)
            }
            GpuFigure::Device { percent, .. } | GpuFigure::Gpm { percent, .. } if *percent < thresholds.gpu_percent => {
                GpuEvidence::Idle(*percent)
            }
            GpuFigure::Device { percent, .. } if self.context == Some(false) && !held => {
                unknown(&format!("used at {percent} %, and the container held no context on it"))
            }
            GpuFigure::OwnProcesses { percent }
            | GpuFigure::Device { percent, attributable: true }
            | GpuFigure::Gpm { percent, attributable: true } => GpuEvidence::Active(*percent),
            GpuFigure::Device { percent, .. } | GpuFigure::Gpm { percent, .. } => {
                unknown(&format!("used at {percent} %, and nobody can say by whom"))
            }
            GpuFigure::Unknown { why } => unknown(why),
        }
    }
}

impl GpuEvidence {
    /// What several GPUs, or one GPU several times, prove together: active if any is; idle only if every one is; else
    /// unknown. No measure at all is unknown too. On which GPUs the container held a context, they say, and those of
    /// `before`.
    pub fn of<'a, M>(measures: M, before: &[GpuMeasure], thresholds: &Thresholds) -> Self
    where
        M: IntoIterator<Item = &'a GpuMeasure> + Clone,
    {
        let holds = |gpu: &str, measure: &GpuMeasure| measure.gpu == gpu && measure.context == Some(true);
        let mut together: Option<Self> = None;
        for measure in measures.clone() {
            let gpu = measure.gpu.as_str();
            let held = before.iter().any(|other| holds(gpu, other))
                || measures.clone().into_iter().any(|other| holds(gpu, other));
            together = Some(match (together, measure.evidence(thresholds, held)) {
                (None, one) => one,
                (Some(Self::Active(a)), Self::Active(b)) => Self::Active(a.max(b)),
                (Some(active @ Self::Active(_)), _) | (_, active @ Self::Active(_)) => active,
                // No single measure tells of power.
                (Some(worked @ Self::Worked { .. }), _) | (_, worked @ Self::Worked { .. }) => worked,
                // What no policy can make up for comes first.
                (Some(unknown), other) if other.is_only_observed() && !unknown.is_only_observed() => other,
                (Some(unknown @ Self::Unknown(_)), _) | (_, unknown @ Self::Unknown(_)) => unknown,
                (Some(Self::Idle(a)), Self::Idle(b)) => Self::Idle(a.max(b)),
            });
        }
        together.unwrap_or_else(|| Self::Unknown("none of its GPUs is known".to_owned()))
    }

    /// The same, given by how many watts more than when it idles a GPU took meanwhile: work that no figure shows.
    #[must_use]
    pub fn with_power(self, excess_watts: Option<f64>) -> Self {
        match (self, excess_watts) {
            (Self::Idle(percent), Some(watts)) => Self::Worked { percent: Some(percent), watts },
            (Self::Unknown(_), Some(watts)) => Self::Worked { percent: None, watts },
            (evidence, _) => evidence,
        }
    }

    /// Whether it is unknown for good: of a GPU that is only observed nobody will ever know what was done on it. Who has one is
    /// not idle, whatever the policy says of GPUs of which nothing is known at the moment.
    pub fn is_only_observed(&self) -> bool {
        // What comes before it can be users' text.
        matches!(self, Self::Unknown(why) if why.ends_with(ONLY_OBSERVED))
    }

    /// Whether it shows work.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active(_) | Self::Worked { .. })
    }
}

impl fmt::Display for GpuEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active(percent) | Self::Idle(percent) => write!(f, "GPU {percent:.0} %"),
            Self::Worked { percent, watts } => write!(f, "GPU {}", Between { percent: *percent, watts: *watts }),
            Self::Unknown(why) => write!(f, "GPU unknown ({})", sanitize(why)),
        }
    }
}

/// What happened between looks, in words.
pub struct Between {
    /// What looks saw, 0 to 100.
    pub percent: Option<f64>,
    /// In the mean, beyond noise.
    pub watts: f64,
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.percent {
            Some(percent) => write!(f, "{percent:.0} % when looked at, but {:.1} W above its idle power", self.watts),
            None => write!(f, "unknown when looked at, but {:.1} W above its idle power", self.watts),
        }
    }
}
