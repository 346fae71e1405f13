//! What host processes belong to, and what a name of a control group is worth.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::time::Duration;

use ds01_core::{
    detect::{
        Inventory, Settings,
        inventory::{ContainerEntry, ProcessEntry},
        look,
    },
    source::fake::{ContainerSpec, FakeHost, GpuSpec, ProcessSpec, Scenario, ScenarioError},
};

const PID: u32 = 4711;

fn scan(host: &FakeHost, before: &Inventory) -> Inventory {
    look(&host.sources(), before, Duration::from_secs(60), &Settings::default())
}

/// What became of a process in this control group, on a host with the containers `mine` and `theirs`, whose ids stand for those
/// words in the path.
fn placed(path: &str) -> (Option<ProcessEntry>, Vec<String>) {
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    host.add_gpus(&[GpuSpec { uuid: "GPU-1".into(), ..Default::default() }]).unwrap();
    for name in ["mine", "theirs"] {
        host.add_container(&ContainerSpec { name: name.into(), ..Default::default() }).unwrap();
    }
    let before = scan(&host, &Inventory::empty());
    let path = before.containers.values().fold(path.to_owned(), |path, c| path.replace(&c.name, c.full_id.as_str()));
    let gpus = [("0".to_owned(), Some(1000))].into();
    let process = ProcessSpec { pid: PID, uid: 1000, name: "x".into(), cgroup: Some(path), gpus, ..Default::default() };
    host.add_process(&process).unwrap();
    let after = scan(&host, &scan(&host, &before));
    let holds = |c: &&ContainerEntry| c.gpu_processes.as_ref().unwrap().iter().any(|process| process.pid == PID);
    let names = after.containers.values().filter(holds).map(|c| c.name.clone()).collect();
    (after.host_processes.get(&PID).cloned(), names)
}

#[test]
fn of_a_container_in_a_container_the_outermost_that_is_listed_has_it() {
    for path in ["/system.slice/docker-mine.scope", "/docker/mine/docker/theirs", "/docker/mine/docker-theirs.scope/x"]
    {
        let (process, containers) = placed(path);
        assert_eq!((process, containers), (None, vec!["mine".to_owned()]), "{path}");
    }
    let unlisted = "b1946ac92492d234".repeat(4);
    let (process, containers) = placed(&format!("/kubepods/pod1/{unlisted}/docker/mine"));
    assert_eq!((process, containers), (None, vec!["mine".to_owned()]), "of an engine in a pod");
}

#[test]
fn a_group_that_a_user_named_is_the_users_whatever_its_name() {
    for name in ["docker-theirs.scope", "theirs", "libpod-theirs.scope/container", "docker/mine/docker/theirs"] {
        let (process, containers) = placed(&format!("/user.slice/user-1000.slice/user@1000.service/{name}"));
        assert_eq!(containers, [""; 0], "{name}");
        let process = process.unwrap();
        assert_eq!((process.in_container, process.container_id), (false, None), "{name}");
        assert_eq!(process.belongs_to[0].user.as_deref(), Some("1000"), "{name}");
    }
}

#[test]
fn each_says_what_it_belongs_to_and_root_of_an_instance_hides_nothing() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/scenarios/belongs-to.yaml");
    let scenario = Scenario::from_yaml(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut inventory = Inventory::empty();
    scenario
        .play(|_, host| {
            inventory = scan(host, &inventory);
            Ok::<(), ScenarioError>(())
        })
        .unwrap();
    let words = |entry: &ProcessEntry| {
        let of = |user: &Option<String>| user.as_ref().map(|user| format!(" of {user}")).unwrap_or_default();
        let all = entry.belongs_to.iter().map(|one| format!("{one}{}", of(&one.user)));
        (entry.pid, all.collect::<Vec<_>>().join(", "))
    };
    let told: Vec<(u32, String)> = inventory.host_processes.values().map(words).collect();
    let theirs = "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";
    let expected = [
        (4001, "slurm-job 8161.batch, apptainer pytorch.sif?".to_owned()),
        (4002, "pod 4a163a05-439d-484b-8e53-2968bc15824f".to_owned()),
        (4003, "lxc notebooks".to_owned()),
        (4004, "session 3 of ben".to_owned()),
        (4005, "unit triton.service".to_owned()),
        (4006, format!("user-unit {theirs} of ben")),
        (4007, "lxc notebooks".to_owned()),
    ];
    assert_eq!(told, expected);
    assert_eq!(inventory.host_processes[&4001].belongs_to[0].says["partition"], "gpu");
    assert!(inventory.host_processes[&4002].in_container);
}
