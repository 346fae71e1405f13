//! Containers that do not run: those that were never started, and those that ended and still hold a GPU.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    decide::{Action, Decision, Next, Removal, late_notice},
    facts::{ContainerFacts, ContainerPolicy, Now},
    rules::{infrastructure, warn_after},
    track::Warning,
};
use crate::{
    detect::{Origin, inventory::Extra},
    model::ContainerStatus,
    policy::RemoveStopped,
};

/// A container that does not run, as checks have seen it.
///
/// Its age is how long checks saw it so on the boot clock. Docker's own times are on the wall clock, and a clock that was
/// set must not remove anybody's files; after a reboot the age begins anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Docker's word for its state.
    pub status: ContainerStatus,
    /// `State.StartedAt`: another one means that it ran in between.
    pub started_at: Option<Timestamp>,
    /// The boot in which it was seen.
    pub boot_id: String,
    /// Boot clock when a check first saw it so, in milliseconds.
    pub since_boot_ms: u64,
    /// Whether this program stopped it.
    pub stopped_here: bool,
    /// The warning that it will be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Standing {
    /// What is remembered of `facts` now, given what was `before`. `None` for a container that runs or is in between.
    pub fn seen(before: Option<Self>, facts: &ContainerFacts, now: &Now) -> Option<Self> {
        if !matches!(facts.status, ContainerStatus::Created | ContainerStatus::Exited) {
            return None;
        }
        let same_life = |standing: &Self| standing.started_at == facts.started_at;
        let unchanged =
            |standing: &Self| same_life(standing) && standing.status == facts.status && standing.boot_id == now.boot_id;
        let stopped_here = before.as_ref().is_some_and(|standing| same_life(standing) && standing.stopped_here);
        Some(before.filter(unchanged).unwrap_or_else(|| Self {
            status: facts.status.clone(),
            started_at: facts.started_at,
            boot_id: now.boot_id.clone(),
            since_boot_ms: now.boot_ms,
            stopped_here,
            warning: None,
            extra: Extra::new(),
        }))
    }

    /// What is to be done about it.
    ///
    /// Before its removal comes a warning, at an earlier check: who finds it over its hold warns first.
    ///
    /// Only what has GPU access is removed, and only what the policy's `remove_stopped` allows: by default what the
    /// platform's own tools made, as their users were told that a container is ephemeral.
    pub fn decide(&self, facts: &ContainerFacts, policy: &ContainerPolicy, now: &Now) -> Decision {
        let mut decision = Decision {
            action: Action::Nothing,
            reason: None,
            waits: None,
            next: Next::Nothing,
            idle: Duration::ZERO,
            idle_limit: None,
        };
        if let Some((removal, hold)) = self.hold(facts, policy) {
            let age = if now.boot_id == self.boot_id { now.since(self.since_boot_ms) } else { Duration::ZERO };
            let left = hold.saturating_sub(age);
            let warn_after = warn_after(policy, hold);
            match &self.warning {
                None if age < warn_after => decision.next = Next::Removal(left),
                None => {
                    let left = left.max(late_notice(hold, warn_after));
                    decision.action = Action::WarnOfRemoval { left, removal };
                    decision.next = Next::Removal(left);
                }
                Some(warning) => {
                    // It was given at an earlier check: this one's decisions are remembered after all are made.
                    let left = left.max(now.until(warning.not_before_boot_ms));
                    if left.is_zero() {
                        decision.action = Action::Remove(removal);
                    } else {
                        decision.next = Next::Removal(left);
                    }
                }
            }
        }
        decision
    }

    /// How long it is held before it is removed. `None` for one that is never removed.
    fn hold(&self, facts: &ContainerFacts, policy: &ContainerPolicy) -> Option<(Removal, Duration)> {
        if !is_removed(facts, policy) {
            return None;
        }
        let rules = &policy.resolved.rules;
        match facts.status {
            ContainerStatus::Created => Some((Removal::NeverStarted, rules.created_container_timeout.value?)),
            ContainerStatus::Exited if self.stopped_here => Some((Removal::Held, hold_after_stop(facts, policy)?)),
            ContainerStatus::Exited => Some((Removal::Held, rules.gpu_hold_after_manual_stop.value?)),
            _ => None,
        }
    }
}

/// For how long it is held after a stop, before it is removed. `None` for one that is never removed, and for one that Docker
/// removes at its end.
pub(super) fn hold_after_stop(facts: &ContainerFacts, policy: &ContainerPolicy) -> Option<Duration> {
    let hold = policy.resolved.limits.container_hold_after_stop.value;
    hold.filter(|_| !facts.auto_remove && is_removed(facts, policy))
}

/// Whether it is of those that are removed in the end.
fn is_removed(facts: &ContainerFacts, policy: &ContainerPolicy) -> bool {
    let allowed = match policy.resolved.rules.remove_stopped.value {
        RemoveStopped::Never => false,
        RemoveStopped::Managed => facts.origin == Origin::Managed,
        RemoveStopped::Always => facts.origin != Origin::Unknown,
    };
    allowed && facts.has_gpu == Some(true) && infrastructure(facts, &policy.monitoring).is_none()
}
