//! Exempt by what its maker wrote.

use super::finding::Suspicion;
use crate::{
    idle::rules::{Case, dev_container_by, infrastructure, type_without},
    model::SuspicionKind,
    policy::{Enforcement, Infrastructure, Level, Policy},
    units,
};

/// A container that a label or its name exempts, and no line of the policy: neither its name, its image, nor its owner.
///
/// Many dev containers are exempt, and rightly. One is shown once it has idled for longer than it could without its label.
pub(super) fn suspicion(case: &Case<'_>, policy: &Policy) -> Option<Suspicion> {
    let (facts, limits) = (case.facts, &case.policy.resolved.limits);
    let owner_is_named = case.policy.exemption(Enforcement::IdleTimeout).is_some()
        || (limits.idle_timeout.value.is_none() && !matches!(limits.idle_timeout.level, Level::ContainerType(_)));
    if owner_is_named {
        return None;
    }
    let of = |since, evidence: String, label: &str| {
        let advice = format!(
            "if it is the platform's own, name it in `infrastructure_containers`; if its owner may, write an exemption; \
             else take `{label}` out of `trust_labels`"
        );
        Suspicion::about(SuspicionKind::ExemptByLabel, facts, since, evidence, advice)
    };
    match infrastructure(facts, &case.policy.monitoring) {
        Some(Infrastructure::Label(label)) => {
            let since = facts.started_at.unwrap_or(case.now.at);
            let evidence = format!(
                "never stopped, by the label {label}, which whoever made it wrote; no line of the policy names it"
            );
            return Some(of(since, evidence, label));
        }
        Some(_) => return None,
        None => {}
    }
    let by = dev_container_by(facts).filter(|by| case.policy.monitoring.trusts(by))?;
    if limits.idle_timeout.value.is_some() {
        return None;
    }
    let limit = policy.resolve(facts.user.as_deref(), type_without(facts)).limits.idle_timeout.value?;
    let track = case.track.filter(|track| track.idle() > limit)?;
    let evidence = format!(
        "idle for {} without a limit, as a dev container by {by}, which whoever made it wrote; without that, {} is the limit",
        units::duration(track.idle()),
        units::duration(limit)
    );
    Some(of(track.active_at, evidence, by))
}
