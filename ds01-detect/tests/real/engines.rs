//! A real Docker and a real Podman side by side, each a source of its own.

use std::path::Path;

use docker_rig::{podman::Podman, wait_until};
use serde_json::Value;

use crate::{
    host::{DEADLINE, Host},
    proxy::{Proxy, inspects_of, others},
    support::Run,
};

/// What a container of Podman's does.
const SLEEPS: [&str; 2] = ["sleep", "100000"];

fn entry(host: &Host, id: &str) -> Value {
    host.detector.inventory()["containers"][&id[..12]].clone()
}

fn state(host: &Host, engine: &str) -> Value {
    host.detector.inventory()["sources"][engine]["state"].clone()
}

fn requests(run: &Run, engine: &str) -> Option<u64> {
    let said = run.stderr();
    let line = said.lines().find_map(|line| line.split_once(&format!(" requests to {engine}")))?;
    line.0.rsplit(' ').next()?.parse().ok()
}

/// One scan while an engine is out of reach.
fn failing(host: &Host) -> Run {
    host.detector.run(&["--verbose"]).ends_with(1)
}

#[test]
fn docker_and_podman_are_seen_in_one_scan_and_fail_each_by_itself() {
    let Some(rig) = docker_rig::Rig::from_env() else { return };
    let mut podman = Podman::start();
    let docker = Proxy::before(rig.socket());
    let mut host = Host::behind(rig, docker.socket());
    host.detector = host.detector.engine("podman", &podman.socket());
    let name = docker_rig::Rig::unique_name("train");
    let own = host.rig.run_sleeper(&["--name", &name]);
    let label = ["--label=ds01.user=bob", "--device=/dev/null:/dev/nvidia0"];
    let theirs = podman.run(&name, &label, &SLEEPS);

    let first = host.scan();
    let (of_docker, of_podman) = (entry(&host, own.id()), entry(&host, &theirs));
    assert_eq!((&of_docker["name"], &of_podman["name"]), (&name.clone().into(), &name.clone().into()));
    assert_eq!((of_docker.get("engine"), &of_podman["engine"]), (None, &"podman".into()));
    assert_eq!(of_podman["user"], "bob");
    let pid: u64 = podman.podman(&["inspect", "--format", "{{.State.Pid}}", &theirs]).parse().unwrap();
    assert_eq!(of_podman["pid"], pid);
    assert!(of_podman["_pid_start_ticks"].is_u64(), "its control group is recognised: {of_podman:#}");
    assert!(requests(&first, "Podman").is_some_and(|sent| sent >= 3), "{}", first.stderr());

    // The version and the list, of each. Others' containers are inspected, too, on the daemon that all share.
    wait_until("a quiet scan", DEADLINE, || {
        docker.take_requests();
        let run = host.scan();
        let sent = docker.take_requests();
        assert_eq!(requests(&run, "Docker"), u64::try_from(sent.len()).ok());
        assert!(others(&sent) == 2, "{sent:?}");
        requests(&run, "Podman") == Some(2) && inspects_of(&own, &sent) == 0
    });

    // Podman is gone, then Docker is: what either told is kept, and the other's is new.
    podman.end_service();
    own.docker(&["pause"]);
    let failed = failing(&host);
    assert!(failed.stderr().contains("podman.socket"), "{}", failed.stderr());
    assert_eq!((state(&host, "docker"), state(&host, "podman")), ("ok".into(), "failed".into()));
    assert_eq!((&entry(&host, own.id())["status"], entry(&host, own.id()).get("stale")), (&"paused".into(), None));
    assert_eq!(entry(&host, &theirs)["stale"], true);

    podman.serve();
    podman.podman(&["stop", "--time", "0", &theirs]);
    host.detector = host.detector.docker(Path::new("/nonexistent/docker.sock"));
    failing(&host);
    assert_eq!((state(&host, "docker"), state(&host, "podman")), ("failed".into(), "ok".into()));
    assert_eq!(entry(&host, own.id())["stale"], true);
    assert_eq!(entry(&host, &theirs)["status"], "exited");
    podman.podman(&["rm", "--force", &theirs]);
    failing(&host);

    let of = |id: &str| -> Vec<String> {
        let about = |event: &&Value| event["details"]["container_id"] == id;
        let events = host.detector.events();
        let shown = |event: &Value| {
            format!("{} {}", event["event_type"].as_str().unwrap(), event["engine"].as_str().unwrap_or("-"))
        };
        events.iter().filter(about).map(shown).collect()
    };
    assert_eq!(of(own.id()), ["detection.container_discovered -", "detection.container_status_changed -"]);
    let podmans = [
        "detection.container_discovered podman",
        "detection.container_status_changed podman",
        "detection.container_exited podman",
    ];
    assert_eq!(of(&theirs), podmans);
    let failures: Vec<Value> =
        host.detector.events().into_iter().filter(|event| event["details"]["source"].is_string()).collect();
    let shown: Vec<String> = failures
        .iter()
        .map(|event| {
            format!("{} {}", event["event_type"].as_str().unwrap(), event["details"]["source"].as_str().unwrap())
        })
        .collect();
    let expected =
        ["detection.source_failed podman", "detection.source_failed docker", "detection.source_recovered podman"];
    assert_eq!(shown, expected);
}
