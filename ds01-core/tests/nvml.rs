//! The real NVML source on a real shared library: the stand-in, told by a scenario what to answer.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ds01_core::model::{GpuProcess, GpuSnapshot, Mig, Reading, Unknown, UnknownKind};
use ds01_core::source::nvml::Nvml;
use ds01_core::source::{FailureKind, GpuSource, SourceError};
use nvml_standin::{
    Code, Fault, Gpu, Install, MigInstance, Process, Scenario, WITHOUT_V2_LISTS, WITHOUT_V3_LISTS, scenario_path,
};
use tempfile::TempDir;

const A: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const B: &str = "GPU-bbbbbbbb-0000-4000-8000-000000000000";
const MIG_A: &str = "MIG-aaaaaaaa-0000-4000-8000-000000000000";
const MIG_B: &str = "MIG-bbbbbbbb-0000-4000-8000-000000000000";
const COMPUTE: &str = "nvmlDeviceGetComputeRunningProcesses";
const MPS: &str = "nvmlDeviceGetMPSComputeRunningProcesses";

/// A host with a driver library of its own.
struct Host {
    library: PathBuf,
    _dir: TempDir,
}

impl Host {
    fn new(scenario: &Scenario) -> Self {
        Self::with(&Install::default(), scenario)
    }

    fn with(install: &Install, scenario: &Scenario) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = install.into_dir(dir.path()).unwrap();
        let host = Self { library, _dir: dir };
        host.becomes(scenario);
        host
    }

    fn becomes(&self, scenario: &Scenario) {
        scenario.write_to(&scenario_path(&self.library)).unwrap();
    }

    fn try_snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        Nvml::new(Some(self.library.clone())).snapshot()
    }

    fn snapshot(&self) -> GpuSnapshot {
        self.try_snapshot().unwrap()
    }

    fn only_gpu(&self) -> ds01_core::model::Gpu {
        self.snapshot().gpus.remove(0).gpu.into_known().unwrap()
    }
}

fn one(gpu: Gpu) -> Scenario {
    Scenario::default().gpu(gpu)
}

fn gpu_of(gpu: Gpu) -> ds01_core::model::Gpu {
    Host::new(&one(gpu)).only_gpu()
}

/// Pid, memory where it is known, MPS.
fn rows(processes: &Reading<Vec<GpuProcess>>) -> Vec<(u32, Option<u64>, bool)> {
    let processes = processes.known().unwrap();
    processes.iter().map(|process| (process.pid, process.memory_mb.known().copied(), process.mps)).collect()
}

fn failure(error: SourceError) -> (FailureKind, String) {
    match error {
        SourceError::Failed { kind, detail, .. } => (kind, detail),
        SourceError::Absent { .. } => panic!("{error}"),
    }
}

fn why<T: std::fmt::Debug>(reading: &Reading<T>) -> &Unknown {
    reading.unknown().unwrap_or_else(|| panic!("{reading:?}"))
}

/// A driver that has no version of this function.
fn without_any(function: &str) -> Install {
    let versions = [function.to_owned(), format!("{function}_v2"), format!("{function}_v3")];
    Install::default().without(&versions.each_ref().map(String::as_str))
}

#[test]
fn a_gpu_is_told_as_the_driver_tells_it() {
    let gpu = Gpu {
        name: "NVIDIA H200".into(),
        minor_number: Some(3),
        pci_bus_id: Some("00000000:17:00.0".into()),
        ..Gpu::new(A, 143_771)
    };
    let snapshot = Host::new(&Scenario { driver_version: "470.82.01".into(), ..one(gpu) }).snapshot();
    assert_eq!(snapshot.driver_version.as_deref(), Some("470.82.01"));
    assert_eq!(snapshot.problems(), Vec::<String>::new());
    let gpu = snapshot.gpus[0].gpu.known().unwrap();
    assert_eq!((snapshot.gpus[0].index, gpu.uuid.as_str()), (0, A));
    assert_eq!(gpu.name, Reading::Known("NVIDIA H200".into()));
    assert_eq!(gpu.minor_number, Reading::Known(3));
    assert_eq!(gpu.pci_bus_id, Reading::Known("00000000:17:00.0".into()));
    assert_eq!(gpu.memory_total_mb, Reading::Known(143_771));
    assert_eq!(gpu.mig, Reading::Known(Mig::Disabled));
    assert_eq!(gpu.processes, Reading::Known(vec![]));
}

#[test]
fn compute_and_mps_lists_become_one_without_doubles() {
    let gpu = Gpu::new(A, 81_920)
        .process(Process::new(300, 30))
        .process(Process::new(100, 10))
        .process(Process::new(200, 20).mps())
        .process(Process::new(300, 31).mps())
        .process(Process::new(400, 41))
        .process(Process::new(400, 40).mps())
        .process(Process::new(900, 90).graphics())
        .process(Process::new(0, 5));
    let expected = [(100, Some(10), false), (200, Some(20), true), (300, Some(31), true), (400, Some(41), true)];
    assert_eq!(rows(&gpu_of(gpu).processes), expected);
}

#[test]
fn unavailable_memory_is_unknown_and_not_all_ones() {
    let gpu = gpu_of(Gpu::new(A, 81_920).process(Process::with_unavailable_memory(7)));
    let process = &gpu.processes.known().unwrap()[0];
    assert_eq!(why(&process.memory_mb).kind, UnknownKind::NotSupported);
}

#[test]
fn mig_instances_are_told_with_their_ids_and_processes() {
    let gpu = Gpu::new(A, 81_920)
        .instance(MigInstance::new(1, MIG_A, 9, 9_728).process(Process::new(10, 100)))
        .instance(MigInstance {
            compute_instance_id: 2,
            ..MigInstance::new(4, MIG_B, 13, 19_968)
                .process(Process::with_unavailable_memory(20))
                .process(Process::new(21, 5).mps())
        });
    let gpu = gpu_of(gpu);
    assert_eq!(gpu.processes, Reading::Known(vec![]), "those of the instances are not on the GPU itself");
    let [first, second] = gpu.mig_instances() else { panic!("{:?}", gpu.mig) };
    assert_eq!((first.index, first.uuid.as_str()), (1, MIG_A));
    assert_eq!(first.name, Reading::Known("NVIDIA A100-SXM4-80GB MIG 1g.10gb".into()));
    assert_eq!(first.gpu_instance_id, Reading::Known(9));
    assert_eq!(first.compute_instance_id, Reading::Known(0));
    assert_eq!(first.memory_total_mb, Reading::Known(9_728));
    assert_eq!(rows(&first.processes), [(10, Some(100), false)]);
    assert_eq!((second.index, second.uuid.as_str()), (4, MIG_B));
    assert_eq!(second.gpu_instance_id, Reading::Known(13));
    assert_eq!(second.compute_instance_id, Reading::Known(2));
    assert_eq!(rows(&second.processes), [(20, None, false), (21, Some(5), true)]);
}

#[test]
fn mig_that_is_off_or_empty_is_told_apart() {
    let off = nvml_standin::Mig { enabled: false, ..nvml_standin::Mig::default() };
    let gpu = gpu_of(Gpu { mig: Some(off), ..Gpu::new(A, 81_920).process(Process::new(1, 1)) });
    assert_eq!(gpu.mig, Reading::Known(Mig::Disabled));
    assert_eq!(rows(&gpu.processes), [(1, Some(1), false)]);

    let gpu = gpu_of(Gpu { mig: Some(nvml_standin::Mig::default()), ..Gpu::new(A, 81_920) });
    assert_eq!(gpu.mig, Reading::Known(Mig::Enabled(vec![])));
}

#[test]
fn one_unreadable_process_list_of_an_instance_hides_no_other() {
    let gpu = Gpu::new(A, 81_920)
        .instance(MigInstance::new(0, MIG_A, 1, 9_728).fault(COMPUTE, Code::Unknown))
        .instance(MigInstance::new(1, MIG_B, 2, 9_728).process(Process::new(10, 100)));
    let snapshot = Host::new(&one(gpu)).snapshot();
    let problem = "MIG instance 0:0: failed: nvmlDeviceGetComputeRunningProcesses: an internal driver error occurred";
    assert_eq!(snapshot.problems(), [problem]);
    let gpu = snapshot.gpus[0].gpu.known().unwrap();
    assert_eq!(rows(&gpu.mig_instances()[1].processes), [(10, Some(100), false)]);
}

#[test]
fn an_instance_without_identity_makes_the_list_of_instances_unknown() {
    let gpu = Gpu::new(A, 81_920)
        .instance(MigInstance::new(0, MIG_A, 1, 9_728).fault("nvmlDeviceGetUUID", Code::Unknown))
        .instance(MigInstance::new(1, MIG_B, 2, 9_728).process(Process::new(10, 100)));
    let gpu = gpu_of(gpu);
    assert_eq!(why(&gpu.mig).kind, UnknownKind::Failed);
    assert_eq!(why(&gpu.processes).kind, UnknownKind::NotAsked, "the GPU's own list would be the instances'");
}

#[test]
fn more_instances_than_any_gpu_has_are_not_asked_for_one_by_one() {
    let mig = nvml_standin::Mig { max_instances: u32::MAX, ..nvml_standin::Mig::default() };
    let gpu = gpu_of(Gpu { mig: Some(mig), ..Gpu::new(A, 81_920) });
    assert!(why(&gpu.mig).detail.contains("4294967295 instances"), "{:?}", gpu.mig);
}

#[test]
fn an_unreadable_mig_mode_is_not_mig_off() {
    let gpu = gpu_of(Gpu::new(A, 81_920).fault("nvmlDeviceGetMigMode", Code::NoPermission));
    assert_eq!(why(&gpu.mig).kind, UnknownKind::Denied);
}

#[test]
fn drivers_with_older_process_lists_tell_the_same() {
    let scenario = one(Gpu::new(A, 81_920)
        .process(Process::new(1, 10))
        .process(Process::with_unavailable_memory(2))
        .process(Process::new(3, 30).mps()));
    let up_to_v2 = Install::default().without(WITHOUT_V3_LISTS);
    let only_v2 = up_to_v2.clone().without(&[COMPUTE, MPS]);
    let only_v1 = up_to_v2.clone().without(WITHOUT_V2_LISTS);
    for install in [up_to_v2, only_v2, only_v1] {
        let gpu = Host::with(&install, &scenario).only_gpu();
        assert_eq!(rows(&gpu.processes), [(1, Some(10), false), (2, None, false), (3, Some(30), true)]);
    }
}

#[test]
fn a_driver_without_mps_lists_has_no_mps_clients() {
    let gpu = Gpu::new(A, 81_920).process(Process::new(1, 10)).process(Process::new(3, 30).mps());
    let host = Host::with(&without_any(MPS), &one(gpu.clone()));
    assert_eq!(rows(&host.only_gpu().processes), [(1, Some(10), false)]);
    assert_eq!(rows(&gpu_of(gpu.fault(MPS, Code::NotSupported)).processes), [(1, Some(10), false)]);
}

#[test]
fn a_driver_without_any_process_list_says_nothing_about_processes() {
    let host = Host::with(&without_any(COMPUTE), &one(Gpu::new(A, 81_920).process(Process::new(1, 10))));
    assert_eq!(why(&host.only_gpu().processes).kind, UnknownKind::NotSupported);
}

#[test]
fn a_driver_before_mig_has_gpus_with_mig_off_and_the_first_memory_call() {
    let install = Install::default().without(&["nvmlDeviceGetMigMode", "nvmlDeviceGetMemoryInfo_v2"]);
    let gpu = Host::with(&install, &one(Gpu::new(A, 16_384))).only_gpu();
    assert_eq!(gpu.mig, Reading::Known(Mig::Disabled));
    assert_eq!(gpu.memory_total_mb, Reading::Known(16_384));
}

#[test]
fn a_failing_mps_list_leaves_no_half_of_the_truth() {
    let gpu = gpu_of(Gpu::new(A, 81_920).process(Process::new(1, 10)).fault(MPS, Code::Unknown));
    assert_eq!(why(&gpu.processes).kind, UnknownKind::Failed);
}

#[test]
fn a_list_that_grows_is_fetched_again() {
    let gpu = Gpu::new(A, 81_920).process(Process::new(1, 10)).fault(COMPUTE, Fault::Grow { grow: 3 });
    assert_eq!(rows(&gpu_of(gpu).processes), [(1, Some(10), false)]);
}

#[test]
fn a_list_that_never_stops_growing_is_given_up() {
    let gpu = gpu_of(Gpu::new(A, 81_920).process(Process::new(1, 10)).fault(COMPUTE, Fault::Grow { grow: 1_000_000 }));
    assert_eq!(
        why(&gpu.processes).to_string(),
        "failed: nvmlDeviceGetComputeRunningProcesses: the list grew faster than it could be fetched"
    );
}

#[test]
fn a_list_longer_than_expected_is_told_whole() {
    let gpu = (1..=1_000).fold(Gpu::new(A, 81_920), |gpu, pid| gpu.process(Process::new(pid, 1)));
    assert_eq!(gpu_of(gpu).processes.known().unwrap().len(), 1_000);
}

#[test]
fn a_lost_gpu_keeps_its_place_and_hides_no_other() {
    for function in ["*", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetUUID"] {
        let lost = Gpu::new(A, 81_920).fault(function, Code::GpuIsLost);
        let snapshot = Host::new(&one(lost).gpu(Gpu::new(B, 81_920))).snapshot();
        assert_eq!(why(&snapshot.gpus[0].gpu).kind, UnknownKind::Lost);
        let [problem] = &snapshot.problems()[..] else { panic!("{:?}", snapshot.problems()) };
        assert!(problem.starts_with("GPU 0: lost: nvmlDeviceGet") && problem.ends_with(": GPU is lost"), "{problem}");
        assert_eq!(snapshot.gpus[1].index, 1);
        assert_eq!(snapshot.gpus[1].gpu.known().unwrap().uuid, B);
    }
}

#[test]
fn a_gpu_lost_on_its_process_list_alone_is_still_a_gpu() {
    let gpu = gpu_of(Gpu::new(A, 81_920).process(Process::new(1, 10)).fault(COMPUTE, Code::GpuIsLost));
    assert_eq!(gpu.uuid, A);
    assert_eq!(why(&gpu.processes).kind, UnknownKind::Lost);
}

#[test]
fn what_a_gpu_does_not_tell_is_unknown_and_no_problem() {
    let functions =
        ["nvmlDeviceGetName", "nvmlDeviceGetMinorNumber", "nvmlDeviceGetPciInfo", "nvmlDeviceGetMemoryInfo"];
    let gpu = functions.iter().fold(Gpu::new(A, 81_920), |gpu, function| gpu.fault(function, Code::NotSupported));
    let snapshot = Host::new(&one(gpu)).snapshot();
    let gpu = snapshot.gpus[0].gpu.known().unwrap();
    assert_eq!(why(&gpu.name).kind, UnknownKind::NotSupported);
    assert_eq!(why(&gpu.minor_number).kind, UnknownKind::NotSupported);
    assert_eq!(why(&gpu.pci_bus_id).kind, UnknownKind::NotSupported);
    assert_eq!(why(&gpu.memory_total_mb).kind, UnknownKind::NotSupported);
    assert_eq!(snapshot.problems(), Vec::<String>::new());
}

#[test]
fn an_initialisation_that_fails_is_a_failure_in_nvmls_words() {
    let cases = [
        (Code::DriverNotLoaded, FailureKind::Erred, "NVIDIA driver is not loaded"),
        (Code::LibRmVersionMismatch, FailureKind::Erred, "RM detects a driver/library version mismatch"),
        (
            Code::NoPermission,
            FailureKind::Denied,
            "the current user does not have permission to perform this operation",
        ),
    ];
    for (code, kind, words) in cases {
        let host = Host::new(&Scenario::default().fault("nvmlInit", code));
        let detail = format!("{}: nvmlInit_v2: {words}", host.library.display());
        assert_eq!(failure(host.try_snapshot().unwrap_err()), (kind, detail));
    }
}

#[test]
fn not_knowing_how_many_gpus_there_are_is_a_failure() {
    let host = Host::new(&one(Gpu::new(A, 81_920)).fault("nvmlDeviceGetCount", Code::Unknown));
    let detail = "nvmlDeviceGetCount_v2: an internal driver error occurred".to_owned();
    assert_eq!(failure(host.try_snapshot().unwrap_err()), (FailureKind::Erred, detail));
}

#[test]
fn a_library_named_by_the_admin_and_not_there_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libnvidia-ml.so.1");
    let (kind, detail) = failure(Nvml::new(Some(path.clone())).snapshot().unwrap_err());
    assert_eq!(kind, FailureKind::Missing);
    assert!(detail.starts_with(&path.display().to_string()), "{detail}");
}

#[test]
fn a_file_that_is_no_nvml_library_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libnvidia-ml.so.1");
    fs::write(&path, "no library, though long enough for the linker to read its beginning: ".repeat(20)).unwrap();
    let (kind, detail) = failure(Nvml::new(Some(path)).snapshot().unwrap_err());
    assert_eq!(kind, FailureKind::Erred, "{detail}");

    let host = Host::with(&Install::default().without(&["nvmlInit_v2"]), &Scenario::default());
    let (kind, detail) = failure(host.try_snapshot().unwrap_err());
    assert_eq!(kind, FailureKind::Erred, "{detail}");
    assert!(detail.contains("nvmlInit_v2"), "{detail}");
}

#[test]
fn each_snapshot_sees_the_host_as_it_is() {
    let host = Host::new(&one(Gpu::new(A, 81_920).process(Process::new(1, 10))));
    let source = Nvml::new(Some(host.library.clone()));
    assert_eq!(source.snapshot().unwrap().gpus.len(), 1);

    host.becomes(&one(Gpu::new(A, 81_920)).gpu(Gpu::new(B, 81_920).process(Process::new(2, 20))));
    let snapshot = source.snapshot().unwrap();
    assert_eq!(rows(&snapshot.gpus[0].gpu.known().unwrap().processes), []);
    assert_eq!(rows(&snapshot.gpus[1].gpu.known().unwrap().processes), [(2, Some(20), false)]);

    host.becomes(&Scenario::default().fault("nvmlInit", Code::DriverNotLoaded));
    assert_eq!(failure(source.snapshot().unwrap_err()).0, FailureKind::Erred);
}

/// Set in the child of the test below.
const CHILD: &str = "DS01_TEST_DRIVER_LIBRARY";

/// The dynamic linker reads its search path once, when a program starts: this test runs itself again with another.
#[test]
fn the_drivers_library_is_found_under_both_its_names() {
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(Nvml::new(None).snapshot().unwrap().gpus[0].gpu.known().unwrap().uuid, A);
        return;
    }
    let host = Host::new(&one(Gpu::new(A, 81_920)));
    assert_finds_driver(&host.library);

    // On a machine with a driver, that one's `.so.1` would be found before the `.so` here.
    if matches!(Nvml::new(None).snapshot(), Err(SourceError::Absent { .. })) {
        let short = host.library.with_extension("");
        fs::rename(scenario_path(&host.library), scenario_path(&short)).unwrap();
        fs::rename(&host.library, &short).unwrap();
        assert_finds_driver(&short);
    }
}

fn assert_finds_driver(library: &Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_drivers_library_is_found_under_both_its_names"])
        .env("LD_LIBRARY_PATH", library.parent().unwrap())
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
