//! `wait`: what it prints, when it ends, and what it asks for.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    common::outcome,
    everybody::{ALICE, Host, NOBODY, as_root},
};

#[test]
fn waiting_ends_when_there_is_enough_when_there_never_is_or_in_time() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    let (out, err, code) = host.shows_wait(NOBODY, &["--gpus", "2", "--timeout", "1s"]);
    assert_eq!((out.as_str(), code), ("", 4), "{err}");
    assert!(err.contains("not free in time: 2 GPUs"), "{err}");
    let (_, err, code) = host.shows_wait(NOBODY, &["--mig", "3g.40gb"]);
    assert_eq!(code, 1);
    assert!(err.contains("this host has 0 of what you ask for (1 MIG instance 3g.40gb)"), "{err}");
    assert_eq!(host.shows_wait(NOBODY, &["--memory", "lots"]).2, 2);

    // What would be cut is refused.
    let (out, err, code) = host.shows_wait(ALICE, &["--gpus", "2", "--notify", "--timeout", "30d"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("waited for 7d at most, and not for 30d"), "{err}");

    // A request is left where everybody can, and only its owner is asked who asks.
    fs::create_dir(host.path("keep")).unwrap();
    fs::set_permissions(host.path("keep"), Permissions::from_mode(0o1733)).unwrap();
    let (out, err, code) = host.shows_wait(ALICE, &["--gpus", "2", "--notify"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Asked to be told about 2 GPUs"), "{out}");
    assert_eq!(host.shows_wait(ALICE, &["--gpus", "2", "--timeout", "1s"]).2, 4, "the bound is a notice's");
    let left = fs::read_dir(host.path("keep")).unwrap().next().unwrap().unwrap();
    let request: Value = serde_json::from_slice(&fs::read(left.path()).unwrap()).unwrap();
    assert_eq!((&request["wait"]["gpus"], &request["seconds"]), (&Value::from(2), &Value::from(86_400)));
}

#[test]
fn an_old_picture_names_no_free_gpu_and_a_new_one_ends_the_wait() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    let file = host.path("public/gpus.json");
    let mut picture: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    picture["at"] = Value::from((Timestamp::now() - Duration::from_secs(3_600)).to_string());
    fs::write(&file, picture.to_string()).unwrap();
    let (out, err, code) = host.shows_wait(NOBODY, &["--timeout", "1s"]);
    assert_eq!((out.as_str(), code), ("", 4));
    assert!(err.contains("the last scan was 1h ago"), "{err}");
    assert_eq!(host.shows(NOBODY, &["--by-gpu", "--free"]).2, 1);

    let mut command = Command::new(host.path("ds01-workloads"));
    command.arg("wait").arg("--state-dir").arg(host.path("state")).arg("--public-dir").arg(host.path("public"));
    let waiting = command.uid(NOBODY.0).gid(NOBODY.1).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    picture["at"] = Value::from(Timestamp::now().to_string());
    let new = host.path("public/new");
    fs::write(&new, picture.to_string()).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o644)).unwrap();
    fs::rename(&new, &file).unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"GPU-2\n".as_slice()));
}

/// A picture with these GPUs, all free.
fn of_free_gpus(host: &Host, labels: &[&str]) {
    let file = host.path("public/gpus.json");
    let mut picture: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let free = picture["gpus"][2].clone();
    assert_eq!(free["state"], "free");
    let of = |label: &&str| {
        let mut gpu = free.clone();
        (gpu["gpu"], gpu["uuid"]) = (Value::from(*label), Value::from(format!("GPU-of-{label}")));
        gpu
    };
    picture["gpus"] = labels.iter().map(of).collect();
    fs::write(file, picture.to_string()).unwrap();
}

#[test]
fn docker_is_given_no_gpu_that_it_can_not_take() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    of_free_gpus(&host, &["amd0", "0", "amd1"]);
    let wait = |arguments: &[&str]| host.shows_wait(NOBODY, arguments);
    assert_eq!(wait(&[]).0, "GPU-of-0\n");
    assert_eq!(wait(&["--amd", "--gpus", "2"]).0, "GPU-of-amd0\nGPU-of-amd1\n");
    let (out, err, code) = wait(&["--gpus", "2"]);
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("has 1 of what you ask for (2 GPUs)") && err.contains("--amd"), "{err}");
    assert_eq!(wait(&["--amd", "--mig", "any"]).2, 2);
}

#[test]
fn the_examples_give_docker_what_it_takes_and_start_nothing_in_vain() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    of_free_gpus(&host, &["0", "1"]);
    let mut help = Command::new(host.path("ds01-workloads"));
    let (help, ..) = outcome({
        help.args(["wait", "--help"]);
        help
    });
    // Up to the dots: what stands behind them says what it does.
    let example = |begins: &str, lines| {
        let lines: Vec<&str> = help.lines().skip_while(|line| !line.trim().starts_with(begins)).take(lines).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.split(" ...").next().unwrap().trim()).collect();
        lines.join("\n")
    };
    let run = |script: &str| {
        let dirs = ["state", "public"].map(|name| format!("--{name}-dir {}", host.path(name).display())).join(" ");
        let program = format!("{} wait {dirs}", host.path("ds01-workloads").display());
        let script = script.replace("ds01-workloads wait", &program);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("docker() {{ printf '%s\\n' \"$@\"; }}\n{script}"));
        outcome(shell).0
    };
    assert_eq!(run(&example("gpu=$(", 1)), "run\n--gpus\ndevice=GPU-of-0\n");
    let several = example("gpus=$(", 2);
    assert_eq!(run(&several), "run\n--gpus\n\"device=GPU-of-0,GPU-of-1\"\n");
    assert_eq!(run(&several.replace("--gpus 2", "--gpus 3")), "", "nothing is started without a GPU");
}
