//! Who holds a graphics context, as a display does: through the real NVML source on the stand-in.
#![expect(clippy::unwrap_used, reason = "a test's helpers")]

use std::time::Duration;

use ds01_core::{
    deadline::within,
    model::{Gpu, Reading, UnknownKind},
    source::{GpuSource, nvml::Nvml},
};
use jiff::Timestamp;
use nvml_standin::{
    Code, Fault, Install, Process, SampleKind, Scenario, WITHOUT_V2_LISTS, WITHOUT_V3_LISTS, scenario_path,
};

const GRAPHICS: &str = "nvmlDeviceGetGraphicsRunningProcesses";
const LATER: [&str; 2] = ["nvmlDeviceGetGraphicsRunningProcesses_v2", "nvmlDeviceGetGraphicsRunningProcesses_v3"];

/// A GPU with a display, a container's training, and one that does both.
fn gpu() -> nvml_standin::Gpu {
    nvml_standin::Gpu {
        process_utilization: Some(Vec::new()),
        samples: [(SampleKind::Gpu, Vec::new())].into(),
        ..nvml_standin::Gpu::new("GPU-aaaaaaaa-0000-4000-8000-000000000000", 24_576)
    }
    .process(Process::new(1200, 12).graphics())
    .process(Process::new(7, 9_000))
    .process(Process::new(8, 100))
    .process(Process::new(8, 100).graphics())
    .process(Process::new(0, 1).graphics())
}

/// What a driver tells of its only GPU, and of its activity where that is asked for.
fn told(install: &Install, gpu: nvml_standin::Gpu, activity: bool) -> Gpu {
    let dir = tempfile::tempdir().unwrap();
    let library = install.into_dir(dir.path()).unwrap();
    Scenario::default().gpu(gpu).write_to(&scenario_path(&library)).unwrap();
    let source = Nvml::new(Some(library));
    let ask = move || if activity { source.observe(Timestamp::UNIX_EPOCH) } else { source.snapshot() };
    // Far more than any machine needs for calls that return.
    let snapshot = within("ask", Duration::from_secs(60), ask).unwrap().unwrap();
    snapshot.gpus[0].gpu.known().unwrap().clone()
}

fn graphics(install: &Install, gpu: nvml_standin::Gpu) -> Reading<Vec<u32>> {
    told(install, gpu, true).activity.known().unwrap().graphics_pids.clone()
}

#[test]
fn graphics_contexts_are_told_and_are_no_compute_processes() {
    let gpu = told(&Install::default(), gpu(), true);
    assert_eq!(gpu.activity.known().unwrap().graphics_pids, Reading::Known(vec![1200, 8]), "pid 0 is nobody's");
    let processes: Vec<u32> = gpu.processes.known().unwrap().iter().map(|process| process.pid).collect();
    assert_eq!(processes, [7, 8]);
}

#[test]
fn older_drivers_tell_the_same() {
    let up_to_v2 = Install::default().without(WITHOUT_V3_LISTS);
    let only_v1 = up_to_v2.clone().without(WITHOUT_V2_LISTS);
    for install in [up_to_v2, only_v1] {
        assert_eq!(graphics(&install, gpu()), Reading::Known(vec![1200, 8]));
    }
}

#[test]
fn where_there_is_no_such_list_there_is_nobody() {
    let without = Install::default().without(&LATER).without(&[GRAPHICS]);
    assert_eq!(graphics(&without, gpu()), Reading::Known(vec![]));
    assert_eq!(graphics(&Install::default(), gpu().fault(GRAPHICS, Code::NotSupported)), Reading::Known(vec![]));
}

#[test]
fn a_list_that_fails_is_unknown_and_hides_nothing_else() {
    let gpu = told(&Install::default(), gpu().fault(GRAPHICS, Code::Unknown), true);
    let activity = gpu.activity.known().unwrap();
    assert_eq!(activity.graphics_pids.unknown().unwrap().kind, UnknownKind::Failed);
    assert!(activity.processes.known().is_some() && gpu.processes.known().is_some(), "{gpu:?}");
}

#[test]
fn a_plain_snapshot_does_not_ask() {
    let hanging = gpu().fault(GRAPHICS, Fault::Hang { hang_seconds: 1e6 });
    assert_eq!(told(&Install::default(), hanging, false).processes.known().unwrap().len(), 2);
}
