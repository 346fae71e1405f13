//! How long a scan takes beside `docker ps -a`, on a private daemon with 100 and with 1,000 containers.
//!
//! Run by `make bench`. The three commands take turns within one run, so that the machine's other load and the daemon's
//! state are the same for all of them; what counts are the ratios of their medians.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use docker_rig::{BUSYBOX, Rig};
use nvml_standin::{Gpu, Install, Scenario, scenario_path};

const ROUNDS: usize = 21;
/// One in so many containers is running, up to so many in all: a start takes the daemon a quarter of a second.
const RUNNING: (usize, usize) = (10, 20);

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let rig = Rig::from_env().unwrap_or_else(|| panic!("run it through `make bench`"));
    println!("{:>10}  {:<34}{:>10}{:>8}{:>9}{:>10}", "containers", "command", "median", "ratio", "limit", "requests");
    let mut made = 0;
    for count in [100, 1_000] {
        make_containers(&rig, made..count);
        made = count;
        measure(&Bench::new(&rig), count);
    }
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        command
            .arg(format!("--docker-host=unix://{}", self.rig.socket().display()))
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
    let [mut ps, mut first, mut steady] = [(); 3].map(|()| Vec::new());
    for round in 0..ROUNDS {
        ps.push(time(&mut bench.docker_ps()));
        let fresh = bench.state(&format!("fresh-{round}"));
        first.push(time(&mut bench.detect(&fresh)));
        fs::remove_dir_all(fresh).unwrap();
        steady.push(time(&mut bench.detect(&kept)));
    }
    let fresh = bench.state("counted");
    let requests = [requests(bench.detect(&fresh)), requests(bench.detect(&kept))];
    let (ps, first, steady) = (median(ps), median(first), median(steady));
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
    println!("{count:>10}  peak memory: first {:.1} MiB, steady {:.1} MiB (limit 16)", mib(peaks[0]), mib(peaks[1]));
}

fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let took = start.elapsed();
    assert!(status.success(), "{command:?} failed");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How many requests a scan says it sent.
fn requests(mut command: Command) -> u32 {
    let log = String::from_utf8(command.arg("--verbose").output().unwrap().stderr).unwrap();
    let sent = log.lines().find_map(|line| line.split_once("sent ")?.1.split_once(" requests")?.0.parse().ok());
    sent.unwrap_or_else(|| panic!("no word of requests in: {log}"))
}

/// The greatest resident set of a command, as GNU time tells it.
fn peak_kib(command: &Command) -> u64 {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["--format", "peak %M"]).arg(command.get_program()).args(command.get_args());
    let output = timed.output().unwrap_or_else(|error| panic!("GNU time: {error}; see fixtures/install-test-deps.sh"));
    let words = String::from_utf8(output.stderr).unwrap();
    words.lines().find_map(|line| line.strip_prefix("peak ")?.parse().ok()).unwrap()
}

/// Makes containers through the API: the command line client takes longer to start than the daemon to answer.
fn make_containers(rig: &Rig, numbers: std::ops::Range<usize>) {
    let (every, most) = RUNNING;
    for number in numbers {
        let body = format!(
            "{{\"Image\":\"{BUSYBOX}\",\"Cmd\":[\"sleep\",\"100000\"],\"Env\":[\"NB_USER=user{number}\"],\
             \"Labels\":{{\"com.docker.compose.project\":\"bench\",\"number\":\"{number}\"}},\
             \"HostConfig\":{{\"NetworkMode\":\"none\"}}}}"
        );
        post(rig, &format!("/containers/create?name=bench-{number}"), &body);
        if number % every == 0 && number / every < most {
            post(rig, &format!("/containers/bench-{number}/start"), "");
        }
    }
}

fn post(rig: &Rig, path: &str, body: &str) {
    let mut stream = UnixStream::connect(rig.socket()).unwrap();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let created = ["201", "204"].iter().any(|code| answer.split(' ').nth(1) == Some(code));
    assert!(created, "POST {path}: {answer}");
}
