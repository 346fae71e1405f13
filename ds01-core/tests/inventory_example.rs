//! The documented example of the inventory file is what this library reads and writes, and leaves no field out.

#![allow(clippy::unwrap_used, reason = "clippy knows #[test] functions, not their helpers")]

use ds01_core::model::EngineName;
use std::collections::BTreeSet;

use ds01_core::{
    detect::{
        GpuAccess, Inventory, Origin, UserSource,
        inventory::{
            ContainerEntry, ContainerProcess, DeadProcess, Extra, GpuEntry, GpuUse, HostEntry, MigEntry, ProcessEntry,
            SourceEntry, SourceState, UnreadableProcess, UnresolvedGpu, UsageEntry,
        },
    },
    model::{
        Belonging, BelongingKind, ContainerConfig, ContainerId, ContainerStatus, DeviceRequest, DeviceUsage,
        DeviceUtilization, Proof, Reading, Remembered, Unknown, UnknownKind, UtilizationSource, Vendor,
    },
};
use serde_json::Value;

const EXAMPLE: &str = include_str!("../../fixtures/inventory-example.json");

#[test]
fn the_example_is_read_and_written_back_unchanged() {
    let inventory = Inventory::from_json(EXAMPLE.as_bytes()).unwrap();
    let written = String::from_utf8(inventory.to_json().unwrap()).unwrap();
    let changed = written.lines().zip(EXAMPLE.lines()).find(|(written, shown)| written != shown);
    assert_eq!(changed, None);
    assert_eq!(written.len(), EXAMPLE.len());
}

/// As versions before the field wrote it.
#[test]
fn a_file_without_the_usage_of_gpus_is_read_and_written_back_unchanged() {
    let mut example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let gpus = example["gpus"].as_array_mut().unwrap();
    for gpu in gpus {
        gpu.as_object_mut().unwrap().remove("usage").unwrap();
        let instances = gpu.get_mut("mig_instances").and_then(Value::as_array_mut);
        for mig in instances.into_iter().flatten() {
            mig.as_object_mut().unwrap().remove("usage").unwrap();
        }
    }
    let older = serde_json::to_vec(&example).unwrap();
    let inventory = Inventory::from_json(&older).unwrap();
    assert!(inventory.gpus.iter().all(|gpu| gpu.usage.is_none()));
    assert_eq!(serde_json::to_value(&inventory).unwrap(), example);
}

#[test]
fn every_field_of_the_types_appears_in_the_example() {
    let written = fields(&serde_json::to_value(everything()).unwrap());
    let shown = fields(&serde_json::from_str(EXAMPLE).unwrap());
    assert_eq!(written.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(shown.difference(&written).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The objects whose keys are names of things, not of fields.
const MAPS: [&str; 9] = [
    "sources",
    "containers",
    "host_processes",
    "_pending_processes",
    "dead_processes",
    "unreadable_processes",
    "detected_labels",
    "env",
    "says",
];

/// The paths of all fields, such as `.containers.*.gpu_processes.pid`.
fn fields(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, found)),
            Value::Object(members) => {
                let is_map = path.rsplit('.').next().is_some_and(|last| MAPS.contains(&last));
                for (key, member) in members {
                    let path = format!("{path}.{}", if is_map { "*" } else { key });
                    walk(member, &path, found);
                    // What waits is of the same type as what was confirmed, and so is what either of them holds.
                    let path = path.replace("_pending_processes", "host_processes");
                    let path = path.replace("unreadable_processes.*.gpus", "host_processes.*.gpus");
                    let path = path.replace("dead_processes.*.gpus", "host_processes.*.gpus");
                    found.insert(path.replace("containers.*.gpu_processes.gpus", "host_processes.*.gpus"));
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(value, "", &mut found);
    found
}

/// An inventory in which no field is left out. The literals name every field, so that a new one must be added here.
fn everything() -> Inventory {
    let process = process();
    Inventory {
        schema_version: "1".into(),
        last_scan: Some("2026-03-02T14:30:00Z".parse().unwrap()),
        host: Some(HostEntry { name: "x".into(), boot_id: "x".into(), extra: Extra::new() }),
        sources: [("docker".into(), source())].into(),
        gpus: vec![gpu(true), gpu(false)],
        containers: [("x".into(), container())].into(),
        host_processes: [(1, process.clone())].into(),
        pending_processes: [(1, process)].into(),
        dead_processes: [(1, dead_process())].into(),
        unreadable_processes: [(1, UnreadableProcess { pid: 1, gpus: vec![held()], why: "x".into() })].into(),
        extra: Extra::new(),
    }
}

fn dead_process() -> DeadProcess {
    DeadProcess {
        pid: 1,
        gpus: vec![held()],
        gpu_memory_mb: Some(1),
        since: "2026-03-02T14:30:00Z".parse().unwrap(),
        confirmed: true,
        extra: Extra::new(),
    }
}

fn remembered() -> Remembered {
    Remembered { as_of: "2026-03-02T14:30:00Z".parse().unwrap(), why: "x".into() }
}

fn full_id() -> ContainerId {
    "0".repeat(64).parse().unwrap()
}

fn held() -> GpuUse {
    GpuUse { gpu_uuid: "x".into(), memory_mb: Some(1), memory_unknown: Some("x".into()) }
}

fn source() -> SourceEntry {
    SourceEntry {
        state: SourceState::Ok,
        since: "2026-03-02T14:30:00Z".parse().unwrap(),
        last_good: Some("2026-03-02T14:30:00Z".parse().unwrap()),
        error: Some("x".into()),
        hint: Some("x".into()),
        failed_since: Some("2026-03-02T14:30:00Z".parse().unwrap()),
        last_good_since_boot_ms: Some(1),
        extra: Extra::new(),
    }
}

/// With each figure, or with the reason why there is none.
fn usage(of_instance: bool, busy: bool) -> UsageEntry {
    let why = Unknown::new(UnknownKind::NotSupported, "x");
    let utilization = DeviceUtilization { percent: 1.0, over_ms: Some(1), source: UtilizationSource::Samples };
    let figures = DeviceUsage {
        memory_used_mb: Reading::Known(1),
        utilization: if busy { Reading::Known(utilization) } else { why.clone().into() },
        power_watts: if of_instance { why.into() } else { Reading::Known(1.0) },
    };
    UsageEntry { at: "2026-03-02T14:30:00Z".parse().unwrap(), figures }
}

fn gpu(busy: bool) -> GpuEntry {
    let mig = MigEntry {
        index: 0,
        uuid: "x".into(),
        name: Some("x".into()),
        gpu_instance_id: Some(1),
        compute_instance_id: Some(1),
        memory_total_mb: Some(1),
        usage: Some(usage(true, false)),
        extra: Extra::new(),
    };
    GpuEntry {
        index: 0,
        vendor: Vendor::Amd,
        uuid: "x".into(),
        name: Some("x".into()),
        minor_number: Some(1),
        pci_bus_id: Some("x".into()),
        memory_total_mb: Some(1),
        usage: Some(usage(false, busy)),
        mig_enabled: Some(true),
        mig_instances: vec![mig],
        problem: Some("x".into()),
        stale: true,
        extra: Extra::new(),
    }
}

fn process() -> ProcessEntry {
    ProcessEntry {
        pid: 1,
        started_at: "2026-03-02T14:30:00Z".parse().unwrap(),
        user: "x".into(),
        user_remembered: Some(remembered()),
        uid: 1,
        name: "x".into(),
        cmdline: Some("x".into()),
        gpu_memory_mb: Some(1),
        gpu_uuid: Some("x".into()),
        gpus: vec![held()],
        in_container: true,
        container_id: Some(full_id()),
        belongs_to: vec![Belonging {
            kind: BelongingKind::SlurmJob,
            id: Some("x".into()),
            name: Some("x".into()),
            uid: Some(1),
            user: Some("x".into()),
            proof: Proof::Cgroup,
            says: [("x".into(), "x".into())].into(),
        }],
        detected_at: "2026-03-02T14:30:00Z".parse().unwrap(),
        stale: true,
        start_ticks: 1,
        extra: Extra::new(),
    }
}

fn container() -> ContainerEntry {
    let config = ContainerConfig {
        runtime: "x".into(),
        env: [("x".into(), "x".into())].into(),
        device_requests: vec![DeviceRequest {
            driver: "x".into(),
            count: 1,
            ids: vec!["x".into()],
            capabilities: vec![vec!["x".into()]],
        }],
        devices: vec!["x".into()],
        bind_sources: vec!["x".into()],
        stop_timeout_seconds: Some(1),
        health_check: vec!["x".into()],
        auto_remove: true,
    };
    ContainerEntry {
        engine: EngineName::DOCKER,
        id: "x".into(),
        full_id: full_id(),
        name: "x".into(),
        origin: Origin::Managed,
        user: "x".into(),
        user_source: UserSource::LabelDs01,
        user_remembered: Some(remembered()),
        has_gpu: Some(true),
        gpu_access: Some(GpuAccess::Cdi),
        gpu_devices: vec!["x".into()],
        gpus: vec!["x".into()],
        gpus_unresolved: vec![UnresolvedGpu { device: "x".into(), reason: "x".into() }],
        status: ContainerStatus::Running,
        image: "x".into(),
        created_at: "2026-03-02T14:30:00Z".parse().unwrap(),
        started_at: Some("2026-03-02T14:30:00Z".parse().unwrap()),
        pid: Some(1),
        gpu_processes: Some(vec![ContainerProcess {
            pid: 1,
            name: "x".into(),
            gpus: vec![held()],
            extra: Extra::new(),
        }]),
        gpu_memory_mb: Some(1),
        infrastructure: Some("x".into()),
        detected_at: "2026-03-02T14:30:00Z".parse().unwrap(),
        detected_labels: [("x".into(), "x".into())].into(),
        problem: Some("x".into()),
        stale: true,
        config: Some(config),
        pid_start_ticks: Some(1),
        main_uid: Some(1),
        user_uid: Some(1),
        extra: Extra::new(),
    }
}

/// Whoever looks one up would find another: scans told that it came and went, though nothing had changed.
#[test]
fn an_entry_that_is_filed_under_another_name_is_damage() {
    let id = Inventory::from_json(EXAMPLE.as_bytes()).unwrap().containers.keys().next().unwrap().clone();
    let damaged = EXAMPLE.replacen(&format!("\"{id}\": {{"), "\"0123456789ab\": {", 1);
    assert_ne!(damaged, EXAMPLE);
    let error = Inventory::from_json(damaged.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("under \"0123456789ab\" stands container"), "{error}");
    let mut picture = Inventory::empty();
    picture.dead_processes.insert(2, dead_process());
    let error = Inventory::from_json(&picture.to_json().unwrap()).unwrap_err().to_string();
    assert!(error.contains("under 2 stands process 1"), "{error}");
}
