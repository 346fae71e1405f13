//! The Docker door against a real daemon: what each way to start a container looks like through it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{collections::BTreeMap, time::Duration};

use docker_rig::{BUSYBOX, CUDA, Container, Rig, wait_until};
use ds01_core::{
    model::{ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest},
    source::{
        ContainerSource, Inspection,
        docker::{Docker, DockerOptions},
    },
};
use jiff::Timestamp;

/// More than the slowest machine needs for one container to change its state.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs forever, and ends when it is told to.
const SLEEP: [&str; 2] = ["sleep", "100000"];

struct Door {
    docker: Docker,
    rig: Rig,
}

impl Door {
    fn open() -> Option<Self> {
        let rig = Rig::from_env()?;
        let options = DockerOptions { socket: rig.socket().to_owned(), ..DockerOptions::default() };
        Some(Self { docker: Docker::new(options).unwrap(), rig })
    }

    fn listing(&self, container: &Container) -> Option<ContainerListing> {
        self.docker.list().unwrap().into_iter().find(|entry| entry.id.as_str() == container.id())
    }

    fn inspection(&self, container: &Container) -> Inspection {
        let id: ContainerId = container.id().parse().unwrap();
        let mut answers = self.docker.inspect(&[id]).unwrap();
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    fn details(&self, container: &Container) -> ContainerDetails {
        match self.inspection(container) {
            Inspection::Details(details) => *details,
            other => panic!("no details of {}: {other:?}", container.name()),
        }
    }

    /// The configuration of a container made (and not started) with these options.
    fn config_of(&self, options: &[&str]) -> ContainerConfig {
        self.details(&self.rig.create_container(&[options, &[BUSYBOX], &SLEEP].concat())).config
    }

    fn device_requests_of(&self, options: &[&str]) -> Vec<DeviceRequest> {
        self.config_of(options).device_requests
    }
}

fn gpu_request(count: i64, ids: &[&str]) -> DeviceRequest {
    DeviceRequest {
        driver: String::new(),
        count,
        ids: ids.iter().map(ToString::to_string).collect(),
        capabilities: vec![vec!["gpu".to_owned()]],
    }
}

#[test]
fn a_created_container_has_no_life_yet() {
    let Some(door) = Door::open() else { return };
    let before = Timestamp::now();
    let container = door.rig.create_container(&["--label", "a.b=c d", BUSYBOX, "true"]);

    let listing = door.listing(&container).unwrap();
    assert_eq!(listing.name, container.name());
    assert_eq!(listing.status, ContainerStatus::Created);
    assert_eq!(listing.image, BUSYBOX);
    assert!(listing.image_id.starts_with("sha256:"), "{}", listing.image_id);
    assert_eq!(listing.labels, BTreeMap::from([("a.b".to_owned(), "c d".to_owned())]));
    // Docker gives it in whole seconds.
    assert!((before.as_second()..=Timestamp::now().as_second()).contains(&listing.created_at.as_second()));

    let details = door.details(&container);
    assert_eq!(details.status, ContainerStatus::Created);
    assert_eq!((details.started_at, details.pid), (None, None));
}

#[test]
fn a_running_container_tells_its_pid_on_the_host_and_its_start() {
    let Some(door) = Door::open() else { return };
    let before = Timestamp::now();
    let container = door.rig.run_sleeper(&[]);

    let listing = door.listing(&container).unwrap();
    assert_eq!(listing.status, ContainerStatus::Running);
    assert!(listing.status_text.starts_with("Up "), "{}", listing.status_text);
    let details = door.details(&container);
    assert_eq!(details.status, ContainerStatus::Running);
    let started_at = details.started_at.unwrap();
    assert!(before <= started_at && started_at <= Timestamp::now(), "{started_at}");
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", details.pid.unwrap())).unwrap();
    assert_eq!(cmdline, b"sleep\x00100000\0");
}

#[test]
fn a_paused_container_is_up() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_sleeper(&[]);
    container.docker(&["pause"]);
    let listing = door.listing(&container).unwrap();
    assert_eq!(listing.status, ContainerStatus::Paused);
    assert!(listing.status_text.ends_with("(Paused)"), "{}", listing.status_text);
    let details = door.details(&container);
    assert_eq!(details.status, ContainerStatus::Paused);
    assert!(details.pid.is_some() && details.started_at.is_some(), "{details:?}");
}

#[test]
fn a_container_that_fails_over_and_over_is_restarting() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_container(&["--restart", "always", BUSYBOX, "false"]);
    // Docker waits longer before each new attempt, so that this state soon lasts.
    wait_until("restarting", DEADLINE, || door.listing(&container).unwrap().status == ContainerStatus::Restarting);
    wait_until("restarting", DEADLINE, || {
        let details = door.details(&container);
        details.status == ContainerStatus::Restarting && details.pid.is_none() && details.started_at.is_some()
    });
}

#[test]
fn an_exited_container_keeps_the_start_of_its_last_life() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_container(&[BUSYBOX, "true"]);
    wait_until("exited", DEADLINE, || door.listing(&container).unwrap().status == ContainerStatus::Exited);
    let details = door.details(&container);
    assert_eq!(details.status, ContainerStatus::Exited);
    assert_eq!(details.pid, None);
    assert!(details.started_at.is_some());
}

#[test]
fn a_restart_gives_a_new_start_and_pid() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_sleeper(&[]);
    let first = door.details(&container);
    container.docker(&["restart", "--time", "0"]);
    let second = door.details(&container);
    assert!(first.started_at < second.started_at, "{first:?} {second:?}");
    assert_ne!(first.pid, second.pid);
    assert_eq!(first.config, second.config);
}

#[test]
fn a_container_that_removes_itself_is_gone() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_sleeper(&["--rm"]);
    assert_eq!(door.listing(&container).unwrap().status, ContainerStatus::Running);
    container.docker(&["kill"]);
    wait_until("gone from the list", DEADLINE, || door.listing(&container).is_none());
    assert_eq!(door.inspection(&container), Inspection::Gone);
}

#[test]
fn gpus_are_device_requests() {
    let Some(door) = Door::open() else { return };
    assert_eq!(door.device_requests_of(&[]), []);
    assert_eq!(door.device_requests_of(&["--gpus", "all"]), [gpu_request(-1, &[])]);
    assert_eq!(door.device_requests_of(&["--gpus", "2"]), [gpu_request(2, &[])]);
    assert_eq!(door.device_requests_of(&["--gpus", "device=1"]), [gpu_request(0, &["1"])]);
    assert_eq!(door.device_requests_of(&["--gpus", "\"device=0,1\""]), [gpu_request(0, &["0", "1"])]);
    let uuids = "\"device=GPU-00000000-1111-2222-3333-444444444444,MIG-55555555-6666-7777-8888-999999999999\"";
    let expected = ["GPU-00000000-1111-2222-3333-444444444444", "MIG-55555555-6666-7777-8888-999999999999"];
    assert_eq!(door.device_requests_of(&["--gpus", uuids]), [gpu_request(0, &expected)]);
}

#[test]
fn a_container_with_gpus_runs_on_the_rig() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_sleeper(&["--gpus", "all"]);
    assert_eq!(door.details(&container).status, ContainerStatus::Running);
}

#[test]
fn the_runtime_and_its_environment() {
    let Some(door) = Door::open() else { return };
    for (given, devices) in [(Some("0,1"), "0,1"), (Some("void"), "void"), (Some(""), ""), (None, "all")] {
        let variable = given.map(|devices| format!("NVIDIA_VISIBLE_DEVICES={devices}"));
        let env: Vec<&str> = variable.iter().flat_map(|variable| ["--env", variable]).collect();
        let options = [&["--runtime", "nvidia"], &*env, &[CUDA], &SLEEP].concat();
        let container = door.rig.run_container(&options);
        let config = door.details(&container).config;
        assert_eq!(config.runtime, "nvidia");
        assert_eq!(config.env["NVIDIA_VISIBLE_DEVICES"], devices);
        assert!(!config.env["CUDA_VERSION"].is_empty());
    }
    let config = door.config_of(&["--runtime", "nvidia"]);
    assert_eq!((config.runtime.as_str(), config.env.len()), ("nvidia", 0));
    assert_eq!(door.config_of(&[]).runtime, "runc");
}

#[test]
fn devices_are_told_by_their_path_on_the_host() {
    let Some(door) = Door::open() else { return };
    let config = door.config_of(&["--device", "/dev/null:/dev/nvidia0", "--device", "/dev/zero"]);
    assert_eq!(config.devices, ["/dev/null", "/dev/zero"]);
}

#[test]
fn only_the_environment_that_detection_reads_leaves_the_door() {
    let Some(door) = Door::open() else { return };
    let options = ["--env", "NB_USER=ann=b", "--env", "DS01_USER=", "--env", "AWS_SECRET_ACCESS_KEY=x"];
    let config = door.config_of(&options);
    let expected = [("DS01_USER", ""), ("NB_USER", "ann=b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(config.env, BTreeMap::from(expected));
}

#[test]
fn bind_mounts_are_told_and_volumes_are_not() {
    let Some(door) = Door::open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().to_str().unwrap();
    let bind = format!("{source}:/work:ro");
    let mount = format!("type=bind,src={source},dst=/more");
    let config = door.config_of(&["--volume", &bind, "--mount", &mount, "--volume", "/data", "--tmpfs", "/scratch"]);
    assert_eq!(config.bind_sources, [source, source]);
}

#[test]
fn a_renamed_container_is_listed_under_its_new_name() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.create_container(&[BUSYBOX, "true"]);
    let new_name = Rig::unique_name("renamed");
    door.rig.docker(&["rename", container.name(), &new_name]);
    assert_eq!(door.listing(&container).unwrap().name, new_name);
}

#[test]
fn a_linked_container_is_listed_under_its_own_name() {
    let Some(door) = Door::open() else { return };
    let target = door.rig.create_container(&[BUSYBOX, "true"]);
    // The alias sorts before the target's own name, and 20.10 lists it first.
    let link = format!("{}:alias", target.name());
    let source = door.rig.create_container(&["--name", &Rig::unique_name("aaa"), "--link", &link, BUSYBOX, "true"]);
    assert_eq!(door.listing(&target).unwrap().name, target.name());
    assert_eq!(door.listing(&source).unwrap().name, source.name());
}

#[test]
fn an_image_that_lost_its_name_leaves_the_reference_or_its_id() {
    let Some(door) = Door::open() else { return };
    let image = format!("{}:latest", Rig::unique_name("ds01-rig/short-lived"));
    door.rig.docker(&["tag", BUSYBOX, &image]);
    let container = door.rig.create_container(&[&image, "true"]);
    door.rig.docker(&["rmi", "--force", &image]);
    let listing = door.listing(&container).unwrap();
    assert!(listing.image == image || listing.image_id.contains(&listing.image), "{listing:?}");
}
