//! How much of a GPU is used, asked of a real shared library: the stand-in, told by a scenario what to answer.
#![expect(clippy::unwrap_used, reason = "a test's helpers")]

use std::collections::BTreeMap;

use ds01_core::{
    model::{DeviceUsage, DeviceUtilization, GpuSnapshot, Reading, UnknownKind, UtilizationSource},
    source::{GpuSource, nvml::Nvml},
};
use jiff::Timestamp;
use nvml_standin::{
    Code, Fault, Gpm, Gpu, Install, MigInstance, Process, Sample, SampleKind, Scenario, Utilization, scenario_path,
};

/// The snapshot, without and with the question what was done.
fn looks(gpu: Gpu) -> (GpuSnapshot, GpuSnapshot) {
    let dir = tempfile::tempdir().unwrap();
    let library = Install::default().into_dir(dir.path()).unwrap();
    Scenario::default().gpu(gpu).write_to(&scenario_path(&library)).unwrap();
    let nvml = Nvml::new(Some(library));
    (nvml.snapshot().unwrap(), nvml.observe(since()).unwrap())
}

fn since() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

fn usage(snapshot: &GpuSnapshot) -> DeviceUsage {
    snapshot.gpus[0].gpu.known().unwrap().usage()
}

fn instance(snapshot: &GpuSnapshot) -> DeviceUsage {
    snapshot.gpus[0].gpu.known().unwrap().mig_instances()[0].usage()
}

fn kind<T>(reading: &Reading<T>) -> Option<UnknownKind> {
    reading.unknown().map(|why| why.kind)
}

/// Percent and where it is from.
fn told(usage: &DeviceUsage) -> (f64, UtilizationSource) {
    let DeviceUtilization { percent, source, .. } = *usage.utilization.known().unwrap();
    (percent, source)
}

/// At so many seconds.
fn sample(second: u64, value: u32) -> Sample {
    Sample { value, at_us: Some(second * 1_000_000) }
}

fn busy() -> Gpu {
    let ring = vec![sample(999, 100), sample(1_001, 10), sample(1_002, 20), sample(1_003, 400), sample(1_004, 61)];
    Gpu {
        memory_used_mib: Some(41_500),
        power_mw: Some(312_400),
        utilization: Some(Utilization { gpu: 97, memory: 54 }),
        process_utilization: Some(Vec::new()),
        samples: BTreeMap::from([(SampleKind::Gpu, ring)]),
        ..Gpu::new("GPU-A", 81_920)
    }
}

#[test]
fn memory_power_and_the_drivers_own_figure() {
    let usage = usage(&looks(busy()).0);
    assert_eq!(usage.memory_used_mb, Reading::Known(41_500));
    assert_eq!(usage.power_watts, Reading::Known(312.4));
    assert_eq!(told(&usage), (97.0, UtilizationSource::Rates));
}

#[test]
fn where_it_is_asked_what_was_done_it_is_the_mean_of_the_sound_new_samples() {
    let (_, observed) = looks(busy());
    assert_eq!(told(&usage(&observed)), (30.3, UtilizationSource::Samples));
    assert_eq!(usage(&observed).utilization.known().unwrap().over_ms, Some(3_000));
}

#[test]
fn a_driver_without_samples_has_its_own_figure_left() {
    let (_, observed) = looks(Gpu { samples: BTreeMap::new(), ..busy() });
    assert_eq!(told(&usage(&observed)), (97.0, UtilizationSource::Rates));
}

#[test]
fn what_a_driver_does_not_tell_is_unknown_and_hides_nothing_else() {
    let faults = [
        ("nvmlDeviceGetMemoryInfo".to_owned(), Fault::Code(Code::NoPermission)),
        ("nvmlDeviceGetPowerUsage".to_owned(), Fault::Code(Code::NotSupported)),
        ("nvmlDeviceGetUtilizationRates".to_owned(), Fault::Code(Code::Unknown)),
    ];
    let (plain, _) = looks(Gpu { faults: faults.into(), ..busy() });
    let told = usage(&plain);
    assert_eq!(kind(&told.memory_used_mb), Some(UnknownKind::Denied));
    assert_eq!(kind(&told.power_watts), Some(UnknownKind::NotSupported));
    assert_eq!(kind(&told.utilization), Some(UnknownKind::Failed));
    assert_eq!(plain.problems(), Vec::<String>::new(), "who uses it is seen all the same");
}

#[test]
fn nonsense_is_unknown() {
    let utilization = Some(Utilization { gpu: 4_000, memory: 0 });
    let (plain, _) = looks(Gpu { utilization, ..busy() });
    assert_eq!(kind(&usage(&plain).utilization), Some(UnknownKind::Failed));
}

#[test]
fn in_mig_mode_the_instances_tell_by_gpm_and_the_gpu_has_memory_and_power() {
    let with_gpm = |gpm| {
        let instance = MigInstance {
            gpm,
            memory_used_mib: Some(20_100),
            ..MigInstance::new(0, "MIG-A", 3, 40_448).process(Process::new(10, 20_000))
        };
        looks(busy().instance(instance))
    };
    let (plain, observed) = with_gpm(Some(Gpm { graphics: 71.54, sm: 64.0 }));
    let whole = usage(&observed);
    assert_eq!((whole.memory_used_mb, whole.power_watts), (Reading::Known(41_500), Reading::Known(312.4)));
    assert_eq!(kind(&whole.utilization), Some(UnknownKind::NotSupported));
    let part = instance(&observed);
    assert_eq!(part.memory_used_mb, Reading::Known(20_100));
    assert_eq!(told(&part), (71.5, UtilizationSource::Gpm));
    assert!(part.utilization.known().unwrap().over_ms.unwrap() >= 110);
    assert_eq!(kind(&part.power_watts), Some(UnknownKind::NotSupported));
    assert_eq!(kind(&instance(&plain).utilization), Some(UnknownKind::NotAsked), "it takes two samples");

    let (_, observed) = with_gpm(None);
    assert_eq!(kind(&instance(&observed).utilization), Some(UnknownKind::NotSupported));
}
