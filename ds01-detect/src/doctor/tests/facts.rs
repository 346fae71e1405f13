//! Facts that no machine has to have.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use ds01_core::{
    detect::Inventory,
    model::{GpuSnapshot, Reading, Unknown, UnknownKind},
    outbox::Hooks,
    policy::{Document, Notify, PolicyFiles, parse},
    source::{
        FailureKind, SourceError, SourceName,
        docker::{ApiVersions, DaemonInfo},
        fake::{FakeHost, GpuSpec},
        nvml::DriverHealth,
        terminals::Listed,
    },
};
use jiff::{Timestamp, ToSpan};

use super::super::facts::{
    CgroupVersion, DETECTOR_SERVICE, DETECTOR_TIMER, DOCKER_SERVICE, DeviceNode, DockerFacts, Facts, FileFacts,
    GpuFacts, HostFacts, IDLE_SERVICE, IDLE_TIMER, Kind, LEDGER_TIMER, Lookup, NOTIFY_PATH, NOTIFY_SERVICE,
    NoInventory, NoPolicy, NoticeFacts, Owner, PERSISTENCED_SERVICE, Place, SAMPLER_SERVICE, SamplerFacts, Stat, Unit,
    Units, UserFacts,
};

const DOCKER_GID: u32 = 998;

pub(super) fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// A server with two GPUs, on which all is well.
pub(super) fn sound() -> Facts {
    let directory = Place::There(Stat { kind: Kind::Directory, uid: 0, gid: DOCKER_GID, mode: 0o2750, names: 2 });
    let file = Place::There(Stat { kind: Kind::File, uid: 0, gid: DOCKER_GID, mode: 0o640, names: 1 });
    let loaded = |active: &str, enabled: &str| Unit {
        load: "loaded".to_owned(),
        active: active.to_owned(),
        enabled: enabled.to_owned(),
        result: "success".to_owned(),
        triggered: Some(now() - 12.seconds()),
        ended: Some(now() - 12.seconds()),
        ..Unit::default()
    };
    let units = [
        (DETECTOR_TIMER, loaded("active", "enabled")),
        (DETECTOR_SERVICE, loaded("inactive", "static")),
        (SAMPLER_SERVICE, loaded("active", "enabled")),
        (IDLE_TIMER, loaded("inactive", "disabled")),
        (LEDGER_TIMER, loaded("active", "enabled")),
        (IDLE_SERVICE, loaded("inactive", "static")),
        (NOTIFY_PATH, loaded("active", "enabled")),
        (NOTIFY_SERVICE, loaded("inactive", "static")),
        (DOCKER_SERVICE, loaded("active", "enabled")),
        (PERSISTENCED_SERVICE, loaded("active", "enabled")),
    ];
    let node = |name: &str| DeviceNode { name: name.to_owned(), linked: true };
    Facts {
        now: now(),
        uid: 0,
        scan_command: "sudo ds01-detect".to_owned(),
        engines: Vec::new(),
        docker: DockerFacts {
            socket: PathBuf::from("/var/run/docker.sock"),
            named: false,
            node: Place::There(Stat { kind: Kind::Socket, uid: 0, gid: DOCKER_GID, mode: 0o660, names: 1 }),
            connected: Ok(()),
            api: Some(Ok(ApiVersions {
                spoken: "1.41".to_owned(),
                newest: "1.41".to_owned(),
                oldest: Some("1.12".to_owned()),
                engine: Some("20.10.24".to_owned()),
            })),
            info: Some(Ok(DaemonInfo {
                default_runtime: Some("runc".to_owned()),
                runtimes: Some(vec!["nvidia".to_owned(), "runc".to_owned()]),
                cgroup_driver: Some("systemd".to_owned()),
                cgroup_version: Some("2".to_owned()),
            })),
        },
        gpu: GpuFacts {
            driver: Ok(DriverHealth {
                driver_version: Reading::Known("550.54.15".to_owned()),
                persistence_mode: vec![Reading::Known(true), Reading::Known(true)],
            }),
            gpus: gpus(),
            on_bus: Some(2),
            module_version: Some("550.54.15".to_owned()),
            nodes: Ok(vec![node("nvidia0"), node("nvidia1"), node("nvidiactl")]),
        },
        host: HostFacts {
            proc_root: PathBuf::from("/proc"),
            sees_init: true,
            hidepid: None,
            cgroup: Some(CgroupVersion::Two),
            sys_root: PathBuf::from("/sys"),
        },
        files: FileFacts {
            state_dir: PathBuf::from("/var/lib/ds01"),
            state: directory.clone(),
            activity_dir: PathBuf::from("/var/lib/ds01/activity"),
            activity: directory.clone(),
            events_file: PathBuf::from("/var/log/ds01/events.jsonl"),
            log: directory,
            events: file.clone(),
            inventory_file: PathBuf::from("/var/lib/ds01/workload-inventory.json"),
            inventory_place: file,
            inventory: Ok(inventory()),
        },
        users: UserFacts {
            lookups: [0, 1000, 1001].map(|uid| lookup(uid, Ok(format!("user{uid}")))).into(),
            groups: BTreeMap::from([(DOCKER_GID, "docker".to_owned())]),
        },
        units: Units::Told(units.map(|(name, unit)| (name.to_owned(), unit)).into()),
        sampler: SamplerFacts { dir: PathBuf::from("/run/ds01"), newest: Ok(Some(Duration::from_secs(4))) },
        notices: notices(),
    }
}

/// One owner, at two terminals, and a hook.
fn notices() -> NoticeFacts {
    let owner = Owner { name: "alice".to_owned(), uid: Ok(1000), is_logged_in: true, inside: vec![Ok(1)] };
    NoticeFacts {
        config: PathBuf::from("/etc/ds01/resource-limits.yaml"),
        policy: Ok(notify("users: {alice: {address: alice@x.org}}")),
        hooks_dir: PathBuf::from("/etc/ds01/notify.d"),
        hooks: Hooks { names: vec!["mail".to_owned()], refused: Vec::new() },
        example: PathBuf::from("/usr/share/doc/ds01/examples/notify.d/mail"),
        at_login: true,
        terminals: Ok(vec![terminal(1000, true), terminal(1001, true)]),
        owners: vec![owner],
        ownerless: 0,
    }
}

/// What a policy says of notices.
pub(super) fn notify(text: &str) -> Notify {
    let policy = Document {
        path: PathBuf::from("resource-limits.yaml"),
        bytes: format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\nnotify: {{{text}}}\n").into(),
    };
    let files = PolicyFiles { policy, overrides: None, exemptions: None, members: BTreeMap::new() };
    parse(&files).unwrap().policy.notify
}

pub(super) fn terminal(owner: u32, takes_messages: bool) -> Listed {
    Listed { owner, takes_messages, name: "/dev/pts/0".to_owned() }
}

pub(super) fn lookup(uid: u32, name: Result<String, &str>) -> Lookup {
    let name = match name {
        Ok(name) => Reading::Known(name),
        Err(why) => Unknown::new(UnknownKind::Failed, why).into(),
    };
    Lookup { uid, answer: Ok((name, Duration::from_millis(1))) }
}

/// The example of the library's documentation, of twelve seconds ago.
fn inventory() -> Inventory {
    let bytes = include_bytes!("../../../../fixtures/inventory-example.json");
    let mut inventory = Inventory::from_json(bytes).unwrap();
    inventory.last_scan = Some(now() - 12.seconds());
    inventory.dead_processes.clear();
    for source in inventory.sources.values_mut() {
        source.state = ds01_core::detect::inventory::SourceState::Ok;
    }
    inventory
}

/// Two GPUs that nobody uses.
fn gpus() -> Result<GpuSnapshot, SourceError> {
    let host = FakeHost::new("gpu01", now());
    let spec = |index: u32| GpuSpec { index, uuid: format!("GPU-{index}"), ..GpuSpec::default() };
    host.add_gpus(&[spec(0), spec(1)]).unwrap();
    host.sources().gpus.snapshot()
}

pub(super) fn nothing_remembered(facts: &mut Facts) {
    facts.files.inventory = Err(NoInventory::Missing);
    facts.files.inventory_place = Place::Missing;
}

pub(super) fn not_there(facts: &mut Facts, docker: bool) {
    let (name, detail) = match docker {
        true => (SourceName::DOCKER, "connecting to /var/run/docker.sock: No such file or directory"),
        false => (SourceName::Nvml, "the dynamic linker does not find libnvidia-ml.so.1 or libnvidia-ml.so"),
    };
    let error = SourceError::absent(name, detail);
    if docker {
        facts.docker =
            DockerFacts { connected: Err(error), node: Place::Missing, api: None, info: None, ..sound().docker };
    } else {
        facts.gpu.driver = Err(error.clone());
        facts.gpu.gpus = Err(error);
        facts.gpu.on_bus = Some(0);
        facts.gpu.module_version = None;
        facts.gpu.nodes = Ok(Vec::new());
    }
}

/// A server with many troubles.
pub(super) fn ailing() -> Facts {
    let mut facts = sound();
    facts.docker.api = Some(Err(SourceError::failed(
        SourceName::DOCKER,
        FailureKind::TimedOut,
        "GET /version on /var/run/docker.sock: no whole answer within 5s",
    )));
    facts.docker.info = None;
    facts.gpu.driver = Ok(DriverHealth {
        driver_version: Reading::Known("550.54.15".to_owned()),
        persistence_mode: vec![Reading::Known(false), Unknown::new(UnknownKind::Lost, "GPU is lost").into()],
    });
    if let Ok(snapshot) = &mut facts.gpu.gpus {
        snapshot.gpus[1].gpu = Unknown::new(UnknownKind::Lost, "nvmlDeviceGetUUID: GPU is lost").into();
    }
    if let Ok(nodes) = &mut facts.gpu.nodes {
        nodes.iter_mut().for_each(|node| node.linked = false);
    }
    facts.files.state = Place::There(Stat { kind: Kind::Directory, uid: 0, gid: DOCKER_GID, mode: 0o2770, names: 2 });
    facts.files.log = Place::Missing;
    nothing_remembered(&mut facts);
    if let Units::Told(units) = &mut facts.units {
        units.remove(IDLE_TIMER);
        units.entry(LEDGER_TIMER.to_owned()).and_modify(|unit| unit.active = "inactive".into());
        units
            .entry(NOTIFY_PATH.to_owned())
            .and_modify(|unit| (unit.active, unit.enabled) = ("inactive".into(), "disabled".into()));
        units.entry(DETECTOR_SERVICE.to_owned()).or_default().result = "timeout".to_owned();
    }
    facts.sampler.newest = Ok(None);
    facts
}

/// A machine with nothing of what ds01 is about.
pub(super) fn laptop() -> Facts {
    let mut facts = sound();
    not_there(&mut facts, true);
    not_there(&mut facts, false);
    nothing_remembered(&mut facts);
    facts.uid = 1000;
    facts.files.state = Place::Missing;
    facts.files.activity = Place::Missing;
    facts.files.log = Place::Missing;
    facts.files.events = Place::Missing;
    facts.sampler.newest = Ok(None);
    facts.notices = NoticeFacts {
        policy: Err(NoPolicy::Missing),
        hooks: Hooks::default(),
        at_login: false,
        terminals: Ok(Vec::new()),
        owners: Vec::new(),
        ..facts.notices
    };
    facts.units = Units::Told(BTreeMap::from([("x.service".to_owned(), Unit::default())]));
    facts
}
