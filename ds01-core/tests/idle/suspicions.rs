//! What looks wrong on a GPU, by the driver's own library: from its figures to the list.

use std::time::Duration;

use ds01_core::{
    idle::{Checked, Suspicion},
    source::{
        fake::{ContainerSpec, GpuRequest},
        nvml::Nvml,
    },
};
use nvml_standin::{Gpu, Install, Process, ProcessSample, Sample, SampleKind, Scenario, scenario_path};

use super::whole::{GPU, PID, Whole};

const POLICY: &str = "defaults: {idle_timeout: null, max_runtime: null}\npolicies: {high_demand_threshold: null}\n";

const CHECK: Duration = Duration::from_secs(300);

/// A pid that no host has.
const NOBODY: u32 = 0x7ff0_0000;

/// A container, its GPU, and what the driver says of it.
struct Lab {
    whole: Whole,
    library: std::path::PathBuf,
    energy_mj: u64,
    _dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Install::default().into_dir(dir.path()).unwrap();
        let whole = Whole::new(POLICY).with_gpus(Nvml::new(Some(library.clone())));
        Self { whole, library, energy_mj: 7_000_000, _dir: dir }
    }

    /// Five minutes later, in which the GPU took so many watts. Its rows are stamped with the end of them.
    fn check(&mut self, watts: u64, gpu: impl FnOnce(Gpu, u64) -> Gpu) -> Checked {
        self.whole.host.advance(CHECK);
        self.energy_mj += watts * 1000 * CHECK.as_secs();
        let now_us = u64::try_from(self.whole.sources.clock.now().as_microsecond()).unwrap();
        let mut plain = Gpu::new(GPU, 81_920);
        (plain.energy_mj, plain.process_utilization) = (Some(self.energy_mj), Some(Vec::new()));
        Scenario::default().gpu(gpu(plain, now_us)).write_to(&scenario_path(&self.library)).unwrap();
        self.whole.check()
    }

    /// So many checks; the last of them.
    fn checks(&mut self, count: usize, watts: u64, gpu: impl Fn(Gpu, u64) -> Gpu) -> Checked {
        (1..count).for_each(|_| drop(self.check(watts, &gpu)));
        self.check(watts, &gpu)
    }
}

fn kinds(checked: &Checked) -> Vec<&'static str> {
    checked.suspicions.iter().map(|one: &Suspicion| one.kind.as_str()).collect()
}

/// The ring of the whole GPU: it has been at so much since the last look.
fn at(mut gpu: Gpu, percent: u32) -> Gpu {
    gpu.samples = [(SampleKind::Gpu, vec![Sample { value: percent, at_us: None }])].into();
    gpu
}

/// With a row of this process.
fn row(mut gpu: Gpu, pid: u32, sm: u32, memory: u32, at_us: u64) -> Gpu {
    let sample = ProcessSample { pid, sm, memory, at_us: Some(at_us), ..ProcessSample::default() };
    gpu.process_utilization.get_or_insert_default().push(sample);
    gpu
}

/// The container holds a context, and does nothing.
fn idles(gpu: Gpu, _: u64) -> Gpu {
    at(gpu.process(Process::new(PID, 1_000)), 0)
}

/// It shows 99 %.
fn busy(gpu: Gpu, now_us: u64) -> Gpu {
    row(at(gpu.process(Process::new(PID, 1_000)), 99), PID, 99, 20, now_us)
}

#[test]
fn busy_at_the_power_of_an_idle_context_is_shown_and_busy_at_more_is_not() {
    let mut lab = Lab::new();
    assert_eq!(kinds(&lab.checks(4, 120, idles)), [""; 0]);
    assert_eq!(kinds(&lab.checks(5, 121, busy)), [""; 0], "not yet");
    let checked = lab.checks(3, 121, busy);
    assert_eq!(kinds(&checked), ["busy_at_idle_power"]);
    let evidence = &checked.suspicions[0].evidence;
    assert!(evidence.starts_with("GPU 0 at 99 % and more for ") && evidence.contains("; it takes 1"), "{evidence}");
    assert_eq!(kinds(&lab.checks(2, 400, busy)), [""; 0], "it works again");
    assert!(!lab.whole.is_stopped());

    let mut works = Lab::new();
    works.checks(4, 120, idles);
    assert_eq!(kinds(&works.checks(12, 160, busy)), [""; 0], "a third more than idle is work");
    let mut unknown = Lab::new();
    assert_eq!(kinds(&unknown.checks(12, 121, busy)), [""; 0], "what it takes idle was never seen");
}

#[test]
fn on_a_gpu_that_others_use_too_nobody_knows_whose_power_it_is() {
    let mut lab = Lab::new();
    lab.checks(4, 120, idles);
    let other = ContainerSpec { name: "two".to_owned(), gpus: Some(GpuRequest::Count(1)), ..ContainerSpec::default() };
    lab.whole.host.add_container(&other).unwrap();
    let both = |gpu: Gpu, now_us: u64| busy(gpu, now_us).process(Process::new(9_999, 500));
    assert_eq!(kinds(&lab.checks(12, 121, both)), [""; 0]);
}

#[test]
fn a_counter_that_stands_still_is_told_of_and_short_jobs_are_not() {
    let mut lab = Lab::new();
    let latched = |gpu: Gpu, _: u64| at(gpu, 100);
    assert_eq!(kinds(&lab.checks(2, 77, latched)), [""; 0], "two looks may have met somebody who ended");
    let checked = lab.checks(2, 77, latched);
    assert_eq!(kinds(&checked), ["latched_counter"]);
    assert_eq!(checked.suspicions[0].gpus, [GPU]);
    let evidence = &checked.suspicions[0].evidence;
    assert!(evidence.starts_with("GPU 0 shows 100 % and more at 4 checks"), "{evidence}");
    assert_eq!(kinds(&lab.checks(1, 77, |gpu, _| at(gpu, 0))), [""; 0], "somebody cleared it");

    // Jobs of seconds, one after another: none is there when somebody looks, and the driver remembers the last.
    let mut short = Lab::new();
    assert_eq!(kinds(&short.checks(6, 300, |gpu, now_us| row(at(gpu, 80), NOBODY, 80, 10, now_us))), [""; 0]);
    let mut display = Lab::new();
    let shows = |gpu: Gpu, _: u64| at(gpu.process(Process::new(2_000, 10).graphics()), 30);
    assert_eq!(kinds(&display.checks(6, 90, shows)), [""; 0]);
    let mut works = Lab::new();
    assert_eq!(kinds(&works.checks(6, 600, busy)), [""; 0]);
}

#[test]
fn memory_of_a_process_that_is_gone_is_collected_and_that_of_one_that_lives_is_not() {
    let mut lab = Lab::new();
    let held_by = |pid: u32| move |gpu: Gpu, _: u64| at(gpu.process(Process::new(pid, 4_000)), 0);
    assert_eq!(kinds(&lab.checks(4, 77, held_by(PID))), [""; 0]);
    lab.check(77, held_by(NOBODY));
    lab.whole.scan();
    let checked = lab.check(77, held_by(NOBODY));
    assert_eq!(kinds(&checked), ["memory_of_dead_process"]);
    assert_eq!(checked.suspicions[0].pid, Some(NOBODY));
    assert!(checked.suspicions[0].evidence.contains(" on GPU 0"), "{}", checked.suspicions[0].evidence);
    assert_eq!(kinds(&lab.check(77, held_by(PID))), [""; 0]);
}
