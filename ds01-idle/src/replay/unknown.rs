//! What the past can't tell, as far as it matters here.

use ds01_core::{
    policy::RequireDelivery,
    replay::{Cause, Stop},
    text::sanitize,
    units,
};

use super::{
    differences::counted,
    shown::{Shown, minute},
};

/// Labels that the journal keeps begin so.
const KEPT_LABELS: &str = "ds01.";

/// A sentence for each.
pub(super) fn sentences(shown: &Shown<'_>) -> Vec<String> {
    let really = &shown.past.really;
    let zone = &shown.window.zone;
    let mut said = Vec::new();
    if let Some((first, _)) = really.span.filter(|(first, _)| *first > shown.window.from) {
        said.push(format!(
            "The journal begins at {}: nothing is known of what was before, and idle time that began before is not counted.",
            minute(first, zone)
        ));
    }
    if let Some(changed) = shown.given.changed.filter(|at| (shown.window.from..=shown.window.until).contains(at)) {
        said.push(format!(
            "The policy in force was last changed at {}: which one was in force before then is not written down.",
            minute(changed, zone)
        ));
    }
    if !really.unobserved.is_zero() {
        said.push(format!(
            "For {} nobody looked while containers ran: what they did then is neither idleness nor work.",
            units::duration(really.unobserved)
        ));
    }
    if really.supposed_checks > 0 {
        said.push(format!(
            "{} supposed, as if the timer had been on. Of keep-alive files, the last check's answer is taken to hold; nothing is known \
             of requests to keep and of demand then.",
            if really.supposed_checks == 1 { "1 check is".to_owned() } else { format!("{} checks are", really.supposed_checks) }
        ));
    }
    if really.partial_checks > 0 {
        let checks = usize::try_from(really.partial_checks).unwrap_or(usize::MAX);
        said.push(format!(
            "{} of single containers (`run --container`), and the journal does not say of which.",
            if checks == 1 { "1 check was one".to_owned() } else { format!("{checks} checks were ones") }
        ));
    }
    if !really.nobodys.is_empty() {
        said.push(format!(
            "{} seen by an earlier version, which did not write down whose they were: they are not judged until it was.",
            if really.nobodys.len() == 1 { "1 container was".to_owned() } else { format!("{} containers were", really.nobodys.len()) }
        ));
    }
    said.extend(of_stops(shown));
    said.extend(of_policies(shown));
    said
}

/// What matters only where something is stopped.
fn of_stops(shown: &Shown<'_>) -> Vec<String> {
    let Some((named, replayed)) = shown.main() else { return Vec::new() };
    let count = |is: &dyn Fn(&Stop) -> bool| replayed.stops.iter().filter(|stop| is(stop)).count();
    let mut said = Vec::new();
    let not_real = count(&|stop| !stop.real);
    let not_looked =
        count(&|stop| !stop.real && !stop.keep_alive_known && stop.cause == Cause::Idle && stop.kept.is_none());
    if not_looked > 0 {
        said.push(format!(
            "{} under {}: no check looked for a keep-alive file at that moment. There may have been one.",
            counted(not_looked, "stop"),
            named.name
        ));
    }
    let kept = count(&|stop| stop.kept.is_some());
    if kept > 0 {
        said.push(format!(
            "{} under {} would not have been made: a later check found a keep-alive file that had lain there since before.",
            counted(kept, "stop"),
            named.name
        ));
    }
    if not_real > 0 {
        said.push(format!(
            "{} under {} not really made: nobody was warned of {}, and some users would have answered.",
            if not_real == 1 { "1 stop".to_owned() } else { format!("{not_real} stops") },
            format_args!("{} {}", named.name, if not_real == 1 { "was" } else { "were" }),
            if not_real == 1 { "it" } else { "them" },
        ));
    }
    let high_demand = named.policy.groups().iter().any(|group| {
        let resolved = named.policy.resolve_for_group(group, ds01_core::policy::ContainerType::Managed);
        resolved.rules.high_demand_threshold.value.is_some()
    });
    if not_real > 0 && high_demand {
        said.push("Demand is what it really was: GPUs that a policy gives back do not lower it.".to_owned());
    }
    let stopped = shown.past.really.stops.len();
    if stopped > 0 {
        said.push(format!(
            "{} really stopped: nobody knows what {} would have done, and for how long.",
            if stopped == 1 { "1 container was".to_owned() } else { format!("{stopped} containers were") },
            if stopped == 1 { "it" } else { "they" }
        ));
    }
    said
}

fn of_policies(shown: &Shown<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for (named, _) in shown.each() {
        let label = &named.policy.monitoring.infrastructure_label;
        if !label.starts_with(KEPT_LABELS) {
            said.push(format!(
                "{} marks infrastructure by the label {}. The journal keeps labels that begin with {KEPT_LABELS} and no others.",
                named.name,
                sanitize(label)
            ));
        }
        if named.policy.notify.require_delivery != RequireDelivery::None {
            said.push(format!(
                "{} waits for warnings to arrive (`require_delivery`): each is taken to have arrived.",
                named.name
            ));
        }
    }
    said
}
