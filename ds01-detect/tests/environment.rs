//! What a run takes from whoever started it: `DOCKER_HOST` counts where this host is scanned, and is in nobody's way
//! elsewhere; the umask counts for nothing.
#![allow(clippy::unwrap_used, reason = "these are tests; their helpers are not marked as such")]

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/scenarios/transient-process.yaml");

fn detect(docker_host: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ds01-detect")).env("DOCKER_HOST", docker_host).args(args).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_does_not_count_as_a_flag_beside_those_that_stand_alone() {
    for address in ["unix:///run/docker.sock", "tcp://10.0.0.7:2375"] {
        for args in [&["--event-types"][..], &["--dry-run", "--scenario", SCENARIO]] {
            let output = detect(address, args);
            assert_eq!(output.status.code(), Some(0), "{address} {args:?}: {}", words(&output));
        }
    }
}

#[test]
fn an_address_of_another_kind_is_wrong_usage() {
    let output = detect("tcp://10.0.0.7:2375", &["--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("DOCKER_HOST: Docker is reached through a Unix socket"), "{}", words(&output));
}

#[test]
fn one_that_is_named_and_not_there_has_failed() {
    let empty = tempfile::tempdir().unwrap();
    let state = empty.path().to_str().unwrap();
    let output = detect("unix:///nonexistent/docker.sock", &["--dry-run", "--state-dir", state]);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("docker: missing"), "{}", words(&output));
}

#[test]
fn an_inventory_is_readable_to_its_group_whatever_the_umask() {
    let dir = tempfile::tempdir().unwrap();
    let (state, events) = (dir.path().join("state"), dir.path().join("state/events.jsonl"));
    let output = Command::new("sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ds01-detect"), "--scenario", SCENARIO])
        .arg("--state-dir")
        .arg(&state)
        .arg("--events-file")
        .arg(&events)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let inventory = state.join("workload-inventory.json").metadata().unwrap();
    assert_eq!(inventory.permissions().mode() & 0o7777, 0o640);
}
