//! A real Prometheus that scrapes simulated hosts. `DS01_FLEET_HOSTS` says how many.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_rig::{Prometheus, is_installed};
use serde_json::Value;

use super::{
    document, fleet,
    sim::{self, Host, Mode},
};
use crate::common::outcome;

const LONG: Duration = Duration::from_secs(120);

fn how_many() -> usize {
    std::env::var("DS01_FLEET_HOSTS").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

/// What the hosts that are up said, in sum: containers, with GPU, host processes, GPUs, GPUs held.
fn sums(hosts: &[Host]) -> [u64; 5] {
    let mut sums = [0; 5];
    for host in hosts {
        if matches!(host.mode(), Mode::Gone | Mode::Stale) {
            continue;
        }
        let containers = if host.mode() == Mode::NoDocker { &[][..] } else { &host.containers[..] };
        let held = if host.mode() == Mode::NoDocker {
            host.processes.iter().map(|(_, uuid, ..)| uuid).collect::<BTreeSet<_>>().len()
        } else {
            host.gpus_held()
        };
        let with_gpu = containers.iter().filter(|container| !container.gpus.is_empty()).count();
        let processes: u64 = host.processes.iter().map(|(.., count)| count).sum();
        for (sum, more) in sums.iter_mut().zip([
            containers.len() as u64,
            with_gpu as u64,
            processes,
            host.gpus.len() as u64,
            held as u64,
        ]) {
            *sum += more;
        }
    }
    sums
}

fn totals(document: &Value) -> [u64; 5] {
    ["containers", "containers_with_gpu", "host_processes", "gpus", "gpus_held"]
        .map(|name| document["totals"][name].as_u64().unwrap())
}

/// The hosts of a document that are in this state.
fn named<'a>(document: &'a Value, state: &str) -> Vec<&'a str> {
    let hosts = document["hosts"].as_array().unwrap().iter();
    hosts.filter(|host| host["state"] == state).map(|host| host["host"].as_str().unwrap()).collect()
}

#[test]
fn the_table_says_what_the_hosts_say_and_who_is_gone() {
    if !is_installed() {
        return;
    }
    let hosts: Arc<Vec<Host>> = sim::fleet(how_many(), 15);
    let prometheus = Prometheus::start(&sim::serve(&hosts), &[]);
    let all = hosts.len();
    prometheus.wait_for(&format!("count(ds01_scan_timestamp_seconds) == {all}"), LONG);
    let url = prometheus.url();
    // A machine that does much else has no haste.
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("fleet.yaml");
    std::fs::write(&config, "fleet:\n  deadline: 2m\n").unwrap();
    let config = config.to_str().unwrap();
    let ask = |arguments: &[&str]| fleet(&[&["--prometheus", &url, "--fleet-config", config], arguments].concat());

    let (seen, err, code) = until(|| Some(document(ask(&[]))).filter(|(seen, ..)| named(seen, "answers").len() == all));
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(totals(&seen), sums(&hosts));
    for (host, seen) in hosts.iter().zip(seen["hosts"].as_array().unwrap()) {
        assert_eq!(seen["host"], host.name.as_str());
        let ids: BTreeSet<&str> =
            seen["containers"].as_array().unwrap().iter().map(|seen| seen["id"].as_str().unwrap()).collect();
        assert_eq!(ids, host.containers.iter().map(|container| container.id.as_str()).collect());
        let memory: u64 =
            host.containers.iter().flat_map(|container| &container.gpus).filter_map(|(_, memory)| *memory).sum();
        let told: u64 = seen["containers"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|seen| seen["gpus"].as_array().unwrap())
            .filter_map(|held| held["memory_bytes"].as_u64())
            .sum();
        assert_eq!(told, memory, "{}", host.name);
    }
    // Each workload is a row, and users' text stays text.
    let workloads: usize = hosts.iter().map(|host| host.containers.len() + users(host)).sum();
    let out = until(|| Some(outcome(ask(&[])).0).filter(|out| out.lines().count() == workloads + 2));
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()) && !out.contains('\u{202e}'));

    // Five are gone, the detector of one stands still, and the Docker of another fails.
    for host in hosts.iter().skip(3).step_by(7).take(5) {
        host.set(Mode::Gone);
    }
    hosts[1].set(Mode::Stale);
    hosts[2].set(Mode::NoDocker);
    prometheus.wait_for("count(up == 0) == 5", LONG);
    prometheus.wait_for("time() - ds01_scan_timestamp_seconds > 3600", LONG);
    prometheus.wait_for("ds01_source_up == 0", LONG);
    let gone: Vec<&str> =
        hosts.iter().filter(|host| host.mode() == Mode::Gone).map(|host| host.name.as_str()).collect();
    assert_eq!(gone.len(), 5);
    let (seen, _, code) = until(|| {
        let seen = document(ask(&[]));
        assert_eq!(seen.0["hosts"].as_array().unwrap().len(), all, "no host is missing");
        Some(seen).filter(|(seen, ..)| named(seen, "silent") == gone)
    });
    assert_eq!(code, 0);
    assert_eq!(named(&seen, "stale"), [hosts[1].name.as_str()]);
    assert_eq!(totals(&seen), sums(&hosts));
    let silent = seen["hosts"].as_array().unwrap().iter().filter(|host| host["state"] == "silent");
    for host in silent {
        assert!(host["last_word"].is_string() && host["containers"].is_null(), "{host:#}");
        assert!(host["why"].as_str().unwrap().contains("does not answer Prometheus"), "{host:#}");
    }
    assert_eq!(seen["hosts"][2]["containers"], Value::Null);
    assert_eq!(seen["hosts"][2]["failed_sources"][0]["source"], "docker");
    // Whatever is asked for, who is silent may have it.
    for arguments in [&[][..], &["--user", "user7"], &["--by-user"], &["--by-gpu"], &["--type", "compose"]] {
        let (out, _, code) = until(|| {
            let seen = outcome(ask(&[arguments, &["--columns", "host,status,age,name"]].concat()));
            Some(seen).filter(|(out, ..)| with_status(out, "silent") == gone)
        });
        assert_eq!(code, 0);
        assert_eq!(with_status(&out, "stale"), [hosts[1].name.as_str()]);
        assert_eq!(with_status(&out, "failed"), [hosts[2].name.as_str()]);
        let last = out.lines().last().unwrap();
        assert!(last.starts_with(&format!("{all} hosts, 5 silent, 1 stale, 1 with a source that failed: ")), "{last}");
    }
    let (out, _, _) = outcome(ask(&["--columns", "host,status"]));
    let stale: Vec<&str> = out.lines().filter(|line| line.starts_with(&hosts[1].name)).collect();
    assert!(stale.iter().skip(1).all(|line| line.ends_with("was-running")), "{stale:?}");

    // All are gone: each is a row still, and nobody is taken for a table that is whole.
    hosts.iter().for_each(|host| host.set(Mode::Gone));
    prometheus.wait_for(&format!("count(up == 0) == {all}"), LONG);
    let (seen, err, code) = document(ask(&[]));
    assert_eq!((named(&seen, "silent").len(), code), (all, 1));
    assert!(err.contains("not one host answers"), "{err}");
}

/// The hosts of rows with this status, in a table whose first columns are host and status.
fn with_status<'a>(out: &'a str, status: &str) -> Vec<&'a str> {
    let rows = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(1) == Some(&status)).map(|row| row[0]).collect()
}

/// Asks until it is so: on a loaded machine, Prometheus may miss a scrape, and says so.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(seen) = ask() {
            return seen;
        }
        assert!(Instant::now() < end, "it does not become so");
    }
}

/// Users with host processes on it: each is one row.
fn users(host: &Host) -> usize {
    host.processes.iter().map(|(user, ..)| user).collect::<BTreeSet<_>>().len()
}

#[test]
fn a_prometheus_without_hosts_is_told_from_one_that_does_not_answer() {
    if !is_installed() {
        return;
    }
    let prometheus = Prometheus::start(&[], &[]);
    let (out, err, code) = outcome(fleet(&["--prometheus", &prometheus.url()]));
    assert_eq!((out.as_str(), code), ("", 3));
    assert!(err.contains("knows no host") && err.contains("docs/fleet.md"), "{err}");
    let url = prometheus.url();
    drop(prometheus);
    let (out, err, code) = outcome(fleet(&["--prometheus", &url]));
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("can't reach Prometheus") && err.contains("/-/ready"), "{err}");
}
