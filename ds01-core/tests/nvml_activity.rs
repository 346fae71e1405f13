//! What GPUs and MIG instances did, through the real NVML source on the stand-in.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ds01_core::deadline::within;
use ds01_core::detect::{Inventory, Settings, Sources};
use ds01_core::idle::evidence::{Asked, Tenancy, Utilization};
use ds01_core::idle::{GpuFigure, GpuReport, Look};
use ds01_core::model::{DeviceSample, Gpu, GpuActivity, GpuSnapshot, ProcessSample, Reading, Unknown, UnknownKind};
use ds01_core::source::fake::FakeHost;
use ds01_core::source::{GpuSource, SourceName, nvml::Nvml};
use jiff::Timestamp;
use nvml_standin::{Code, Fault, Gpm, Install, MigInstance, Sample, SampleKind, Scenario, scenario_path};
use tempfile::TempDir;

const A: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const B: &str = "GPU-bbbbbbbb-0000-4000-8000-000000000000";
const MIG: [&str; 3] = ["MIG-0", "MIG-1", "MIG-2"];

const PROCESSES: &str = "nvmlDeviceGetProcessUtilization";
const SAMPLES: &str = "nvmlDeviceGetSamples";
const GPM_SUPPORT: &str = "nvmlGpmQueryDeviceSupport";
const GPM_ALLOC: &str = "nvmlGpmSampleAlloc";
const GPM_SAMPLE: &str = "nvmlGpmMigSampleGet";
const GPM_METRICS: &str = "nvmlGpmMetricsGet";
/// All that tells of activity.
const ASKS: [&str; 6] = [PROCESSES, SAMPLES, GPM_SUPPORT, GPM_ALLOC, GPM_SAMPLE, GPM_METRICS];

/// A call that does not return while tests run.
const FOREVER: Fault = Fault::Hang { hang_seconds: 1e6 };
/// Far more than any machine needs for a call that returns.
const LONG: Duration = Duration::from_secs(60);

/// What observations ask about: since one second after 1970.
const SINCE_US: u64 = 1_000_000;

/// A driver library of a test's own.
struct Driver {
    library: PathBuf,
    _dir: TempDir,
}

impl Driver {
    fn new(scenario: &Scenario) -> Self {
        Self::with(&Install::default(), scenario)
    }

    fn with(install: &Install, scenario: &Scenario) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = install.into_dir(dir.path()).unwrap();
        scenario.write_to(&scenario_path(&library)).unwrap();
        Self { library, _dir: dir }
    }

    fn source(&self) -> Nvml {
        Nvml::new(Some(self.library.clone()))
    }

    /// What it tells, in a thread that is left behind where it hangs.
    fn observe(&self) -> GpuSnapshot {
        let source = self.source();
        let since = Timestamp::from_microsecond(i64::try_from(SINCE_US).unwrap()).unwrap();
        within("observe", LONG, move || source.observe(since)).unwrap().unwrap()
    }
}

fn known(snapshot: &GpuSnapshot, index: usize) -> &Gpu {
    snapshot.gpus[index].gpu.known().unwrap()
}

/// The activity of the only GPU of a host.
fn activity(gpu: nvml_standin::Gpu) -> GpuActivity {
    let snapshot = Driver::new(&Scenario::default().gpu(gpu)).observe();
    known(&snapshot, 0).activity.known().unwrap().clone()
}

fn why<T: std::fmt::Debug>(reading: &Reading<T>) -> &Unknown {
    reading.unknown().unwrap_or_else(|| panic!("{reading:?}"))
}

fn row(pid: u32, sm: u32, at_us: u64) -> nvml_standin::ProcessSample {
    nvml_standin::ProcessSample { pid, sm, at_us: Some(at_us), ..nvml_standin::ProcessSample::default() }
}

fn told(pid: u32, sm_percent: u32, time_us: u64) -> ProcessSample {
    ProcessSample { pid, time_us, sm_percent, encoder_percent: 0, decoder_percent: 0, memory_percent: 0 }
}

/// A GPU whose driver tells of processes and of these samples.
fn gpu(processes: &[nvml_standin::ProcessSample], samples: &[(u32, u64)]) -> nvml_standin::Gpu {
    let samples = samples.iter().map(|(value, at_us)| Sample { value: *value, at_us: Some(*at_us) }).collect();
    nvml_standin::Gpu {
        process_utilization: Some(processes.to_vec()),
        samples: [(SampleKind::Gpu, samples)].into(),
        ..nvml_standin::Gpu::new(A, 81_920)
    }
}

#[test]
fn who_worked_and_how_much_the_gpu_did() {
    let activity = activity(gpu(&[row(7, 40, 2_000_000), row(8, 3, 3_000_000)], &[(50, 2_000_000), (0, 2_100_000)]));
    assert_eq!(activity.processes, Reading::Known(vec![told(7, 40, 2_000_000), told(8, 3, 3_000_000)]));
    let samples = [(50, 2_000_000), (0, 2_100_000)].map(|(percent, time_us)| DeviceSample { time_us, percent });
    assert_eq!(activity.device, Reading::Known(samples.to_vec()));
}

#[test]
fn nothing_found_is_a_list_without_entries() {
    let activity = activity(gpu(&[], &[]));
    assert_eq!((activity.processes, activity.device), (Reading::Known(vec![]), Reading::Known(vec![])));
}

#[test]
fn the_driver_is_asked_for_what_is_new() {
    let activity =
        activity(gpu(&[row(7, 40, SINCE_US), row(7, 9, SINCE_US + 1)], &[(50, SINCE_US), (1, SINCE_US + 1)]));
    assert_eq!(activity.processes, Reading::Known(vec![told(7, 9, SINCE_US + 1)]));
    assert_eq!(activity.device, Reading::Known(vec![DeviceSample { time_us: SINCE_US + 1, percent: 1 }]));
}

#[test]
fn a_clock_before_1970_asks_for_all_there_is() {
    let driver = Driver::new(&Scenario::default().gpu(gpu(&[row(7, 40, 1)], &[(50, 1)])));
    let snapshot = driver.source().observe(Timestamp::from_second(-5).unwrap()).unwrap();
    let activity = known(&snapshot, 0).activity.known().unwrap();
    assert_eq!(activity.processes, Reading::Known(vec![told(7, 40, 1)]));
    assert_eq!(activity.device.known().unwrap().len(), 1);
}

#[test]
fn a_list_that_grows_is_fetched_again_and_given_up_in_the_end() {
    let growing = |grow| {
        let gpu = gpu(&[row(7, 40, 2_000_000)], &[(50, 2_000_000)]);
        activity(gpu.fault(PROCESSES, Fault::Grow { grow }).fault(SAMPLES, Fault::Grow { grow }))
    };
    let fetched = growing(3);
    assert_eq!(fetched.processes, Reading::Known(vec![told(7, 40, 2_000_000)]));
    assert_eq!(fetched.device.known().unwrap().len(), 1);

    let given_up = growing(1_000_000);
    let words = "the list grew faster than it could be fetched";
    assert_eq!(why(&given_up.processes).to_string(), format!("failed: {PROCESSES}: {words}"));
    assert_eq!(why(&given_up.device).to_string(), format!("failed: {SAMPLES}: {words}"));
}

#[test]
fn rows_of_nonsense_leave_the_door_and_end_at_the_evidence() {
    let garbage = nvml_standin::Gpu { garbage_process_samples: 4, ..gpu(&[row(7, 40, 2_000_000)], &[(90, 2_000_000)]) };
    let activity = activity(garbage);
    let rows = activity.processes.known().unwrap();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().any(|row| row.sm_percent > 100) && rows.iter().any(|row| row.time_us == 0), "{rows:?}");

    let figure = |pid| {
        let tenancy = Tenancy {
            own_pids: Reading::Known(BTreeSet::from([pid])),
            own_context: Reading::Known(true),
            others: Reading::Known(true),
            other_contexts: Reading::Known(true),
            mps: false,
        };
        let asked = Asked { since_us: SINCE_US, until_us: 5_000_000, boot_ms: 90_000 };
        let utilization = Reading::Known(Utilization::Gpu(activity.clone(), asked));
        GpuReport { gpu: A.to_owned(), utilization, tenancy, by_unknown: false, sampled: Vec::new() }.measure().figure
    };
    assert_eq!(figure(7), GpuFigure::OwnProcesses { percent: 40.0 });
    assert_eq!(figure(9), GpuFigure::OwnProcesses { percent: 0.0 }, "another container's share of nonsense is none");
}

#[test]
fn what_is_not_supported_lost_or_denied_is_unknown_each_by_itself() {
    let untold = activity(nvml_standin::Gpu::new(A, 81_920));
    assert_eq!(why(&untold.processes).kind, UnknownKind::NotSupported);
    assert_eq!(why(&untold.device).kind, UnknownKind::NotSupported);

    for (code, kind) in [(Code::GpuIsLost, UnknownKind::Lost), (Code::NoPermission, UnknownKind::Denied)] {
        let working = || gpu(&[row(7, 40, 2_000_000)], &[(50, 2_000_000)]);
        let activity_of = |function| activity(working().fault(function, code));
        let processes = activity_of(PROCESSES);
        assert_eq!(why(&processes.processes).kind, kind);
        assert_eq!(processes.device.known().unwrap().len(), 1);
        let samples = activity_of(SAMPLES);
        assert_eq!(why(&samples.device).kind, kind);
        assert_eq!(samples.processes.known().unwrap().len(), 1);
    }

    let driver = Driver::with(
        &Install::default().without(&[PROCESSES, SAMPLES]),
        &Scenario::default().gpu(gpu(&[row(7, 40, 2_000_000)], &[(50, 2_000_000)])),
    );
    let snapshot = driver.observe();
    let without = known(&snapshot, 0).activity.known().unwrap();
    assert_eq!(why(&without.processes).kind, UnknownKind::NotSupported, "an old driver");
    assert_eq!(why(&without.device).kind, UnknownKind::NotSupported, "an old driver");
}

#[test]
fn a_lost_gpu_hides_the_activity_of_no_other() {
    let lost = nvml_standin::Gpu { uuid: B.into(), ..gpu(&[], &[]) }.fault("*", Code::GpuIsLost);
    let snapshot = Driver::new(&Scenario::default().gpu(lost).gpu(gpu(&[row(7, 40, 2_000_000)], &[]))).observe();
    assert_eq!(why(&snapshot.gpus[0].gpu).kind, UnknownKind::Lost);
    let activity = known(&snapshot, 1).activity.known().unwrap();
    assert_eq!(activity.processes, Reading::Known(vec![told(7, 40, 2_000_000)]));
}

fn instance(index: u32, gpu_instance: u32, graphics: Option<f64>) -> MigInstance {
    let uuid = MIG[usize::try_from(index).unwrap() % 3];
    let gpm = graphics.map(|graphics| Gpm { graphics, sm: 99.0 });
    MigInstance { gpm, ..MigInstance::new(index, uuid, gpu_instance, 9_728) }
}

fn partitioned(instances: impl IntoIterator<Item = MigInstance>) -> nvml_standin::Gpu {
    instances.into_iter().fold(gpu(&[row(7, 40, 2_000_000)], &[]), nvml_standin::Gpu::instance)
}

/// The figures of the instances of GPU 0, in the order of their indices.
fn graphics(snapshot: &GpuSnapshot) -> Vec<Reading<f64>> {
    known(snapshot, 0).mig_instances().iter().map(|instance| instance.graphics_percent.clone()).collect()
}

fn observe(gpu: nvml_standin::Gpu) -> GpuSnapshot {
    Driver::new(&Scenario::default().gpu(gpu)).observe()
}

#[test]
fn mig_instances_are_told_by_gpm_and_their_gpu_is_not() {
    let snapshot = observe(partitioned([instance(0, 9, Some(71.5)), instance(2, 3, Some(0.0))]));
    assert_eq!(why(&known(&snapshot, 0).activity).kind, UnknownKind::NotSupported);
    assert_eq!(graphics(&snapshot), [Reading::Known(71.5), Reading::Known(0.0)], "with a hole at index 1");
}

#[test]
fn compute_instances_of_one_gpu_instance_share_its_figure() {
    let second = MigInstance { compute_instance_id: 1, ..instance(1, 9, Some(30.0)) };
    let snapshot = observe(partitioned([instance(0, 9, Some(30.0)), second, instance(2, 3, Some(80.0))]));
    assert_eq!(graphics(&snapshot), [30.0, 30.0, 80.0].map(Reading::Known));
}

#[test]
fn one_faulty_instance_hides_no_other() {
    let hidden = instance(0, 9, Some(71.5)).fault("nvmlDeviceGetGpuInstanceId", Code::Unknown);
    let snapshot = observe(partitioned([hidden, instance(1, 3, None), instance(2, 5, Some(12.0))]));
    let [no_id, no_gpm, sound] = &graphics(&snapshot)[..] else { panic!("{snapshot:?}") };
    assert_eq!(why(no_id).kind, UnknownKind::Failed);
    assert_eq!(why(no_gpm).kind, UnknownKind::NotSupported);
    assert_eq!(*sound, Reading::Known(12.0));
}

#[test]
fn one_gpu_whose_gpm_fails_hides_no_other() {
    let faulty = partitioned([instance(0, 9, Some(71.5))]).fault(GPM_SAMPLE, Code::GpuIsLost);
    let sound = nvml_standin::Gpu { uuid: B.into(), ..partitioned([instance(1, 9, Some(5.0))]) };
    let snapshot = Driver::new(&Scenario::default().gpu(faulty).gpu(sound)).observe();
    assert_eq!(why(&graphics(&snapshot)[0]).kind, UnknownKind::Lost);
    assert_eq!(known(&snapshot, 1).mig_instances()[0].graphics_percent, Reading::Known(5.0));
}

#[test]
fn a_driver_without_gpm_or_with_a_part_of_it_leaves_instances_unknown_and_the_rest_known() {
    for missing in [&[GPM_SUPPORT][..], &[GPM_ALLOC], &[GPM_SAMPLE], &[GPM_METRICS], &ASKS[2..]] {
        let scenario = Scenario::default().gpu(partitioned([instance(0, 9, Some(71.5))]));
        let scenario = scenario.gpu(nvml_standin::Gpu { uuid: B.into(), ..gpu(&[row(7, 40, 2_000_000)], &[]) });
        let snapshot = Driver::with(&Install::default().without(missing), &scenario).observe();
        assert_eq!(why(&graphics(&snapshot)[0]).kind, UnknownKind::NotSupported, "{missing:?}");
        assert_eq!(known(&snapshot, 1).activity.known().unwrap().processes.known().unwrap().len(), 1, "{missing:?}");
    }
}

/// No sample is taken, so that there is none to wait after.
#[test]
fn where_no_gpu_has_gpm_no_sample_is_taken() {
    let before_hopper = partitioned([instance(0, 9, None), instance(1, 3, None)]);
    let snapshot = observe(before_hopper.fault(GPM_ALLOC, FOREVER).fault(GPM_SAMPLE, FOREVER));
    for figure in graphics(&snapshot) {
        assert_eq!(why(&figure).to_string(), "not supported: this GPU has no GPM");
    }
    let whole = observe(ASKS[2..].iter().fold(gpu(&[], &[]), |gpu, function| gpu.fault(function, FOREVER)));
    assert!(known(&whole, 0).activity.known().is_some(), "a GPU that is not in MIG mode is not asked about GPM");
}

#[test]
fn a_plain_snapshot_asks_for_no_activity() {
    let scenario = Scenario::default().gpu(gpu(&[], &[])).gpu(partitioned([instance(0, 9, Some(1.0))]));
    let driver = Driver::new(&ASKS.iter().fold(scenario, |scenario, function| scenario.fault(function, FOREVER)));
    let source = driver.source();
    let snapshot = within("snapshot", LONG, move || source.snapshot()).unwrap().unwrap();
    assert_eq!(why(&known(&snapshot, 0).activity).kind, UnknownKind::NotAsked);
    assert_eq!(why(&known(&snapshot, 1).mig_instances()[0].graphics_percent).kind, UnknownKind::NotAsked);
}

#[test]
fn a_call_that_hangs_costs_a_look_its_judgement_and_nothing_else() {
    let driver = Driver::new(&Scenario::default().gpu(gpu(&[], &[]).fault(PROCESSES, FOREVER)));
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    let sources = Sources { gpus: Arc::new(driver.source()), ..host.sources() };
    let look = within("look", LONG, move || {
        Look::at(&sources, &Inventory::empty(), Duration::from_secs(3), &Settings::default(), None)
    });
    let look = look.unwrap();
    assert_eq!(look.blind(), Some(SourceName::Nvml));
    let nvml = &look.inventory.sources["nvml"];
    assert!(nvml.error.as_deref().unwrap().contains("timed out"), "{nvml:?}");
}
