//! A machine with neither Docker nor a GPU nor systemd, on which nothing of ds01 was installed: nothing has failed there.

use std::{fs, process::Command};

use crate::{diagnosis::Diagnosis, namespace::inside, namespaces::hide_run};

#[test]
fn a_bare_laptop() {
    if !inside("laptop::a_bare_laptop") {
        return;
    }
    hide_run();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir_all(dir.path().join("sys/bus/pci/devices")).unwrap();
    fs::create_dir_all(dir.path().join("sys/fs/cgroup/memory")).unwrap();
    fs::create_dir(dir.path().join("dev")).unwrap();
    let doctor = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        command.arg("doctor").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(["--state-dir", &path("ds01"), "--events-file", &path("log/events.jsonl")]);
        command.args(["--sys-root", &path("sys"), "--dev-root", &path("dev"), "--systemctl", &path("systemctl")]);
        command.args(flags).output().unwrap()
    };
    let diagnosis = Diagnosis::read(&doctor(&["--json"]), dir.path().to_str().unwrap());
    assert_eq!(diagnosis.code, Some(0), "{diagnosis:#?}");
    let says = |check: &str, verdict: &str, words: &str| {
        let row = diagnosis.row(check);
        assert!(row.verdict == verdict && row.found.contains(words), "{check}: {row:#?}");
    };
    says("docker-socket", "warning", "/var/run/docker.sock is not there: no container is seen");
    says("docker-api", "skipped", "");
    says("cgroups", "ok", "version 1; Docker did not tell its driver");
    says("dev-char-links", "skipped", "no device nodes of NVIDIA");
    says("state-dir", "warning", "is not there yet");
    says("inventory", "warning", "no scan was saved yet");
    says("last-scan", "skipped", "no inventory to read");
    says("detector-timer", "skipped", "no systemctl");
    says("idle-timer", "skipped", "no systemctl");
    says("ledger-timer", "skipped", "no systemctl");
    // A machine that builds ds01 may have a driver.
    if diagnosis.row("nvml").found.contains("dynamic linker") {
        says("nvml", "warning", "no GPU of NVIDIA is on the PCI bus: no GPU is seen, and no process of the host");
        says("gpus", "skipped", "");
    }
    assert_eq!(diagnosis.row("docker-socket").command, None, "there is nothing to start");
}
