//! What the program says about how it is called, as a user meets it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::Detector;

/// What a command did, with what differs from run to run made the same.
pub(crate) fn shown(output: &Output, dir: &Path) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(dir.to_str().unwrap(), "[dir]");
    let code = output.status.code().map_or("a signal".to_owned(), |code| code.to_string());
    format!("exit: {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

/// Compares with the snapshot of this name.
pub(crate) fn assert_shown(name: &str, shown: &str) {
    let filters = [(r"in \d+\.\d\d s\b", "in [time] s"), (r"\d{8}T\d{6}Z", "[time]")];
    insta::with_settings!({ filters => filters, omit_expression => true }, { insta::assert_snapshot!(name, shown) });
}

/// The program with none of its paths named.
fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
    command.env_clear().args(args);
    command
}

#[test]
fn help() {
    assert_shown("help", &shown(&bare(&["--help"]).output().unwrap(), Path::new("/nonexistent")));
}

#[test]
fn event_types() {
    assert_shown("event_types", &shown(&bare(&["--event-types"]).output().unwrap(), Path::new("/nonexistent")));
}

/// Each way to call it wrongly; a case that begins with `DOCKER_HOST=` sets that variable.
const WRONG: [&[&str]; 13] = [
    &["--frobnicate"],
    &["--docker-host", "tcp://10.0.0.7:2375"],
    &["--docker-host", "docker.sock"],
    &["DOCKER_HOST=tcp://10.0.0.7:2375"],
    &["DOCKER_HOST=ssh://admin@gpu01"],
    &["--deadline", "0"],
    &["--deadline", "soon"],
    &["--deadline", "3601"],
    &["--forget", "proc"],
    &["--event-types", "--dry-run"],
    &["--scenario", "x.yaml"],
    &["--scenario", "x.yaml", "--state-dir", "/tmp/s"],
    &["--scenario", "x.yaml", "--dry-run", "--docker-host", "unix:///x"],
];

#[test]
fn wrong_usage() {
    let mut all = String::new();
    for case in WRONG {
        let variable = case[0].strip_prefix("DOCKER_HOST=");
        let mut command = bare(if variable.is_some() { &[] } else { case });
        command.envs(variable.map(|value| ("DOCKER_HOST", value)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{case:?}");
        all.push_str(&format!("$ ds01-detect {}\n{}\n", case.join(" "), shown(&output, Path::new("/nonexistent"))));
    }
    assert_shown("wrong_usage", &all);
}

#[test]
fn a_variable_for_dockers_client_does_not_get_in_the_way() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/scenarios/reused-pid.yaml");
    for value in ["unix:///run/docker.sock", "tcp://10.0.0.7:2375"] {
        for args in [&["--event-types"][..], &["--dry-run", "--scenario", scenario]] {
            let output = bare(args).env("DOCKER_HOST", value).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn scenario_files_of_no_use() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("missing.yaml", None),
        ("no-yaml.yaml", Some("about: [")),
        ("other.yaml", Some("about: x\nhost: h\nstart: 2026-03-02T12:00:00Z\nsteps: []\nweather: fine\n")),
        (
            "story.yaml",
            Some("about: x\nhost: h\nstart: 2026-03-02T12:00:00Z\nsteps:\n  - disappear: { processes: [7] }\n"),
        ),
    ];
    let mut all = String::new();
    for (name, content) in files {
        let file = dir.path().join(name);
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let output = bare(&["--dry-run", "--scenario"]).arg(&file).output().unwrap();
        assert_ne!(output.status.code(), Some(0));
        all.push_str(&format!("$ ds01-detect --dry-run --scenario {name}\n{}\n", shown(&output, dir.path())));
    }
    assert_shown("scenario_files_of_no_use", &all);
}

#[test]
fn a_sample_host_scanned_into_a_directory_of_its_own() {
    let detector = Detector::new();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/scenarios/docker-outage.yaml");
    let output = detector.command().args(["--scenario", scenario]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "a source failed in some of its steps");
    assert_shown("docker_outage", &shown(&output, detector.state_dir().parent().unwrap()));
    assert_eq!(detector.events().len(), 8);
}
