//! `--fleet` as it is run: through a real Prometheus, through one that misbehaves, and over ssh.

mod api;
mod prometheus;
pub(crate) mod sim;
mod ssh;

use std::process::Command;

use serde_json::Value;

use crate::common::{ds01, outcome};

/// The program without anybody's fleet.yaml.
fn fleet(arguments: &[&str]) -> Command {
    let mut command = ds01(&["--fleet", "--fleet-config", "/nonexistent"]);
    command.args(arguments);
    command
}

/// What `--json` prints, with what is said and the exit code.
fn document(mut command: Command) -> (Value, String, i32) {
    command.arg("--json");
    let (out, err, code) = outcome(command);
    (serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out:?} {err:?}")), err, code)
}

#[test]
fn nobody_to_ask_is_usage_and_says_what_to_give() {
    let (out, err, code) = outcome(fleet(&[]));
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("--prometheus URL") && err.contains("--hosts FILE") && err.contains("--demo"), "{err}");
    for arguments in [
        &["--fleet", "--by-gpu", "--free"][..],
        &["--fleet", "--live"],
        &["--fleet", "-q"],
        &["--hosts", "-", "--watch"],
    ] {
        let (out, err, code) = outcome(ds01(arguments));
        assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}: {err}");
    }
}

#[test]
fn the_sample_fleet_shows_every_state_in_every_form() {
    for arguments in [&[][..], &["--wide"], &["--by-user"], &["--by-gpu"], &["--gpu-only", "--sort", "age"]] {
        let (out, err, code) = outcome(fleet(&[&["--demo"], arguments].concat()));
        assert_eq!((err.as_str(), code), ("", 0));
        for state in [" stale ", " silent ", " failed ", "was-running"] {
            assert!(out.contains(state), "{arguments:?}: {out}");
        }
        assert!(
            out.lines().last().unwrap().starts_with("6 hosts, 1 silent, 1 stale, 1 with a source that failed: "),
            "{out}"
        );
    }
    let (document, err, code) = document(fleet(&["--demo"]));
    assert_eq!((document["from"].as_str(), err.as_str(), code), (Some("demo"), "", 0));
    let states: Vec<&str> =
        document["hosts"].as_array().unwrap().iter().map(|host| host["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["answers", "answers", "answers", "answers", "stale", "silent"]);
    // Not known is null, and never an empty list.
    assert_eq!(document["hosts"][5]["containers"], Value::Null);
    assert_eq!(document["hosts"][3]["containers"], Value::Null);
    let (out, _, _) = outcome(fleet(&["--demo", "--columns", "host,user,name", "--no-headers", "--user", "erin"]));
    assert!(out.contains("gpu02  erin  llama-sft\n") && out.contains("gpu06  -     silent since"), "{out}");
}
