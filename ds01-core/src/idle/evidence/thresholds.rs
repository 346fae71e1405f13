//! Below what a container is idle.

use crate::policy::{GpuUnknown, Rules};

/// Below what a container is idle. From the policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Below this, a whole GPU or MIG instance is idle, in percent of its time.
    pub gpu_percent: f64,
    /// Up to this, the container's own processes are idle on a GPU, in percent of its time.
    pub gpu_process_percent: f64,
    /// In watts above the power that the GPU takes when it idles. `None` ignores its energy counter.
    pub gpu_watts: Option<f64>,
    /// In percent of one core.
    pub cpu_percent: f64,
    /// In bytes received and sent since the last check.
    pub net_bytes: u64,
    /// What nothing known of the GPU means.
    pub gpu_unknown: GpuUnknown,
}

impl From<&Rules> for Thresholds {
    fn from(rules: &Rules) -> Self {
        Self {
            gpu_percent: rules.gpu_idle_threshold.value,
            gpu_process_percent: rules.gpu_process_threshold.value,
            gpu_watts: rules.gpu_power_threshold.value,
            cpu_percent: rules.cpu_idle_threshold.value,
            net_bytes: rules.network_idle_threshold.value,
            gpu_unknown: rules.gpu_unknown.value,
        }
    }
}
