//! What a replay costs: a journal of 100 containers that were looked at every 30 seconds and checked every five minutes.
//!
//! Three days of it, in `make bench`; a month with `DS01_REPLAY_DAYS=30`, in `make trial`. Fails when it takes too long or too much
//! memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ds01_core::{
    detect::{Origin, UserSource},
    idle::{
        EnergyCount, GpuFigure, GpuMeasure, Journal, Observation, ProcessActivity,
        evidence::StartedProcess,
        journal::{CheckMade, Life, Record},
    },
    model::{ContainerStatus, Demand, Reading},
    store::Store,
};
use jiff::{SignedDuration, Timestamp};

const CONTAINERS: u64 = 100;

/// A month may take so long, on so many cores.
const MOST_TIME_OF_A_MONTH: Duration = Duration::from_secs(20);
const CORES: u32 = 2;
const MOST_MEMORY_MIB: f64 = 200.0;

/// From one scan to the next and from one check to the next, in seconds.
const SCAN: u64 = 30;
const CHECK: u64 = 300;
const DAY: u64 = 86_400;

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !env::args().any(|arg| arg == "--bench") {
        return;
    }
    let days = env::var("DS01_REPLAY_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(3);
    // Where the journal lies may be named, to have it made once.
    let kept = env::var_os("DS01_REPLAY_DIR").map(PathBuf::from);
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench { dir: kept.unwrap_or_else(|| dir.path().to_owned()) };
    let state = bench.dir.join("state");
    if !state.exists() {
        let begin = Instant::now();
        write(&state, days);
        println!("{days} days written in {:.1} s", begin.elapsed().as_secs_f64());
    }
    fs::write(bench.dir.join("old.yaml"), OLD).unwrap();
    fs::write(bench.dir.join("new.yaml"), NEW).unwrap();
    let bytes: u64 =
        fs::read_dir(state.join("activity")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("{days} days, {CONTAINERS} containers: {:.0} MiB", bytes as f64 / 1_048_576.0);
    let limit = MOST_TIME_OF_A_MONTH.mul_f64(days as f64 / 30.0) + Duration::from_secs(1);
    for (what, two) in [("one policy", false), ("two policies", true)] {
        let cost = Cost::of(&bench.replay(two));
        println!(
            "ds01-idle replay, {what}: {:.1} s, {:.1} s of CPU time (limit {:.1} for one policy), {:.0} MiB (limit {MOST_MEMORY_MIB})",
            cost.wall.as_secs_f64(),
            cost.cpu.as_secs_f64(),
            (limit * CORES).as_secs_f64(),
            cost.peak_mib,
        );
        assert!(cost.peak_mib <= MOST_MEMORY_MIB, "a replay takes {:.0} MiB", cost.peak_mib);
        assert!(two || cost.cpu <= limit * CORES, "a replay takes {:?} of CPU time", cost.cpu);
    }
}

/// What one run took.
struct Cost {
    wall: Duration,
    /// The machine may have other things to do: CPU time is what counts.
    cpu: Duration,
    peak_mib: f64,
}

impl Cost {
    fn of(command: &Command) -> Self {
        let mut timed = Command::new("/usr/bin/time");
        timed.args(["--format", "cost %e %U %S %M"]).arg(command.get_program()).args(command.get_args());
        let output = timed
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .unwrap_or_else(|error| panic!("GNU time: {error}; see fixtures/install-test-deps.sh"));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed: {words}");
        let line = words.lines().find_map(|line| line.strip_prefix("cost ")).unwrap();
        let figures: Vec<f64> = line.split(' ').map(|figure| figure.parse().unwrap()).collect();
        let [wall, user, system, peak_kib] = figures[..] else { panic!("{line}") };
        let [wall, cpu] = [wall, user + system].map(Duration::from_secs_f64);
        Self { wall, cpu, peak_mib: peak_kib / 1024.0 }
    }
}

/// Nobody but every tenth is stopped.
const OLD: &str = "defaults: {idle_timeout: 2h, max_runtime: 48h}\npolicies: {high_demand_threshold: null}\n";

/// All are, again and again.
const NEW: &str = "defaults: {idle_timeout: 15m, max_runtime: 48h}\npolicies: {high_demand_threshold: null}\n";

struct Bench {
    dir: PathBuf,
}

impl Bench {
    fn replay(&self, two: bool) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
        command.args(["replay", "--since", "2026-03-01"]).arg("--in-force").arg(self.dir.join("old.yaml"));
        command.arg("--state-dir").arg(self.dir.join("state"));
        if two {
            command.arg("--config").arg(self.dir.join("new.yaml"));
        }
        command
    }
}

/// The days' journal, packed as after each day.
fn write(state: &Path, days: u64) {
    let journal = Journal::open(&Store::open(state).unwrap()).unwrap();
    let begin: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let mut check = 0;
    for day in 0..days {
        for second in (day * DAY..(day + 1) * DAY).step_by(usize::try_from(SCAN).unwrap()) {
            let moment = Moment { at: begin + SignedDuration::from_secs(i64::try_from(second).unwrap()), second };
            let mut records = Vec::new();
            for n in 0..CONTAINERS {
                if second.is_multiple_of(DAY) {
                    records.push(Record::Life(moment.life(n)));
                }
                records.push(Record::Seen(moment.observation(n)));
            }
            if second.is_multiple_of(CHECK) {
                check += 1;
                records.push(Record::Check(moment.check(check)));
            }
            journal.append_all(&records.iter().map(Record::as_ref).collect::<Vec<_>>()).unwrap();
        }
        let midnight = begin + SignedDuration::from_secs(i64::try_from((day + 1) * DAY).unwrap());
        journal.pack(midnight, Duration::from_secs(60)).unwrap();
    }
}

struct Moment {
    at: Timestamp,
    /// Of the story.
    second: u64,
}

impl Moment {
    fn boot_ms(&self) -> u64 {
        self.second * 1000 + DAY * 1000
    }

    /// Each container pauses and then works for three hours. Pauses are of twenty minutes, and every tenth one's of three hours.
    /// Whether it works, and for how many seconds it has.
    fn work(&self, n: u64) -> (bool, u64) {
        let pause = if n.is_multiple_of(10) { 3 * 3600 } else { 20 * 60 };
        let (time, round) = (self.second + n * 613, 3 * 3600 + pause);
        (time % round >= pause, time / round * 3 * 3600 + (time % round).saturating_sub(pause))
    }

    fn life(&self, n: u64) -> Life {
        Life {
            engine: ds01_core::model::EngineName::DOCKER,
            at: self.at,
            boot_id: BOOT.to_owned(),
            boot_ms: self.boot_ms(),
            container_id: id(n),
            name: name(n),
            user: Some(format!("user{:02}@uni.example", n % 40)),
            user_source: UserSource::LabelDs01,
            origin: Origin::RawDocker,
            image: "registry.uni.example/pytorch:2.5".to_owned(),
            has_gpu: Some(true),
            gpus: vec![gpu(n)],
            status: ContainerStatus::Running,
            started_at: Some(started(n, self.second)),
            began_boot_ms: Some(self.boot_ms() - (self.second % DAY) * 1000),
            stop_timeout_seconds: None,
            auto_remove: false,
            problem: None,
            labels: BTreeMap::new(),
        }
    }

    fn observation(&self, n: u64) -> Observation {
        let (works, worked) = self.work(n);
        let percent = if works { (self.second / SCAN * 7 + n * 13) as f64 % 83.0 + 11.0 } else { 0.0 };
        let energy_mj = 1_000_000_000 + self.second * 61_000 + worked * 400_000 + n;
        Observation {
            at: self.at,
            boot_id: BOOT.to_owned(),
            boot_ms: self.boot_ms(),
            container_id: id(n),
            name: name(n),
            started_at: started(n, self.second),
            held_ms: Some(SCAN * 1000),
            gpus: vec![GpuMeasure {
                gpu: gpu(n),
                figure: GpuFigure::OwnProcesses { percent },
                context: Some(true),
                energy: Some(EnergyCount { mj: energy_mj, boot_ms: self.boot_ms() }),
                shared_energy: None,
                covered_ms: Some(SCAN * 1000),
                used_ms: Some((percent * 300.0) as u64),
            }],
            cpu_us: Reading::Known(self.second * 900 + worked * 700_000),
            cpu_burst: None,
            net_bytes: Reading::Known(self.second * 13),
            activity: Reading::Known(ProcessActivity {
                newest: Some(StartedProcess { started_boot_ms: DAY * 1000 + n, name: "python3".to_owned() }),
                terminals: [("0".to_owned(), 1_772_452_800_000)].into(),
            }),
        }
    }

    fn check(&self, number: u64) -> CheckMade {
        CheckMade {
            at: self.at,
            boot_id: BOOT.to_owned(),
            boot_ms: self.boot_ms(),
            check: number,
            demand: Some(Demand { assigned: 14, total: 16 }),
            keep_alive: BTreeMap::new(),
            asked: Vec::new(),
            told: Vec::new(),
            done: BTreeMap::new(),
            partial: false,
        }
    }
}

const BOOT: &str = "6b3a7c1e-5d1f-4c58-9a0e-1f2d3c4b5a69";

fn id(n: u64) -> ds01_core::model::ContainerId {
    format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).repeat(4).parse().unwrap()
}

fn name(n: u64) -> String {
    format!("experiment-{n}-resnet")
}

fn gpu(n: u64) -> String {
    format!("GPU-{:08x}-1b2c-4d5e-8f90-a1b2c3d4e5f6", n % 16)
}

/// It is started anew each day.
fn started(_: u64, second: u64) -> Timestamp {
    "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap()
        + SignedDuration::from_secs(i64::try_from(second / DAY * DAY).unwrap())
}
