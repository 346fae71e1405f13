//! A driver library of a story's own, and who works on its GPUs.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use jiff::{SignedDuration, Timestamp};
use nvml_standin::{Install, Process, ProcessSample, Sample, SampleKind, Scenario, scenario_path};
use tempfile::TempDir;

/// A copy of the NVML stand-in, and the GPUs that it tells of.
pub(crate) struct Gpus {
    library: PathBuf,
    state: Mutex<State>,
    _dir: TempDir,
}

struct State {
    scenario: Scenario,
    /// The moment that samples are taken at.
    now: Timestamp,
    working: Vec<Work>,
}

struct Work {
    gpu: String,
    pid: u32,
    percent: u32,
}

impl Gpus {
    /// GPUs that nobody uses.
    pub(crate) fn new(scenario: Scenario) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Install::default().into_dir(dir.path()).unwrap();
        let state = Mutex::new(State { scenario, now: Timestamp::now(), working: Vec::new() });
        let gpus = Self { library, state, _dir: dir };
        gpus.change(|_| {});
        gpus
    }

    /// The library's file.
    pub(crate) fn library(&self) -> &Path {
        &self.library
    }

    /// Anything else about them.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Scenario)) {
        self.tell(|state| change(&mut state.scenario));
    }

    /// From now on a process holds a context on this GPU, and the driver measures so much work of it.
    pub(crate) fn work(&self, gpu: &str, pid: u32, percent: u32) {
        self.tell(|state| {
            state.working.retain(|work| work.pid != pid || work.gpu != gpu);
            state.working.push(Work { gpu: gpu.to_owned(), pid, percent });
        });
    }

    /// From now on a process holds no context any more.
    pub(crate) fn leave(&self, pid: u32) {
        self.tell(|state| state.working.retain(|work| work.pid != pid));
    }

    /// From now on samples are of this moment.
    pub(crate) fn at(&self, now: Timestamp) {
        self.tell(|state| state.now = now);
    }

    /// The moment that samples are of.
    pub(crate) fn now(&self) -> Timestamp {
        self.state.lock().unwrap().now
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        state.told().write_to(&scenario_path(&self.library)).unwrap();
    }
}

/// So far apart are the samples of a GPU that does not live, and so many there are: what is said of it has been so for
/// longer than there are pauses between looks.
const SAMPLES_APART: SignedDuration = SignedDuration::from_secs(1);
const SAMPLES: i32 = 900;

impl State {
    /// Gives a GPU a ring of samples of what its processes do, where the story says nothing of it.
    fn has_been_so(&self, gpu: &mut nvml_standin::Gpu) {
        let together: u32 = self.working.iter().filter(|work| work.gpu == gpu.uuid).map(|work| work.percent).sum();
        let sample = |n: i32| Sample {
            value: together.min(100),
            at_us: Some((self.now - SAMPLES_APART * n).as_microsecond().unsigned_abs()),
        };
        gpu.samples.entry(SampleKind::Gpu).or_insert_with(|| (0..SAMPLES).map(sample).collect());
    }

    /// The scenario with all who work on it.
    fn told(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        let ahead = i64::try_from(self.now.duration_since(Timestamp::now()).as_micros()).unwrap_or(0).max(0);
        for living in scenario.gpus.iter_mut().filter_map(|gpu| gpu.living.as_mut()) {
            living.ahead_us = ahead;
        }
        for gpu in scenario.gpus.iter_mut().filter(|gpu| gpu.process_utilization.is_some() && gpu.living.is_none()) {
            self.has_been_so(gpu);
        }
        let a_moment_ago = self.now - SignedDuration::from_secs(1);
        for work in &self.working {
            let on_gpu = |uuid: &str| uuid == work.gpu;
            let process = Process::new(work.pid, 1_000);
            for gpu in &mut scenario.gpus {
                if on_gpu(&gpu.uuid) {
                    gpu.processes.push(process.clone());
                    // A driver has samples of those alone that did something.
                    if work.percent > 0 {
                        gpu.process_utilization.get_or_insert_default().push(ProcessSample {
                            pid: work.pid,
                            sm: work.percent,
                            at_us: Some(a_moment_ago.as_microsecond().unsigned_abs()),
                            ..ProcessSample::default()
                        });
                    }
                }
                let instances = gpu.mig.iter_mut().flat_map(|mig| &mut mig.instances);
                for instance in instances.filter(|instance| on_gpu(&instance.uuid)) {
                    instance.processes.push(process.clone());
                }
            }
        }
        scenario
    }
}
