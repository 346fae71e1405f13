//! The whole reasoning about one container: every rule with what it found, and every setting with its place.

use super::{
    case::Case,
    rule::{Reason, Rule},
};
use crate::{
    duration::whole_seconds,
    idle::state::Track,
    policy::{ContainerType, Enforcement, Row, Shown, Sourced},
};

/// One rule's part of the reasoning.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
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
    /// What it found, in words.
    fn finding(self, case: &Case<'_>, reason: Option<&Reason>) -> String {
        match (self, reason) {
            (Self::NotTold, None) => format!("{} answered", case.facts.engine.called()),
            (Self::NoGpu, None) => "it can use a GPU".to_owned(),
            (Self::OriginUnknown, None) => format!("its type is {}", ContainerType::from(case.facts.origin)),
            (Self::Infrastructure, None) => "no name, image, owner or label makes it infrastructure".to_owned(),
            (Self::Engine, None) => format!("engine {} is in `engines.reap`", case.facts.engine),
            (Self::MaxRuntime, None) => match case.policy.exemption(Enforcement::MaxRuntime) {
                Some(exemption) => format!("its owner is exempt from max_runtime ({})", exemption.place),
                None => format!("it has run for {}", whole_seconds(case.ran_for())),
            },
            (Self::IdleExempt, None) => "idle time is limited".to_owned(),
            (Self::IdleExempt, Some(Reason::OwnerExempt)) => {
                let place =
                    case.policy.exemption(Enforcement::IdleTimeout).map(|exemption| exemption.place.to_string());
                format!("its owner is exempt from idle_timeout ({})", place.unwrap_or_default())
            }
            (Self::Grace, None) => format!("it has run for {}", whole_seconds(case.ran_for())),
            (Self::NotIdle, None) => "it was idle".to_owned(),
            (Self::NotIdle | Self::Idle, _) => {
                let signals = case.track.and_then(|track| track.interval.as_ref()).map(|last| last.signals.to_string());
                let idle = case.track.map(Track::idle).unwrap_or_default();
                let signals = signals.unwrap_or_else(|| "nothing was observed yet".to_owned());
                format!("{}; {signals}; idle for {}", case.verdict(), whole_seconds(idle))
            }
            (_, Some(reason)) => reason.to_string(),
        }
    }

    /// The settings that it reads.
    fn settings(self, case: &Case<'_>) -> Vec<Row> {
        let (limits, rules) = (&case.policy.resolved.limits, &case.policy.resolved.rules);
        match self {
            Self::NotTold | Self::NoGpu | Self::OriginUnknown | Self::Infrastructure | Self::Engine => Vec::new(),
            Self::MaxRuntime => vec![row("max_runtime", &limits.max_runtime)],
            Self::IdleExempt => vec![row("idle_timeout", &limits.idle_timeout)],
            Self::Grace => vec![row("grace_period", &rules.grace_period)],
            Self::NotIdle => vec![
                row("gpu_idle_threshold", &rules.gpu_idle_threshold),
                row("gpu_process_threshold", &rules.gpu_process_threshold),
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
                row("keep_max", &rules.keep_max),
                row("max_stops_per_run", &rules.max_stops_per_run),
            ],
        }
    }
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

fn row<T: Clone + Into<Shown>>(name: &'static str, setting: &Sourced<T>) -> Row {
    Row { name, value: setting.value.clone().into(), level: setting.level.clone(), place: setting.place.clone() }
}
