//! A container of Podman's beside one of Docker's with the same name: each is stopped through its own engine, and only where the
//! policy names that.

use std::thread;

use docker_rig::{podman::Podman, wait_until};
use serde_json::Value;

use crate::{
    reaper::{POLICY, Run},
    story::{DEADLINE, Story, runs},
};

/// What a container of Podman's does: nothing, until it is told to end.
const SITS: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"];

#[test]
fn an_idle_container_of_podmans_is_stopped_by_podman_where_the_policy_names_it() {
    let Some(story) = Story::begin() else { return };
    let podman = Podman::start();
    let dockers = story.sitter("train", &[]);
    let podmans = podman.run(dockers.name(), &[], &SITS);
    let pid: u32 = podman.podman(&["inspect", "--format", "{{.State.Pid}}", &podmans]).parse().unwrap();
    story.gpus.work(&story.gpu(1), pid, 0);
    let policy = |reap: &str| {
        let socket = podman.socket();
        story.reaper.set_policy(&format!("{POLICY}engines: {{sockets: {{podman: {}}}{reap}}}\n", socket.display()));
    };
    let check = |minute: u64| {
        let mut command = story.check_command(minute);
        Run::of(command.args(["--container", &podmans])).ends_with(0)
    };
    let state = || podman.podman(&["inspect", "--format", "{{.State.Status}}", &podmans]);
    let of_podman = || -> Vec<String> {
        let events =
            story.reaper.events().into_iter().filter(|event| event["details"]["container_id"] == podmans.as_str());
        events
            .map(|event| format!("{} {}", event["event_type"].as_str().unwrap(), event["engine"].as_str().unwrap()))
            .collect()
    };

    // As shipped, only Docker's are stopped.
    policy("");
    for minute in [2, 6, 10, 14] {
        check(minute);
    }
    assert!(!runs(&dockers), "{:?}", story.events());
    assert_eq!((state(), of_podman()), ("running".to_owned(), Vec::new()));
    let status = Run::of(story.command("status", 15).arg("--json")).ends_with(0);
    let status: Value = serde_json::from_str(&status.stdout()).unwrap();
    let shown =
        status["containers"].as_array().unwrap().iter().find(|one| one["id"] == podmans.as_str()).unwrap().clone();
    assert_eq!(
        (&shown["engine"], &shown["reason"]),
        (&"podman".into(), &"exempt: engine podman is not in `engines.reap`".into())
    );
    assert!(shown["idle_seconds"].as_u64().unwrap() > 9 * 60, "it is judged, and left alone: {shown:#}");

    // It is warned first, like everybody.
    policy(", reap: [podman]");
    check(18);
    assert_eq!((state(), of_podman()), ("running".to_owned(), vec!["maintenance.idle_warning podman".to_owned()]));
    thread::scope(|scope| {
        // What the driver tells of its process ends with it.
        scope.spawn(|| {
            wait_until("its end", DEADLINE, || state() == "exited");
            story.gpus.leave(pid);
        });
        check(22);
    });
    let expected = ["idle_warning", "idle_kill", "gpu_released"].map(|kind| format!("maintenance.{kind} podman"));
    assert_eq!((state(), of_podman()), ("exited".to_owned(), expected.to_vec()));
}
