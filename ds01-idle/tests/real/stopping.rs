//! How containers are stopped.

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

use docker_rig::Container;
use serde_json::Value;

use crate::{
    proxy::{Proxy, Then},
    reaper::POLICY,
    story::{DEADLINE, Story, main_pid, runs},
    told::{STOP, STOPPED, WARNING, sorted, strings},
    witness::nanoseconds,
};

/// Checks up to the one that stops.
const UNTIL_THE_STOP: [u64; 4] = [2, 6, 10, 14];

/// The time that passed between the first two signals that a container got.
fn between_signals(story: &Story, container: &Container) -> Duration {
    let events = story.docker_events(container);
    let kills: Vec<&Value> = events.iter().filter(|event| event["Action"] == "kill").collect();
    Duration::from_nanos((nanoseconds(kills[1]) - nanoseconds(kills[0])).unsigned_abs())
}

#[test]
fn one_that_ignores_sigterm_ends_after_its_grace_and_not_before() {
    let Some(story) = Story::begin() else { return };
    let deaf = story.ignorer("deaf", &[]);
    story.checks(UNTIL_THE_STOP);
    assert_eq!(story.done_to(&deaf), ["kill 15", "kill 9", "die 137", "stop"]);
    assert!(between_signals(&story, &deaf) >= Duration::from_secs(2));
    assert_eq!(story.events(), ["idle_warning deaf", "idle_kill deaf", "gpu_released deaf"]);
    assert_eq!(story.notices(), [format!("{WARNING}: deaf"), format!("{STOP}: deaf")]);
    assert!(story.told_about("deaf")[1].contains("It has 2s to end by itself."));
}

#[test]
fn its_own_signal_and_its_own_longer_timeout_are_honoured() {
    let Some(story) = Story::begin() else { return };
    let command = ["sh", "-c", "trap '' TERM; trap 'exit 7' USR1; sleep 100000 & wait"];
    let signal = story.with_gpu("signal", &["--stop-signal=SIGUSR1"], &command);
    let patient = story.ignorer("patient", &["--stop-timeout=4"]);
    let hasty = story.ignorer("hasty", &["--stop-timeout=0"]);
    let endless = story.sitter("endless", &["--stop-timeout=86400"]);
    story.checks(UNTIL_THE_STOP);
    assert_eq!(story.done_to(&signal), ["kill 10", "die 7", "stop"]);
    assert!(between_signals(&story, &patient) >= Duration::from_secs(4));
    // The policy's is the least, and five minutes are the most.
    assert!(between_signals(&story, &hasty) >= Duration::from_secs(2));
    let graces = ["signal", "patient", "hasty", "endless"].map(|alias| story.told_about(alias)[1].clone());
    for (told, grace) in graces.iter().zip(["2s", "4s", "2s", "5m"]) {
        assert!(told.contains(&format!("It has {grace} to end by itself.")), "{told}");
    }
    assert_eq!(story.done_to(&endless), STOPPED);
    assert_eq!((story.events().len(), story.notices().len()), (12, 8));
}

#[test]
fn a_stop_that_fails_is_reported_and_the_others_are_done() {
    let Some(mut story) = Story::begin() else { return };
    let (stuck, idle) = (story.sitter("stuck", &[]), story.idle_beside());
    let stop = format!("/containers/{}/stop", stuck.id());
    let proxy = Proxy::new(story.rig.socket(), move |request| match request.contains(&stop) {
        true => Then::Refuse(500, "the runtime does not answer"),
        false => Then::Forward,
    });
    story.behind(proxy.socket());
    story.checks([2, 6, 10]);
    let said = story.check_ends(14, 1).stderr();
    assert!(said.contains("the runtime does not answer"), "{said}");
    assert_eq!(story.events_about("stuck"), ["idle_warning stuck", "stop_failed stuck"]);
    assert_eq!(story.events_about("idle"), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.events().len(), 5);
    let told = sorted(story.notices());
    assert_eq!(
        told,
        [(STOP, "idle"), (STOP, "stuck"), (WARNING, "idle"), (WARNING, "stuck")]
            .map(|(title, who)| format!("{title}: {who}"))
    );
    assert_eq!((story.done_to(&stuck), story.done_to(&idle)), (vec![], strings(&STOPPED)));
    let failed = story.reaper.events().into_iter().find(|event| event["event_type"] == "maintenance.stop_failed");
    let error = failed.unwrap()["details"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("/stop") && error.contains("the runtime does not answer"), "{error}");

    // It is tried again at each check, until it succeeds.
    story.directly();
    story.check(18);
    assert_eq!(story.events_about("stuck")[2..], ["idle_kill stuck", "gpu_released stuck"]);
    assert_eq!(story.done_to(&stuck), STOPPED);
}

/// The daemon says that it stopped the container, and has not: what counts is whether it runs.
#[test]
fn a_stop_that_did_nothing_is_no_stop() {
    let Some(mut story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    let proxy = Proxy::new(story.rig.socket(), |request| match request.contains("/stop") {
        true => Then::Refuse(204, ""),
        false => Then::Forward,
    });
    story.behind(proxy.socket());
    story.checks([2, 6, 10]);
    let said = story.check_ends(14, 1).stderr();
    assert!(said.contains("Docker says that it was stopped, and it runs on"), "{said}");
    assert_eq!(story.events(), ["idle_warning idle", "stop_failed idle"]);
    assert_eq!((story.done_to(&idle), runs(&idle)), (vec![], true));
}

/// It has ended, and the driver still shows its context: the GPU is not free.
#[test]
fn a_context_that_stays_behind_is_reported() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.gpus.work(&story.gpu(0), main_pid(&idle), 0);
    story.checks([2, 6, 10]);
    story.check_ends(14, 1);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "stop_failed idle"]);
    let error = story.reaper.events()[2]["details"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("the driver still shows contexts of its processes"), "{error}");
    assert_eq!(story.done_to(&idle), STOPPED);
}

#[test]
fn a_paused_container_is_unpaused_so_that_it_can_react() {
    let Some(story) = Story::begin() else { return };
    let paused = story.sitter("paused", &[]);
    paused.docker(&["pause"]);
    story.checks(UNTIL_THE_STOP);
    assert_eq!(story.done_to(&paused), ["pause", "unpause", "kill 15", "die 0", "stop"]);
    assert_eq!(story.events(), ["idle_warning paused", "idle_kill paused", "gpu_released paused"]);
    assert_eq!(story.notices(), [format!("{WARNING}: paused"), format!("{STOP}: paused")]);
}

/// A gate at which requests wait until there are so many.
struct Gate {
    wanted: usize,
    came: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    /// Whether so many have come while this one waited.
    fn pass(&self) -> bool {
        let mut came = self.came.lock().unwrap();
        *came += 1;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(came, DEADLINE, |came| *came < self.wanted).unwrap();
        !waited.1.timed_out()
    }
}

/// No stop gets to the daemon before eight are on their way: were they made one after another, the first would wait in vain.
#[test]
fn ten_stops_are_made_side_by_side() {
    let Some(mut story) = Story::begin() else { return };
    // No stop may time out while others come to the gate.
    let grace = format!("sigterm_grace_seconds: {}", DEADLINE.as_secs());
    story.reaper.set_policy(&POLICY.replace("sigterm_grace_seconds: 2", &grace));
    let ten: Vec<Container> = (0..10).map(|n| story.sitter(&format!("c{n}"), &[])).collect();
    let gate = Gate { wanted: 8, came: Mutex::new(0), changed: Condvar::new() };
    let proxy = Proxy::new(story.rig.socket(), move |request| match request.contains("/stop") && !gate.pass() {
        true => Then::Refuse(500, "nobody else came"),
        false => Then::Forward,
    });
    story.behind(proxy.socket());
    story.checks(UNTIL_THE_STOP);
    for (n, container) in ten.iter().enumerate() {
        let alias = format!("c{n}");
        let expected = ["idle_warning", "idle_kill", "gpu_released"].map(|kind| format!("{kind} {alias}"));
        assert_eq!((story.events_about(&alias), story.done_to(container)), (expected.to_vec(), strings(&STOPPED)));
    }
    assert_eq!((story.events().len(), story.notices().len()), (30, 20));
}
