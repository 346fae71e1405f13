//! What a sampler sees of GPUs that live.

use std::{process, time::SystemTime};

use ds01_core::model::{DeviceSpan, Sample, Who};
use nvml_standin::{Gpu, Living, MigInstance, Scenario, Tenant, Work};

use crate::{gpus::Gpus, run::Place};

const WHOLE: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const PARTED: &str = "GPU-bbbbbbbb-0000-4000-8000-000000000000";
const INSTANCE: &str = "MIG-cccccccc-0000-4000-8000-000000000000";

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

fn device<'a>(sample: &'a Sample, uuid: &str) -> &'a DeviceSpan {
    sample.devices.iter().find(|device| device.uuid == uuid).unwrap()
}

#[test]
fn every_span_is_covered_on_whole_gpus_and_mig_instances() {
    let tenant = |works: Work, gpu_instance_id| Tenant {
        pid: process::id(),
        memory_mib: 100,
        gpu_instance_id,
        works: vec![works],
        ..Tenant::default()
    };
    // The story began a minute ago. A third of each 600 ms on the instance.
    let living = |tenants| Living { began_us: now_us() - 60_000_000, tenants, ..Living::default() };
    let burst = Work { every_ms: Some(600), for_ms: 200, ..Work::default() };
    let mut whole = Gpu::new(WHOLE, 81_920);
    whole.living = Some(living(vec![tenant(Work::default(), None)]));
    let mut parted = Gpu::new(PARTED, 81_920).instance(MigInstance::new(0, INSTANCE, 3, 9_856));
    parted.living = Some(living(vec![tenant(burst, Some(3))]));
    let gpus = Gpus::new(&Scenario::default().gpu(whole).gpu(parted));
    let place = Place::new();
    let _running = place.start(&gpus, 600);
    let samples = place.wait_for("five samples", |samples| samples.len() >= 5);

    let first = device(&samples[0], WHOLE);
    assert!((13_000..=14_400).contains(&first.covered_ms), "what the driver remembered: {first:?}");
    assert!(!samples[0].devices.iter().any(|device| device.uuid == INSTANCE), "GPM has one sample only");
    for (before, sample) in samples.iter().zip(&samples[1..5]) {
        assert_eq!(before.to_ms, sample.from_ms, "nothing lies between");
        let length = sample.span().length_ms();
        let whole = device(sample, WHOLE);
        // The ring moves each 200 ms.
        assert!(whole.covered_ms + 250 > length, "{whole:?} of {length} ms");
        let shares = whole.shares.as_ref().unwrap();
        assert!(matches!(&shares[..], [share] if matches!(share.who, Who::Process(pid) if pid == process::id())));
        let instance = device(sample, INSTANCE);
        assert!(instance.covered_ms + 50 > length, "{instance:?} of {length} ms");
        let percent = instance.percent.unwrap();
        assert!((15.0..=55.0).contains(&percent), "{percent} % of an instance that works a third of the time");
    }
}
