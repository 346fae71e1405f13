//! Where an interval between two observations begins.

use super::{measure::GpuMeasure, observation::Observation, power::IdlePowers};

/// Where an interval begins.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// The observation before, of the same life.
    pub before: &'a Observation,
    /// The network counter at the last check.
    pub net_at_check: Option<u64>,
    /// What the GPUs were seen to do in observations that were too near to that one to count by themselves.
    pub joined: &'a [GpuMeasure],
    /// What power its GPUs took when they idled.
    pub idle_powers: &'a IdlePowers,
}
