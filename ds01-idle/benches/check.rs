//! What a check costs beside `docker ps`, on a private daemon with 100 running GPU containers and a driver with 8 GPUs.
//!
//! Run by `make bench`; fails when a check takes too long or too much memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use docker_rig::{
    Rig,
    bench::{make_gpu_containers, medians, peak_kib, time},
};
use ds01_core::{
    detect::{Settings, Sources},
    event::EventLog,
    idle::{Habits, Journal, Now, Observation},
    scan::{self, ScanOptions},
    source::{
        Engine, Shift, ShiftedClock,
        docker::{Docker, DockerOptions},
        nvml::Nvml,
        proc::ProcFs,
    },
    store::Store,
};
use jiff::{SignedDuration, Timestamp};
use nvml_standin::{Gpm, Gpu, Install, MigInstance, Scenario, scenario_path};

/// How a line of the journal begins that says what a container did.
const SEEN: &str = r#"{"v":2,"seen":"#;

const ROUNDS: usize = 21;
const CONTAINERS: usize = 100;
const GPUS: usize = 8;

/// A check may take so many times what `docker ps` takes.
const MOST_TIME: f64 = 3.0;
const MOST_MEMORY_MIB: f64 = 24.0;
const MOST_MEMORY_OF_A_LOOK_MIB: f64 = 128.0;

/// What looks wrong may take this part of a check.
const MOST_FOR_SUSPICIONS: f64 = 0.05;

/// Looking first, before the timer was ever switched on, has to be done within this.
const MOST_FOR_A_LOOK: Duration = Duration::from_secs(1);
/// For so long the detector has run alone by then, in seconds: as long as the journal is kept.
const ALONE: u64 = 14 * 86_400;

/// What the detector's timer has between two scans, and the reaper's between two checks, in seconds.
const SCAN: u64 = 30;
const CHECK: u64 = 300;

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let rig = Rig::from_env().unwrap_or_else(|| panic!("run it through `make bench`"));
    make_gpu_containers(&rig, 0..CONTAINERS, GPUS);
    let bench = Bench::new(&rig);
    bench.fill_journal();

    bench.fill_long_journal();

    let observations = bench.observations();
    let [ps, check, first, with_gpm, look, suspicions] = medians(
        ROUNDS,
        [
            &mut || time(&mut bench.docker_ps()),
            &mut || time(&mut bench.check()),
            &mut || time(&mut bench.first()),
            &mut || {
                bench.use_gpus(&in_mig_mode());
                let took = time(&mut bench.check());
                bench.use_gpus(&whole());
                took
            },
            &mut || time(&mut bench.look()),
            &mut || suspicions(&observations),
        ],
    );
    let ratio = |took: Duration| took.as_secs_f64() / ps.as_secs_f64();
    println!("{:<58}{:>10}{:>8}{:>8}", "command", "median", "ratio", "limit");
    let row = |command: &str, took: Duration, limit: &str| {
        println!("{command:<58}{:>7.1} ms{:>8.2}{limit:>8}", took.as_secs_f64() * 1e3, ratio(took));
    };
    row("docker ps, 100 running", ps, "");
    row("ds01-idle run, 100 GPU containers, 5 minutes of journal", check, &MOST_TIME.to_string());
    row("ds01-idle run, the first ever", first, "");
    row("ds01-idle run, a GPU in MIG mode with GPM", with_gpm, "");
    row("ds01-idle status, two weeks of journal and no check", look, "1 s");
    let share = suspicions.as_secs_f64() / check.as_secs_f64();
    println!(
        "what looks wrong takes {:.3} ms, {:.2} % of a check (limit {} %)",
        suspicions.as_secs_f64() * 1e3,
        share * 100.0,
        MOST_FOR_SUSPICIONS * 100.0
    );
    assert!(share <= MOST_FOR_SUSPICIONS, "suspicions take {:.2} % of a check", share * 100.0);
    let look_peak = peak_kib(&bench.look()) as f64 / 1024.0;
    println!("peak memory of that look: {look_peak:.1} MiB (limit {MOST_MEMORY_OF_A_LOOK_MIB})");
    assert!(look <= MOST_FOR_A_LOOK, "looking first takes {look:?}");
    assert!(look_peak <= MOST_MEMORY_OF_A_LOOK_MIB, "looking first takes {look_peak:.1} MiB");
    let peak = peak_kib(&bench.check()) as f64 / 1024.0;
    println!("peak memory: {peak:.1} MiB (limit {MOST_MEMORY_MIB})");
    assert!(ratio(check) <= MOST_TIME, "a check takes {:.2} times what docker ps takes", ratio(check));
    assert!(peak <= MOST_MEMORY_MIB, "a check takes {peak:.1} MiB");
}

/// What a check does for suspicions: it reads what is remembered, takes in what was read anyway, and writes it down three times.
fn suspicions(observations: &[Observation]) -> Duration {
    let last = observations.last().unwrap();
    let now = Now { at: last.at, boot_id: last.boot_id.clone(), boot_ms: last.boot_ms };
    let mut before = Habits::default();
    before.take_in(&now, observations, &[], |_| Some(20));
    let written = serde_json::to_vec_pretty(&before).unwrap();
    // Another one, as what was taken in once is not taken in again.
    let mut anew = Habits::default();
    let begin = Instant::now();
    let read: Habits = serde_json::from_slice(&written).unwrap();
    anew.take_in(&now, observations, &[], |_| Some(20));
    for _ in 0..3 {
        std::hint::black_box(serde_json::to_vec_pretty(&anew).unwrap());
    }
    let took = begin.elapsed();
    assert_eq!(read, before);
    assert_eq!(read.containers.len(), CONTAINERS);
    took
}

struct Bench {
    rig: Rig,
    dir: tempfile::TempDir,
    library: PathBuf,
}

impl Bench {
    fn new(rig: &Rig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Install::default().into_dir(dir.path()).unwrap();
        let bench = Self { rig: rig.clone(), library, dir };
        bench.use_gpus(&whole());
        let policy = "defaults: {idle_timeout: 30m, max_runtime: 48h}\npolicies: {grace_period: 0s}\n";
        fs::write(bench.path("resource-limits.yaml"), policy).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn use_gpus(&self, gpus: &Scenario) {
        gpus.write_to(&scenario_path(&self.library)).unwrap();
    }

    fn docker_ps(&self) -> Command {
        let mut command = self.rig.client();
        command.arg("ps");
        command
    }

    /// A check, and the detector's scans until the next is due. They are kept as they are: each check gets a copy.
    fn fill_journal(&self) {
        let state = self.path("kept");
        time(&mut self.command(&state, 0));
        for n in 1..=CHECK / SCAN {
            self.scan(&state, n * SCAN);
        }
        let days = fs::read_dir(state.join("activity")).unwrap();
        let seen = |day: fs::DirEntry| fs::read_to_string(day.path()).unwrap().matches(SEEN).count();
        let lines: usize = days.map(|day| seen(day.unwrap())).sum();
        assert_eq!(lines, CONTAINERS * (1 + usize::try_from(CHECK / SCAN).unwrap()));
    }

    /// Two weeks in which the detector ran and the reaper did not: the first lines of each container again and again, every 30
    /// seconds on the last day, and every ten minutes before.
    fn fill_long_journal(&self) {
        let kept = self.path("kept/activity");
        let text = fs::read_to_string(fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path()).unwrap();
        let seen = text.lines().filter_map(|line| line.strip_prefix(SEEN)?.strip_suffix('}'));
        let lines: Vec<serde_json::Value> =
            seen.take(CONTAINERS).map(|line| serde_json::from_str(line).unwrap()).collect();
        let begin: Timestamp = lines[0]["at"].as_str().unwrap().parse().unwrap();
        let begin_ms = lines[0]["boot_ms"].as_u64().unwrap();
        let activity = self.path("long/activity");
        fs::create_dir_all(&activity).unwrap();
        let (mut later, mut days) = (0, BTreeMap::new());
        while later < ALONE {
            let at = begin + SignedDuration::from_secs(i64::try_from(later).unwrap());
            let day = at.strftime("%Y-%m-%d").to_string();
            let file = days
                .entry(day.clone())
                .or_insert_with(|| BufWriter::new(fs::File::create(activity.join(format!("{day}.jsonl"))).unwrap()));
            for line in &lines {
                let mut line = line.clone();
                line["at"] = at.to_string().into();
                line["boot_ms"] = (begin_ms + later * 1000).into();
                writeln!(file, "{SEEN}{line}}}").unwrap();
            }
            later += if ALONE - later > 86_400 { 20 * SCAN } else { SCAN };
        }
        days.into_values().for_each(|mut file| file.flush().unwrap());
        for path in [self.path("long"), activity.clone()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o750)).unwrap();
        }
    }

    /// What a check reads of the journal.
    fn observations(&self) -> Vec<Observation> {
        let journal = Journal::open(&Store::open(&self.path("kept")).unwrap()).unwrap();
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        journal.since(boot_id.trim(), 0, usize::MAX).unwrap().observations
    }

    /// Somebody who looks before the timer is switched on.
    fn look(&self) -> Command {
        self.subcommand("status", &self.path("long"), ALONE)
    }

    /// The next check.
    fn check(&self) -> Command {
        let state = self.path("state");
        let _ = fs::remove_dir_all(&state);
        copy(&self.path("kept"), &state);
        self.command(&state, CHECK)
    }

    /// A check that finds nothing.
    fn first(&self) -> Command {
        let state = self.path("first");
        let _ = fs::remove_dir_all(&state);
        self.command(&state, CHECK)
    }

    fn command(&self, state: &Path, later: u64) -> Command {
        self.subcommand("run", state, later)
    }

    fn subcommand(&self, name: &str, state: &Path, later: u64) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
        command
            .arg(name)
            .arg(format!("--docker-host=unix://{}", self.rig.socket().display()))
            .arg(format!("--shift-clocks={later},{later}"))
            .arg("--nvml-library")
            .arg(&self.library)
            .arg("--config")
            .arg(self.path("resource-limits.yaml"))
            .arg("--state-dir")
            .arg(state)
            .arg("--events-file")
            .arg(self.path("events.jsonl"));
        command
    }

    fn scan(&self, state: &Path, later: u64) {
        let socket = self.rig.socket().to_owned();
        let (wall, boot) = (SignedDuration::from_secs(i64::try_from(later).unwrap()), Duration::from_secs(later));
        let sources = Sources {
            engines: vec![Engine::docker(Arc::new(
                Docker::new(DockerOptions { socket, ..DockerOptions::default() }).unwrap(),
            ))],
            gpus: Arc::new(Nvml::new(Some(self.library.clone()))),
            observed: Vec::new(),
            processes: Arc::new(ProcFs::new("/proc")),
            samples: Arc::new(ds01_core::source::NoSamples),
            clock: Arc::new(ShiftedClock(Shift { wall, boot })),
        };
        let options = ScanOptions {
            metrics: None,
            state_dir: state.to_owned(),
            events: EventLog::new(self.path("events.jsonl"), "bench"),
            deadline: Duration::from_secs(60),
            settings: Settings::default(),
        };
        let scan = scan::run(&sources, &options).unwrap();
        scan.journal.unwrap();
    }
}

fn whole() -> Scenario {
    let gpu = |n| Gpu {
        process_utilization: Some(Vec::new()),
        energy_mj: Some(1_000_000),
        ..Gpu::new(&format!("GPU-{n}"), 81_920)
    };
    (0..GPUS).fold(Scenario::default(), |all, n| all.gpu(gpu(n)))
}

/// The same, with the last of them partitioned.
fn in_mig_mode() -> Scenario {
    let mut gpus = whole();
    let last = gpus.gpus.pop().unwrap();
    let instance = MigInstance { gpm: Some(Gpm::default()), ..MigInstance::new(0, "MIG-0", 1, 9_728) };
    gpus.gpu(Gpu { gpm: Some(Gpm::default()), ..last }.instance(instance))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
