//! The Docker door against a daemon that misbehaves: every trap sprung, and survived.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use ds01_core::model::EngineName;
use std::{
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use docker_rig::fake_daemon::{Answer, Containers, DeafDaemon, FakeDaemon, fake_id};
use ds01_core::{
    model::{ContainerId, ContainerStatus},
    source::{
        ContainerSource, FailureKind, Inspection, SourceError,
        docker::{Docker, DockerOptions},
    },
};

/// Short where a time-out is what is tested.
const SHORT: Duration = Duration::from_millis(200);

/// Far more than any of the short deadlines, far less than a hang.
const WELL_BEFORE_FOREVER: Duration = Duration::from_secs(20);

fn docker(socket: &Path) -> Docker {
    Docker::new(DockerOptions { socket: socket.to_owned(), ..DockerOptions::default() }).unwrap()
}

fn impatient(socket: &Path) -> Docker {
    let socket = socket.to_owned();
    Docker::new(DockerOptions { engine: EngineName::DOCKER, socket, connect_timeout: SHORT, request_timeout: SHORT })
        .unwrap()
}

fn id(number: u32) -> ContainerId {
    fake_id(number).parse().unwrap()
}

/// The kind and words of a failure, after a look at what all of them must say.
fn failure<T: std::fmt::Debug>(result: Result<T, SourceError>, socket: &Path) -> (FailureKind, String) {
    match result.unwrap_err() {
        SourceError::Failed { kind, detail, .. } => {
            assert!(detail.contains(&*socket.to_string_lossy()), "names no socket: {detail}");
            (kind, detail)
        }
        other => panic!("not a failure: {other}"),
    }
}

#[test]
fn an_old_daemon_is_asked_in_its_own_version() {
    let containers = Containers::new("1.41", "1.12").with_state(7, "running");
    let daemon = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
    let docker = docker(daemon.socket());

    assert_eq!(docker.list().unwrap()[0].name, "c7");
    docker.inspect(&[id(7)]).unwrap();

    let requests = daemon.requests();
    assert_eq!(requests[0], "/version");
    assert!(requests[1].starts_with("/v1.41/containers/json?all=true"), "{requests:?}");
    assert_eq!(requests[2], format!("/v1.41/containers/{}/json", id(7)));
    assert_eq!(docker.requests_sent(), 3);
}

#[test]
fn a_daemon_that_dropped_old_versions_is_asked_in_a_newer_one() {
    let containers = Containers::new("1.51", "1.44").with_state(7, "running");
    let daemon = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
    assert_eq!(docker(daemon.socket()).list().unwrap().len(), 1);
    assert!(daemon.requests()[1].starts_with("/v1.51/"), "{:?}", daemon.requests());
}

#[test]
fn each_scan_asks_for_the_version_anew() {
    let upgraded = Arc::new(AtomicBool::new(false));
    let daemon = FakeDaemon::start({
        let upgraded = Arc::clone(&upgraded);
        move |request| {
            let version = if upgraded.load(SeqCst) { "1.44" } else { "1.41" };
            Containers::new(version, version).answer(request)
        }
    })
    .unwrap();
    let docker = docker(daemon.socket());
    docker.list().unwrap();
    upgraded.store(true, SeqCst);
    docker.list().unwrap();
    assert!(daemon.requests()[3].starts_with("/v1.44/"), "{:?}", daemon.requests());
}

#[test]
fn inspecting_none_sends_no_request() {
    let docker = docker(Path::new("/nonexistent/docker.sock"));
    assert_eq!(docker.inspect(&[]).unwrap(), []);
    assert_eq!(docker.requests_sent(), 0);
}

#[test]
fn no_socket_is_absence() {
    let error = docker(Path::new("/nonexistent/docker.sock")).list().unwrap_err();
    assert!(
        matches!(&error, SourceError::Absent { detail, .. } if detail.contains("/nonexistent/docker.sock")),
        "{error}"
    );
}

#[test]
fn a_socket_without_a_daemon_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert_eq!(failure(docker(&socket).list(), &socket).0, FailureKind::Refused);
}

#[test]
fn a_socket_of_others_is_denied() {
    let daemon = FakeDaemon::start(|_| Answer::silence()).unwrap();
    std::fs::set_permissions(daemon.socket(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let socket = daemon.socket().to_owned();
    let outcome = thread::spawn(move || {
        // Root may connect to anything. The kernel keeps credentials by thread: this one goes on as nobody.
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        docker(&socket).list()
    });
    assert_eq!(failure(outcome.join().unwrap(), daemon.socket()).0, FailureKind::Denied);
}

#[test]
fn a_daemon_that_accepts_no_more_is_not_waited_for() {
    let daemon = DeafDaemon::start().unwrap();
    let start = Instant::now();
    let (kind, words) = failure(impatient(daemon.socket()).list(), daemon.socket());
    assert_eq!(kind, FailureKind::TimedOut);
    assert!(words.contains("connect"), "{words}");
    assert!(start.elapsed() < WELL_BEFORE_FOREVER);
}

#[test]
fn a_daemon_that_is_slow_to_accept_is_waited_for() {
    let daemon = DeafDaemon::start().unwrap();
    let socket = daemon.socket().to_owned();
    let options = DockerOptions {
        engine: EngineName::DOCKER,
        socket,
        connect_timeout: WELL_BEFORE_FOREVER,
        request_timeout: SHORT,
    };
    let caller = thread::spawn(move || Docker::new(options).unwrap().list());
    // Should this come before the caller's first attempt, there is nothing to wait for, and nothing to fail.
    thread::sleep(SHORT);
    daemon.make_room().unwrap();
    // There was room for the first connection; nobody serves the one that is to carry a request.
    let (_, words) = failure(caller.join().unwrap(), daemon.socket());
    assert!(words.contains("GET /version"), "{words}");
}

#[test]
fn a_daemon_that_never_answers_is_not_waited_for() {
    let containers = Containers::new("1.41", "1.12");
    let daemon = FakeDaemon::start(move |request| match request {
        "/version" => containers.answer(request),
        _ => Answer::silence(),
    })
    .unwrap();
    let start = Instant::now();
    let (kind, words) = failure(impatient(daemon.socket()).list(), daemon.socket());
    assert_eq!(kind, FailureKind::TimedOut);
    assert!(words.contains("GET /v1.41/containers/json"), "{words}");
    assert!(start.elapsed() < WELL_BEFORE_FOREVER);
}

#[test]
fn an_answer_that_stalls_in_the_middle_is_not_waited_for() {
    let containers = Containers::new("1.41", "1.12").with_state(1, "running");
    let daemon = FakeDaemon::start(move |request| match containers.answer(request) {
        // The head is whole and in time: a time-out that covers the head alone has nothing to say.
        Answer::Json(body) if request != "/version" => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            Answer::StallAfter([head.as_bytes(), &body.as_bytes()[..body.len() / 2]].concat())
        }
        answer => answer,
    })
    .unwrap();
    let docker = impatient(daemon.socket());
    let start = Instant::now();
    assert_eq!(failure(docker.list(), daemon.socket()).0, FailureKind::TimedOut);
    assert_eq!(failure(docker.inspect(&[id(1)]), daemon.socket()).0, FailureKind::TimedOut);
    assert!(start.elapsed() < WELL_BEFORE_FOREVER);
}

#[test]
fn an_answer_that_breaks_off_is_a_failure() {
    let containers = Containers::new("1.41", "1.12");
    let daemon = FakeDaemon::start(move |request| match request {
        "/version" => containers.answer(request),
        _ => Answer::cut_off(1000, "[{"),
    })
    .unwrap();
    let docker = docker(daemon.socket());
    assert_eq!(failure(docker.list(), daemon.socket()).0, FailureKind::Erred);
    assert_eq!(failure(docker.inspect(&[id(1)]), daemon.socket()).0, FailureKind::Erred);
}

#[test]
fn a_list_that_ends_too_early_is_no_list() {
    // A proxy may pass on half a body as if it were whole.
    let containers = Containers::new("1.41", "1.12");
    let daemon = FakeDaemon::start(move |request| match request {
        "/version" => containers.answer(request),
        _ => Answer::Json("[{\"Id\":\"0\"}, ".to_owned()),
    })
    .unwrap();
    assert_eq!(failure(docker(daemon.socket()).list(), daemon.socket()).0, FailureKind::Nonsense);
}

#[test]
fn an_error_of_the_daemon_is_quoted() {
    let containers = Containers::new("1.41", "1.12");
    let daemon = FakeDaemon::start(move |request| match request {
        "/version" => containers.answer(request),
        _ => Answer::Error(500, "database is locked".to_owned()),
    })
    .unwrap();
    let (kind, words) = failure(docker(daemon.socket()).list(), daemon.socket());
    assert_eq!(kind, FailureKind::Erred);
    assert!(words.contains("GET /v1.41/containers/json") && words.contains("database is locked"), "{words}");
}

#[test]
fn a_list_that_is_not_json_is_nonsense_and_quoted_with_care() {
    for body in [format!("<html>\u{1b}[2J{}", "x".repeat(10_000)), r#"{"message":"a page"}"#.to_owned()] {
        let containers = Containers::new("1.41", "1.12");
        let daemon = FakeDaemon::start(move |request| match request {
            "/version" => containers.answer(request),
            _ => Answer::Json(body.clone()),
        })
        .unwrap();
        let (kind, words) = failure(docker(daemon.socket()).list(), daemon.socket());
        assert_eq!(kind, FailureKind::Nonsense);
        assert!(words.len() < 800 && !words.contains('\u{1b}'), "{words}");
    }
}

#[test]
fn a_version_that_is_not_json_is_nonsense() {
    let daemon = FakeDaemon::start(|_| Answer::Json("<html>".to_owned())).unwrap();
    let (kind, words) = failure(docker(daemon.socket()).list(), daemon.socket());
    assert_eq!(kind, FailureKind::Nonsense);
    assert!(words.contains("GET /version"), "{words}");
}

#[test]
fn one_unknown_state_hides_nobody() {
    let containers = Containers::new("1.41", "1.12").with_state(1, "running").with_state(2, "hibernating");
    let daemon = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
    let docker = docker(daemon.socket());

    let listed = docker.list().unwrap();
    let states: Vec<_> = listed.iter().map(|entry| (entry.name.as_str(), entry.status.clone())).collect();
    let odd = ContainerStatus::Other("hibernating".to_owned());
    assert_eq!(states, [("c1", ContainerStatus::Running), ("c2", odd.clone())]);

    let Inspection::Details(details) = docker.inspect(&[id(2)]).unwrap().remove(0) else { panic!("no details") };
    assert_eq!(details.status, odd);
    assert_eq!(details.pid, Some(2));
    assert_eq!(details.config.env["NB_USER"], "ann");
}

#[test]
fn a_new_word_in_a_field_that_nobody_reads_hides_nobody() {
    let entry = r#"{"Id":"0000000000000000000000000000000000000000000000000000000000000003","Names":["/c3"],
        "Created":1700000000,"State":"exited","Ports":[{"PrivatePort":1,"Type":"quic"}]}"#;
    let details = r#"{"State":{"Status":"exited"},"HostConfig":{"Runtime":"runc",
        "RestartPolicy":{"Name":"on-full-moon"}}}"#;
    let containers = Containers::new("1.41", "1.12").with(&fake_id(3), entry, details);
    let daemon = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
    let docker = docker(daemon.socket());
    assert_eq!(docker.list().unwrap()[0].status, ContainerStatus::Exited);
    let Inspection::Details(details) = docker.inspect(&[id(3)]).unwrap().remove(0) else { panic!("no details") };
    assert_eq!(details.config.runtime, "runc");
}

#[test]
fn an_entry_without_an_id_makes_the_list_nonsense() {
    let containers = Containers::new("1.41", "1.12").with("", r#"{"Created":1,"State":"running"}"#, "");
    let daemon = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
    assert_eq!(failure(docker(daemon.socket()).list(), daemon.socket()).0, FailureKind::Nonsense);
}

#[test]
fn inspections_come_in_the_order_asked_for_and_one_bad_one_spoils_none() {
    let containers = Containers::new("1.41", "1.12")
        .with_state(1, "running")
        .with(&fake_id(3), "{}", "[]")
        .with(&fake_id(4), "{}", r#"{"State":{"Status":"running","Pid":-4}}"#)
        .with_state(9, "exited");
    let daemon = FakeDaemon::start(move |request| {
        if request.contains(&fake_id(2)) {
            return Answer::Error(500, "its layer is gone\u{7}".to_owned());
        }
        containers.answer(request)
    })
    .unwrap();
    let ids = [id(9), id(5), id(2), id(3), id(4), id(1)];
    let answers = docker(daemon.socket()).inspect(&ids).unwrap();

    let told: Vec<&str> = answers
        .iter()
        .map(|answer| match answer {
            Inspection::Details(details) => details.status.as_str(),
            Inspection::Gone => "gone",
            Inspection::Unreadable(words) => words,
        })
        .collect();
    assert_eq!(told[0], "exited");
    assert_eq!(told[1], "gone");
    assert!(told[2].contains("HTTP 500") && told[2].contains(r"its layer is gone\u{7}"), "{}", told[2]);
    assert!(told[3].contains("a container's details"), "{}", told[3]);
    assert!(told[4].contains("-4"), "{}", told[4]);
    assert_eq!(told[5], "running");
}

#[test]
fn many_inspections_are_answered_with_a_few_in_flight() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let containers = (0..200).fold(Containers::new("1.41", "1.12"), |all, number| all.with_state(number, "running"));
    let daemon = FakeDaemon::start(move |request| {
        MOST.fetch_max(NOW.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::yield_now();
        NOW.fetch_sub(1, SeqCst);
        containers.answer(request)
    })
    .unwrap();
    let ids: Vec<ContainerId> = (0..200).map(id).collect();
    let answers = docker(daemon.socket()).inspect(&ids).unwrap();
    assert_eq!(answers.len(), 200);
    assert!(answers.iter().all(|answer| matches!(answer, Inspection::Details(_))));
    assert!(MOST.load(SeqCst) <= 16, "{} at a time", MOST.load(SeqCst));
}
