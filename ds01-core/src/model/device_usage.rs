//! How much of a GPU or MIG instance is used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Reading, Unknown, UnknownKind};
use crate::units::millis;

/// Memory, utilization and power of a GPU or MIG instance, as one look found them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceUsage {
    /// `used` of `nvmlDeviceGetMemoryInfo`, in MiB. It includes what the driver keeps for itself: 615 MiB on an H200 on which
    /// nothing runs.
    pub memory_used_mb: Reading<u64>,
    /// The share of the time in which something ran on it. Unknown of a GPU in MIG mode, and of MIG instances without GPM (before
    /// Hopper).
    pub utilization: Reading<DeviceUtilization>,
    /// `nvmlDeviceGetPowerUsage`, in watts: of the whole board, so that a MIG instance has none of its own.
    pub power_watts: Reading<f64>,
}

/// The share of the time in which something ran on a GPU or MIG instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeviceUtilization {
    /// In percent, from 0 to 100.
    pub percent: f64,
    /// For how much time until the look that is the mean, in milliseconds. `None` where the driver does not say: its own
    /// figure is of the last sixth of a second to second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_ms: Option<u64>,
    /// Where it comes from.
    pub source: UtilizationSource,
}

/// Where a utilization comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UtilizationSource {
    /// `nvmlDeviceGetUtilizationRates`: what the driver says of the last moment.
    Rates,
    /// `nvmlDeviceGetSamples`: the mean of the driver's ring of samples, as far as it reaches back to the look before.
    Samples,
    /// `gpu_busy_percent` of AMD's driver: what it says of the last moment.
    Busy,
    /// `nvmlGpmMetricsGet`: between two samples of a GPU instance.
    Gpm,
    /// A source of another version.
    #[serde(other)]
    Other,
}

impl DeviceUtilization {
    /// A figure that makes sense, in tenths of a percent.
    ///
    /// # Errors
    ///
    /// When `percent` is no number from 0 to 100: drivers have told nonsense here.
    pub fn new(percent: f64, over: Option<Duration>, source: UtilizationSource) -> Result<Self, Unknown> {
        if (0.0..=100.0).contains(&percent) {
            Ok(Self { percent: (percent * 10.0).round() / 10.0, over_ms: over.map(millis), source })
        } else {
            Err(Unknown::new(UnknownKind::Failed, format!("the driver says that the utilization is {percent} %")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_unknown_and_never_a_figure() {
        for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            let why = DeviceUtilization::new(percent, None, UtilizationSource::Gpm).unwrap_err();
            assert_eq!(why.kind, UnknownKind::Failed, "{percent}");
        }
        let sound = DeviceUtilization::new(33.333, Some(Duration::from_secs(2)), UtilizationSource::Samples).unwrap();
        assert_eq!((sound.percent, sound.over_ms), (33.3, Some(2_000)));
    }

    #[test]
    fn what_another_version_knows_is_read_as_something_else() {
        let text = r#"{"percent":50,"over_ms":10,"source":"crystal_ball"}"#;
        let read: Reading<DeviceUtilization> = serde_json::from_str(text).unwrap();
        assert_eq!(read.known().unwrap().source, UtilizationSource::Other);
    }
}
