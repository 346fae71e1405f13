//! GPUs of two makers on one host: each fails by itself, and who was given which.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ds01_core::{
    detect::{GpuAccess, Inventory, Settings, diff, inventory::SourceState, look},
    idle::gpus::{Occupancy, states},
    model::{GpuSnapshot, Vendor},
    source::{
        FailureKind, GpuSource, ObservedGpus, SourceError, SourceName, Sources,
        amd::Amd,
        fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec, SourceMood, Step},
    },
};
use jiff::{Timestamp, tz::TimeZone};

const FIRST: &str = "GPU-4fd3d0e445b9207e";
const SECOND: &str = "GPU-6c62a3758b84fd47";

struct Broken;

impl GpuSource for Broken {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        Err(SourceError::failed(SourceName::Amd, FailureKind::Erred, "broken"))
    }

    fn observe(&self, _: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.snapshot()
    }
}

/// Does not answer for as long as the other end is held.
struct Hanging(Mutex<mpsc::Receiver<()>>);

impl GpuSource for Hanging {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        self.0.lock().unwrap().recv().ok();
        Broken.snapshot()
    }

    fn observe(&self, _: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.snapshot()
    }
}

/// A host with one GPU of NVIDIA's, and what AMD's driver tells.
struct Host {
    fake: FakeHost,
    sys: PathBuf,
    proc: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let fake = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        fake.add_gpus(&[GpuSpec { uuid: "GPU-nvidia".into(), ..Default::default() }]).unwrap();
        let sys = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/amd/two-mi210/sys").into();
        Self { fake, sys, proc: tempfile::tempdir().unwrap() }
    }

    fn sources(&self, amd: Arc<dyn GpuSource>) -> Sources {
        let observed = vec![ObservedGpus { name: SourceName::Amd, vendor: Vendor::Amd, source: amd }];
        Sources { observed, ..self.fake.sources() }
    }

    fn scan(&self, before: &Inventory) -> Inventory {
        let amd = Amd::new(&self.sys, self.proc.path());
        look(&self.sources(Arc::new(amd)), before, Duration::from_secs(60), &Settings::default())
    }

    fn scan_broken(&self, before: &Inventory) -> Inventory {
        look(&self.sources(Arc::new(Broken)), before, Duration::from_secs(60), &Settings::default())
    }

    fn mood(&self, nvml: SourceMood) {
        self.fake.apply(&Step { nvml: Some(nvml), ..Default::default() }, false).unwrap();
    }
}

fn labels(inventory: &Inventory) -> Vec<(String, bool)> {
    inventory.gpus.iter().map(|gpu| (gpu.label(), gpu.stale)).collect()
}

fn all(stale: [bool; 3]) -> Vec<(String, bool)> {
    ["0", "amd0", "amd1"].into_iter().map(ToOwned::to_owned).zip(stale).collect()
}

/// The processes of the captured tree, and one on NVIDIA's.
fn with_processes(host: &Host) {
    for (pid, gpus) in [(4242, vec![]), (4343, vec![]), (5000, vec![("0".to_owned(), Some(7))])] {
        let gpus = gpus.into_iter().collect();
        host.fake
            .add_process(&ProcessSpec { pid, uid: 1000, name: "python3".into(), gpus, ..Default::default() })
            .unwrap();
    }
}

#[test]
fn the_processes_of_both_are_in_the_picture_and_each_maker_fails_by_itself() {
    let host = Host::new();
    with_processes(&host);
    let first = host.scan(&host.scan(&Inventory::empty()));
    assert_eq!(labels(&first), all([false; 3]));
    let held = |inventory: &Inventory| -> Vec<(u32, String, bool)> {
        let of = |(pid, entry): (&u32, &ds01_core::detect::inventory::ProcessEntry)| {
            (*pid, entry.gpu_uuid.clone().unwrap(), entry.stale)
        };
        inventory.host_processes.iter().map(of).collect()
    };
    let expected = |amds: bool, nvidias: bool| {
        vec![(4242, FIRST.to_owned(), amds), (4343, SECOND.to_owned(), amds), (5000, "GPU-nvidia".to_owned(), nvidias)]
    };
    assert_eq!(held(&first), expected(false, false));
    assert_eq!(first.host_processes[&4242].gpu_memory_mb, Some(20_480));
    assert_eq!(first.source_state("amd"), Some(SourceState::Ok));

    let broken = host.scan_broken(&first);
    assert_eq!((labels(&broken), held(&broken)), (all([false, true, true]), expected(true, false)));
    assert_eq!(
        (broken.source_state("amd"), broken.source_state("nvml")),
        (Some(SourceState::Failed), Some(SourceState::Ok))
    );
    let told: Vec<String> = diff(&first, &broken).iter().map(|event| event.details.event_type().to_string()).collect();
    assert_eq!(told, ["detection.source_failed"]);

    host.mood(SourceMood::Errs);
    let other = host.scan(&broken);
    assert_eq!((labels(&other), held(&other)), (all([true, false, false]), expected(false, true)));
    assert_eq!(
        (other.source_state("amd"), other.source_state("nvml")),
        (Some(SourceState::Ok), Some(SourceState::Failed))
    );
    let both = host.scan_broken(&other);
    assert_eq!((labels(&both), held(&both)), (all([true; 3]), expected(true, true)));
}

/// Copies what lies there, but for what is called so.
fn copied(from: &Path, to: &Path, without: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() && entry.file_name() != without => copied(&entry.path(), &to, without),
            kind if kind.is_dir() => fs::create_dir(&to).unwrap(),
            _ => drop(fs::copy(entry.path(), &to).unwrap()),
        }
    }
}

#[test]
fn one_that_is_busy_is_not_free_though_the_driver_names_nobody_on_it() {
    let host = Host::new();
    let said = |host: &Host| {
        let inventory = host.scan(&Inventory::empty());
        let gpus = states(&inventory, None, None, inventory.last_scan.unwrap(), &TimeZone::UTC).into_iter();
        gpus.map(|gpu| (gpu.gpu, gpu.utilization_percent, gpu.state)).collect::<Vec<_>>()
    };
    with_processes(&host);
    assert_eq!(said(&host)[1], ("amd0".to_owned(), Some(93.0), Occupancy::AtWork));
    let dir = tempfile::tempdir().unwrap();
    copied(&host.sys, dir.path(), "proc");
    let host = Host { sys: dir.path().into(), ..host };
    assert_eq!(said(&host)[1], ("amd0".to_owned(), Some(93.0), Occupancy::Unknown));
    assert_eq!(said(&host)[2].2, Occupancy::Free, "which does nothing");
}

/// A user can make it slow, by what he has open.
#[test]
fn one_that_hangs_is_given_up_and_hides_nothing_of_the_other() {
    let host = Host::new();
    with_processes(&host);
    let before = host.scan(&host.scan(&Inventory::empty()));
    let (hold, held) = mpsc::channel();
    let sources = host.sources(Arc::new(Hanging(Mutex::new(held))));
    let after = look(&sources, &before, Duration::from_secs(2), &Settings::default());
    assert_eq!(labels(&after), all([false, true, true]));
    let states = ["amd", "docker", "nvml", "proc"].map(|name| after.source_state(name).unwrap());
    assert_eq!(states, [SourceState::Failed, SourceState::Ok, SourceState::Ok, SourceState::Ok]);
    assert!(!after.host_processes[&5000].stale && after.host_processes[&4242].stale);
    drop(hold);
}

#[test]
fn a_host_without_amd_says_nothing_of_it() {
    let host = Host { sys: "/nowhere".into(), ..Host::new() };
    let inventory = host.scan(&Inventory::empty());
    assert_eq!(inventory.sources.keys().collect::<Vec<_>>(), ["docker", "nvml", "proc"]);
    let plain = look(&host.fake.sources(), &Inventory::empty(), Duration::from_secs(60), &Settings::default());
    assert_eq!(inventory.to_json().unwrap(), plain.to_json().unwrap());
    assert!(!String::from_utf8(plain.to_json().unwrap()).unwrap().contains("vendor"));
}

#[test]
fn a_host_without_nvidia_is_no_failure_of_nvml() {
    let host = Host::new();
    with_processes(&host);
    host.fake
        .apply(&Step { disappear: serde_yaml::from_str("processes: [5000]").unwrap(), ..Default::default() }, false)
        .unwrap();
    host.mood(SourceMood::Absent);
    let inventory = host.scan(&host.scan(&Inventory::empty()));
    assert_eq!(inventory.source_state("nvml"), Some(SourceState::Absent));
    assert_eq!(inventory.host_processes.keys().copied().collect::<Vec<_>>(), [4242, 4343]);
    // AMD's GPUs that were there and are not any more are missing.
    let gone = Host { sys: "/nowhere".into(), ..host };
    let inventory = gone.scan(&inventory);
    assert_eq!(inventory.source_state("amd"), Some(SourceState::Failed));
    assert_eq!(inventory.gpus.len(), 2);
}

#[test]
fn device_nodes_give_a_container_its_gpus_where_they_are_amds() {
    let given = |host: &Host, devices: &[&str], gpus: Option<GpuRequest>, cdi: &[&str]| {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let spec =
            ContainerSpec { name: "c".into(), devices: texts(devices), cdi: texts(cdi), gpus, ..Default::default() };
        host.fake.add_container(&spec).unwrap();
        let entry = host.scan(&Inventory::empty()).containers.into_values().next().unwrap();
        assert_eq!(entry.gpus_unresolved, [], "{devices:?}");
        (entry.gpu_access, entry.gpus)
    };
    let uuids = |uuids: &[&str]| -> Vec<String> { uuids.iter().map(ToString::to_string).collect() };
    let device = Some(GpuAccess::Device);
    let kfd_and = |node: &'static str| given(&Host::new(), &["/dev/kfd", node], None, &[]);
    assert_eq!(kfd_and("/dev/dri/renderD129"), (device, uuids(&[SECOND])));
    assert_eq!(kfd_and("/dev/dri"), (device, uuids(&[FIRST, SECOND])));
    assert_eq!(kfd_and("/dev/null"), (device, vec![]));
    assert_eq!(given(&Host::new(), &[], None, &["amd.com/gpu=1"]), (Some(GpuAccess::Cdi), uuids(&[SECOND])));
    let both = given(&Host::new(), &["/dev/dri/renderD128"], Some(GpuRequest::Count(-1)), &[]);
    assert_eq!(both, (Some(GpuAccess::DeviceRequest), uuids(&["GPU-nvidia", FIRST])), "all of NVIDIA's, and that one");
    assert_eq!(given(&Host::new(), &["/dev/dri/renderD130"], None, &[]), (None, vec![]), "another maker's");
    let without = Host { sys: "/nowhere".into(), ..Host::new() };
    assert_eq!(given(&without, &["/dev/kfd", "/dev/dri"], None, &[]), (None, vec![]));
}
