//! What the driver says of itself, through the NVML door on the stand-in.
#![expect(clippy::unwrap_used, reason = "a test's helpers")]

use std::path::PathBuf;

use ds01_core::{
    model::{Reading, UnknownKind},
    source::{
        SourceError,
        nvml::{DriverHealth, DriverTrouble, Nvml},
    },
};
use nvml_standin::{Code, Gpu, Install, Scenario, scenario_path};

fn health_without(scenario: &Scenario, missing: &[&str]) -> Result<DriverHealth, SourceError> {
    let dir = tempfile::tempdir().unwrap();
    let library = Install::default().without(missing).into_dir(dir.path()).unwrap();
    scenario.write_to(&scenario_path(&library)).unwrap();
    Nvml::new(Some(library)).health()
}

fn health(scenario: &Scenario) -> Result<DriverHealth, SourceError> {
    health_without(scenario, &[])
}

fn gpu(persistence_mode: Option<bool>) -> Gpu {
    Gpu { persistence_mode, ..Gpu::new("GPU-aaaaaaaa-0000-4000-8000-000000000000", 81_920) }
}

#[test]
fn persistence_mode_of_each_gpu() {
    let lost = gpu(Some(true)).fault("*", Code::GpuIsLost);
    let scenario = Scenario::default().gpu(gpu(Some(true))).gpu(gpu(Some(false))).gpu(gpu(None)).gpu(lost);
    let health = health(&scenario).unwrap();
    assert_eq!(health.driver_version, Reading::Known(scenario.driver_version));
    let modes: Vec<_> = health.persistence_mode.iter().map(|mode| mode.known().copied()).collect();
    assert_eq!(modes, [Some(true), Some(false), None, None]);
    let why: Vec<_> = health.persistence_mode.iter().filter_map(Reading::unknown).collect();
    assert_eq!((why[0].kind, why[1].kind), (UnknownKind::NotSupported, UnknownKind::Lost));
}

#[test]
fn a_driver_without_that_function() {
    let health = health_without(&Scenario::default().gpu(gpu(Some(true))), &["nvmlDeviceGetPersistenceMode"]).unwrap();
    assert_eq!(health.persistence_mode[0].unknown().unwrap().kind, UnknownKind::NotSupported);
}

#[test]
fn troubles_with_a_known_cure() {
    let trouble = |code| {
        let error = health(&Scenario::default().gpu(gpu(None)).fault("nvmlInit", code)).unwrap_err();
        DriverTrouble::behind(&error)
    };
    assert_eq!(trouble(Code::DriverNotLoaded), Some(DriverTrouble::NotLoaded));
    assert_eq!(trouble(Code::LibRmVersionMismatch), Some(DriverTrouble::VersionMismatch));
    assert_eq!(trouble(Code::Unknown), None);
    let missing = Nvml::new(Some(PathBuf::from("/nowhere/libnvidia-ml.so.1"))).health().unwrap_err();
    assert_eq!(DriverTrouble::behind(&missing), None);
}
