//! How long a scan takes beside `docker ps -a`, on a private daemon with 100 and with 1,000 containers; and what a second engine adds.
//!
//! Run by `make bench`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use docker_rig::{
    Rig,
    bench::{make_containers, make_containers_behind, medians, peak_kib, time},
    podman::Podman,
};
use nvml_standin::{Gpu, Install, Scenario, scenario_path};

const ROUNDS: usize = 21;
/// What a scan may spend on the metrics, in percent of its time.
const MOST_FOR_METRICS: f64 = 5.0;
/// What a scan of two engines may take, in scans of each by itself.
const MOST_FOR_TWO: f64 = 1.0;
/// So many containers of Podman's beside a thousand of Docker's. Podman takes most of its time to tell its version, however many there
/// are; as long as both take about the same, it shows whether one waits for the other.
const PODMANS: usize = 10;
/// What a steady scan asks of each engine: its version, and its list.
const STEADY_REQUESTS: u32 = 2;
/// One in so many containers is running, up to so many in all: a start takes the daemon a quarter of a second.
const RUNNING: (usize, usize) = (10, 20);

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let rig = Rig::from_env().unwrap_or_else(|| panic!("run it through `make bench`"));
    println!("{:>10}  {:<34}{:>10}{:>8}{:>9}{:>10}", "containers", "command", "median", "ratio", "limit", "requests");
    let (every, most) = RUNNING;
    let mut made = 0;
    for count in [100, 1_000] {
        make_containers(&rig, made..count, |number| number % every == 0 && number / every < most);
        made = count;
        measure(&Bench::new(&rig), count);
    }
    two_engines(&Bench::new(&rig));
}

struct Bench {
    rig: Rig,
    dir: tempfile::TempDir,
    nvml: PathBuf,
}

impl Bench {
    fn new(rig: &Rig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nvml = Install::default().into_dir(dir.path()).unwrap();
        let gpus = (0..8).fold(Scenario::default(), |scenario, n| scenario.gpu(Gpu::new(&format!("GPU-{n}"), 81_920)));
        gpus.write_to(&scenario_path(&nvml)).unwrap();
        Self { rig: rig.clone(), dir, nvml }
    }

    fn docker_ps(&self) -> Command {
        let mut command = self.rig.client();
        command.args(["ps", "-a"]);
        command
    }

    fn detect(&self, state: &Path) -> Command {
        self.detect_behind(self.rig.socket(), state)
    }

    /// A scan of the engine behind this socket, whatever it is, as if it were Docker.
    fn detect_behind(&self, socket: &Path, state: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        command
            .arg(format!("--docker-host=unix://{}", socket.display()))
            .arg("--nvml-library")
            .arg(&self.nvml)
            .arg("--state-dir")
            .arg(state)
            .arg("--events-file")
            .arg(state.join("events.jsonl"));
        command
    }

    fn state(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn measure(bench: &Bench, count: usize) {
    let kept = bench.state("kept");
    time(&mut bench.detect(&kept));
    let fresh = bench.state("fresh");
    let [ps, first, steady] = medians(
        ROUNDS,
        [&mut || time(&mut bench.docker_ps()), &mut || first_scan(bench, &fresh), &mut || {
            time(&mut bench.detect(&kept))
        }],
    );
    let requests = [requests(bench.detect(&fresh)), requests(bench.detect(&kept))];
    let row = |command: &str, time: Duration, limit: &str, requests: &str| {
        let ratio = time.as_secs_f64() / ps.as_secs_f64();
        println!("{count:>10}  {command:<34}{:>7.1} ms{ratio:>8.2}{limit:>9}{requests:>10}", time.as_secs_f64() * 1e3);
    };
    row("docker ps -a", ps, "", "");
    row("ds01-detect, first scan", first, "3.0", &requests[0].to_string());
    row("ds01-detect, steady scan", steady, "1.0", &requests[1].to_string());
    fs::remove_dir_all(&fresh).unwrap();
    let peaks = [peak_kib(&bench.detect(&fresh)), peak_kib(&bench.detect(&kept))];
    let mib = |kib: u64| kib as f64 / 1024.0;
    let share = metrics_share(bench, &kept);
    println!("{count:>10}  writing the metrics: {share:.1} % of a steady scan (limit {MOST_FOR_METRICS})");
    assert!(share < MOST_FOR_METRICS, "writing the metrics takes {share:.1} % of a scan of {count} containers");
    println!("{count:>10}  peak memory: first {:.1} MiB, steady {:.1} MiB (limit 16)", mib(peaks[0]), mib(peaks[1]));
}

/// A steady scan of a real Docker and a real Podman, beside one of either alone, in turn.
fn two_engines(bench: &Bench) {
    let podman = Podman::start();
    make_containers_behind(&podman.socket(), 0..PODMANS, |_| false);
    let states = ["docker", "podman", "both"].map(|name| bench.state(name));
    let docker_alone = || bench.detect(&states[0]);
    let podman_alone = || bench.detect_behind(&podman.socket(), &states[1]);
    let both = || {
        let mut command = bench.detect(&states[2]);
        command.arg(format!("--engine=podman=unix://{}", podman.socket().display()));
        command
    };
    for mut first in [docker_alone(), podman_alone(), both()] {
        time(&mut first);
    }
    let [docker, podmans, together] = medians(
        ROUNDS,
        [&mut || time(&mut docker_alone()), &mut || time(&mut podman_alone()), &mut || time(&mut both())],
    );
    let ratio = together.as_secs_f64() / (docker + podmans).as_secs_f64();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:>10}  Docker {:.1} ms, Podman with {PODMANS} {:.1} ms, both {:.1} ms: {ratio:.2} of their sum (limit {MOST_FOR_TWO})",
        "",
        ms(docker),
        ms(podmans),
        ms(together)
    );
    assert_eq!(requests(both()), 2 * STEADY_REQUESTS, "what a steady scan of two engines asks");
    assert!(ratio <= MOST_FOR_TWO, "two engines take {ratio:.2} of what each takes by itself");
}

/// A scan that finds no inventory, and leaves none.
fn first_scan(bench: &Bench, state: &Path) -> Duration {
    let took = time(&mut bench.detect(state));
    fs::remove_dir_all(state).unwrap();
    took
}

/// The median share of a steady scan that goes into the metrics, in percent, by the program's own clock.
fn metrics_share(bench: &Bench, state: &Path) -> f64 {
    let mut shares: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut command = bench.detect(state);
            command.arg("--verbose").arg("--metrics-file").arg(bench.state("ds01.prom"));
            let log = String::from_utf8(command.output().unwrap().stderr).unwrap();
            let said = log.lines().find_map(|line| line.split_once("the metrics took ")?.1.strip_suffix(" us"));
            let (took, all) = said.and_then(|said| said.split_once(" of ")).unwrap_or_else(|| panic!("{log}"));
            took.parse::<f64>().unwrap() * 100.0 / all.parse::<f64>().unwrap()
        })
        .collect();
    shares.sort_unstable_by(f64::total_cmp);
    shares[shares.len() / 2]
}

/// How many requests a scan says it sent, to all engines together.
fn requests(mut command: Command) -> u32 {
    let log = String::from_utf8(command.arg("--verbose").output().unwrap().stderr).unwrap();
    let sent =
        log.lines().filter_map(|line| line.split_once("sent ")?.1.split_once(" requests")?.0.parse::<u32>().ok());
    sent.reduce(|all, more| all + more).unwrap_or_else(|| panic!("no word of requests in: {log}"))
}
