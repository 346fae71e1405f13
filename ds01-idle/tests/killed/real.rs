//! The same against the real daemon, in fewer runs.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use docker_rig::{BUSYBOX, Container, Rig};
use nvml_standin::{Gpu, Install, Sample, SampleKind, Scenario, scenario_path};

use crate::{
    notices::{STOPPED, WARNED},
    reaper::Reaper,
    trial::{POLICY, Trial},
};

const RUNS: u32 = 30;

/// How fast checks are killed, and so how many of them stop somebody, is the machine's: it gets so many more to show enough.
const RUNS_AT_MOST: u32 = 10 * RUNS;

/// So many containers run at a time: for each that was stopped there is a new one.
const AT_A_TIME: usize = 3;

/// Ends at SIGTERM, as a main process should.
const WELL_BEHAVED: &str = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done";

/// The containers of the trial.
struct Host {
    rig: Rig,
    running: Vec<Container>,
    ended: Vec<Container>,
}

impl Host {
    fn fill(&mut self) {
        while self.running.len() < AT_A_TIME {
            let args = ["--gpus", "all", BUSYBOX, "sh", "-c", WELL_BEHAVED];
            self.running.push(self.rig.run_container(&args));
        }
    }

    /// Ids of those that ran and have ended.
    fn just_ended(&self) -> BTreeSet<String> {
        let ended = self.running.iter().filter(|container| !is_up(container));
        ended.map(|container| container.id().to_owned()).collect()
    }

    fn is_up(&self, id: &str) -> bool {
        self.running.iter().find(|container| container.id() == id).is_some_and(is_up)
    }

    fn put_aside(&mut self, ids: &BTreeSet<String>) {
        self.ended.extend(self.running.extract_if(.., |container| ids.contains(container.id())));
    }
}

fn is_up(container: &Container) -> bool {
    container.inspect("{{.State.Running}}") == "true"
}

#[test]
fn killed_checks_on_the_real_daemon_lose_nothing() {
    let Some(rig) = Rig::from_env() else { return };
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let gpus = tempfile::tempdir().unwrap();
    let library = Install::default().into_dir(gpus.path()).unwrap();
    let idle = Gpu {
        process_utilization: Some(Vec::new()),
        samples: [(SampleKind::Gpu, vec![Sample::default()])].into(),
        ..Gpu::new("GPU-0", 81_920)
    };
    Scenario::default().gpu(idle).write_to(&scenario_path(&library)).unwrap();
    let mut host = Host { rig: rig.clone(), running: Vec::new(), ended: Vec::new() };
    let args =
        [format!("--docker-host=unix://{}", rig.socket().display()), format!("--nvml-library={}", library.display())];
    let mut trial = Trial::new(Arc::new(Reaper::new(POLICY, &args)));
    trial.pace = 0.2;

    while trial.runs < RUNS || !enough_is_shown(&trial, &host) {
        assert!(
            trial.runs < RUNS_AT_MOST,
            "{} of {RUNS_AT_MOST} checks were killed: too few or too many",
            trial.killed
        );
        host.fill();
        let before = host.just_ended();
        let to_the_end = trial.run();
        trial.check_state(|id| host.is_up(id));
        trial.log.read();
        if to_the_end {
            let told = trial.log.stopped();
            let untold: Vec<_> = before.iter().filter(|id| !told.contains(id.as_str())).collect();
            assert!(untold.is_empty(), "run {}: no event of {untold:?}", trial.runs);
            host.put_aside(&before);
        }
    }
    // Those that are left have not been idle for long enough yet, or are stopped now.
    for _ in 0..6 {
        trial.run_to_the_end();
    }
    trial.log.read();
    host.put_aside(&host.just_ended());
    assert!(host.running.is_empty());
    let ended: BTreeSet<&str> = host.ended.iter().map(Container::id).collect();
    assert_eq!(trial.log.stopped(), ended);
    println!("{} of {} checks were killed, {} containers stopped", trial.killed, trial.runs, ended.len());

    let (warned, noticed) = (trial.reaper.notices.of(WARNED), trial.reaper.notices.of(STOPPED));
    for container in &host.ended {
        let short = &container.id()[..12];
        let signals = times(&rig, container, began, "kill");
        assert_eq!(times(&rig, container, began, "die").len(), 1, "{short} ended once");
        let first = signals.first().unwrap_or_else(|| panic!("{short} was sent no signal"));
        assert!(noticed[short] < *first, "{short} was stopped before it was told");
        assert!(warned[short] < noticed[short], "{short} was warned");
    }
}

/// Checks were killed and checks ended, and a container has ended that took the place of another.
fn enough_is_shown(trial: &Trial, host: &Host) -> bool {
    let (killed, whole) = (trial.killed, trial.runs - trial.killed);
    killed >= RUNS / 5 && whole >= RUNS / 10 && host.ended.len() > AT_A_TIME
}

/// When the daemon did this to a container, in nanoseconds since 1970.
fn times(rig: &Rig, container: &Container, since: u64, event: &str) -> Vec<u128> {
    let now = SystemTime::now() + Duration::from_secs(1);
    let until = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (since, until) = (since.to_string(), until.to_string());
    let (about, event) = (format!("container={}", container.id()), format!("event={event}"));
    let args = ["events", "--since", &since, "--until", &until, "--filter", &about, "--filter", &event];
    let lines = rig.docker(&[&args[..], &["--format", "{{.TimeNano}}"]].concat());
    lines.lines().map(|line| line.parse().unwrap()).collect()
}
