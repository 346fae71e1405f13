//! Who holds a GPU: real processes, made known to the driver's library by their true pids.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
};

use docker_rig::fake_daemon::{Containers, FakeDaemon};
use nvml_standin::Process;
use serde_json::{Value, json};

use crate::{
    child::{Child, ForeignContainer, ProcRoot},
    host::{A, B, Host, MIG_0, MIG_1, gpus, life_in, life_in_docker, types},
    support::{Detector, Gpus},
};

/// A uid of a login user that no name service knows.
const USER: u32 = 54_321;

/// A uid that is called `nobody` on every Linux.
const NOBODY: u32 = 65_534;

impl Host {
    /// From now on these processes hold these GPUs, and so much memory on them in MiB.
    fn hold(&self, held: &[(u32, &str, u64)]) {
        self.gpus.become_those_of(&gpus(|uuid| {
            let here = held.iter().filter(|(_, gpu, _)| *gpu == uuid);
            here.map(|(pid, _, memory)| Process::new(*pid, *memory)).collect()
        }));
    }

    fn listed(&self, pid: u32) -> Option<Value> {
        self.detector.inventory()["host_processes"].get(pid.to_string()).cloned()
    }

    fn pending(&self, pid: u32) -> Option<Value> {
        self.detector.inventory()["_pending_processes"].get(pid.to_string()).cloned()
    }
}

fn sleep() -> Child {
    Child::start(Command::new("sleep").arg("100000"), "sleep")
}

#[test]
fn each_process_lands_where_it_belongs() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&["--user=65534"]);
    let in_container: u32 = container.inspect("{{.State.Pid}}").parse().unwrap();
    let on_host = Child::sleeper_of(NOBODY, Path::new("/bin/sleep"));
    let foreign = ForeignContainer::with(sleep());
    host.hold(&[
        (in_container, A, 1000),
        (in_container, MIG_1, 500),
        (on_host.pid(), A, 2000),
        (on_host.pid(), MIG_0, 30),
        (foreign.pid(), MIG_1, 300),
    ]);

    let entry = host.scanned(&container);
    let held = json!([{ "gpu_uuid": A, "memory_mb": 1000 }, { "gpu_uuid": MIG_1, "memory_mb": 500 }]);
    assert_eq!(entry["gpu_processes"], json!([{ "pid": in_container, "name": "busybox", "gpus": held }]));
    assert_eq!(entry["gpu_memory_mb"], 1500);
    assert_eq!((&entry["has_gpu"], &entry["gpu_access"]), (&json!(true), &json!("process")));
    assert_eq!(entry["gpus"], json!([A, MIG_1]));
    assert_eq!((&entry["user"], &entry["user_source"]), (&json!("nobody"), &json!("process-uid")));
    assert!(host.pending(on_host.pid()).is_some() && host.pending(foreign.pid()).is_some());
    assert_eq!((host.listed(on_host.pid()), host.listed(foreign.pid())), (None, None), "seen once");

    host.scan();
    for pid in [on_host.pid(), foreign.pid()] {
        assert_eq!(host.pending(pid), None);
        assert_eq!(types(&host.process_events(pid)), ["host_gpu_process_discovered"]);
    }
    assert_eq!((host.listed(in_container), host.pending(in_container)), (None, None), "it is the container's");
    assert_eq!(types(&host.process_events(in_container)), [""; 0]);

    let entry = host.listed(on_host.pid()).unwrap();
    assert_eq!((&entry["user"], &entry["uid"]), (&json!("nobody"), &json!(NOBODY)));
    assert_eq!((&entry["name"], &entry["cmdline"]), (&json!("sleep"), &json!("/bin/sleep 100000")));
    assert_eq!((&entry["gpu_memory_mb"], &entry["gpu_uuid"]), (&json!(2030), &json!(A)));
    let held = json!([{ "gpu_uuid": A, "memory_mb": 2000 }, { "gpu_uuid": MIG_0, "memory_mb": 30 }]);
    assert_eq!(entry["gpus"], held);
    assert_eq!((&entry["in_container"], &entry["container_id"]), (&Value::Null, &Value::Null));
    let discovered =
        json!({ "pid": on_host.pid(), "cmdline": "/bin/sleep 100000", "gpu_memory_mb": 2030, "gpu_uuid": A });
    assert_eq!(host.process_events(on_host.pid())[0]["details"], discovered);
    assert_eq!(host.process_events(on_host.pid())[0]["user"], "nobody");

    let entry = host.listed(foreign.pid()).unwrap();
    assert_eq!((&entry["in_container"], &entry["container_id"]), (&json!(true), &json!(foreign.id())));
    assert_eq!((&entry["user"], &entry["gpu_memory_mb"]), (&json!("root"), &json!(300)));
    assert_eq!(entry["gpus"], json!([{ "gpu_uuid": MIG_1, "memory_mb": 300 }]));
    assert_eq!(entry["belongs_to"], json!([{ "kind": "container", "id": foreign.id(), "proof": "cgroup" }]));
}

/// Whoever may make a cgroup may name it as he likes: the kernel's owner of the directory tells whose name it is.
#[test]
fn a_cgroup_that_a_user_named_like_a_container_is_the_users_own() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&[]);
    let forger = Child::sleeper_of(NOBODY, Path::new("/bin/sleep"));
    let forged = ForeignContainer::forged(forger, container.id(), NOBODY);
    host.hold(&[(forged.pid(), A, 1000)]);
    host.scan();
    host.scan();
    let entry = host.entry(&container).unwrap();
    assert_eq!((&entry["gpu_processes"], &entry["has_gpu"]), (&json!([]), &json!(false)), "it holds nothing");
    assert_eq!(types(&host.events(&container)), ["container_discovered"]);
    let entry = host.listed(forged.pid()).unwrap();
    assert_eq!((&entry["user"], &entry["gpu_memory_mb"]), (&json!("nobody"), &json!(1000)));
    assert_eq!((&entry["in_container"], &entry["container_id"]), (&Value::Null, &Value::Null));
    let own = format!("docker-{}.scope", container.id());
    let own = json!([{ "kind": "user-unit", "id": own, "uid": NOBODY, "user": "nobody", "proof": "cgroup" }]);
    assert_eq!(entry["belongs_to"], own);
}

/// A pid that no process has: the kernel's largest.
const NOBODYS_PID: u32 = 4_194_304;

#[test]
fn memory_of_a_process_that_no_longer_exists_is_told_at_the_second_scan() {
    let Some(host) = Host::new() else { return };
    let dead = || host.detector.inventory()["dead_processes"].get(NOBODYS_PID.to_string()).cloned();
    host.hold(&[(NOBODYS_PID, A, 10_240)]);
    host.scan();
    assert_eq!((dead().unwrap()["confirmed"].clone(), host.listed(NOBODYS_PID)), (json!(false), None));
    assert!(host.process_events(NOBODYS_PID).is_empty(), "it may be ending just now");
    host.scan();
    let entry = dead().unwrap();
    assert_eq!((&entry["confirmed"], &entry["gpu_memory_mb"]), (&json!(true), &json!(10_240)));
    assert_eq!(types(&host.process_events(NOBODYS_PID)), ["dead_process_discovered"]);
    host.hold(&[]);
    host.scan();
    assert_eq!((dead(), types(&host.process_events(NOBODYS_PID))[1..].to_vec()), (None, vec!["dead_process_cleared"]));
}

#[test]
fn a_context_once_seen_proves_access_for_the_rest_of_that_life() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&[]);
    let access = |entry: &Value| (entry["has_gpu"].clone(), entry["gpu_access"].clone(), entry["gpus"].clone());
    assert_eq!(access(&host.scanned(&container)), (json!(false), Value::Null, json!([])));
    host.hold(&[(container.inspect("{{.State.Pid}}").parse().unwrap(), B, 10)]);
    assert_eq!(access(&host.scanned(&container)), (json!(true), json!("process"), json!([B])));
    host.hold(&[]);
    let entry = host.scanned(&container);
    assert_eq!(access(&entry), (json!(true), json!("process"), json!([])));
    assert_eq!((&entry["gpu_processes"], &entry["gpu_memory_mb"]), (&json!([]), &json!(0)));
    container.docker(&["restart", "--time", "0"]);
    let entry = host.scanned(&container);
    assert_eq!(access(&entry), (json!(false), Value::Null, json!([])));
    assert_eq!(life_in(&entry), life_in_docker(&container));
    assert_eq!(
        types(&host.events(&container)),
        ["container_discovered", "classification_changed", "classification_changed"]
    );
}

#[test]
fn one_that_is_seen_once_is_dropped_in_silence() {
    let Some(host) = Host::new() else { return };
    let (transient, lasting) = (sleep(), sleep());
    let pids = (transient.pid(), lasting.pid());
    host.hold(&[(pids.0, A, 1), (pids.1, A, 1)]);
    host.scan();
    assert!(host.pending(pids.0).is_some() && host.pending(pids.1).is_some());
    drop(transient);
    // The driver may well name it still, for a while.
    host.scan();
    host.hold(&[(pids.1, A, 1)]);
    assert_eq!((host.pending(pids.0), host.listed(pids.0)), (None, None));
    assert!(host.listed(pids.1).is_some());
    drop(lasting);
    host.scan();
    host.hold(&[]);
    host.scan();
    assert_eq!((host.pending(pids.1), host.listed(pids.1)), (None, None));
    assert_eq!(types(&host.process_events(pids.0)), [""; 0]);
    assert_eq!(types(&host.process_events(pids.1)), ["host_gpu_process_discovered", "host_gpu_process_exited"]);
}

#[test]
fn one_that_lets_go_of_the_gpu_and_lives_on_has_left_the_picture() {
    let Some(host) = Host::new() else { return };
    let child = sleep();
    host.hold(&[(child.pid(), A, 1)]);
    host.scan();
    host.scan();
    assert!(host.listed(child.pid()).is_some());
    host.hold(&[]);
    host.scan();
    assert_eq!(host.listed(child.pid()), None);
    assert_eq!(types(&host.process_events(child.pid())), ["host_gpu_process_discovered", "host_gpu_process_exited"]);
}

/// No test can make the kernel give a pid again: here `/proc` is made by hand.
#[test]
fn a_pid_given_again_is_another_process() {
    const PID: u32 = 4242;
    let daemon = FakeDaemon::start(|request| Containers::new("1.41", "1.12").answer(request)).unwrap();
    let proc_root = ProcRoot::new();
    let library = Gpus::new(&gpus(|uuid| (uuid == A).then(|| Process::new(PID, 7)).into_iter().collect()));
    let detector = Detector::new().docker(daemon.socket()).nvml(library.library()).proc_root(proc_root.path());
    let entry = |list: &str| detector.inventory()[list].get(PID.to_string()).cloned();
    let scan = || detector.run(&[]).ends_with(0);

    proc_root.put(PID, USER, 1000, b"first\0");
    scan();
    scan();
    assert_eq!(entry("host_processes").unwrap()["cmdline"], "first");
    proc_root.put(PID, USER, 2000, b"");
    scan();
    assert_eq!(entry("host_processes"), None, "it is gone");
    let second = entry("_pending_processes").unwrap();
    assert_eq!(second["cmdline"], "", "a command line that is empty is known");
    scan();
    let listed = entry("host_processes").unwrap();
    assert_eq!((&listed["cmdline"], &listed["name"]), (&json!(""), &json!("python")));
    assert_eq!(listed["detected_at"], second["detected_at"]);
    assert_eq!(listed["user"], USER.to_string(), "digits where the name service knows no name");
    // And once more while it waits for its second scan.
    proc_root.put(PID, USER, 3000, b"third\0");
    scan();
    proc_root.put(PID, USER, 4000, b"fourth\0");
    scan();
    assert_eq!(entry("host_processes"), None, "neither was seen twice");
    assert_eq!(entry("_pending_processes").unwrap()["cmdline"], "fourth");
    let told: Vec<(String, Value)> = detector
        .events()
        .into_iter()
        .map(|event| (types(std::slice::from_ref(&event))[0].to_owned(), event["details"]["cmdline"].clone()))
        .collect();
    let (came, went) = ("host_gpu_process_discovered".to_owned(), "host_gpu_process_exited".to_owned());
    let expected =
        [(came.clone(), json!("first")), (went.clone(), json!("first")), (came, json!("")), (went, json!(""))];
    assert_eq!(told, expected);
}

#[test]
fn one_process_on_two_gpus_is_one_entry_and_unknown_memory_is_not_zero() {
    let Some(host) = Host::new() else { return };
    let child = sleep();
    let pid = child.pid();
    host.gpus.become_those_of(&gpus(|uuid| match uuid {
        A => vec![Process::new(pid, 100)],
        B => vec![Process::with_unavailable_memory(pid).mps()],
        _ => Vec::new(),
    }));
    host.scan();
    host.scan();
    let entry = host.listed(pid).unwrap();
    assert_eq!((&entry["gpu_memory_mb"], &entry["gpu_uuid"]), (&Value::Null, &json!(A)));
    let held: Vec<(&Value, &Value)> =
        entry["gpus"].as_array().unwrap().iter().map(|held| (&held["gpu_uuid"], &held["memory_mb"])).collect();
    assert_eq!(held, [(&json!(A), &json!(100)), (&json!(B), &Value::Null)]);
    assert!(entry["gpus"][1]["memory_unknown"].as_str().is_some_and(|why| !why.is_empty()), "{entry}");
    assert_eq!(host.process_events(pid)[0]["details"]["gpu_memory_mb"], Value::Null);
}

#[test]
fn command_lines_are_bytes() {
    let Some(host) = Host::new() else { return };
    let odd = OsStr::from_bytes(b"caf\xe9 \x1b[2J");
    let not_utf8 = Child::start(Command::new("sleep").arg0(odd).arg("100000"), "sleep");
    let empty = Child::start(Command::new("cat").arg0(""), "cat");
    host.hold(&[(not_utf8.pid(), A, 1), (empty.pid(), A, 1)]);
    host.scan();
    host.scan();
    assert_eq!(host.listed(not_utf8.pid()).unwrap()["cmdline"], "caf\u{fffd} \u{1b}[2J 100000");
    let empty = host.listed(empty.pid()).unwrap();
    assert_eq!((&empty["cmdline"], &empty["name"]), (&json!(""), &json!("cat")));
}

#[test]
fn only_the_systems_own_xorg_is_left_out() {
    let Some(host) = Host::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let xorg = dir.path().join("Xorg");
    fs::copy("/bin/sleep", &xorg).unwrap();
    let users = Child::sleeper_of(USER, &xorg);
    let systems = Child::start(Command::new(&xorg).arg("100000"), "Xorg");
    // A process that only calls itself so is another program.
    let mut renamed = Command::new("sleep");
    let pretender = Child::start(renamed.arg0("Xorg").arg("100000"), "sleep");
    host.hold(&[(users.pid(), A, 1), (systems.pid(), A, 1), (pretender.pid(), A, 1)]);
    host.scan();
    host.scan();
    assert_eq!(host.listed(users.pid()).unwrap()["name"], "Xorg");
    assert!(host.listed(pretender.pid()).is_some());
    // What a login user runs as root, a test by hand say, is the user's.
    let login_uid = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let by_login = login_uid.trim().parse().is_ok_and(|uid: u32| (1000..u32::MAX).contains(&uid));
    assert_eq!(host.listed(systems.pid()).is_some(), by_login);
}
