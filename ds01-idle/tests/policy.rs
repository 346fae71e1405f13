//! `ds01-idle policy` and `ds01-idle check-config` as their users meet them: output and exit codes.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use assert_cmd::{Command, assert::Assert, cargo::cargo_bin_cmd};
use tempfile::TempDir;

const POLICY: &str = "\
defaults:
  idle_timeout: 30m
  max_runtime: 24h
groups:
  student: {}
  faculty:
    members: [h.baker@uni.example]
    idle_timeout: 2h
    policies: {warn_at: 0.9}
user_overrides:
  \"mal\\e[31mlory\": {max_runtime: null}
container_types:
  compose: {idle_timeout: null}
";

const EXEMPTIONS: &str = "\
exemptions:
  - {username: alice, exempt_from: [idle_timeout], reason: thesis, approved_by: h.baker, expires_on: 9999-12-31}
  - {username: alice, exempt_from: [max_runtime], reason: course, approved_by: h.baker, expires_on: 2001-01-01}
";

/// A folder with files in it that nobody else can write.
struct Config(TempDir);

impl Config {
    fn new(policy: &str) -> Self {
        let config = Self(TempDir::new().unwrap());
        config.write("resource-limits.yaml", policy);
        config
    }

    fn sound() -> Self {
        let config = Self::new(&POLICY.replace("mal\\e[31mlory", "mallory"));
        config.write("lifecycle-exemptions.yaml", EXEMPTIONS);
        config
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }

    fn run(&self, command: &str, args: &[&str]) -> Assert {
        let mut program = program();
        program.current_dir(self.0.path()).arg(command).args(["--config", "resource-limits.yaml"]).args(args).assert()
    }

    fn prints(&self, command: &str, args: &[&str]) -> String {
        text(&self.run(command, args).success().get_output().stdout)
    }
}

fn program() -> Command {
    let mut program = cargo_bin_cmd!("ds01-idle");
    program.env_clear();
    program
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_user_and_a_type_give_one_table() {
    insta::assert_snapshot!(Config::sound().prints("policy", &["--user", "alice", "--type", "compose"]));
}

#[test]
fn a_user_gives_every_type() {
    insta::assert_snapshot!(Config::sound().prints("policy", &["--user", "h_baker"]));
}

#[test]
fn a_type_gives_every_group() {
    insta::assert_snapshot!(Config::sound().prints("policy", &["--type", "compose"]));
}

#[test]
fn nothing_gives_every_group_and_type() {
    insta::assert_snapshot!(Config::sound().prints("policy", &[]));
}

#[test]
fn json_has_the_same_as_data() {
    let out = Config::sound().prints("policy", &["--user", "alice", "--type", "raw-docker", "--json"]);
    insta::assert_snapshot!(out);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["answers"][0]["settings"].as_array().unwrap().len(), 23);
}

#[test]
fn a_sound_policy_is_said_to_be_sound() {
    assert_eq!(Config::sound().prints("check-config", &[]), "resource-limits.yaml is sound\n");
}

#[test]
fn warnings_are_no_failure() {
    let config = Config::new("defaults: {idle_timeout: 30m, max_runtime: 24h, colour: blue}\n");
    let said = config.prints("check-config", &[]);
    assert!(said.contains("warning: nobody knows the key `colour`"), "{said}");
    assert!(said.ends_with("resource-limits.yaml is sound: 1 warning\n"), "{said}");
    let output = config.run("policy", &["--user", "alice"]).success().get_output().clone();
    assert!(text(&output.stderr).contains("1 warning about this policy"));
}

#[test]
fn errors_are_all_said_at_once_and_exit_with_78() {
    let config = Config::new("defaults: {idle_timeout: 30, max_runtime: -1h}\n");
    config.write("user-overrides.yaml", "alice: {idle_timeout: soon}\n");
    let said = text(&config.run("check-config", &[]).code(78).get_output().stdout);
    assert_eq!(said.matches(": error: ").count(), 3, "{said}");
    assert!(said.ends_with("resource-limits.yaml is not used: 3 errors\n"), "{said}");

    let output = config.run("policy", &[]).code(78).get_output().clone();
    assert_eq!(text(&output.stdout), "");
    assert_eq!(text(&output.stderr).matches(": error: ").count(), 3);
}

#[test]
fn a_missing_policy_exits_with_78() {
    for command in ["policy", "check-config"] {
        let output =
            program().args([command, "--config", "/nowhere/limits.yaml"]).assert().code(78).get_output().clone();
        assert!(
            text(&[output.stdout, output.stderr].concat())
                .contains("/nowhere/limits.yaml: error: there is no such file")
        );
    }
}

#[test]
fn what_files_and_flags_say_never_reaches_the_terminal_as_it_is() {
    let config = Config::new(POLICY);
    let output = config.run("check-config", &[]).code(78).get_output().clone();
    let said = text(&output.stdout);
    assert!(said.contains("mal\\x1b[31mlory") && !said.contains('\u{1b}'), "{said:?}");
    let said = Config::sound().prints("policy", &["--user", "\u{1b}[31m\u{202e}x"]);
    assert!(said.contains("\\x1b[31m\\u{202e}x") && !said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
}

#[test]
fn usage_errors_exit_with_2() {
    for args in [&["policy", "--type", "podman"][..], &["policy", "--user", " "], &["policy", "alice"]] {
        program().args(args).assert().code(2);
    }
}

#[test]
fn help_lists_what_there_is_and_no_more() {
    let help = text(&program().arg("--help").assert().success().get_output().stdout);
    for command in ["policy", "replay", "check-config"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {help}");
    }
    // What only a unit runs.
    assert!(!help.contains("deliver"));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let config = Config::sound();
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin!("ds01-idle"))
        .args(["policy", "--config"])
        .arg(config.0.path().join("resource-limits.yaml"))
        .stdout(full())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn exit_codes_hold_where_nothing_can_be_said() {
    let warned = Config::new("policies: {}\n");
    let policy = warned.0.path().join("resource-limits.yaml");
    for (config, code) in [(policy.as_path(), 0), ("/nowhere/limits.yaml".as_ref(), 78)] {
        let status = std::process::Command::new(assert_cmd::cargo::cargo_bin!("ds01-idle"))
            .args(["policy", "--config"])
            .arg(config)
            .stdout(std::process::Stdio::null())
            .stderr(full())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{}", config.display());
    }
}

/// A file that takes nothing.
fn full() -> fs::File {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap()
}
