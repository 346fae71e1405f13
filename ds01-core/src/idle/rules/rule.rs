//! The rules, in the order in which they apply to a running container. The first that matches is its reason.

use std::{fmt, time::Duration};

use super::{case::Case, trust::infrastructure};
use crate::{
    detect::Origin, duration::whole_seconds, idle::evidence::Verdict, model::EngineName, policy::Enforcement,
    text::sanitize,
};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Whose engine did not answer is not judged.
    NotTold,
    /// Containers without a GPU are never touched, nor those of which nobody can tell.
    NoGpu,
    /// Containers whose origin could not be told are never touched.
    OriginUnknown,
    /// The platform's own containers are exempt.
    Infrastructure,
    /// On engines that the policy does not name nobody is touched.
    Engine,
    /// Whoever runs longer than `max_runtime` is stopped.
    MaxRuntime,
    /// Without an `idle_timeout`, or with an exemption from it, nobody is stopped for idleness.
    IdleExempt,
    /// After its start a container is left alone.
    Grace,
    /// Whoever is not idle is left alone.
    NotIdle,
    /// Whoever is idle is warned, then stopped.
    Idle,
}

/// Why a container is treated as it is: the rule that matched, with what it found.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// This engine holds it, and did not answer.
    NotTold(EngineName),
    /// It can't use a GPU.
    NoGpu,
    /// Whether it can use a GPU could not be read, and this is why.
    GpuAccessUnknown(String),
    /// Its origin could not be told.
    OriginUnknown,
    /// It is the platform's own, by this name or label.
    Infrastructure(String),
    /// This engine holds it, on which the policy lets nobody be stopped.
    Engine(EngineName),
    /// It ran for so long, longer than it may.
    OverRuntime(Duration),
    /// No `idle_timeout` holds for it.
    NoIdleLimit,
    /// Its owner is exempt from `idle_timeout`.
    OwnerExempt,
    /// It began a short while ago: so much is left.
    Grace(Duration),
    /// It is not idle, or nobody can tell.
    NotIdle(Verdict),
    /// It is idle.
    Idle,
}

impl Rule {
    /// All of them, in their order.
    pub const ORDER: [Self; 10] = [
        Self::NotTold,
        Self::NoGpu,
        Self::OriginUnknown,
        Self::Infrastructure,
        Self::Engine,
        Self::MaxRuntime,
        Self::IdleExempt,
        Self::Grace,
        Self::NotIdle,
        Self::Idle,
    ];

    /// Its reason, if it matches.
    pub fn matches(self, case: &Case<'_>) -> Option<Reason> {
        let (facts, rules) = (case.facts, &case.policy.resolved.rules);
        match self {
            Self::NotTold => (!facts.answered).then(|| Reason::NotTold(facts.engine.clone())),
            Self::NoGpu => match facts.has_gpu {
                Some(true) => None,
                Some(false) => Some(Reason::NoGpu),
                None => Some(Reason::GpuAccessUnknown(facts.problem.clone().unwrap_or_else(|| "not read".to_owned()))),
            },
            Self::OriginUnknown => (facts.origin == Origin::Unknown).then_some(Reason::OriginUnknown),
            Self::Infrastructure => {
                infrastructure(facts, &case.policy.monitoring).map(|why| Reason::Infrastructure(why.to_string()))
            }
            Self::Engine => {
                let may_act = case.policy.engines.reap.contains(&facts.engine);
                (!may_act).then(|| Reason::Engine(facts.engine.clone()))
            }
            Self::MaxRuntime => {
                let exempt = case.policy.exemption(Enforcement::MaxRuntime).is_some();
                case.runtime_used()
                    .filter(|(ran, limit)| ran >= limit && !exempt)
                    .map(|(ran, _)| Reason::OverRuntime(ran))
            }
            Self::IdleExempt if case.policy.resolved.limits.idle_timeout.value.is_none() => Some(Reason::NoIdleLimit),
            Self::IdleExempt => case.policy.exemption(Enforcement::IdleTimeout).map(|_| Reason::OwnerExempt),
            Self::Grace => {
                let left = rules.grace_period.value.saturating_sub(case.ran_for());
                (!left.is_zero()).then_some(Reason::Grace(left))
            }
            Self::NotIdle => Some(case.verdict()).filter(|verdict| *verdict != Verdict::Idle).map(Reason::NotIdle),
            Self::Idle => Some(Reason::Idle),
        }
    }
}

impl Reason {
    /// Whether a container that is treated so can be stopped for idleness, now or later.
    pub fn limits_idleness(&self) -> bool {
        matches!(self, Self::OverRuntime(_) | Self::Grace(_) | Self::NotIdle(_) | Self::Idle)
    }
}

impl Case<'_> {
    /// The first reason. The last rule matches always.
    pub fn reason(&self) -> Reason {
        Rule::ORDER.into_iter().find_map(|rule| rule.matches(self)).unwrap_or(Reason::Idle)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTold(engine) => write!(f, "{} did not answer: not judged", engine.called()),
            Self::NoGpu => f.write_str("no GPU: never touched"),
            Self::GpuAccessUnknown(why) => {
                write!(f, "whether it has a GPU is unknown, so it is never touched: {}", sanitize(why))
            }
            Self::OriginUnknown => f.write_str("its type is unknown: never touched"),
            Self::Infrastructure(by) => write!(f, "exempt: infrastructure, by its {}", sanitize(by)),
            Self::Engine(engine) => write!(f, "exempt: engine {engine} is not in `engines.reap`"),
            Self::OverRuntime(ran) => write!(f, "it has run for {}, longer than it may", whole_seconds(*ran)),
            Self::NoIdleLimit => f.write_str("exempt: no idle timeout"),
            Self::OwnerExempt => f.write_str("exempt: its owner"),
            Self::Grace(left) => write!(f, "grace: {} left", whole_seconds(*left)),
            Self::NotIdle(verdict) => write!(f, "{verdict}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
