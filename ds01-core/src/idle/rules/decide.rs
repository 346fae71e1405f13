//! What is to be done about one running container.

use std::time::Duration;

use super::{
    case::Case,
    decision::{Action, Decision, Next, Waits},
    keep_alive::Keeping,
    rule::Reason,
};
use crate::{
    idle::{
        evidence::Verdict,
        state::{Kept, LATE_NOTICE, StopCause, Track},
    },
    model::KeepAlive,
    policy::Enforcement,
};

/// The longest grace that a container can ask for itself.
pub const LONGEST_OWN_GRACE: Duration = Duration::from_secs(300);

/// Whether [`decide`] will ask for the keep-alive file: so that no other is looked up.
pub fn asks_keep_alive(case: &Case<'_>) -> bool {
    let idle = case.track.map(Track::idle).unwrap_or_default();
    let warned = case.idle_limit().is_some_and(|limit| idle >= case.warn_after(limit));
    warned && case.kept.and_then(Kept::left).is_none() && case.reason() == Reason::Idle
}

/// What is to be done about a running container; `keep_alive` is what lies at the policy's path in it.
pub fn decide(case: &Case<'_>, keep_alive: &KeepAlive) -> Decision {
    let reason = case.reason();
    let idle = case.track.map(Track::idle).unwrap_or_default();
    let mut decision = Decision {
        action: Action::Nothing,
        reason: Some(reason.clone()),
        waits: None,
        next: Next::Nothing,
        later: Vec::new(),
        idle,
        idle_limit: case.idle_limit().filter(|_| reason.limits_idleness()),
    };
    if matches!(
        reason,
        Reason::NotTold(_)
            | Reason::NoGpu
            | Reason::GpuAccessUnknown(_)
            | Reason::OriginUnknown
            | Reason::Infrastructure(_)
            | Reason::Engine(_)
    ) {
        return decision;
    }
    let mut near = Vec::new();
    if !runtime(case, &mut decision, &mut near) {
        match reason {
            Reason::OwnerExempt => tell_exempt_if_idle(case, &mut decision),
            Reason::Grace(left) => near.push(Next::GraceEnds(left)),
            Reason::Idle => near.extend(when_idle(case, keep_alive, &mut decision)),
            _ => {}
        }
    }
    near.sort_by_key(|next| next.after(case.now.at).unwrap_or(Duration::MAX));
    let mut near = near.into_iter();
    decision.next = near.next().unwrap_or(Next::Nothing);
    decision.later.splice(0..0, near);
    decision
}

/// Whether its run time is warned of: a warning that was given before the limit was raised, or before an exemption, is of
/// no use once that ends.
pub(super) fn nears_its_runtime(case: &Case<'_>) -> bool {
    let exempt = case.policy.exemption(Enforcement::MaxRuntime).is_some();
    case.runtime_used().is_some_and(|(ran, limit)| ran >= case.warn_after(limit)) && !exempt
}

/// Whether its idleness is warned of, as for its run time: under another limit, or before an exemption, a warning said something
/// else.
pub(super) fn nears_its_idle_stop(case: &Case<'_>) -> bool {
    let idle = case.track.map(Track::idle).unwrap_or_default();
    let exempt = case.policy.exemption(Enforcement::IdleTimeout).is_some();
    case.idle_limit().is_some_and(|limit| idle >= case.warn_after(limit)) && !exempt
}

/// What its run time asks for, and brings; whether that decides.
fn runtime(case: &Case<'_>, decision: &mut Decision, near: &mut Vec<Next>) -> bool {
    let (Some((ran, limit)), Some(track)) = (case.runtime_used(), case.track) else { return false };
    let warn_after = case.warn_after(limit);
    if case.policy.exemption(Enforcement::MaxRuntime).is_some() {
        let due = ran >= limit && !track.told_exempt.contains(&Enforcement::MaxRuntime);
        if due {
            decision.action = Action::TellExempt(Enforcement::MaxRuntime);
        }
        return due;
    }
    if ran < warn_after {
        decision.later.push(Next::RuntimeWarning(warn_after - ran));
        return false;
    }
    let left = limit.saturating_sub(ran);
    match &track.runtime_warning {
        None => {
            let left = left.max(late_notice(limit, warn_after));
            decision.action = Action::WarnOfRuntime { left };
            near.push(Next::RuntimeStop(left));
            true
        }
        Some(_) if ran < limit => {
            near.push(Next::RuntimeStop(left));
            false
        }
        Some(warning) => {
            let announced = case.now.until(warning.not_before_boot_ms);
            if warning.check < case.check && announced.is_zero() {
                decision.action = Action::Stop { cause: StopCause::Runtime, grace: grace(case) };
            } else {
                decision.waits = Some(Waits::Announced);
                near.push(Next::RuntimeStop(announced));
            }
            true
        }
    }
}

fn tell_exempt_if_idle(case: &Case<'_>, decision: &mut Decision) {
    let told = case.track.is_none_or(|track| track.told_exempt.contains(&Enforcement::IdleTimeout));
    let late = case.idle_limit().is_some_and(|limit| decision.idle >= case.warn_after(limit));
    let in_grace = case.ran_for() < case.policy.resolved.rules.grace_period.value;
    if late && !told && !in_grace && case.verdict() == Verdict::Idle {
        decision.action = Action::TellExempt(Enforcement::IdleTimeout);
    }
}

/// What is done about an idle container, and what its idleness brings.
fn when_idle(case: &Case<'_>, keep_alive: &KeepAlive, decision: &mut Decision) -> Option<Next> {
    let (limit, track) = (decision.idle_limit?, case.track?);
    let rules = &case.policy.resolved.rules;
    let warn_after = case.warn_after(limit);
    let left = limit.saturating_sub(decision.idle);
    if let Some(kept) = case.kept.filter(|kept| kept.left().is_some()) {
        decision.waits = Some(Waits::Asked);
        return Some(Next::KeptUntil(kept.until()));
    }
    if decision.idle < warn_after {
        return Some(Next::Warning(warn_after - decision.idle));
    }
    let refused = match keep_alive.keeping(case.now.at, rules.keepalive_max_duration.value) {
        Keeping::Holds(until) => {
            decision.waits = Some(Waits::Kept);
            return Some(Next::KeptUntil(until));
        }
        Keeping::CannotTell(why) => {
            decision.waits = Some(Waits::KeepAliveUnreadable(why));
            return None;
        }
        Keeping::Refused(why) => Some(why),
        Keeping::None => None,
    };
    let Some(warning) = &track.warning else {
        let left = if left.is_zero() { late_notice(limit, warn_after) } else { left };
        decision.action = Action::Warn { left, keep_alive_refused: refused };
        return Some(Next::Stop(left));
    };
    let window = rules.idle_detection_window.value;
    let announced = case.now.until(warning.not_before_boot_ms);
    if !left.is_zero() {
        Some(Next::Stop(left.max(announced)))
    } else if warning.check >= case.check || !announced.is_zero() {
        decision.waits = Some(Waits::Announced);
        Some(Next::Stop(announced))
    } else if track.idle_checks < window {
        decision.waits = Some(Waits::Window(track.idle_checks, window));
        Some(Next::StopAfterChecks(window - track.idle_checks))
    } else if !case.policy.require_delivery.is_met(&warning.confirmed) {
        decision.waits = Some(Waits::Untold);
        None
    } else {
        decision.action = Action::Stop { cause: StopCause::Idle, grace: grace(case) };
        None
    }
}

/// The warning that is given anew to somebody who could not be told, as soon as he can be.
pub(crate) fn warned_again(case: &Case<'_>) -> Option<Action> {
    let limit = case.idle_limit()?;
    Some(Action::Warn { left: late_notice(limit, case.warn_after(limit)), keep_alive_refused: None })
}

/// What a warning announces that comes when the limit is already reached: as much as one in time would have, at most
/// [`LATE_NOTICE`].
pub(super) fn late_notice(limit: Duration, warn_after: Duration) -> Duration {
    limit.saturating_sub(warn_after).min(LATE_NOTICE)
}

/// Its type's grace, or its own where that is longer, up to [`LONGEST_OWN_GRACE`].
fn grace(case: &Case<'_>) -> Duration {
    let own = case.facts.stop_timeout.unwrap_or_default().min(LONGEST_OWN_GRACE);
    case.policy.resolved.rules.sigterm_grace.value.max(own)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
