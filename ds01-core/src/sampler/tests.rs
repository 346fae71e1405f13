use std::{
    collections::BTreeMap,
    sync::{Mutex, mpsc},
};

use jiff::Timestamp;

use super::*;
use crate::{
    model::{DeviceSpan, Reading, Share, Who},
    source::fake::{ContainerSpec, Disappear, FakeHost, GpuRequest, GpuSpec, MigSpec, ProcessSpec, Step, Work},
};

fn host() -> FakeHost {
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    host.add_gpus(&[
        GpuSpec { index: 0, uuid: "GPU-0".into(), ..GpuSpec::default() },
        GpuSpec {
            index: 1,
            uuid: "GPU-1".into(),
            gpm: true,
            mig: Some(vec![MigSpec { uuid: "MIG-1".into(), gpu_instance: 3, ..MigSpec::default() }]),
            ..GpuSpec::default()
        },
    ])
    .unwrap();
    host
}

fn process(pid: u32, gpu: &str, gpu_percent: u32) -> ProcessSpec {
    ProcessSpec { pid, gpus: BTreeMap::from([(gpu.to_owned(), Some(512))]), gpu_percent, ..ProcessSpec::default() }
}

fn sources(host: &FakeHost, gpus: Arc<dyn GpuSource>) -> SamplerSources {
    SamplerSources { gpus, processes: Arc::new(host.clone()), clock: Arc::new(host.clone()) }
}

fn sampler(host: &FakeHost, state_dir: &Path) -> Sampler {
    Sampler::new(sources(host, Arc::new(host.clone())), state_dir).unwrap()
}

fn device<'a>(sample: &'a Sample, uuid: &str) -> &'a DeviceSpan {
    sample.devices.iter().find(|device| device.uuid == uuid).unwrap()
}

#[test]
fn what_each_did_since_the_look_before() {
    let host = host();
    host.add_container(&ContainerSpec {
        name: "train".into(),
        processes: vec![process(4_001, "0", 40), process(4_002, "0", 30)],
        ..ContainerSpec::default()
    })
    .unwrap();
    [process(5_001, "1:0", 70), process(6_001, "0", 20)].iter().for_each(|spec| host.add_process(spec).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut sampler = sampler(&host, dir.path());
    let first = sampler.look().unwrap();
    assert_eq!(first.span().length_ms(), 60_000, "as far as the driver remembers");
    host.advance(Duration::from_secs(5));
    let second = sampler.look().unwrap();
    assert_eq!((second.from_ms, second.span().length_ms()), (first.to_ms, 5_000));

    let whole = device(&second, "GPU-0");
    assert_eq!((whole.covered_ms, whole.percent), (5_000, Some(90.0)));
    let shares = whole.shares.as_ref().unwrap();
    let [Share { who: Who::Containers(containers), percent: 70 }, Share { who: Who::Process(6_001), percent: 20 }] =
        shares.as_slice()
    else {
        panic!("{shares:?}")
    };
    assert_eq!(containers.len(), 1);
    let instance = device(&second, "MIG-1");
    assert_eq!((instance.covered_ms, instance.percent, instance.shares.as_ref()), (5_000, Some(70.0), None));
    assert!(!second.devices.iter().any(|device| device.uuid == "GPU-1"), "it is its instances that work");
}

#[test]
fn a_process_that_ended_is_who_it_was_and_one_that_nobody_saw_is_unknown() {
    let host = host();
    host.add_process(&process(6_001, "0", 20)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut sampler = sampler(&host, dir.path());
    sampler.look().unwrap();
    let known = Workers::default().who(&sampler.sources.processes, &GpuSnapshot::default());
    assert!(known.is_empty());

    // What the driver still tells of it.
    let ended = host.sources().gpus.observe(Timestamp::UNIX_EPOCH).unwrap();
    let ends = Disappear { processes: vec![6_001], ..Disappear::default() };
    host.apply(&Step { disappear: ends, ..Step::default() }, false).unwrap();
    let who = sampler.workers.who(&sampler.sources.processes, &ended);
    assert!(matches!(who[&6_001], Who::Process(6_001)), "{who:?}");
    let who = Workers::default().who(&sampler.sources.processes, &ended);
    assert_eq!(who[&6_001], Who::Unknown(6_001));
}

#[test]
fn cpu_time_is_taken_of_containers_in_the_inventory_and_of_those_with_a_context() {
    let host = host();
    let spec = |name: &str, cpu_percent, processes| ContainerSpec {
        name: name.into(),
        gpus: Some(GpuRequest::Count(-1)),
        work: Work { cpu_percent, ..Work::default() },
        processes,
        ..ContainerSpec::default()
    };
    let add = |name: &str, cpu_percent, processes| {
        host.add_container(&spec(name, cpu_percent, processes)).unwrap();
        let listed = host.sources().engines[0].source.list().unwrap();
        listed.into_iter().find(|listing| listing.name == name).unwrap().id
    };
    let listed = add("listed", 50.0, vec![]);
    let dir = tempfile::tempdir().unwrap();
    let options = crate::scan::ScanOptions {
        metrics: None,
        state_dir: dir.path().join("state"),
        events: crate::event::EventLog::new(dir.path().join("events.jsonl"), "test"),
        deadline: Duration::from_secs(5),
        settings: crate::detect::Settings::default(),
    };
    crate::scan::run(&host.sources(), &options).unwrap();
    let unlisted = add("unlisted", 10.0, vec![process(4_001, "0", 0)]);
    add("idle", 0.0, vec![process(4_002, "0", 0)]);

    let mut sampler = sampler(&host, &options.state_dir);
    assert_eq!(sampler.look().unwrap().cpu, [], "a counter read once says nothing");
    host.advance(Duration::from_secs(5));
    let sample = sampler.look().unwrap();
    assert_eq!(sample.cpu_of(&listed), Some(Duration::from_millis(2_500)));
    assert_eq!(sample.cpu_of(&unlisted), Some(Duration::from_millis(500)));
    assert_eq!(sample.cpu.len(), 2);
}

/// A driver that hangs until it is told to go on.
struct Hanging {
    host: FakeHost,
    go_on: Mutex<mpsc::Receiver<()>>,
    asked: Mutex<u32>,
}

impl GpuSource for Hanging {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        self.host.snapshot()
    }

    fn observe(&self, since: Timestamp) -> Result<GpuSnapshot, SourceError> {
        *self.asked.lock().unwrap() += 1;
        self.go_on.lock().unwrap().recv().unwrap();
        self.host.observe(since)
    }
}

#[test]
fn a_driver_that_hangs_is_waited_for_and_not_asked_anew() {
    let host = host();
    let (go_on, wait) = mpsc::channel();
    let driver = Arc::new(Hanging { host: host.clone(), go_on: Mutex::new(wait), asked: Mutex::new(0) });
    let dir = tempfile::tempdir().unwrap();
    let mut sampler = Sampler::new(sources(&host, driver.clone()), dir.path()).unwrap();
    sampler.driver_at_most = Duration::from_millis(20);
    let ms = |sampler: &mut Sampler| sampler.look().map(|sample| (sample.from_ms, sample.to_ms));
    for _ in 0..3 {
        let error = ms(&mut sampler).unwrap_err().to_string();
        assert!(error.contains("nvml"), "{error}");
    }
    assert_eq!(*driver.asked.lock().unwrap(), 1);
    host.advance(Duration::from_secs(15));
    sampler.driver_at_most = DRIVER_AT_MOST;
    go_on.send(()).unwrap();
    let late = ms(&mut sampler).unwrap();
    go_on.send(()).unwrap();
    let next = ms(&mut sampler).unwrap();
    assert_eq!(next, (late.1, late.1 + 15_000), "from where the last answer ends");
}

#[test]
fn looks_come_closer_where_the_driver_forgets_sooner() {
    let due_at = |ring_s: u64| {
        let mut snapshot = host().observe(Timestamp::UNIX_EPOCH).unwrap();
        let asked = Asked { since_us: 0, until_us: 60_000_000, boot_ms: 100_000 };
        let Reading::Known(gpu) = &mut snapshot.gpus[0].gpu else { panic!() };
        let Reading::Known(activity) = &mut gpu.activity else { panic!() };
        let samples =
            (0..ring_s * 5).map(|n| crate::model::DeviceSample { time_us: asked.until_us - n * 200_000, percent: 0 });
        activity.device = Reading::Known(samples.collect());
        due(&snapshot, asked)
    };
    assert_eq!(due_at(14), INTERVAL);
    assert_eq!(due_at(4), Duration::from_millis(2_800));
    assert_eq!(due_at(1), Duration::from_secs(1));
    assert_eq!(due_at(0), INTERVAL, "no ring, no hurry");
}
