//! Findings and tables from facts that no machine has to have.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use ds01_core::{
    detect::Inventory,
    model::{Gpu, GpuReading, GpuSnapshot, Mig, Reading, Unknown, UnknownKind},
    source::{
        FailureKind, SourceError, SourceName,
        docker::{ApiVersions, DaemonInfo},
        nvml::DriverHealth,
    },
    table::Medium,
};
use jiff::{Timestamp, ToSpan};

use super::{
    checks,
    facts::{
        CgroupVersion, DETECTOR_SERVICE, DETECTOR_TIMER, DOCKER_SERVICE, DeviceNode, DockerFacts, Facts, FileFacts,
        GpuFacts, HostFacts, IDLE_SERVICE, IDLE_TIMER, Kind, Lookup, NoInventory, PERSISTENCED_SERVICE, Place, Stat,
        Unit, Units, UserFacts,
    },
    finding::{Finding, Verdict},
    report,
};

const DOCKER_GID: u32 = 998;

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// A server with two GPUs, on which all is well.
fn sound() -> Facts {
    let directory = Place::There(Stat { kind: Kind::Directory, uid: 0, gid: DOCKER_GID, mode: 0o750, names: 2 });
    let gpu = |index: u32| GpuReading {
        index,
        gpu: Reading::Known(Gpu {
            uuid: format!("GPU-{index}"),
            name: Reading::Known("NVIDIA A100-SXM4-80GB".to_owned()),
            minor_number: Reading::Known(index),
            pci_bus_id: Reading::Known("00000000:17:00.0".to_owned()),
            memory_total_mb: Reading::Known(81_920),
            mig: Reading::Known(Mig::Disabled),
            processes: Reading::Known(Vec::new()),
        }),
    };
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
        (IDLE_TIMER, loaded("inactive", "disabled")),
        (IDLE_SERVICE, loaded("inactive", "static")),
        (DOCKER_SERVICE, loaded("active", "enabled")),
        (PERSISTENCED_SERVICE, loaded("active", "enabled")),
    ];
    let node = |name: &str| DeviceNode { name: name.to_owned(), linked: true };
    Facts {
        now: now(),
        uid: 0,
        scan_command: "sudo ds01-detect".to_owned(),
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
            gpus: Ok(GpuSnapshot { driver_version: None, gpus: vec![gpu(0), gpu(1)] }),
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
            wall: (PathBuf::from("wall"), Some(PathBuf::from("/usr/bin/wall"))),
        },
        files: FileFacts {
            state_dir: PathBuf::from("/var/lib/ds01"),
            state: directory.clone(),
            events_file: PathBuf::from("/var/log/ds01/events.jsonl"),
            log: directory,
            events: Place::There(Stat { kind: Kind::File, uid: 0, gid: DOCKER_GID, mode: 0o640, names: 1 }),
            inventory_file: PathBuf::from("/var/lib/ds01/workload-inventory.json"),
            inventory: Ok(inventory()),
        },
        users: UserFacts {
            lookups: [0, 1000, 1001].map(|uid| lookup(uid, Ok(format!("user{uid}")))).into(),
            groups: BTreeMap::from([(DOCKER_GID, "docker".to_owned())]),
        },
        units: Units::Told(units.map(|(name, unit)| (name.to_owned(), unit)).into()),
    }
}

fn lookup(uid: u32, name: Result<String, &str>) -> Lookup {
    let name = match name {
        Ok(name) => Reading::Known(name),
        Err(why) => Unknown::new(UnknownKind::Failed, why).into(),
    };
    Lookup { uid, answer: Ok((name, Duration::from_millis(1))) }
}

/// The example of the library's documentation, of twelve seconds ago.
fn inventory() -> Inventory {
    let bytes = include_bytes!("../../../fixtures/inventory-example.json");
    let mut inventory = Inventory::from_json(bytes).unwrap();
    inventory.last_scan = Some(now() - 12.seconds());
    for source in inventory.sources.values_mut() {
        source.state = ds01_core::detect::inventory::SourceState::Ok;
    }
    inventory
}

fn nothing_remembered(facts: &mut Facts) {
    facts.files.inventory = Err(NoInventory::Missing);
}

fn not_there(facts: &mut Facts, docker: bool) {
    let (name, detail) = match docker {
        true => (SourceName::Docker, "connecting to /var/run/docker.sock: No such file or directory"),
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

/// The finding of one check of the facts that this makes of sound ones.
#[track_caller]
fn assert_finds(check: &str, verdict: Verdict, says: &str, command: Option<&str>, change: impl FnOnce(&mut Facts)) {
    let mut facts = sound();
    change(&mut facts);
    let findings = checks::findings(&facts);
    let finding = findings.iter().find(|finding| finding.check == check).unwrap();
    assert_eq!((finding.verdict, finding.command.as_deref()), (verdict, command), "{finding:?}");
    assert!(finding.found.contains(says), "{finding:?}");
}

#[test]
fn a_docker_that_nobody_named_is_absent_unless_it_was_there_before() {
    let start = Some("sudo systemctl start docker");
    let unit_gone = |facts: &mut Facts| {
        if let Units::Told(units) = &mut facts.units {
            units.remove(DOCKER_SERVICE);
        }
    };
    assert_finds("docker-socket", Verdict::Warning, "no container is seen", None, |facts| {
        not_there(facts, true);
        nothing_remembered(facts);
        unit_gone(facts);
    });
    assert_finds("docker-socket", Verdict::Warning, "no container is seen", start, |facts| {
        not_there(facts, true);
        nothing_remembered(facts);
    });
    assert_finds("docker-socket", Verdict::Failed, "kept, marked stale", start, |facts| not_there(facts, true));
    let forget = Some("sudo ds01-detect --forget docker");
    assert_finds("docker-socket", Verdict::Failed, "kept, marked stale", forget, |facts| {
        not_there(facts, true);
        unit_gone(facts);
    });
}

#[test]
fn a_driver_that_nobody_named_is_absent_unless_it_was_there_before() {
    let forget = Some("sudo ds01-detect --forget nvml");
    assert_finds("nvml", Verdict::Failed, "kept, marked stale", forget, |facts| not_there(facts, false));
    assert_finds("nvml", Verdict::Warning, "no GPU of NVIDIA is on the PCI bus", None, |facts| {
        not_there(facts, false);
        nothing_remembered(facts);
    });
    assert_finds(
        "nvml",
        Verdict::Failed,
        "3 GPUs of NVIDIA on the PCI bus, and no driver",
        Some("lspci -d 10de: -nn"),
        |facts| {
            not_there(facts, false);
            nothing_remembered(facts);
            facts.gpu.on_bus = Some(3);
        },
    );
    assert_finds("nvml", Verdict::Warning, "no GPU is seen", None, |facts| {
        not_there(facts, false);
        nothing_remembered(facts);
        facts.gpu.on_bus = None;
    });
}

#[test]
fn a_lost_gpu_does_not_count_as_one_without_persistence_mode() {
    assert_finds("persistence-mode", Verdict::Ok, "on", None, |facts| {
        if let Ok(health) = &mut facts.gpu.driver {
            health.persistence_mode[1] =
                Unknown::new(UnknownKind::Lost, "nvmlDeviceGetPersistenceMode: GPU is lost").into();
        }
    });
}

#[test]
fn a_driver_that_keeps_no_groups_needs_no_links() {
    let without_links = |facts: &mut Facts, driver: &str| {
        if let (Ok(nodes), Some(Ok(info))) = (&mut facts.gpu.nodes, &mut facts.docker.info) {
            nodes.iter_mut().for_each(|node| node.linked = false);
            info.cgroup_driver = Some(driver.to_owned());
        }
    };
    assert_finds("dev-char-links", Verdict::Ok, "cgroupfs needs none", None, |facts| without_links(facts, "cgroupfs"));
    let create = Some("sudo nvidia-ctk system create-dev-char-symlinks --create-all");
    assert_finds("dev-char-links", Verdict::Failed, "nvidia0, nvidia1 and nvidiactl", create, |facts| {
        without_links(facts, "systemd");
    });
}

#[test]
fn of_many_users_those_without_a_name_are_told() {
    assert_finds("users", Verdict::Warning, "user id 1000 and 1002", Some("getent passwd 1000"), |facts| {
        facts.users.lookups = vec![
            lookup(0, Ok("root".to_owned())),
            lookup(1000, Err("no user")),
            lookup(1001, Ok("ann".to_owned())),
            lookup(1002, Err("no user")),
        ];
    });
    assert_finds("users", Verdict::Failed, "no answer within 5s", Some("getent passwd 1001"), |facts| {
        facts.users.lookups[2].answer = Err("no answer within 5s".to_owned());
    });
    assert_finds("users", Verdict::Warning, "user id 1000 took 1.2 s", Some("time getent passwd 1000"), |facts| {
        facts.users.lookups[1].answer = Ok((Reading::Known("ann".to_owned()), Duration::from_millis(1200)));
    });
}

#[test]
fn an_old_inventory_is_worse_where_a_timer_should_have_made_a_new_one() {
    let old = |facts: &mut Facts| {
        if let Ok(inventory) = &mut facts.files.inventory {
            inventory.last_scan = Some(now() - 91.seconds());
        }
    };
    let scan = Some("sudo ds01-detect");
    assert_finds("inventory", Verdict::Failed, "1m31s old", scan, old);
    assert_finds("inventory", Verdict::Warning, "1m31s old", scan, |facts| {
        old(facts);
        facts.units = Units::NoSystemd("no systemctl".to_owned());
    });
    assert_finds("inventory", Verdict::Ok, "1m30s old", None, |facts| {
        if let Ok(inventory) = &mut facts.files.inventory {
            inventory.last_scan = Some(now() - 90.seconds());
        }
    });
}

/// A server with many troubles.
fn ailing() -> Facts {
    let mut facts = sound();
    facts.docker.api = Some(Err(SourceError::failed(
        SourceName::Docker,
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
    facts.files.state = Place::There(Stat { kind: Kind::Directory, uid: 0, gid: DOCKER_GID, mode: 0o770, names: 2 });
    facts.files.log = Place::Missing;
    facts.files.inventory = Err(NoInventory::Missing);
    if let Units::Told(units) = &mut facts.units {
        units.remove(IDLE_TIMER);
        units.entry(DETECTOR_SERVICE.to_owned()).or_default().result = "timeout".to_owned();
    }
    facts.host.wall.1 = None;
    facts
}

/// A machine with nothing of what ds01 is about.
fn laptop() -> Facts {
    let mut facts = sound();
    not_there(&mut facts, true);
    not_there(&mut facts, false);
    nothing_remembered(&mut facts);
    facts.uid = 1000;
    facts.files.state = Place::Missing;
    facts.files.log = Place::Missing;
    facts.files.events = Place::Missing;
    facts.units = Units::Told(BTreeMap::from([("x.service".to_owned(), Unit::default())]));
    facts
}

#[test]
fn tables() {
    for (name, facts) in [("sound", sound()), ("ailing", ailing()), ("laptop", laptop())] {
        let findings = checks::findings(&facts);
        for (medium, width) in [("80", Some(80)), ("200", Some(200)), ("piped", None)] {
            let table = report::table(&findings, Medium { width, color: false });
            insta::assert_snapshot!(format!("{name}_{medium}"), table);
        }
    }
    let colored = report::table(&checks::findings(&ailing()), Medium { width: Some(80), color: true });
    insta::assert_snapshot!("ailing_80_in_colour", colored.replace('\u{1b}', "␛"));
}

#[test]
fn json() {
    let findings = checks::findings(&ailing());
    let json = String::from_utf8(report::json(&findings, now()).unwrap()).unwrap();
    insta::assert_snapshot!("ailing_json", json);
}

#[test]
fn no_check_has_the_name_of_another() {
    let findings = checks::findings(&sound());
    let names: std::collections::BTreeSet<&str> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(names.len(), findings.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    let bad: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
}
