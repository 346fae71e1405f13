//! What the policy says of one container.

use jiff::{Timestamp, tz::TimeZone};

use super::trust::type_that_counts;
use crate::{
    idle::evidence::ContainerFacts,
    policy::{Enforcement, Engines, Exemption, Monitoring, Policy, RequireDelivery, Resolved},
};

/// What the policy says of one container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerPolicy {
    /// Limits and rules, each with its place.
    pub resolved: Resolved,
    /// Exemptions of its owner that hold now.
    pub exemptions: Vec<Exemption>,
    /// On which engines containers may be stopped and removed.
    pub engines: Engines,
    /// Whom the platform protects.
    pub monitoring: Monitoring,
    /// What has to have arrived before it is stopped for idleness.
    pub require_delivery: RequireDelivery,
}

impl ContainerPolicy {
    /// What `policy` says of `facts` at `now`; the last day of an exemption ends in `zone`.
    pub fn of(policy: &Policy, facts: &ContainerFacts, now: Timestamp, zone: &TimeZone) -> Self {
        let user = facts.user.as_deref();
        let exemptions = user.map(|user| policy.exemptions_of(user, now, zone)).unwrap_or_default();
        Self {
            resolved: policy.resolve(user, type_that_counts(facts, &policy.monitoring)),
            exemptions: exemptions.into_iter().filter(|(_, holds)| *holds).map(|(one, _)| one.clone()).collect(),
            engines: policy.engines.clone(),
            monitoring: policy.monitoring.clone(),
            require_delivery: policy.notify.require_delivery.clone(),
        }
    }

    /// The exemption from `enforcement`, when one holds.
    pub fn exemption(&self, enforcement: Enforcement) -> Option<&Exemption> {
        self.exemptions.iter().find(|exemption| exemption.exempt_from.contains(&enforcement))
    }
}
