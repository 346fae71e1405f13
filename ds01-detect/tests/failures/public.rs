//! What everybody may see, where Docker can't describe what it lists.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use docker_rig::fake_daemon::{Answer, Containers, FakeDaemon};
use nvml_standin::{Gpu, Process, Scenario};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    as_root,
    host::{FIRST_GPU, LEAVER, Moment, ProcRoot, SECOND_GPU, container, container_id},
    support::{Detector, Gpus},
};

fn public_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// On the first there is a process of somebody's.
fn two_gpus() -> Gpus {
    let first = Gpu::new(FIRST_GPU, 81_920).process(Process::new(LEAVER, 100));
    Gpus::new(&Scenario::default().gpu(first).gpu(Gpu::new(SECOND_GPU, 81_920)))
}

/// The first has GPU 0, the second none.
fn two_containers() -> Containers {
    container(container(Containers::new("1.41", "1.12"), 1, "running"), 2, "running")
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn while_docker_can_not_describe_one_that_runs_no_gpu_is_free() {
    let fails = Arc::new(AtomicBool::new(true));
    let (containers, still) = (two_containers(), Arc::clone(&fails));
    let odd = format!("/containers/{}/json", container_id(2));
    let docker = FakeDaemon::start(move |request| match request {
        request if request.contains(&odd) && still.load(SeqCst) => Answer::Error(500, "secret-project".to_owned()),
        request => containers.answer(request),
    })
    .unwrap();
    let (gpus, proc, dir) = (two_gpus(), ProcRoot::new(Moment::Second), public_dir());
    let detector = Detector::new().docker(docker.socket()).nvml(gpus.library()).proc_root(proc.path());
    let scanned = || {
        detector.run(&["--public-dir", dir.path().to_str().unwrap()]).ends_with(0);
        let picture = read(&dir.path().join("gpus.json"));
        assert!(!picture.to_string().contains("secret-project"), "{picture}");
        let states: Vec<&str> =
            picture["gpus"].as_array().unwrap().iter().map(|gpu| gpu["state"].as_str().unwrap()).collect();
        (states.join(" "), picture["untold"].as_u64().unwrap(), picture["gpus"][1]["why"].clone())
    };
    let why = json!("a running container can have any GPU, and nobody can tell which");
    assert_eq!(scanned(), ("held unknown".to_owned(), 1, why));
    fails.store(false, SeqCst);
    assert_eq!(scanned(), ("held free".to_owned(), 0, Value::Null));
}

/// An entry that makes no sense is quoted, with whoever's it is.
#[test]
fn what_docker_says_of_one_users_containers_reaches_no_other_user() {
    let odd = json!({
        "Id": container_id(3), "Names": ["/secret-project"], "Image": "secret-image", "ImageID": "sha256:0",
        "Created": 1_700_000_000, "Labels": ["odd"], "State": "running", "Status": "Up 3 seconds",
    });
    let lists_it = Arc::new(AtomicBool::new(false));
    let (sound, still) = (two_containers(), Arc::clone(&lists_it));
    let with_odd = two_containers().with(&container_id(3), odd.to_string(), "{}".to_owned());
    let docker = FakeDaemon::start(
        move |request| {
            if still.load(SeqCst) { with_odd.answer(request) } else { sound.answer(request) }
        },
    )
    .unwrap();
    let (gpus, proc, dir) = (two_gpus(), ProcRoot::new(Moment::Second), public_dir());
    let detector = Detector::new().docker(docker.socket()).nvml(gpus.library()).proc_root(proc.path());
    let scan = || detector.run(&["--public-dir", dir.path().to_str().unwrap()]);
    scan().ends_with(0);
    lists_it.store(true, SeqCst);
    scan().ends_with(1);
    let error = detector.inventory()["sources"]["docker"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("secret-project"), "{error}");
    assert!(!fs::read_to_string(dir.path().join("gpus.json")).unwrap().contains("secret"));
    if as_root("a file that is another user's") {
        let own = read(&dir.path().join("users/4001"));
        assert!(own["host_processes"][LEAVER.to_string()].is_object(), "{own}");
        assert_eq!(own["sources"]["docker"]["state"], "failed");
        assert!(!own.to_string().contains("secret"), "{own}");
    }
}
