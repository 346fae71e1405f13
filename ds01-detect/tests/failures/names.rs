//! The real name service: files in place of `/etc/passwd` and `/etc/nsswitch.conf`, in a mount namespace of the test's own.

use std::{fmt::Write, fs, path::PathBuf, process::Command};

use docker_rig::fake_daemon::{Containers, FakeDaemon};
use nvml_standin::{Gpu, Process, Scenario};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    host::{FIRST_GPU, Moment, ProcRoot, container_id, make_fifo},
    namespace::{inside, mount},
    support::{Detector, Gpus},
};

/// Whose all processes are.
const ALICE: u32 = 4001;
const LABELLED: u32 = 4100;

/// Her process, and one of hers that comes later.
const FIRST: u32 = 2002;
const LATER: u32 = 2003;

/// A container that runs as her, and one that its label says is another user's.
const RUNS: u32 = 1;
const SAYS: u32 = 3;

struct Host {
    dir: TempDir,
    detector: Detector,
    gpus: Gpus,
    root: ProcRoot,
    _docker: FakeDaemon,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let labels = [(RUNS, json!({})), (SAYS, json!({ "ds01.user": "ann" }))];
        let containers = labels.into_iter().fold(Containers::new("1.41", "1.12"), |all, (number, labels)| {
            let id = container_id(number);
            let entry = json!({
                "Id": id, "Names": [format!("/c{number}")], "Image": "busybox", "ImageID": "sha256:0",
                "Created": 1_700_000_000, "Labels": labels, "State": "running", "Status": "Up 3 hours",
            });
            let details = json!({
                "Id": id, "State": { "Status": "running", "Pid": 1000 + number, "StartedAt": "2026-01-02T03:04:05.6Z" },
                "Config": {}, "HostConfig": { "Runtime": "runc" }, "Mounts": [],
            });
            all.with(&id, entry.to_string(), details.to_string())
        });
        let docker = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
        let (gpus, root) = (Gpus::new(&holding(&[FIRST])), ProcRoot::new(Moment::Second));
        let detector = Detector::new().docker(docker.socket()).nvml(gpus.library()).proc_root(root.path());
        let host = Self { dir, detector, gpus, root, _docker: docker };
        host.write("nsswitch.conf", "passwd: files\ngroup: files\n");
        mount(&["--bind", host.path("nsswitch.conf").to_str().unwrap()], "/etc/nsswitch.conf".as_ref());
        host.write("passwd", "");
        mount(&["--bind", host.path("passwd").to_str().unwrap()], "/etc/passwd".as_ref());
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// From now on these are the users.
    fn users(&self, users: &[(&str, u32)]) {
        self.write("passwd", &users.iter().map(|(name, uid)| line(name, *uid)).collect::<String>());
    }

    fn scan(&self) -> Value {
        self.detector.run(&["--deadline", "20"]).ends_with(0);
        self.detector.inventory()
    }
}

fn line(name: &str, uid: u32) -> String {
    format!("{name}:x:{uid}:{uid}:{name}:/home/{name}:/bin/sh\n")
}

fn holding(pids: &[u32]) -> Scenario {
    let gpu = Gpu::new(FIRST_GPU, 81_920);
    Scenario::default().gpu(pids.iter().fold(gpu, |gpu, pid| gpu.process(Process::new(*pid, 100))))
}

/// Whose her process and the container that runs as her are: the name, and what is told instead where it is remembered.
fn hers(inventory: &Value) -> (Value, Value) {
    let process = &inventory["host_processes"][FIRST.to_string()];
    let container = &inventory["containers"][&container_id(RUNS)[..12]];
    assert_eq!(process["user"], container["user"]);
    assert_eq!(process["user_remembered"], container["user_remembered"]);
    assert_eq!(container["user_source"], "process-uid");
    (process["user"].clone(), process["user_remembered"]["why"].clone())
}

fn number_of_labelled(inventory: &Value) -> Value {
    inventory["containers"][&container_id(SAYS)[..12]]["_user_uid"].clone()
}

#[test]
fn an_owner_who_was_known_stays_the_owner_whatever_the_name_service_says() {
    if !inside("names::an_owner_who_was_known_stays_the_owner_whatever_the_name_service_says") {
        return;
    }
    let host = Host::new();
    host.users(&[("root", 0), ("alice", ALICE), ("ann", LABELLED)]);
    host.scan();
    let known = host.scan();
    assert_eq!(hers(&known), (json!("alice"), Value::Null));
    assert_eq!(number_of_labelled(&known), LABELLED);
    let events = host.detector.events().len();

    // Whoever looks up a user waits for a writer who does not come.
    make_fifo(&host.path("fifo"));
    mount(&["--bind", host.path("fifo").to_str().unwrap()], "/etc/passwd".as_ref());
    let hung = host.scan();
    let (name, why) = hers(&hung);
    assert!(name == "alice" && why.as_str().unwrap().starts_with("the name service: no answer within 1s"), "{why}");
    assert_eq!(hung["host_processes"][FIRST.to_string()]["user_remembered"]["as_of"], known["last_scan"]);
    assert_eq!(number_of_labelled(&hung), LABELLED);
    assert!(Command::new("umount").arg("/etc/passwd").status().unwrap().success());

    // Nobody is known any more; then her number is another's, who starts something himself.
    host.users(&[("root", 0)]);
    assert_eq!(hers(&host.scan()), (json!("alice"), json!("no user with uid 4001 in the name service")));
    host.users(&[("bob", ALICE), ("carol", LABELLED)]);
    host.gpus.become_those_of(&holding(&[FIRST, LATER]));
    let reused = host.scan();
    assert_eq!(hers(&reused), (json!("alice"), json!("the name service calls user id 4001 bob now")));
    assert_eq!(reused["_pending_processes"][LATER.to_string()]["user"], "bob");
    assert_eq!(number_of_labelled(&reused), Value::Null, "it is Carol's by now");

    // Two names for one number, the other one first; and a hundred thousand others before hers.
    host.users(&[("alice-adm", ALICE), ("alice", ALICE), ("ann", LABELLED)]);
    assert_eq!(hers(&host.scan()), (json!("alice"), Value::Null));
    let mut many = String::new();
    (0..100_000).for_each(|n| many.write_str(&line(&format!("user{n}"), 100_000 + n)).unwrap());
    host.write("passwd", &(many + &line("alice", ALICE) + &line("ann", LABELLED)));
    let found = host.scan();
    assert_eq!((hers(&found), number_of_labelled(&found)), ((json!("alice"), Value::Null), json!(LABELLED)));

    // Of all that nothing is told but what was started.
    let told: Vec<Value> = host.detector.events().into_iter().skip(events).collect();
    let types: Vec<&str> = told.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["detection.host_gpu_process_discovered"], "{told:?}");
    assert_eq!(told[0]["user"], "bob");
}

/// With a second for each, a scan would have no end.
#[test]
fn a_hundred_numbers_that_nobody_answers_for_have_one_budget() {
    if !inside("names::a_hundred_numbers_that_nobody_answers_for_have_one_budget") {
        return;
    }
    let host = Host::new();
    make_fifo(&host.path("fifo"));
    mount(&["--bind", host.path("fifo").to_str().unwrap()], "/etc/passwd".as_ref());
    let pids: Vec<u32> = (5000..5100).collect();
    for pid in &pids {
        host.root.process_of(60_000 + pid, *pid, "/user.slice/user-4001.slice/session-3.scope");
    }
    host.gpus.become_those_of(&holding(&pids));
    let run = host.detector.run(&["--deadline", "20"]).ends_with(0);
    let said = run.stderr();
    // A line for each would fill the journal at every scan.
    assert_eq!(said.matches("user id").count(), 1, "{said}");
    assert!(said.contains("and 100 others are not known: timed out: the name service: no answer within 1s"), "{said}");
    let pending = host.detector.inventory()["_pending_processes"].as_object().unwrap().clone();
    assert_eq!(pending.len(), 100);
    assert!(pending.values().all(|process| process["user"].as_str() == Some(&process["uid"].to_string())));
}
