//! All that is known of one running container at one check.

use std::time::Duration;

use super::policy::ContainerPolicy;
use crate::{
    idle::{
        evidence::{ContainerFacts, Verdict},
        state::{Kept, Track},
    },
    model::{Demand, Now},
};

/// All that is known of one running container at one check.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// When.
    pub now: &'a Now,
    /// The number of this check.
    pub check: u64,
    /// The container.
    pub facts: &'a ContainerFacts,
    /// What holds for it.
    pub policy: &'a ContainerPolicy,
    /// What is remembered of this life of it. `None` when nothing was observed.
    pub track: Option<&'a Track>,
    /// How many GPUs are given away. `None` when that could not be told, which is no high demand.
    pub demand: Option<Demand>,
    /// Who asked to keep it, if anybody did.
    pub kept: Option<&'a Kept>,
}

impl Case<'_> {
    /// Whether the container was idle when last seen.
    pub fn verdict(&self) -> Verdict {
        self.track.map_or(Verdict::NoEvidence, |track| track.verdict(self.now))
    }

    /// How long it runs, at least: since its main process began, else since it was first observed.
    pub fn ran_for(&self) -> Duration {
        let observed = self.track.map(|track| self.now.since(track.first_boot_ms)).unwrap_or_default();
        self.facts.running_for.known().copied().unwrap_or(observed)
    }

    /// How long it runs and how long it may, when that is limited.
    pub fn runtime_used(&self) -> Option<(Duration, Duration)> {
        Some((self.ran_for(), self.policy.resolved.limits.max_runtime.value?))
    }

    /// Whether timeouts are shorter for it now.
    pub fn in_high_demand(&self) -> bool {
        let threshold = self.policy.resolved.rules.high_demand_threshold.value;
        self.demand.is_some_and(|demand| demand.is_high(threshold))
    }

    /// How long it may be idle now, high demand considered. `None` is no limit.
    pub fn idle_limit(&self) -> Option<Duration> {
        let limit = self.policy.resolved.limits.idle_timeout.value?;
        let left = 1.0 - self.policy.resolved.rules.high_demand_idle_reduction.value;
        Some(if self.in_high_demand() { limit.mul_f64(left.clamp(0.0, 1.0)) } else { limit })
    }

    /// After how much of `limit` its owner is warned.
    pub fn warn_after(&self, limit: Duration) -> Duration {
        warn_after(self.policy, limit)
    }
}

/// After how much of `limit` an owner is warned.
pub(super) fn warn_after(policy: &ContainerPolicy, limit: Duration) -> Duration {
    limit.mul_f64(policy.resolved.rules.warn_at.value.clamp(0.0, 1.0))
}
