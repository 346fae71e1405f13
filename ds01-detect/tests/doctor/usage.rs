//! How the doctor is called, and how it is called wrongly.

use std::process::{Command, Output};

/// The program with nothing of the caller's environment.
fn called(variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
    command.env_clear().envs(variables.iter().copied()).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn help() {
    let output = called(&[], &["doctor", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(stdout(&output)) });
}

#[test]
fn wrong_usage() {
    let mut all = String::new();
    const CASES: [(&str, &[&str]); 6] = [
        ("", &["--state-dir", "/tmp/s", "doctor"]),
        ("", &["--dry-run", "doctor"]),
        ("", &["doctor", "--deadline", "0"]),
        ("", &["doctor", "--scenario", "x.yaml"]),
        ("", &["doctor", "--docker-host", "tcp://10.0.0.7:2375"]),
        ("ssh://admin@gpu01", &["doctor"]),
    ];
    for (docker_host, args) in CASES {
        let output = called(&[("DOCKER_HOST", docker_host)], args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        all.push_str(&format!("$ ds01-detect {}\n{}\n", args.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(all) });
}

#[test]
fn man_page() {
    let page = stdout(&called(&[], &["doctor", "--generate", "man"]));
    assert!(page.contains(".TH ds01-detect-doctor 1") && page.contains(r"ds01\-detect doctor"), "{page}");
    for flag in ["dev\\-root", "systemctl", "config", "json"] {
        assert!(page.contains(flag), "{flag}: {page}");
    }
}
