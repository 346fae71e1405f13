//! The time after a start.

use std::time::{Duration, Instant};

use docker_rig::{Container, wait_until};
use jiff::Timestamp;

use crate::{
    reaper::POLICY,
    story::{DEADLINE, Story},
    told::STOPPED,
};

#[test]
fn whoever_is_younger_than_the_grace_period_lives() {
    let Some(story) = Story::begin() else { return };
    story.reaper.set_policy(&POLICY.replace("grace_period: 1m", "grace_period: 30m"));
    let young = story.sitter("young", &[]);
    story.checks([2, 6, 10, 14, 18, 22, 26]);
    assert_eq!((story.events(), story.notices(), story.done_to(&young)), (vec![], vec![], vec![]));
    // It was idle all that time, which is known. Its warning comes late, and is a warning all the same.
    story.check(32);
    assert_eq!((story.events(), story.done_to(&young)), (vec!["idle_warning young".to_owned()], vec![]));
    story.check(36);
    assert_eq!(story.events(), ["idle_warning young", "idle_kill young", "gpu_released young"]);
    assert_eq!(story.done_to(&young), STOPPED);
}

/// How long it has really run.
fn age(container: &Container) -> Duration {
    let started: Timestamp = container.inspect("{{.State.StartedAt}}").parse().unwrap();
    Duration::try_from(Timestamp::now().duration_since(started)).unwrap_or_default()
}

/// Its start can't be moved by clocks: it is made to be, at one moment of the story, either side of the grace period by
/// really having run for 20 seconds before its restart, and for less than 10 after it.
#[test]
fn a_restart_starts_the_grace_period_anew() {
    const REALLY: Duration = Duration::from_secs(20);
    let Some(story) = Story::begin() else { return };
    let restarted = story.sitter("restarted", &[]);
    story.checks([2, 6, 10]);
    assert_eq!(story.events(), ["idle_warning restarted"]);
    wait_until("it has run for a while", DEADLINE, || age(&restarted) >= REALLY);

    // The program's clocks are this much ahead at minute 14, rounded up.
    let ahead = Duration::from_secs(14 * 60);
    let reason = || {
        let clocks = format!("--shift-clocks={0},{0}", ahead.as_secs());
        let mut status = story.reaper.command("status");
        let output = status.args([&clocks, "--json"]).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let containers = told["containers"].as_array().unwrap();
        let entry = containers.iter().find(|entry| entry["id"] == restarted.id()).unwrap();
        entry["reason"].as_str().unwrap().to_owned()
    };
    let grace = ahead + REALLY / 2;
    story.reaper.set_policy(&POLICY.replace("grace_period: 1m", &format!("grace_period: {}s", grace.as_secs())));
    assert_eq!(reason(), "idle");
    let mut after = String::new();
    // A look that came too late after the restart says nothing.
    wait_until("a look soon after a restart", 3 * DEADLINE, || {
        restarted.docker(&["restart", "--time", "0"]);
        let begin = Instant::now();
        after = reason();
        begin.elapsed() < REALLY / 3 && age(&restarted) < REALLY / 2
    });
    assert!(after.starts_with("grace: "), "{after}");

    // The time for which its life before was idle is no matter: it is warned anew, and not stopped before.
    story.reaper.set_policy(POLICY);
    let restarts = story.done_to(&restarted).len();
    story.checks([20, 24]);
    assert_eq!(story.events(), ["idle_warning restarted"]);
    story.check(28);
    assert_eq!(story.events(), ["idle_warning restarted", "idle_warning restarted"]);
    assert_eq!(story.done_to(&restarted).len(), restarts);
    story.check(32);
    let events = ["idle_warning restarted", "idle_warning restarted", "idle_kill restarted", "gpu_released restarted"];
    assert_eq!(story.events(), events);
    assert_eq!(story.done_to(&restarted)[restarts..], STOPPED);
}
