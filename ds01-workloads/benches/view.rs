//! How long the table takes beside `docker ps -a` and `docker stats`, on a private daemon with 1,000 containers.
//!
//! Run by `make bench`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use docker_rig::{
    Rig,
    bench::{make_containers, medians, time},
};
use ds01_core::{
    detect::{Inventory, Settings, Sources, inventory::FILE_NAME},
    event::EventLog,
    scan::{self, ScanOptions},
    source::{
        Engine, SystemClock,
        docker::{Docker, DockerOptions},
        nvml::Nvml,
        proc::ProcFs,
    },
};

const ROUNDS: usize = 21;
/// `docker stats --no-stream` takes seconds.
const SLOW_ROUNDS: usize = 5;
const CONTAINERS: usize = 1_000;
const RUNNING: usize = 100;

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let rig = Rig::from_env().unwrap_or_else(|| panic!("run it through `make bench`"));
    make_containers(&rig, 0..CONTAINERS, |number| number < RUNNING);
    let dir = tempfile::tempdir().unwrap();
    let (thousand, ten_thousand) = (dir.path().join("1000"), dir.path().join("10000"));
    let inventory = scan(&rig, &thousand);
    write_tenfold(&inventory, &ten_thousand);

    let [ps, rows, tenfold] = medians(
        ROUNDS,
        [&mut || time(&mut docker(&rig, &["ps", "-a"])), &mut || time(&mut view(&thousand, &["--all"])), &mut || {
            time(&mut view(&ten_thousand, &["--all"]))
        }],
    );
    let [stats, wide] = medians(
        SLOW_ROUNDS,
        [&mut || time(&mut docker(&rig, &["stats", "--no-stream"])), &mut || time(&mut view(&thousand, &["--wide"]))],
    );
    println!("{:<46}{:>11}{:>8}{:>8}", "command", "median", "ratio", "limit");
    row("docker ps -a, 1,000 containers", ps, ps, "");
    row("ds01-workloads --all, 1,000 rows", rows, ps, "0.25");
    row("ds01-workloads --all, 1,000 rows", rows, rows, "");
    row("ds01-workloads --all, 10,000 rows", tenfold, rows, "10");
    row("docker stats --no-stream, 100 running", stats, stats, "");
    row("ds01-workloads --wide, 100 running", wide, stats, "0.2");
}

fn row(command: &str, time: Duration, beside: Duration, limit: &str) {
    let ratio = time.as_secs_f64() / beside.as_secs_f64();
    println!("{command:<46}{:>8.1} ms{ratio:>8.3}{limit:>8}", time.as_secs_f64() * 1e3);
}

fn docker(rig: &Rig, args: &[&str]) -> Command {
    let mut command = rig.client();
    command.args(args);
    command
}

fn view(state: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-workloads"));
    command.arg("--state-dir").arg(state).args(args);
    command
}

fn scan(rig: &Rig, state_dir: &Path) -> Inventory {
    let docker = Docker::new(DockerOptions { socket: rig.socket().to_owned(), ..Default::default() }).unwrap();
    let sources = Sources {
        engines: vec![Engine::docker(Arc::new(docker))],
        gpus: Arc::new(Nvml::new(None)),
        observed: Vec::new(),
        processes: Arc::new(ProcFs::new("/proc")),
        samples: Arc::new(ds01_core::source::NoSamples),
        clock: Arc::new(SystemClock),
    };
    let options = ScanOptions {
        metrics: None,
        state_dir: state_dir.to_owned(),
        events: EventLog::new(state_dir.join("events.jsonl"), "bench"),
        deadline: Duration::from_secs(60),
        settings: Settings::default(),
    };
    scan::run(&sources, &options).unwrap().inventory
}

/// Every container ten times, each with an id and a name of its own.
fn write_tenfold(inventory: &Inventory, state_dir: &Path) {
    let mut tenfold = inventory.clone();
    tenfold.containers.clear();
    for (id, entry) in &inventory.containers {
        for copy in 0..10 {
            let mut entry = entry.clone();
            entry.id = format!("{copy}{}", &id[1..]);
            entry.name = format!("{}-{copy}", entry.name);
            tenfold.containers.insert(format!("{copy}-{id}"), entry);
        }
    }
    fs::create_dir(state_dir).unwrap();
    fs::write(state_dir.join(FILE_NAME), tenfold.to_json().unwrap()).unwrap();
}
