//! What is to be done about containers that do not run: those that were never started, and those that ended and still hold
//! a GPU.

use std::time::Duration;

use super::{
    case::warn_after,
    decide::late_notice,
    decision::{Action, Decision, Next, Removal},
    policy::ContainerPolicy,
    trust::infrastructure,
};
use crate::{
    detect::Origin,
    idle::{evidence::ContainerFacts, state::Standing},
    model::{ContainerStatus, Now},
    policy::RemoveStopped,
};

impl Standing {
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
            later: Vec::new(),
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
pub(crate) fn hold_after_stop(facts: &ContainerFacts, policy: &ContainerPolicy) -> Option<Duration> {
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
