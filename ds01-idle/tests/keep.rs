//! `ds01-idle keep` as users run it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

fn keep(dir: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
    command.env_clear().args(["keep", "--keep-dir"]).arg(dir.join("keep")).arg("--state-dir").arg(dir.join("state"));
    let output = command.args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

fn dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("keep")).unwrap();
    fs::set_permissions(dir.path().join("keep"), fs::Permissions::from_mode(0o1733)).unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    dir
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where what this user drops has to lie.
fn own(dir: &Path) -> PathBuf {
    dir.join(if is_root() { "state/keep" } else { "keep" })
}

fn dropped(dir: &Path) -> Vec<Value> {
    let files = fs::read_dir(own(dir)).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| serde_json::from_slice(&bytes).unwrap()).collect()
}

#[test]
fn what_was_asked_is_said_and_lies_there_for_the_next_check() {
    let dir = dir();
    let (stdout, stderr, code) = keep(dir.path(), &["train"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("Asked to keep train for 8h. The next check reads it, within five minutes"), "{stdout}");
    assert_eq!(dropped(dir.path()), [json!({"container": "train", "seconds": 8 * 3600})]);
}

#[test]
fn a_time_and_a_reason_can_be_given() {
    let dir = dir();
    let why = "night\u{1b}[2J".repeat(50);
    assert_eq!(keep(dir.path(), &["train", "90m", "--why", &why]).2, Some(0));
    let request = &dropped(dir.path())[0];
    assert_eq!(request["seconds"], 5400);
    assert_eq!(request["why"].as_str().unwrap().chars().count(), 100);
}

#[test]
fn what_makes_no_sense_is_wrong_usage_and_leaves_nothing() {
    let dir = dir();
    for (time, why) in
        [("0s", "less than a minute"), ("8", "has no unit"), ("-1h", "unexpected argument"), ("soon", "")]
    {
        let (_, stderr, code) = keep(dir.path(), &["train", time]);
        assert_eq!(code, Some(2), "{time}");
        assert!(stderr.contains(why), "{stderr}");
    }
    assert_eq!(keep(dir.path(), &[""]).2, Some(2));
    assert_eq!(keep(dir.path(), &[&"x".repeat(300)]).2, Some(2));
    assert!(!own(dir.path()).exists() || dropped(dir.path()).is_empty());
}

/// Where users drop their requests, a file of root's can be anybody's.
#[test]
fn what_root_asks_lies_where_only_root_can_write() {
    if !is_root() {
        return;
    }
    let dir = dir();
    assert_eq!(keep(dir.path(), &["train"]).2, Some(0));
    assert_eq!(fs::read_dir(dir.path().join("keep")).unwrap().count(), 0);
    assert_eq!(fs::metadata(own(dir.path())).unwrap().permissions().mode() & 0o022, 0);
}

#[test]
fn without_the_directory_it_says_what_an_admin_has_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (_, stderr, code) = keep(dir.path(), &["train"]);
    assert_eq!(code, Some(1));
    if is_root() {
        assert!(stderr.contains("the request can't be left for the check: can't open directory"), "{stderr}");
        return;
    }
    let path = dir.path().join("keep");
    assert!(stderr.contains(&format!("install -d -m 1733 {}", path.display())), "{stderr}");
}
