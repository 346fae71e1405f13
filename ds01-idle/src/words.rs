//! Decisions in words: what is done, what happens next and when.

use std::time::Duration;

use ds01_core::{
    idle::{
        Action, Case, Decision, Reason, StopCause, Verdict,
        rules::{Next, Removal, Supposed, Waits},
    },
    policy::ContainerType,
    text::sanitize,
    units,
};
use jiff::{Timestamp, tz::TimeZone};

/// What happens next, and when: short enough for a table. Times of day are those of `zone`.
pub(crate) fn next(case: Option<&Case<'_>>, decision: &Decision, now: Timestamp, zone: &TimeZone) -> String {
    let soon = |what: &str| format!("{what} at next check");
    match &decision.action {
        Action::Warn { .. } => return soon("warning"),
        Action::WarnOfRuntime { .. } => return format!("{}: run time", soon("warning")),
        Action::Stop { cause: StopCause::Runtime, .. } => return format!("{}: run time", soon("stop")),
        Action::Stop { .. } => return soon("stop"),
        Action::WarnOfRemoval { .. } => return format!("{}: removal", soon("warning")),
        Action::Remove(_) => return soon("removal"),
        Action::TellExempt(_) => return "exempt: owner".to_owned(),
        Action::Nothing if decision.waits == Some(Waits::Untold) => {
            return "stop withheld: nobody could be told".to_owned();
        }
        Action::Nothing => {}
    }
    match (decision.next, &decision.waits) {
        (Next::Warning(left), _) => within("warning", left),
        (Next::Stop(left), _) => within("stop", left),
        (Next::StopAfterChecks(1), _) => "stop after 1 more check".to_owned(),
        (Next::StopAfterChecks(n), _) => format!("stop after {n} more checks"),
        (Next::RuntimeWarning(left), _) => format!("{}: run time", within("warning", left)),
        (Next::RuntimeStop(left), _) => format!("{}: run time", within("stop", left)),
        (Next::GraceEnds(left), _) => format!("grace {} left", units::duration(left)),
        (Next::KeptUntil(until), Some(Waits::Asked)) => kept(case, until, now, zone),
        (Next::KeptUntil(Some(until)), _) => format!("kept until {}", time_of(until, now, zone)),
        (Next::KeptUntil(None), _) => "kept".to_owned(),
        (Next::Removal(left), _) => within("removal", left),
        (_, Some(Waits::KeepAliveUnreadable(_))) => "waits: keep-alive unreadable".to_owned(),
        (_, Some(Waits::Cap)) => "stop: others come first".to_owned(),
        _ => standing(case, decision),
    }
}

/// Who asked to keep it, until when, and why.
pub(crate) fn kept(case: Option<&Case<'_>>, until: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> String {
    let kept = case.and_then(|case| case.kept);
    let by = kept.map(|kept| format!(" by {}", kept.by)).unwrap_or_default();
    let until = until.map(|until| format!(" until {}", time_of(until, now, zone))).unwrap_or_default();
    let why = kept.and_then(|kept| kept.why.as_deref()).map(|why| format!(": {why}")).unwrap_or_default();
    format!("kept{by}{until}{why}")
}

/// What would have been done by now, where no checks are made.
pub(crate) fn would(supposed: Supposed) -> &'static str {
    match supposed {
        Supposed::Warned => "would be warned now",
        Supposed::Stopped(_) => "would be stopped now",
        Supposed::Removed => "would be removed now",
    }
}

fn within(what: &str, left: Duration) -> String {
    if left.is_zero() { format!("{what} at next check") } else { format!("{what} in {}", units::duration(left)) }
}

/// Why nothing is going to happen.
fn standing(case: Option<&Case<'_>>, decision: &Decision) -> String {
    let kind = case.map(|case| case.facts.container_type());
    match &decision.reason {
        None => "not running".to_owned(),
        Some(Reason::NotTold(engine)) => format!("waits: no {}", engine.called()),
        Some(Reason::NoGpu) => "never: no GPU".to_owned(),
        Some(Reason::GpuAccessUnknown(_)) => "never: GPU unknown".to_owned(),
        Some(Reason::OriginUnknown) => "never: type unknown".to_owned(),
        Some(Reason::Infrastructure(_)) => "infrastructure".to_owned(),
        Some(Reason::Engine(engine)) => format!("exempt: {engine}"),
        Some(Reason::NoIdleLimit) if kind == Some(ContainerType::DevContainer) => "exempt: devcontainer".to_owned(),
        Some(Reason::NoIdleLimit) => "exempt: no idle limit".to_owned(),
        Some(Reason::OwnerExempt) => "exempt: owner".to_owned(),
        Some(Reason::NotIdle(Verdict::GpuActive)) => "works".to_owned(),
        Some(Reason::NotIdle(Verdict::OtherwiseActive)) => otherwise(case),
        Some(Reason::NotIdle(Verdict::GpuUnknown)) => "waits: GPU unknown".to_owned(),
        Some(Reason::NotIdle(_)) => "waits: no evidence".to_owned(),
        Some(Reason::OverRuntime(_) | Reason::Grace(_) | Reason::Idle) => "waits".to_owned(),
    }
}

/// Which signal speaks for a container whose GPU does nothing.
fn otherwise(case: Option<&Case<'_>>) -> String {
    let sign = case.and_then(|case| case.track?.judged_by()?.signals.work());
    sign.map_or_else(|| "works".to_owned(), |sign| format!("works: {sign}"))
}

/// A time of day, with its weekday when it is another day's.
pub(crate) fn time_of(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let format = if at.date() == now.date() { "%H:%M" } else { "%a %H:%M" };
    at.strftime(format).to_string()
}

/// An action as it is reported when it was done, or would be.
pub(crate) fn action(action: &Action, dry: bool) -> String {
    let would = |past: &str, infinitive: &str| if dry { format!("would {infinitive}") } else { past.to_owned() };
    let exempt = |from: &str| format!("{} that its owner is exempt from {from}", would("told", "tell"));
    match action {
        Action::Nothing => "left alone".to_owned(),
        Action::Warn { left, .. } => format!("{}, stop in {}", would("warned", "warn"), units::duration(*left)),
        Action::WarnOfRuntime { left } => {
            format!("{} of its run time, stop in {}", would("warned", "warn"), units::duration(*left))
        }
        Action::TellExempt(ds01_core::model::Enforcement::IdleTimeout) => exempt("idle_timeout"),
        Action::TellExempt(ds01_core::model::Enforcement::MaxRuntime) => exempt("max_runtime"),
        Action::Stop { cause, grace } => {
            let cause = match cause {
                StopCause::Idle => "idleness",
                StopCause::Runtime => "its run time",
            };
            format!("{} for {cause}, with {} of grace", would("stopped", "stop"), units::duration(*grace))
        }
        Action::WarnOfRemoval { left, .. } if left.is_zero() => {
            format!("{} of its removal at the next check", would("warned", "warn"))
        }
        Action::WarnOfRemoval { left, .. } => {
            format!("{} of its removal in {}", would("warned", "warn"), units::duration(*left))
        }
        Action::Remove(Removal::NeverStarted) => format!("{}: it was never started", would("removed", "remove")),
        Action::Remove(Removal::Held) => format!("{}: it ended, and its hold is over", would("removed", "remove")),
    }
}

/// A container in a line of text.
pub(crate) fn container(facts: &ds01_core::idle::ContainerFacts) -> String {
    let owner = facts.user.as_deref().map_or_else(String::new, |user| format!(" of {}", sanitize(user)));
    let engine = if facts.engine.is_docker() { String::new() } else { format!(", {}", facts.engine) };
    format!("{} ({}{engine}){owner}", sanitize(&facts.name), facts.id.short())
}
