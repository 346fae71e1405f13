//! What a daemon says of itself, through the Docker door: a real one, and some that misbehave.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use ds01_core::model::EngineName;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use docker_rig::{
    Rig,
    fake_daemon::{Answer, Containers, DeafDaemon, FakeDaemon},
};
use ds01_core::source::{
    FailureKind, SourceError,
    docker::{DaemonInfo, Docker, DockerOptions},
};

const SHORT: Duration = Duration::from_millis(200);

fn docker(socket: &Path) -> Docker {
    Docker::new(DockerOptions { socket: socket.to_owned(), ..DockerOptions::default() }).unwrap()
}

fn impatient(socket: &Path) -> Docker {
    Docker::new(DockerOptions {
        engine: EngineName::DOCKER,
        socket: socket.to_owned(),
        connect_timeout: SHORT,
        request_timeout: SHORT,
    })
    .unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T, SourceError>) -> FailureKind {
    match result.unwrap_err() {
        SourceError::Failed { kind, .. } => kind,
        other => panic!("not a failure: {other}"),
    }
}

/// A daemon that answers `info` to `/info`.
fn informed(info: Answer) -> FakeDaemon {
    let others = Containers::new("1.41", "1.12");
    FakeDaemon::start(move |request| match request {
        "/v1.41/info" => info.clone(),
        other => others.answer(other),
    })
    .unwrap()
}

fn told(info: &str) -> DaemonInfo {
    docker(informed(Answer::Json(info.to_owned())).socket()).info().unwrap()
}

#[test]
fn a_real_daemon() {
    let Some(rig) = Rig::from_env() else { return };
    let docker = docker(rig.socket());
    docker.connect().unwrap();

    let versions = docker.api_versions().unwrap();
    let by_client = |format: &str| rig.docker(&["version", "--format", format]);
    assert_eq!(versions.newest, by_client("{{.Server.APIVersion}}"));
    assert_eq!(versions.oldest, Some(by_client("{{.Server.MinAPIVersion}}")));
    assert_eq!(versions.engine, Some(by_client("{{.Server.Version}}")));
    assert!(versions.spoken.starts_with("1."), "{versions:?}");

    let info = docker.info().unwrap();
    let by_client = |format: &str| rig.docker(&["info", "--format", format]);
    assert_eq!(info.default_runtime, Some(by_client("{{.DefaultRuntime}}")));
    assert_eq!(info.cgroup_driver, Some(by_client("{{.CgroupDriver}}")));
    assert_eq!(info.cgroup_version, Some(by_client("{{.CgroupVersion}}")));
    let runtimes = info.runtimes.unwrap();
    assert!(runtimes.iter().any(|name| name == "nvidia") && runtimes.is_sorted(), "{runtimes:?}");
}

#[test]
fn one_word_that_nobody_knows_does_not_hide_the_rest() {
    let fields =
        r#""DefaultRuntime":"nvidia","Runtimes":{"runc":{"path":"runc"},"nvidia":{"path":"n"}},"CgroupVersion":"2""#;
    let expected = DaemonInfo {
        default_runtime: Some("nvidia".to_owned()),
        runtimes: Some(vec!["nvidia".to_owned(), "runc".to_owned()]),
        cgroup_driver: Some("systemd".to_owned()),
        cgroup_version: Some("2".to_owned()),
    };
    assert_eq!(told(&format!(r#"{{{fields},"CgroupDriver":"systemd"}}"#)), expected);
    let odd = told(&format!(r#"{{{fields},"CgroupDriver":"systemd","Isolation":"armoured","Swarm":7}}"#));
    assert_eq!(odd, expected);
    let odd = told(&format!(r#"{{{fields},"CgroupDriver":"cgroups-ng"}}"#));
    assert_eq!(odd.cgroup_driver.as_deref(), Some("cgroups-ng"));
}

#[test]
fn what_is_not_said_is_not_known() {
    assert_eq!(told("{}"), DaemonInfo::default());
    let empty = told(r#"{"DefaultRuntime":"","Runtimes":null,"CgroupDriver":"","CgroupVersion":""}"#);
    assert_eq!(empty, DaemonInfo::default());
}

#[test]
fn answers_that_are_none() {
    let hung = informed(Answer::silence());
    assert_eq!(kind(impatient(hung.socket()).info()), FailureKind::TimedOut);
    let broken = informed(Answer::Error(500, "database is locked".to_owned()));
    let error = docker(broken.socket()).info().unwrap_err().to_string();
    assert!(error.contains("/v1.41/info") && error.contains("database is locked"), "{error}");
    let nonsense = informed(Answer::Json(r#"{"DefaultRuntime":["\u001b[2J"]}"#.to_owned()));
    let error = docker(nonsense.socket()).info().unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    assert_eq!(kind::<()>(Err(error)), FailureKind::Nonsense);

    let silent = FakeDaemon::start(|_| Answer::silence()).unwrap();
    let docker = impatient(silent.socket());
    docker.connect().unwrap();
    assert_eq!(kind(docker.api_versions()), FailureKind::TimedOut);
    let future =
        FakeDaemon::start(|_| Answer::Json(r#"{"ApiVersion":"9.0","MinAPIVersion":"8.0"}"#.to_owned())).unwrap();
    assert_eq!(kind(impatient(future.socket()).api_versions()), FailureKind::Erred);
}

#[test]
fn sockets_that_lead_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let missing = docker(&dir.path().join("docker.sock")).connect().unwrap_err();
    assert!(matches!(missing, SourceError::Absent { .. }), "{missing}");
    let deaf = DeafDaemon::start().unwrap();
    assert_eq!(kind(impatient(deaf.socket()).connect()), FailureKind::TimedOut);
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(kind(docker(&file).connect()), FailureKind::Refused);
}
