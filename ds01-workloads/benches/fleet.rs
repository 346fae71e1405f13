//! How long the table of a whole fleet takes, and how much memory: 200 simulated hosts of 10 to 60 workloads each, on one real
//! Prometheus; all there, and with five of them gone.
//!
//! Run by `make bench`. It fails above a second or 64 MiB.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

#[path = "../tests/program/fleet/sim.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod sim;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use prometheus_rig::{Prometheus, is_installed};

const HOSTS: usize = 200;
const ROUNDS: usize = 11;
const LONG: Duration = Duration::from_secs(300);

/// What the whole table may take.
const MOST_TIME: Duration = Duration::from_secs(1);
const MOST_KIB: u64 = 64 * 1024;

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    assert!(is_installed(), "run it through `make bench`");
    let hosts = sim::fleet(HOSTS, 15);
    let workloads: usize = hosts.iter().map(|host| host.containers.len() + host.processes.len()).sum();
    let prometheus = Prometheus::start(&sim::serve(&hosts), &[]);
    prometheus.wait_for(&format!("count(ds01_scan_timestamp_seconds) == {HOSTS}"), LONG);
    let url = prometheus.url();
    println!("{HOSTS} hosts, {workloads} workloads");
    println!("{:<46}{:>11}{:>11}{:>11}", "command", "median", "worst", "memory");
    let all = measure("--fleet", &url, &[]);
    let json = measure("--fleet --json", &url, &["--json"]);
    for host in hosts.iter().step_by(41).take(5) {
        host.set(sim::Mode::Gone);
    }
    prometheus.wait_for("count(up == 0) == 5", LONG);
    let gone = measure("--fleet, five hosts gone", &url, &[]);
    for (time, kib) in [all, json, gone] {
        assert!(time <= MOST_TIME, "{time:?} is more than {MOST_TIME:?}");
        assert!(kib <= MOST_KIB, "{kib} KiB are more than {MOST_KIB}");
    }
}

/// The median of some rounds, and the most memory.
fn measure(what: &str, url: &str, arguments: &[&str]) -> (Duration, u64) {
    let mut rounds: Vec<(Duration, u64)> = (0..ROUNDS).map(|_| once(url, arguments)).collect();
    rounds.sort_unstable();
    let (median, worst) = (rounds[ROUNDS / 2].0, rounds[ROUNDS - 1].0);
    let kib = rounds.iter().map(|(_, kib)| *kib).max().unwrap();
    println!("{what:<46}{:>8.1} ms{:>8.1} ms{:>7.1} MiB", ms(median), ms(worst), kib as f64 / 1024.0);
    (median, kib)
}

fn once(url: &str, arguments: &[&str]) -> (Duration, u64) {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%M", env!("CARGO_BIN_EXE_ds01-workloads"), "--prometheus", url]).args(arguments);
    let start = Instant::now();
    let output = command.output().unwrap();
    let time = start.elapsed();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    (time, said.trim().parse().unwrap_or_else(|_| panic!("{said}")))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
