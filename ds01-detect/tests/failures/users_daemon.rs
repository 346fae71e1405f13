//! A daemon that a user runs on his own says what he lets it say: it changes nothing of what the others tell.

use std::{
    fs,
    os::unix::fs::{chown, symlink},
};

use docker_rig::fake_daemon::{Answer, Containers, FakeDaemon};
use nvml_standin::Scenario;
use serde_json::{Value, json};

use crate::{
    as_root,
    host::{container, container_id},
    support::{Detector, Gpus},
};

/// The user whose daemon it is.
const ALICE: u32 = 61_001;

/// The API version of both daemons.
const DOCKERS: &str = "1.41";

/// A host with a Docker daemon that has two containers, and no GPU.
fn dockers() -> FakeDaemon {
    let containers = container(container(Containers::new(DOCKERS, "1.12"), 1, "running"), 2, "exited");
    FakeDaemon::start(move |request| containers.answer(request)).unwrap()
}

fn detector(docker: &FakeDaemon, gpus: &Gpus) -> Detector {
    Detector::new().docker(docker.socket()).nvml(gpus.library())
}

fn with_engine(detector: Detector, name: &str, daemon: &FakeDaemon) -> Detector {
    detector.engine(name, daemon.socket())
}

/// What of a picture is of Docker's: all entries, and how it answered, without the times of the scan.
fn of_docker(inventory: &Value) -> Value {
    let mut containers = inventory["containers"].clone();
    let all = containers.as_object_mut().unwrap();
    all.retain(|_, entry| entry.get("engine").is_none());
    for entry in all.values_mut() {
        entry["detected_at"].take();
        entry["detected_labels"].take();
    }
    json!([containers, inventory["sources"]["docker"]["state"]])
}

/// Docker's picture where there is no other engine.
fn seen_alone(docker: &FakeDaemon, gpus: &Gpus) -> Value {
    let alone = detector(docker, gpus);
    alone.run(&[]).ends_with(0);
    of_docker(&alone.inventory())
}

#[test]
fn whatever_it_answers_dockers_picture_is_the_same() {
    if !as_root("a daemon of another user's") {
        return;
    }
    let (docker, gpus) = (dockers(), Gpus::new(&Scenario::default()));
    let expected = seen_alone(&docker, &gpus);
    assert_eq!(expected[0].as_object().unwrap().len(), 2);

    let ok = b"HTTP/1.1 200 OK\r\n".to_vec();
    let head = |rest: &str| [ok.clone(), rest.as_bytes().to_vec()].concat();
    let huge = || Answer::Endless(head("Content-Length: 1073741824\r\n\r\n["), vec![b' '; 65_536]);
    let answers: Vec<(&str, Answer)> = vec![
        ("never answers", Answer::silence()),
        ("answers a gigabyte", huge()),
        ("sends headers without end", Answer::Endless(ok.clone(), b"X-More: 0123456789abcdef\r\n".to_vec())),
        ("sends a header without end", Answer::Endless(head("X-More: "), vec![b'x'; 4096])),
        (
            "sends chunks without end",
            Answer::Endless(head("Transfer-Encoding: chunked\r\n\r\n"), b"1\r\n[\r\n".to_vec()),
        ),
        ("answers nothing in time", Answer::StallAfter(head("Content-Length: 5\r\n\r\n["))),
        ("answers nonsense", Answer::Json("\u{1b}[2Jnonsense".to_owned())),
        ("nests without end", Answer::Json("[".repeat(100_000))),
        ("hangs up", Answer::Raw(Vec::new())),
        ("refuses", Answer::Error(500, "no".to_owned())),
    ];
    for (what, answer) in answers {
        for first in [true, false] {
            let answer = answer.clone();
            let hostile = FakeDaemon::start_as(ALICE, move |request| match request {
                "/version" if !first => Containers::new(DOCKERS, "1.12").answer(request),
                _ => answer.clone(),
            });
            let hostile = hostile.unwrap();
            let detector = with_engine(detector(&docker, &gpus), &format!("docker:{ALICE}"), &hostile);
            let run = detector.run(&["--deadline", "10"]);
            let inventory = detector.inventory();
            assert_eq!(of_docker(&inventory), expected, "{what}");
            let source = &inventory["sources"][format!("docker:{ALICE}")];
            assert_eq!(source["state"], "failed", "{what}: {source}");
            assert!(source["error"].as_str().unwrap().len() < 1000, "{what}: {source}");
            // It is said, and it is no failure of the scan's: any user could make one at every scan.
            let run = run.ends_with(0);
            assert!(run.stderr().contains(&format!("docker:{ALICE}")), "{what}: {}", run.stderr());
        }
    }
}

/// A daemon of Alice's that lists these containers, each with what its entry and its inspection say beside.
fn lying(containers: &[(String, Value, Value)]) -> FakeDaemon {
    let mut all = Containers::new(DOCKERS, "1.12");
    for (id, entry, details) in containers {
        let mut whole = json!({
            "Id": id, "Names": ["/train"], "Image": "busybox", "ImageID": "sha256:00", "Created": 1_700_000_000,
            "Labels": {}, "State": "running", "Status": "Up 3 hours",
        });
        merge(&mut whole, entry);
        let mut inspected = json!({
            "Id": id, "State": { "Status": "running", "Pid": 1, "StartedAt": "2026-01-02T03:04:05.6Z" },
            "Config": {}, "HostConfig": { "Runtime": "runc" }, "Mounts": [],
        });
        merge(&mut inspected, details);
        all = all.with(id, whole.to_string(), inspected.to_string());
    }
    FakeDaemon::start_as(ALICE, move |request| all.answer(request)).unwrap()
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
}

#[test]
fn what_it_lists_is_its_users_and_nothing_of_anybody_elses() {
    if !as_root("a daemon of another user's") {
        return;
    }
    let (docker, gpus) = (dockers(), Gpus::new(&Scenario::default()));
    let expected = seen_alone(&docker, &gpus);

    // Its own id, whose first digits are Docker's, and Docker's own.
    let dockers_id = container_id(1);
    let alike = format!("{}{}", &dockers_id[..12], "f".repeat(52));
    let claims = json!({
        "Labels": { "ds01.user": "bob", "ds01.managed": "true", "ds01.gpu.uuid": "GPU-1", "ds01.protected": "true" },
    });
    let pid = std::process::id();
    let of_others = json!({
        "State": { "Status": "running", "Pid": pid, "StartedAt": "2026-01-02T03:04:05.6Z" },
        "Config": { "Env": ["DS01_USER=bob", "NVIDIA_VISIBLE_DEVICES=all"] },
        "HostConfig": {
            "Runtime": "nvidia",
            "DeviceRequests": [{ "Driver": "", "Count": -1, "DeviceIDs": null, "Capabilities": [["gpu"]] }],
        },
        "Mounts": [{ "Type": "bind", "Source": "/home/bob/data" }],
    });
    let liar = lying(&[(dockers_id.clone(), claims.clone(), of_others.clone()), (alike.clone(), claims, of_others)]);
    let engine = format!("docker:{ALICE}");
    let detector = with_engine(detector(&docker, &gpus), &engine, &liar);
    for _ in 0..2 {
        detector.run(&[]).ends_with(0);
        let inventory = detector.inventory();
        assert_eq!(of_docker(&inventory), expected);
        let source = &inventory["sources"][&engine];
        assert!(source["error"].as_str().unwrap().contains("which is of docker: dropped"), "{source}");
        let own = &inventory["containers"][&alike];
        assert_eq!(own["engine"], engine, "found by all of its digits: {inventory:#}");
        // No name of this host's is of that number: the number stands for it.
        assert_eq!((&own["user"], &own["user_source"]), (&json!(ALICE.to_string()), &json!("process-uid")));
        assert_eq!((&own["pid"], &own["origin"]), (&Value::Null, &json!("raw-docker")), "not proven");
        assert_eq!((&own["has_gpu"], &own["gpus"]), (&Value::Null, &json!([])), "not proven");
        assert!(own["_config"]["env"].is_null() && own["_config"]["bind_sources"].is_null(), "{own}");
    }
    // Of Docker's container nothing was said but that it was there, once.
    let of_ids = |event: &Value| event["details"]["container_id"] == dockers_id.as_str();
    let events: Vec<Value> = detector.events().into_iter().filter(of_ids).collect();
    assert!(events.len() == 1 && events[0].get("engine").is_none(), "{events:?}");
    let own: Vec<Value> = detector.events().into_iter().filter(|event| event["engine"] == engine.as_str()).collect();
    assert!(own.len() == 1 && own[0]["details"]["container_id"] == alike.as_str(), "{own:?}");
}

#[test]
fn a_socket_that_leads_to_another_daemon_is_not_connected_to() {
    if !as_root("a daemon of another user's") {
        return;
    }
    let (docker, gpus) = (dockers(), Gpus::new(&Scenario::default()));
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join(ALICE.to_string());
    fs::create_dir(&own).unwrap();
    chown(&own, Some(ALICE), None).unwrap();
    let engine = format!("docker:{ALICE}");
    let place = own.join("docker.sock");
    for (what, plant) in [
        ("a link", Box::new(|| symlink(docker.socket(), &place).unwrap()) as Box<dyn Fn()>),
        ("another name of root's socket", Box::new(|| fs::hard_link(docker.socket(), &place).unwrap())),
        ("no socket", Box::new(|| fs::write(&place, "").unwrap())),
    ] {
        plant();
        let before = docker.requests().len();
        let detector = detector(&docker, &gpus).engine(&engine, &place);
        detector.run(&[]).ends_with(0);
        let asked = docker.requests().len() - before;
        let inventory = detector.inventory();
        assert_eq!(inventory["sources"][&engine]["state"], "failed", "{what}: {inventory:#}");
        let inspects = inventory["containers"].as_object().unwrap().len();
        assert_eq!(asked, 2 + inspects, "{what}: Docker was asked by its own name alone");
        fs::remove_file(&place).unwrap();
    }
}

#[test]
fn a_crowd_is_not_read_long_names_are_cut_and_nothing_of_it_is_in_the_journal() {
    if !as_root("a daemon of another user's") {
        return;
    }
    let (docker, gpus) = (dockers(), Gpus::new(&Scenario::default()));
    let expected = seen_alone(&docker, &gpus);
    let long = "x".repeat(5_000);
    let entry = json!({ "Names": [format!("/{long}")], "Image": long, "Labels": { "ds01.gpus": long } });
    let crowd = |number: u32| -> Vec<(String, Value, Value)> {
        (0..number).map(|one| (format!("{:064x}", one + 1_000_000), entry.clone(), json!({}))).collect()
    };
    let engine = format!("docker:{ALICE}");
    // One of them fits into an answer of a mebibyte; so many do not, whatever their names are, nor more than a person runs.
    for (what, number, says) in [("many bytes", 256, "bytes"), ("too many", 257, "257 containers"), ("one", 1, "")] {
        let mut listed = crowd(number);
        if what == "too many" {
            listed.iter_mut().for_each(|one| one.1 = json!({}));
        }
        let daemon = lying(&listed);
        let detector = with_engine(detector(&docker, &gpus), &engine, &daemon);
        let run = detector.run(&[]).ends_with(0);
        let inventory = detector.inventory();
        assert_eq!(of_docker(&inventory), expected, "{what}");
        let source = &inventory["sources"][&engine];
        assert!(source["error"].as_str().unwrap_or_default().contains(says), "{what}: {source}\n{}", run.stderr());
        let own = inventory["containers"].as_object().unwrap().values().filter(|one| one["engine"] == engine.as_str());
        let own: Vec<&Value> = own.collect();
        assert_eq!(own.len(), usize::from(number == 1), "{what}");
        for one in own {
            for field in ["name", "image"] {
                assert_eq!(one[field].as_str().unwrap().len(), 256, "{field}: {one:#}");
            }
        }
        let journal = fs::read_dir(detector.state_dir().join("activity")).unwrap().map(|entry| entry.unwrap().path());
        let journal: String = journal.map(|day| fs::read_to_string(day).unwrap()).collect();
        assert!(!journal.contains(&engine) && !journal.contains("xxxx"), "{what}: {journal}");
    }
}
