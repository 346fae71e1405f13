//! `ds01-idle replay` as its users meet it: exit codes, and what is said where there is nothing to replay.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use assert_cmd::{assert::Assert, cargo::cargo_bin_cmd};
use ds01_core::{
    idle::{
        Journal,
        journal::{CheckMade, Record},
    },
    store::Store,
};
use jiff::Timestamp;
use tempfile::TempDir;

const SOUND: &str = "defaults: {idle_timeout: 30m, max_runtime: 24h}\n";
const WRONG: &str = "defaults: {idle_timeout: 0s, max_runtime: 24h}\n";

fn file(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    path
}

fn run(dir: &TempDir, args: &[&str]) -> Assert {
    let mut program = cargo_bin_cmd!("ds01-idle");
    program.env_clear().env("TZ", "UTC").current_dir(dir.path()).arg("replay").args(["--state-dir", "state"]);
    program.args(args).assert()
}

/// A check half an hour ago, and nobody there.
fn journal(dir: &TempDir) {
    let journal = Journal::open(&Store::open(&dir.path().join("state")).unwrap()).unwrap();
    let json = format!(
        r#"{{"check":{{"at":"{}","boot_id":"b","boot_ms":9000000,"check":7}}}}"#,
        Timestamp::now() - jiff::SignedDuration::from_mins(30)
    );
    let record: Record = serde_json::from_str(&json).unwrap();
    let Record::Check(CheckMade { .. }) = &record else { unreachable!("{record:?}") };
    journal.append_all(&[record.as_ref()]).unwrap();
}

fn said(assert: &Assert) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&assert.get_output().stdout), text(&assert.get_output().stderr))
}

#[test]
fn a_policy_with_errors_is_said_as_a_check_says_it_and_replays_nothing() {
    let dir = TempDir::new().unwrap();
    let (sound, wrong) = (file(&dir, "sound.yaml", SOUND), file(&dir, "wrong.yaml", WRONG));
    journal(&dir);
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    let (sound, wrong) = (at(&sound), at(&wrong));
    for args in [
        vec!["--in-force", &wrong],
        vec!["--in-force", &sound, "--config", &wrong],
        vec!["--in-force", &wrong, "--config", &sound],
        vec!["--compare", &wrong, &sound],
        vec!["--compare", &sound, &wrong],
        vec!["--in-force", "missing.yaml"],
    ] {
        let (out, error) = said(&run(&dir, &args).code(78));
        assert!(out.is_empty() && error.contains("nobody is touched by a policy that is not sound"), "{error}");
    }
    let (_, error) = said(&run(&dir, &["--in-force", &wrong]).code(78));
    assert!(error.contains("wrong.yaml:1:"), "{error}");
}

#[test]
fn a_journal_without_containers_is_a_past_too() {
    let dir = TempDir::new().unwrap();
    let sound = file(&dir, "sound.yaml", SOUND);
    journal(&dir);
    let (out, error) = said(&run(&dir, &["--in-force", sound.to_str().unwrap()]).success());
    assert!(error.is_empty(), "{error}");
    for part in [
        "1 check made\n",
        "IN FORCE  REALLY\n",
        "Stops under IN FORCE\nnone\n",
        "0 stops the same, at the same check\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (out, _) = said(&run(&dir, &["--json", "--since", "1h", "--in-force", sound.to_str().unwrap()]).success());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((json["checks"].as_u64(), json["policies"][0]["name"].as_str()), (Some(1), Some("in_force")));
}

#[test]
fn where_nothing_is_known_of_the_past_that_is_said() {
    let dir = TempDir::new().unwrap();
    let sound = file(&dir, "sound.yaml", SOUND);
    let sound = sound.to_str().unwrap();
    let (_, error) = said(&run(&dir, &["--in-force", sound]).code(1));
    assert!(
        error.starts_with("ds01-idle: there is no activity journal in state: nothing is known of the past\n"),
        "{error}"
    );
    journal(&dir);
    let (_, error) = said(&run(&dir, &["--in-force", sound, "--since", "10m"]).code(1));
    assert!(error.starts_with("ds01-idle: the journal holds nothing from "), "{error}");
    for wrong in
        [vec!["--since", "yesterday"], vec!["--compare", sound], vec!["--config", sound, "--compare", sound, sound]]
    {
        run(&dir, &wrong).code(2);
    }
}

#[test]
fn a_directory_that_may_not_be_read_says_who_may() {
    // Root may read everything.
    if fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0") {
        return;
    }
    let dir = TempDir::new().unwrap();
    let sound = file(&dir, "sound.yaml", SOUND);
    journal(&dir);
    let state = dir.path().join("state");
    fs::set_permissions(&state, Permissions::from_mode(0o000)).unwrap();
    let (_, error) = said(&run(&dir, &["--in-force", sound.to_str().unwrap()]).code(1));
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    assert!(error.contains("root and members of the group docker can read it"), "{error}");
}
