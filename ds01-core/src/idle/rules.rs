//! The rules, in the order in which they apply to a running container. The first that matches is its reason.

use std::{fmt, time::Duration};

use super::{
    facts::{ContainerFacts, ContainerPolicy, Demand, Now},
    track::Track,
    verdict::Verdict,
};
use crate::{
    detect::Origin,
    duration,
    policy::{Enforcement, Monitoring, Row, Shown, Sourced},
    text::sanitize,
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
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Containers without a GPU are never touched.
    NoGpu,
    /// Containers whose origin could not be told are never touched.
    OriginUnknown,
    /// The platform's own containers are exempt.
    Infrastructure,
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
    /// It can't use a GPU, or nobody can tell whether it can.
    NoGpu,
    /// Its origin could not be told.
    OriginUnknown,
    /// It is the platform's own, by this name or label.
    Infrastructure(String),
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

/// One rule's part of the reasoning.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The rule.
    pub rule: Rule,
    /// What it found; `None` when an earlier rule had matched.
    pub finding: Option<String>,
    /// Whether it was the first that matched.
    pub matched: bool,
    /// The settings that it reads, each with its value and place.
    pub settings: Vec<Row>,
}

impl Rule {
    /// All of them, in their order.
    pub const ORDER: [Self; 8] = [
        Self::NoGpu,
        Self::OriginUnknown,
        Self::Infrastructure,
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
            Self::NoGpu => (facts.has_gpu != Some(true)).then_some(Reason::NoGpu),
            Self::OriginUnknown => (facts.origin == Origin::Unknown).then_some(Reason::OriginUnknown),
            Self::Infrastructure => infrastructure(facts, &case.policy.monitoring).map(Reason::Infrastructure),
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

    /// What it found, in words.
    fn finding(self, case: &Case<'_>, reason: Option<&Reason>) -> String {
        match (self, reason) {
            (Self::NoGpu, None) => "it can use a GPU".to_owned(),
            (Self::OriginUnknown, None) => format!("its origin is {}", case.facts.origin),
            (Self::Infrastructure, None) => "it is not the platform's own".to_owned(),
            (Self::MaxRuntime, None) => match case.policy.exemption(Enforcement::MaxRuntime) {
                Some(exemption) => format!("its owner is exempt from max_runtime ({})", exemption.place),
                None => format!("it has run for {}", shown(case.ran_for())),
            },
            (Self::IdleExempt, None) => "idle time is limited".to_owned(),
            (Self::IdleExempt, Some(Reason::OwnerExempt)) => {
                let place =
                    case.policy.exemption(Enforcement::IdleTimeout).map(|exemption| exemption.place.to_string());
                format!("its owner is exempt from idle_timeout ({})", place.unwrap_or_default())
            }
            (Self::Grace, None) => format!("it has run for {}", shown(case.ran_for())),
            (Self::NotIdle, None) => "it was idle".to_owned(),
            (Self::NotIdle | Self::Idle, _) => {
                let signals = case.track.and_then(|track| track.interval.as_ref()).map(|last| last.signals.to_string());
                let idle = case.track.map(Track::idle).unwrap_or_default();
                let signals = signals.unwrap_or_else(|| "nothing was observed yet".to_owned());
                format!("{}; {signals}; idle for {}", case.verdict(), shown(idle))
            }
            (_, Some(reason)) => reason.to_string(),
        }
    }

    /// The settings that it reads.
    fn settings(self, case: &Case<'_>) -> Vec<Row> {
        let (limits, rules) = (&case.policy.resolved.limits, &case.policy.resolved.rules);
        match self {
            Self::NoGpu | Self::OriginUnknown | Self::Infrastructure => Vec::new(),
            Self::MaxRuntime => vec![row("max_runtime", &limits.max_runtime)],
            Self::IdleExempt => vec![row("idle_timeout", &limits.idle_timeout)],
            Self::Grace => vec![row("grace_period", &rules.grace_period)],
            Self::NotIdle => vec![
                row("gpu_idle_threshold", &rules.gpu_idle_threshold),
                row("gpu_power_threshold", &rules.gpu_power_threshold),
                row("cpu_idle_threshold", &rules.cpu_idle_threshold),
                row("network_idle_threshold", &rules.network_idle_threshold),
                row("gpu_unknown", &rules.gpu_unknown),
            ],
            Self::Idle => vec![
                row("idle_timeout", &limits.idle_timeout),
                row("warn_at", &rules.warn_at),
                row("idle_detection_window", &rules.idle_detection_window),
                row("high_demand_threshold", &rules.high_demand_threshold),
                row("high_demand_idle_reduction", &rules.high_demand_idle_reduction),
                row("keepalive_path", &rules.keepalive_path),
                row("keepalive_max_duration", &rules.keepalive_max_duration),
                row("max_stops_per_run", &rules.max_stops_per_run),
            ],
        }
    }
}

impl Case<'_> {
    /// The first reason. The last rule matches always.
    pub fn reason(&self) -> Reason {
        Rule::ORDER.into_iter().find_map(|rule| rule.matches(self)).unwrap_or(Reason::Idle)
    }

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

/// The whole reasoning: every rule with what it found, and every setting with its place.
pub fn trail(case: &Case<'_>) -> Vec<Step> {
    let mut decided = false;
    Rule::ORDER
        .into_iter()
        .map(|rule| {
            let reason = if decided { None } else { rule.matches(case) };
            let finding = (!decided).then(|| rule.finding(case, reason.as_ref()));
            decided |= reason.is_some();
            Step { rule, finding, matched: reason.is_some(), settings: rule.settings(case) }
        })
        .collect()
}

/// Why a container is the platform's own.
pub(crate) fn infrastructure(facts: &ContainerFacts, monitoring: &Monitoring) -> Option<String> {
    let label = &monitoring.infrastructure_label;
    if monitoring.infrastructure_containers.contains(&facts.name) {
        Some(format!("name {}", facts.name))
    } else if facts.labels.get(label).is_some_and(|value| value != "false") {
        Some(format!("label {label}"))
    } else if facts.labels.get("ds01.monitoring").is_some_and(|value| value == "true") {
        Some("label ds01.monitoring".to_owned())
    } else {
        None
    }
}

fn row<T: Clone + Into<Shown>>(name: &'static str, setting: &Sourced<T>) -> Row {
    Row { name, value: setting.value.clone().into(), level: setting.level.clone(), place: setting.place.clone() }
}

/// A span in whole seconds: no decision turns on less.
pub(crate) fn shown(span: Duration) -> String {
    duration::display(Duration::from_secs(span.as_secs())).to_string()
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGpu => f.write_str("no GPU: never touched"),
            Self::OriginUnknown => f.write_str("its origin is unknown: never touched"),
            Self::Infrastructure(by) => write!(f, "exempt: infrastructure, by its {}", sanitize(by)),
            Self::OverRuntime(ran) => write!(f, "it has run for {}, longer than it may", shown(*ran)),
            Self::NoIdleLimit => f.write_str("exempt: no idle timeout"),
            Self::OwnerExempt => f.write_str("exempt: its owner"),
            Self::Grace(left) => write!(f, "grace: {} left", shown(*left)),
            Self::NotIdle(verdict) => write!(f, "{verdict}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
