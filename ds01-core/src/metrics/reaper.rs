//! What only grows: GPU time by user, what the reaper did, and what became of notices.

use super::{
    family::Family,
    label::label,
    picture::{Picture, seconds, unix},
};
use crate::{event::ByWords, model::GpuTime, policy::Identities};

/// Whom there was no room for. No name: those have no parentheses.
const OTHERS: &str = "(others)";

/// What can happen and has not yet is 0: of a series that begins with 1, no rate sees the first.
const ACTIONS: [(&str, &str); 10] = [
    ("warned", "idle"),
    ("warned", "max_runtime"),
    ("warned", "held"),
    ("stopped", "idle"),
    ("stopped", "max_runtime"),
    ("stop_failed", "idle"),
    ("stop_failed", "max_runtime"),
    ("remove_failed", "held"),
    ("removed", "held"),
    ("removed", "never_started"),
];

/// The channels that each host has, and what can become of a notice on each.
const NOTICES: [(&str, &str); 9] = [
    ("terminals", "delivered"),
    ("terminals", "written"),
    ("terminals", "failed"),
    ("wall", "delivered"),
    ("wall", "failed"),
    ("hooks", "written"),
    ("hooks", "failed"),
    ("login", "written"),
    ("login", "failed"),
];

pub(super) fn families(picture: &Picture<'_>) -> Vec<Family> {
    let mut checked = Family::gauge(
        "ds01_reaper_last_check_timestamp_seconds",
        "When the reaper last checked and could judge, as seconds since 1970. No series before the first check.",
        &[],
    );
    let mut actions =
        Family::counter("ds01_reaper_actions_total", "How often the reaper did what, and why.", &["action", "cause"]);
    let mut notices =
        Family::counter("ds01_notices_total", "Notices by channel, and what became of them.", &["channel", "result"]);
    let mut suspicions = Family::gauge(
        "ds01_suspicions",
        "How many suspicions of each kind stood at the last check: `ds01-idle suspicions` lists them.",
        &["kind"],
    );
    if let Some(check) = picture.check {
        checked.set(&[], unix(check.at));
        for (kind, count) in &check.suspicions {
            suspicions.set(&[&label(kind)], whole(*count));
        }
        fill(&mut actions, &ACTIONS, &check.counts.actions);
        fill(&mut notices, &NOTICES, &check.counts.notices);
    }
    vec![user_seconds(picture), checked, actions, notices, suspicions]
}

fn fill(family: &mut Family, all: &[(&str, &str)], counts: &ByWords) {
    for (word, other) in all {
        family.add(&[word, other], 0.0);
    }
    for (word, others) in counts {
        for (other, count) in others {
            family.add(&[&label(word), &label(other)], whole(*count));
        }
    }
}

/// Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "nobody is warned 2^53 times")]
fn whole(count: u64) -> f64 {
    count as f64
}

fn user_seconds(picture: &Picture<'_>) -> Family {
    let mut family = Family::counter(
        "ds01_user_gpu_seconds_total",
        "For how long a user's workloads held GPUs and MIG instances, and for how much of that they were at work.",
        &["user", "state"],
    );
    let mut add = |user: &str, time: GpuTime| {
        family.add(&[user, "held"], seconds(time.held_ms));
        family.add(&[user, "at_work"], seconds(time.work_ms));
    };
    let sums = &picture.scan.users;
    if picture.names.identities() == Identities::None {
        // One sum, which no user leaves who makes room for another.
        add("", sums.all());
        return family;
    }
    sums.users().for_each(|(user, time)| add(&picture.names.user(user), time));
    if let Some(others) = sums.others() {
        add(OTHERS, others);
    }
    family
}
