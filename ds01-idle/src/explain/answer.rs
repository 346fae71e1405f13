//! The answer: what happens next and when, the one reason, and what would change it.

use std::time::Duration;

use ds01_core::{
    duration::whole_seconds,
    idle::{
        Action, Case, Checked, ContainerFacts, ContainerPolicy, Decision, Reason, Removal, StopCause, Verdict,
        rules::{Next, Supposed, Waits, supposed},
    },
    model::{ContainerStatus, Enforcement},
    text::sanitize,
    units,
};
use jiff::tz::TimeZone;

use super::{gpus::GpuNames, page::Page, setting, time};

/// What can be done about it, or what would happen otherwise.
const GOOD_TO_KNOW: &str = "Good to know";

/// What is told first.
pub(super) struct Answer {
    headline: String,
    /// Each with its label.
    lines: Vec<(&'static str, String)>,
}

impl Answer {
    /// For a running container.
    pub(super) fn of(
        checked: &Checked,
        case: &Case<'_>,
        decision: &Decision,
        timer_off: bool,
        zone: &TimeZone,
    ) -> Self {
        let names = GpuNames::new(&checked.look.inventory.gpus);
        let would = supposed(Some(case), decision).filter(|_| timer_off);
        let mut answer = Self {
            headline: would.map_or_else(|| headline(case, decision, zone), would_have),
            lines: vec![("Why", names.in_text(&why(checked, case, decision)))],
        };
        answer.lines.extend(limit(checked, case, decision).map(|limit| ("Idle limit", limit)));
        answer.lines.extend(to_change(case, decision).map(|words| (GOOD_TO_KNOW, words)));
        let now = checked.look.now.at;
        // Also while it works, or is left alone for another reason.
        if let Some(kept) = case.kept.filter(|kept| kept.left().is_some() && decision.waits != Some(Waits::Asked)) {
            answer.lines.push(("Kept", crate::words::kept(Some(case), kept.until(), now, zone)));
        }
        let later: Vec<String> = decision.later.iter().filter_map(|next| in_words(*next, now, zone)).collect();
        if !later.is_empty() {
            answer.lines.push(("Later", later.join("; ")));
        }
        answer
    }

    /// For one that does not run.
    pub(super) fn of_standing(
        checked: &Checked,
        facts: &ContainerFacts,
        decision: &Decision,
        timer_off: bool,
        zone: &TimeZone,
    ) -> Self {
        let standing = checked.state.standing.get(&facts.id);
        let policy = checked.plan.policies.get(&facts.id);
        let setting = |name: &str| policy.map(|policy| named(policy, name)).unwrap_or_default();
        let hold = match facts.status {
            ContainerStatus::Created => "created_container_timeout",
            _ if standing.is_some_and(|standing| standing.stopped_here) => "container_hold_after_stop",
            _ => "gpu_hold_after_manual_stop",
        };
        let would = supposed(None, decision).filter(|_| timer_off);
        let removal = |headline: String| {
            let mut lines = vec![("Why", setting(hold))];
            if let Some(warning) = standing.and_then(|standing| standing.warning.as_ref()) {
                let at = time(warning.at, zone);
                lines.push(("Warned", format!("of its removal at {at}, in check {}", warning.check)));
            }
            let keep = format!("docker start {} keeps it", sanitize(&facts.name));
            lines.push((GOOD_TO_KNOW, keep));
            Self { headline: would.map_or(headline, would_have), lines }
        };
        match (&decision.action, decision.next) {
            (Action::Remove(Removal::NeverStarted | Removal::Held), _) => {
                removal("It will be removed at the next check.".to_owned())
            }
            (Action::WarnOfRemoval { left, .. }, _) => removal(format!(
                "Its user will be warned of its removal at the next check. It will be removed {} after that.",
                whole_seconds(*left)
            )),
            (_, Next::Removal(left)) => removal(format!("It will be removed in {}.", units::duration(left))),
            _ => Self {
                headline: "Nothing happens to it: it will not be removed.".to_owned(),
                lines: vec![("Why", never_removed(facts, setting("remove_stopped"), &setting(hold)))],
            },
        }
    }

    pub(super) fn write(self, page: &mut Page) {
        page.head(&self.headline);
        for (label, text) in self.lines {
            page.item(&format!("{:<14}", format!("{label}:")), &text);
        }
    }
}

fn never_removed(facts: &ContainerFacts, remove_stopped: String, hold: &str) -> String {
    match facts.has_gpu {
        Some(false) => "it has no GPU".to_owned(),
        None => "whether it has a GPU is unknown".to_owned(),
        Some(true) => format!("its type is {}; {remove_stopped}; {hold}", facts.container_type()),
    }
}

fn would_have(would: Supposed) -> String {
    let what = match would {
        Supposed::Warned => "its user would have been warned",
        Supposed::Stopped(StopCause::Idle) => "it would have been stopped for idleness",
        Supposed::Stopped(StopCause::Runtime) => "it would have been stopped for its run time",
        Supposed::Removed => "it would have been removed",
    };
    format!("Nothing happens, because the timer is off. If it were on, {what} by now.")
}

fn headline(case: &Case<'_>, decision: &Decision, zone: &TimeZone) -> String {
    match &decision.action {
        Action::Warn { left, .. } => {
            return format!(
                "Its user will be warned at the next check. It will be stopped {} later, if it stays idle.",
                whole_seconds(*left)
            );
        }
        Action::WarnOfRuntime { left } => {
            return format!(
                "Its user will be warned of its run time at the next check. It will be stopped {} later.",
                units::duration(*left)
            );
        }
        Action::Stop { cause: StopCause::Idle, .. } => return "It will be stopped at the next check.".to_owned(),
        Action::Stop { cause: StopCause::Runtime, .. } => {
            return "It will be stopped at the next check, for its run time.".to_owned();
        }
        Action::TellExempt(_) => {
            return "Nothing happens: its owner is exempt, and will be told so at the next check.".to_owned();
        }
        Action::Nothing | Action::WarnOfRemoval { .. } | Action::Remove(_) => {}
    }
    if decision.waits == Some(Waits::Untold) {
        return "Its stop is withheld: nobody could be told.".to_owned();
    }
    let now = case.now.at;
    match (decision.next, &decision.waits) {
        (Next::Warning(left), _) => format!("Its user will be warned in {}, if it stays idle.", units::duration(left)),
        (Next::Stop(left), _) if left.is_zero() => "It will be stopped at the next check, if it stays idle.".to_owned(),
        (Next::Stop(left), _) => format!("It will be stopped in {}, if it stays idle.", units::duration(left)),
        (Next::StopAfterChecks(1), _) => "It will be stopped after one more idle check.".to_owned(),
        (Next::StopAfterChecks(n), _) => format!("It will be stopped after {n} more idle checks."),
        (Next::RuntimeStop(left), _) if left.is_zero() => {
            "It will be stopped at the next check, for its run time.".to_owned()
        }
        (Next::RuntimeStop(left), _) => format!("It will be stopped in {}, for its run time.", units::duration(left)),
        (Next::GraceEnds(left), _) => {
            format!("Nothing happens for another {}: it was started a short while ago.", units::duration(left))
        }
        (Next::KeptUntil(until), Some(Waits::Asked)) => {
            format!("Nothing happens: it is {}.", crate::words::kept(Some(case), until, now, zone))
        }
        (Next::KeptUntil(Some(until)), _) => {
            let until = crate::words::time_of(until, now, zone);
            format!("Nothing happens until {until}: its keep-alive file holds.")
        }
        (Next::KeptUntil(None), _) => "Nothing happens while its keep-alive file is there.".to_owned(),
        (_, Some(Waits::KeepAliveUnreadable(_))) => {
            "Nothing happens: whether it has a keep-alive file can't be told.".to_owned()
        }
        (_, Some(Waits::Cap)) => "It will be stopped at a later check: others come first.".to_owned(),
        _ => "Nothing happens to it.".to_owned(),
    }
}

/// The one reason.
fn why(checked: &Checked, case: &Case<'_>, decision: &Decision) -> String {
    if matches!(decision.next, Next::RuntimeStop(_))
        || matches!(decision.action, Action::WarnOfRuntime { .. } | Action::Stop { cause: StopCause::Runtime, .. })
    {
        let ran = units::duration(case.ran_for());
        return format!("it has run for {ran}; {}", named(case.policy, "max_runtime"));
    }
    let idle = units::duration(decision.idle);
    match &decision.reason {
        Some(Reason::Idle) => {
            let waits = match &decision.waits {
                Some(Waits::Announced) => "; the time that its warning announced is not over".to_owned(),
                Some(Waits::Window(seen, wanted)) => {
                    let setting = named(case.policy, "idle_detection_window");
                    format!("; {seen} idle {} in a row of {wanted}: {setting}", checks(*seen))
                }
                Some(Waits::KeepAliveUnreadable(why)) => format!("; {}", sanitize(why)),
                Some(Waits::Untold) => {
                    "; `require_delivery` in the policy asks that its warning arrives, and nobody knows \
                     that it did"
                        .to_owned()
                }
                Some(Waits::Cap) => format!("; {}", named(case.policy, "max_stops_per_run")),
                Some(Waits::Asked) => format!("; {}", named(case.policy, "keep_max")),
                Some(Waits::Kept) => format!("; {}", named(case.policy, "keepalive_max_duration")),
                None => String::new(),
            };
            format!("it was idle for {idle}{waits}")
        }
        Some(Reason::Grace(_)) => {
            format!("it has run for {}; {}", units::duration(case.ran_for()), named(case.policy, "grace_period"))
        }
        Some(Reason::NoIdleLimit) => format!("its idle time is not limited; {}", named(case.policy, "idle_timeout")),
        Some(Reason::OwnerExempt) => {
            let exemption = case.policy.exemption(Enforcement::IdleTimeout);
            let place = exemption.map(|exemption| exemption.place.to_string()).unwrap_or_default();
            let reason = exemption.and_then(|exemption| exemption.reason.as_deref()).unwrap_or("no reason given");
            format!("its owner is exempt from idle_timeout ({place}: {})", sanitize(reason))
        }
        Some(Reason::NotIdle(Verdict::GpuActive)) => seen(case, "it works on a GPU"),
        Some(Reason::NotIdle(Verdict::OtherwiseActive)) => seen(case, "it works, but not on a GPU"),
        Some(Reason::NotIdle(Verdict::GpuUnknown)) => {
            format!("{}; {}", seen(case, "what its GPU does is unknown"), named(case.policy, "gpu_unknown"))
        }
        Some(Reason::NotIdle(_)) => seen(case, "too little could be seen of it to call it idle"),
        Some(reason) => reason.to_string(),
        None => checked.blind().map(|name| format!("{} told nothing", name.as_str())).unwrap_or_default(),
    }
}

fn checks(n: u64) -> &'static str {
    if n == 1 { "check" } else { "checks" }
}

/// What was seen, with its figures.
fn seen(case: &Case<'_>, what: &str) -> String {
    let signals = case.track.and_then(|track| track.judged_by()).map(|interval| interval.signals.to_string());
    format!("{what} ({})", signals.unwrap_or_else(|| "nothing was observed yet".to_owned()))
}

/// How long it may be idle now, and why that differs from what the policy says.
fn limit(checked: &Checked, case: &Case<'_>, decision: &Decision) -> Option<String> {
    let limit = decision.idle_limit?;
    let said = named(case.policy, "idle_timeout");
    let demand = checked.demand.filter(|_| case.in_high_demand());
    Some(match demand {
        None => said,
        Some(demand) => format!(
            "{} instead of what the policy says, {said}. Demand is high: {demand} are given; {}; {}",
            whole_seconds(limit),
            named(case.policy, "high_demand_threshold"),
            named(case.policy, "high_demand_idle_reduction"),
        ),
    })
}

/// What its user or an admin can do about it.
fn to_change(case: &Case<'_>, decision: &Decision) -> Option<String> {
    let rules = &case.policy.resolved.rules;
    let keep_alive = || {
        let longest = rules.keepalive_max_duration.value;
        let longest = longest.map(|longest| format!(" for up to {}", whole_seconds(longest))).unwrap_or_default();
        let path = sanitize(&rules.keepalive_path.value);
        let ask = if rules.keep_max.value == Some(Duration::ZERO) {
            String::new()
        } else {
            format!("its owner can run ds01-idle keep {}, ", sanitize(&case.facts.name))
        };
        format!("{ask}use its GPU or CPU, or touch {path} in it, which keeps it{longest}")
    };
    let of_idleness = || {
        let limit = decision.idle_limit?;
        let (warn, limit) = (whole_seconds(case.warn_after(limit)), whole_seconds(limit));
        Some(format!("when it is idle, its user is warned after {warn}, and it is stopped after {limit}"))
    };
    if matches!(decision.next, Next::RuntimeStop(_)) {
        return Some("an admin can raise max_runtime, or exempt its owner; working does not extend it".to_owned());
    }
    match &decision.reason {
        Some(Reason::Idle) if decision.waits == Some(Waits::Kept) => {
            Some("when the file is gone or too old, its user is warned, and it is stopped after that".to_owned())
        }
        Some(Reason::Idle) if decision.waits == Some(Waits::Untold) => Some(
            "its owner is warned at his terminal once he is at one, and it is stopped after that; docs/notifying.md says how \
             to set up mail"
                .to_owned(),
        ),
        Some(Reason::Idle) if decision.waits == Some(Waits::Asked) => {
            Some("when that is over, its user is warned, and it is stopped after that".to_owned())
        }
        Some(Reason::Idle) => Some(keep_alive()),
        Some(Reason::Grace(left)) if case.verdict() == Verdict::Idle && warned_after(*left, decision, case) => Some(
            "if it is still idle when its grace period ends, its user is warned first, and it is stopped at a later check"
                .to_owned(),
        ),
        Some(Reason::Grace(_) | Reason::NotIdle(_)) => of_idleness(),
        Some(Reason::NoIdleLimit) => Some("an admin can set an idle_timeout for it".to_owned()),
        Some(Reason::OverRuntime(_)) => {
            Some("an admin can raise max_runtime, or exempt its owner; working does not extend it".to_owned())
        }
        Some(Reason::GpuAccessUnknown(_)) => Some("ds01-detect doctor says what can't be read, and why".to_owned()),
        _ => None,
    }
}

/// Whether it will have been idle for long enough to be warned when its grace is over, `left` from now.
fn warned_after(left: Duration, decision: &Decision, case: &Case<'_>) -> bool {
    decision.idle_limit.is_some_and(|limit| decision.idle + left >= case.warn_after(limit))
}

/// What comes after that.
fn in_words(next: Next, now: jiff::Timestamp, zone: &TimeZone) -> Option<String> {
    let within = |left: Duration| {
        if left.is_zero() { "at the next check".to_owned() } else { format!("in {}", units::duration(left)) }
    };
    Some(match next {
        Next::Warning(left) => format!("warned of its idleness {}", within(left)),
        Next::Stop(left) => format!("stopped for idleness {}", within(left)),
        Next::StopAfterChecks(n) => format!("stopped for idleness after {n} more idle {}", checks(n)),
        Next::RuntimeWarning(left) => format!("warned of its run time {}", within(left)),
        Next::RuntimeStop(left) => format!("stopped for its run time {}", within(left)),
        Next::GraceEnds(left) => format!("its grace period ends {}", within(left)),
        Next::KeptUntil(Some(until)) => {
            format!("kept until {}", crate::words::time_of(until, now, zone))
        }
        Next::Removal(left) => format!("removed {}", within(left)),
        _ => return None,
    })
}

/// A setting that holds for a container, with its place.
pub(super) fn named(policy: &ContainerPolicy, name: &str) -> String {
    let rows = policy.resolved.limits.rows().into_iter().chain(policy.resolved.rules.rows());
    rows.into_iter().find(|row| row.name == name).map(|row| setting(&row)).unwrap_or_default()
}
