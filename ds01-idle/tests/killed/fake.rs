//! Five hundred runs against a daemon that keeps account of every request.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use docker_rig::fake_daemon::{FakeDaemon, Stoppable};
use nvml_standin::{Gpu, Install, Sample, SampleKind, Scenario, scenario_path};
use serde_json::json;

use crate::{
    notices::{STOPPED, WARNED},
    proc_root::ProcRoot,
    reaper::Reaper,
    trial::{POLICY, Trial},
};

const RUNS: u32 = 500;

/// So many containers run at a time: for each that was stopped there is a new one.
const AT_A_TIME: usize = 6;

const FIRST_PID: u32 = 1_000;

/// What the daemon sees when it is asked to stop somebody.
#[derive(Default)]
struct Witness {
    reaper: Option<Arc<Reaper>>,
    /// Who was warned before this run began.
    warned_before: BTreeSet<String>,
    /// Numbers that say how long each stop takes, and which get lost.
    chance: Vec<f64>,
    lost: usize,
    wrong: Vec<String>,
}

impl Witness {
    /// How long this stop takes; `None` for one that does not get through.
    fn see(&mut self, id: &str, ran: bool) -> Option<Duration> {
        let (short, reaper) = (&id[..12], self.reaper.as_ref().unwrap());
        if !ran {
            self.wrong.push(format!("{short} had ended, and is stopped again"));
        }
        if !reaper.notices.about(STOPPED).contains(short) {
            self.wrong.push(format!("{short} is stopped without a notice"));
        }
        if !self.warned_before.contains(short) {
            self.wrong.push(format!("{short} is stopped without a warning at an earlier check"));
        }
        let chance = self.chance.pop().unwrap_or(0.5);
        if chance < 0.05 {
            self.lost += 1;
            return None;
        }
        Some(Duration::from_millis(20).mul_f64(chance))
    }
}

/// The containers of the host, and their processes.
struct Host {
    daemon: Arc<Stoppable>,
    root: ProcRoot,
    /// Pids of those that are listed, by id.
    pids: BTreeMap<String, u32>,
    next: u32,
}

impl Host {
    fn fill(&mut self) {
        while self.pids.len() < AT_A_TIME {
            let (number, pid) = (self.next, FIRST_PID + self.next);
            let id = format!("{number:012x}{:052x}", 0);
            self.next += 1;
            self.root.add(&id, pid);
            self.daemon.run(
                &id,
                json!({
                    "Id": id, "Names": [format!("/c{number}")], "Image": "busybox", "ImageID": "sha256:0",
                    "Created": 1_700_000_000, "Labels": {}, "State": "running", "Status": "Up 3 hours",
                }),
                json!({
                    "Id": id,
                    "State": { "Status": "running", "Pid": pid, "StartedAt": "2026-01-02T03:04:05.6Z" },
                    "Config": { "Env": ["A=b"] },
                    "HostConfig": { "Runtime": "runc", "DeviceRequests": [
                        { "Driver": "", "DeviceIDs": [(number % 8).to_string()], "Capabilities": [["gpu"]] }
                    ] },
                    "Mounts": [],
                }),
            );
            self.pids.insert(id, pid);
        }
    }

    fn ended(&self) -> BTreeSet<String> {
        self.pids.keys().filter(|id| !self.daemon.is_up(id)).cloned().collect()
    }

    fn forget(&mut self, id: &str) {
        self.daemon.remove(id);
        let pid = self.pids.remove(id).unwrap();
        self.root.remove(id, pid);
    }
}

#[test]
fn five_hundred_killed_checks_stop_nobody_twice_and_lose_nothing() {
    let witness = Arc::new(Mutex::new(Witness::default()));
    let daemon = Arc::new(Stoppable::new("1.41", "1.12", {
        let witness = Arc::clone(&witness);
        move |request| {
            let takes = witness.lock().unwrap().see(&request.id, request.ran);
            takes.inspect(|takes| thread::sleep(*takes)).is_some()
        }
    }));
    let door = FakeDaemon::start({
        let daemon = Arc::clone(&daemon);
        move |request| {
            let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
            daemon.answer(method, path)
        }
    })
    .unwrap();
    let gpus = tempfile::tempdir().unwrap();
    let library = Install::default().into_dir(gpus.path()).unwrap();
    let idle = |n| Gpu {
        process_utilization: Some(Vec::new()),
        samples: [(SampleKind::Gpu, vec![Sample::default()])].into(),
        ..Gpu::new(&format!("GPU-{n}"), 81_920)
    };
    (0..8).fold(Scenario::default(), |all, n| all.gpu(idle(n))).write_to(&scenario_path(&library)).unwrap();
    let mut host = Host { daemon: Arc::clone(&daemon), root: ProcRoot::new(), pids: BTreeMap::new(), next: 0 };
    let args = [
        format!("--docker-host=unix://{}", door.socket().display()),
        format!("--nvml-library={}", library.display()),
        format!("--proc-root={}", host.root.proc().display()),
        format!("--sys-root={}", host.root.sys().display()),
    ];
    let mut trial = Trial::new(Arc::new(Reaper::new(POLICY, &args)));
    witness.lock().unwrap().reaper = Some(Arc::clone(&trial.reaper));

    let mut happened = BTreeSet::new();
    for _ in 0..RUNS {
        host.fill();
        {
            let mut witness = witness.lock().unwrap();
            witness.warned_before = trial.reaper.notices.about(WARNED);
            witness.chance = (0..AT_A_TIME).map(|_| trial.random.share()).collect();
        }
        let to_the_end = trial.run();
        door.settle().unwrap();
        trial.check_state(|id| daemon.is_up(id));
        trial.log.read();
        if to_the_end {
            // Whatever ended before this run, or in it, is told now.
            let ended = host.ended();
            let told = trial.log.stopped();
            let untold: Vec<_> = ended.iter().filter(|id| !told.contains(id.as_str())).collect();
            assert!(untold.is_empty(), "run {}: no event of {untold:?}", trial.runs);
            ended.iter().for_each(|id| host.forget(id));
            happened.extend(ended);
        }
        let wrong = std::mem::take(&mut witness.lock().unwrap().wrong);
        assert!(wrong.is_empty(), "run {}: {wrong:?}", trial.runs);
    }

    // Nobody was told to be stopped who was not.
    let invented: Vec<_> = trial.log.stopped().into_iter().filter(|id| daemon.is_up(id)).collect();
    assert!(invented.is_empty(), "told, and not stopped: {invented:?}");
    let (stops, lost) = (daemon.stops().len(), witness.lock().unwrap().lost);
    println!(
        "{} of {RUNS} checks were killed; {} containers stopped by {stops} requests, {lost} of which were lost; {} events, {} lines cut short",
        trial.killed,
        happened.len(),
        trial.log.count,
        trial.log.torn
    );
    assert!(trial.log.torn <= trial.killed as usize);
    assert!(trial.killed > RUNS / 3 && happened.len() > 100 && lost > 0, "this has not shown much");

    // What killed runs left behind goes with the next one that is not killed.
    // Every order of this one gets through.
    witness.lock().unwrap().chance.clear();
    trial.run_to_the_end();
    let left: BTreeSet<_> =
        fs::read_dir(trial.reaper.state_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["activity", "idle-state.json", "idle-state.lock"].map(Into::into).into());
}
