//! What a GPU did between looks, by its energy counter: from the driver's library to the verdict.

use std::{fs, time::Duration};

use ds01_core::{
    idle::{Checked, GpuEvidence, Track, Verdict},
    source::{
        fake::{ContainerSpec, GpuRequest},
        nvml::Nvml,
    },
};
use nvml_standin::{Code, Gpu, Install, Process, ProcessSample, Scenario, scenario_path};

use super::{
    host::id_of,
    whole::{GPU, PID, Whole},
};

const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: null}\n\
                      policies: {grace_period: 0s, idle_detection_window: 1, high_demand_threshold: null}\n";

const CHECK: Duration = Duration::from_secs(300);

/// A container and its GPU, which idles at 60 W whenever it is looked at.
struct Lab {
    whole: Whole,
    library: std::path::PathBuf,
    energy_mj: u64,
    /// Who else holds a context.
    stranger: Option<u32>,
    _dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Install::default().into_dir(dir.path()).unwrap();
        let whole = Whole::new(POLICY).with_gpus(Nvml::new(Some(library.clone())));
        Self { whole, library, energy_mj: 7_000_000, stranger: None, _dir: dir }
    }

    /// Five minutes later, in which the GPU took so many watts in the mean.
    fn check(&mut self, watts: u64) -> Checked {
        self.whole.host.advance(CHECK);
        self.energy_mj += watts * 1000 * CHECK.as_secs();
        self.check_now(|gpu| gpu)
    }

    fn check_now(&self, change: impl FnOnce(Gpu) -> Gpu) -> Checked {
        let mut gpu = Gpu::new(GPU, 81_920).process(Process::new(PID, 1_000));
        gpu.energy_mj = Some(self.energy_mj);
        gpu.process_utilization = Some(Vec::new());
        if let Some(pid) = self.stranger {
            gpu = gpu.process(Process::new(pid, 1_000));
        }
        Scenario::default().gpu(change(gpu)).write_to(&scenario_path(&self.library)).unwrap();
        self.whole.check()
    }

    fn share_with_another(&self) {
        let (name, gpus) = ("two".to_owned(), Some(GpuRequest::Count(1)));
        self.whole.host.add_container(&ContainerSpec { name, gpus, ..ContainerSpec::default() }).unwrap();
    }
}

fn track(checked: &Checked) -> &Track {
    &checked.state.tracks[&id_of(checked, "one")]
}

fn gpu(checked: &Checked) -> &GpuEvidence {
    &track(checked).interval.as_ref().unwrap().signals.gpu
}

#[test]
fn work_that_no_look_saw_is_work() {
    let mut lab = Lab::new();
    for _ in 0..4 {
        lab.check(60);
    }
    // Not the first interval: what the GPU takes when it idles was not known yet.
    assert_eq!(track(&lab.check(60)).idle(), 3 * CHECK);
    assert_eq!(lab.whole.notices("WILL BE STOPPED"), 0);

    let worked = lab.check(68);
    assert_eq!(track(&worked).interval.as_ref().unwrap().verdict, Verdict::GpuActive);
    let words = gpu(&worked).to_string();
    // The counter was read a few milliseconds late, as on any machine.
    assert!(words.starts_with("GPU 0 % when looked at, but ") && words.ends_with(" W above its idle power"), "{words}");
    let GpuEvidence::Worked { percent: Some(0.0), watts } = gpu(&worked) else { panic!("{:?}", gpu(&worked)) };
    assert!((7.0..9.0).contains(watts), "{watts}");
    assert_eq!(track(&worked).idle(), Duration::ZERO);

    // And idle it goes.
    let checks: Vec<Checked> = (0..5).map(|_| lab.check(60)).collect();
    assert_eq!(track(&checks[4]).idle(), 5 * CHECK);
    assert_eq!(lab.whole.notices("WILL BE STOPPED"), 1);
    let dir = fs::read_dir(lab.whole.state_dir().join("activity")).unwrap();
    let lines: String = dir.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let seen = lines.matches(r#"{"v":2,"seen":"#).count();
    assert_eq!((lines.matches(r#""energy":{"mj":"#).count(), seen > 0), (seen, true), "{lines}");
}

#[test]
fn a_context_that_was_opened_is_work_for_a_while_only() {
    let mut lab = Lab::new();
    (0..3).for_each(|_| drop(lab.check(60)));
    let active: Vec<bool> = (0..6).map(|_| gpu(&lab.check(95)).is_active()).collect();
    assert_eq!(active, [true, true, false, false, false, false], "as long as one of the intervals before is lower");
}

#[test]
fn the_energy_of_a_gpu_that_is_shared_tells_that_somebody_worked() {
    let mut lab = Lab::new();
    lab.share_with_another();
    (0..3).for_each(|_| drop(lab.check(60)));
    let alone = lab.check(90);
    assert!(gpu(&alone).is_active(), "both were given it, one holds a context");
    let other = &alone.state.tracks[&id_of(&alone, "two")];
    assert_eq!(other.interval.as_ref().unwrap().signals.gpu, GpuEvidence::Idle(0.0), "and that one is not the other");
    assert_eq!(other.last.gpus[0].energy, None);

    lab.stranger = Some(9_999);
    let shared = lab.check(150);
    assert!(gpu(&shared).is_active(), "one of two with a context, and nobody can tell which");
    assert_eq!(track(&shared).last.gpus[0].energy, None);
    assert!(track(&shared).last.gpus[0].shared_energy.is_some());
    let other = &shared.state.tracks[&id_of(&shared, "two")];
    assert_eq!(other.interval.as_ref().unwrap().signals.gpu, GpuEvidence::Idle(0.0), "not the one without");
}

#[test]
fn a_driver_that_was_loaded_anew_or_counts_nothing_tells_nothing() {
    let mut lab = Lab::new();
    (0..3).for_each(|_| drop(lab.check(60)));
    lab.energy_mj = 0;
    assert_eq!(*gpu(&lab.check(90)), GpuEvidence::Idle(0.0), "it counts from zero again");
    assert!(gpu(&lab.check(90)).is_active());

    lab.whole.host.advance(CHECK);
    let without = lab.check_now(|gpu| gpu.fault("nvmlDeviceGetTotalEnergyConsumption", Code::NotSupported));
    assert_eq!(*gpu(&without), GpuEvidence::Idle(0.0));
    assert_eq!(track(&without).last.gpus[0].energy, None);
}

#[test]
fn it_takes_nothing_from_what_was_seen() {
    let mut lab = Lab::new();
    (0..3).for_each(|_| drop(lab.check(60)));
    lab.whole.host.advance(CHECK);
    lab.energy_mj += 1;
    let seen = lab.check_now(|mut gpu| {
        let at_us = u64::try_from(lab.whole.sources.clock.now().as_microsecond()).unwrap();
        let sample = ProcessSample { pid: PID, sm: 70, at_us: Some(at_us), ..ProcessSample::default() };
        gpu.process_utilization = Some(vec![sample]);
        gpu
    });
    assert_eq!(*gpu(&seen), GpuEvidence::Active(70.0), "at no power at all");
}
