//! A container's life, one scan at a time.

use docker_rig::{BUSYBOX, Rig, wait_until};
use serde_json::{Value, json};

use crate::host::{DEADLINE, Host, life_in, life_in_docker, types};

#[test]
fn from_its_making_to_its_removal() {
    let Some(host) = Host::new() else { return };
    let options = ["--label=ds01.user=ann", "--gpus=device=1", BUSYBOX, "sleep", "100000"];
    let container = host.rig.create_container(&options);
    let mut told = 0;
    // What happened between the last scan and the one that this makes.
    let mut news = || {
        host.scan();
        let events = host.events(&container);
        let new = events[told..].to_vec();
        told = events.len();
        (new, host.entry(&container))
    };
    let changed = |old: &str, new: &str, name: &str| json!({ "container_id": container.id(), "name": name, "old_status": old, "new_status": new });

    let (events, entry) = news();
    let first = entry.unwrap();
    assert_eq!(types(&events), ["container_discovered"]);
    assert_eq!(events[0]["user"], "ann");
    let discovered = json!({ "container_id": container.id(), "name": container.name(), "origin": "raw-docker",
        "has_gpu": true, "image": BUSYBOX });
    assert_eq!(events[0]["details"], discovered);
    assert_eq!(life_in(&first), life_in_docker(&container));

    container.docker(&["start"]);
    let (events, entry) = news();
    let started = entry.unwrap();
    assert_eq!(types(&events), ["container_status_changed"]);
    assert_eq!(events[0]["details"], changed("created", "running", container.name()));
    assert_eq!(life_in(&started), life_in_docker(&container));

    let (events, _) = news();
    assert_eq!(types(&events), [""; 0], "nothing happened");

    let name = Rig::unique_name("ds01-renamed");
    host.rig.docker(&["rename", container.name(), &name]);
    let (events, entry) = news();
    assert_eq!(types(&events), [""; 0], "a name is no event");
    assert_eq!(entry.unwrap()["name"], name);

    container.docker(&["restart", "--time", "0"]);
    let (events, entry) = news();
    let restarted = entry.unwrap();
    assert_eq!(types(&events), [""; 0], "it was running, and is");
    assert_eq!(life_in(&restarted), life_in_docker(&container));
    assert_ne!(restarted["pid"], started["pid"]);
    assert!(restarted["started_at"].as_str() > started["started_at"].as_str());

    container.docker(&["pause"]);
    let (events, entry) = news();
    assert_eq!(
        events.iter().map(|event| &event["details"]).collect::<Vec<_>>(),
        [&changed("running", "paused", &name)]
    );
    assert_eq!(life_in(&entry.unwrap()), life_in_docker(&container));

    container.docker(&["unpause"]);
    assert_eq!(news().0[0]["details"], changed("paused", "running", &name));

    container.docker(&["stop", "--time", "0"]);
    let (events, entry) = news();
    assert_eq!(types(&events), ["container_status_changed"]);
    assert_eq!(events[0]["details"], changed("running", "exited", &name));
    let exited = entry.unwrap();
    assert_eq!(life_in(&exited), life_in_docker(&container));
    assert_eq!(exited["pid"], Value::Null);
    for kept in ["detected_at", "detected_labels", "created_at", "gpus"] {
        assert_eq!(exited[kept], first[kept], "{kept}");
    }

    container.docker(&["rm"]);
    let (events, entry) = news();
    assert_eq!(entry, None);
    assert_eq!(types(&events), ["container_exited"]);
    let gone = json!({ "container_id": container.id(), "name": name, "origin": "raw-docker" });
    assert_eq!(events[0]["details"], gone);
    assert_eq!(types(&news().0), [""; 0], "gone is gone");
}

#[test]
fn one_that_removes_itself_is_gone_in_one_step() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&["--rm"]);
    host.scan();
    container.docker(&["kill"]);
    let own = format!("id={}", container.id());
    wait_until("gone", DEADLINE, || host.rig.docker(&["ps", "--all", "--quiet", "--filter", &own]).is_empty());
    host.scan();
    assert_eq!(host.entry(&container), None);
    assert_eq!(types(&host.events(&container)), ["container_discovered", "container_exited"]);
}

#[test]
fn one_that_came_and_went_between_two_scans_leaves_no_trace() {
    let Some(host) = Host::new() else { return };
    host.scan();
    let container = host.rig.run_sleeper(&[]);
    container.docker(&["rm", "--force"]);
    host.scan();
    assert_eq!(types(&host.events(&container)), [""; 0]);
}
