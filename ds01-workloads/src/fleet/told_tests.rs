use ds01_core::{
    detect::{
        UserSource,
        inventory::{ContainerEntry, SourceEntry},
    },
    model::{Belonging, BelongingKind, ContainerStatus, Proof, Vendor},
};

use super::*;
use crate::tests::{container, given, gpu_uuid, holding, inventory, now, process};

/// A host as it told of itself just now, with these sources.
fn of(inventory: Inventory, sources: &[(&str, SourceState)]) -> Host {
    let entry = |state| SourceEntry {
        state,
        since: now(),
        last_good: None,
        error: None,
        hint: None,
        failed_since: None,
        last_good_since_boot_ms: None,
        extra: Default::default(),
    };
    let sources = sources.iter().map(|(name, state)| ((*name).to_owned(), entry(*state))).collect();
    host("gpu01", &Inventory { last_scan: Some(now()), sources, ..inventory }, now())
}

/// A container that has GPU 0 and works there with 2 GiB.
fn trainer() -> ContainerEntry {
    container("train", |entry| {
        given(entry, &[&gpu_uuid(0)]);
        holding(entry, &[&gpu_uuid(0)], 2048);
    })
}

#[test]
fn gpus_have_the_names_that_workloads_have_them_by() {
    let mut inventory = inventory(vec![trainer()], vec![]);
    inventory.gpus[0].vendor = Vendor::Amd;
    let host = of(inventory, &[("docker", SourceState::Ok), ("amd", SourceState::Ok)]);
    let labels: Vec<&str> = host.gpus.iter().flatten().map(|gpu| gpu.gpu.as_str()).collect();
    assert_eq!(labels, ["amd0", "1:0"]);
    let container = &host.containers.as_ref().unwrap()[0];
    assert_eq!((container.gpus[0].gpu.as_str(), container.gpus[0].hold), ("amd0", Hold::Held));
    assert!(host.names().has("amd0") && !host.names().has("0"));
    assert!(host.taken().contains("amd0"));
}

#[test]
fn the_platforms_own_are_nobody_who_holds_a_gpu_over_ssh_too() {
    let mut entry = trainer();
    entry.infrastructure = Some("dcgm-exporter".to_owned());
    let host = of(inventory(vec![entry], vec![]), &[]);
    assert!(host.containers.as_ref().unwrap()[0].infrastructure && host.taken().is_empty());
}

#[test]
fn what_a_container_holds_and_who_named_its_owner_is_told_as_prometheus_is() {
    let host = of(inventory(vec![trainer()], vec![]), &[]);
    let container = &host.containers.as_ref().unwrap()[0];
    assert_eq!(container.gpus[0].memory_bytes, Some(2048 * MIB));
    assert_eq!(container.gpu_memory_bytes, Some(2048 * MIB));
    let mut entry = trainer();
    entry.user_source = UserSource::LabelDs01;
    let host = of(inventory(vec![entry], vec![]), &[]);
    assert_eq!(host.containers.unwrap()[0].user_source.as_deref(), Some("label:ds01.user"));
}

#[test]
fn whose_source_failed_has_nothing_that_looks_known() {
    let ok = SourceState::Ok;
    for gpus in ["nvml", "amd"] {
        let idle = container("given", |entry| given(entry, &[&gpu_uuid(0)]));
        let stopped = container("stopped", |entry| {
            given(entry, &[&gpu_uuid(0)]);
            entry.status = ContainerStatus::Exited;
        });
        let host = of(inventory(vec![idle, stopped], vec![]), &[("docker", ok), (gpus, SourceState::Failed)]);
        assert_eq!((&host.gpus, &host.host_processes, host.knows_holders()), (&None, &None, false), "{gpus}");
        let containers = host.containers.unwrap();
        let seen = |name: &str| containers.iter().find(|container| container.name == name).unwrap();
        assert_eq!((seen("given").gpus[0].hold, seen("given").gpu_memory_bytes), (Hold::Untold, None), "{gpus}");
        // What does not run holds nothing, whoever can look.
        assert_eq!((seen("stopped").gpus[0].hold, seen("stopped").gpu_memory_bytes), (Hold::Given, Some(0)), "{gpus}");
    }
    let failed = [("docker", SourceState::Failed), ("nvml", ok), ("proc", ok)];
    let host = of(inventory(vec![], vec![]), &failed);
    assert_eq!((host.containers, host.gpus.map(|gpus| gpus.is_empty())), (None, Some(false)));
    // What was there before is told as that.
    let host = of(inventory(vec![ContainerEntry { stale: true, ..trainer() }], vec![]), &failed);
    assert!(host.containers.unwrap()[0].stale);
    // Another engine told of its own; and none that is not there, or a user's, counts.
    let host = of(inventory(vec![], vec![]), &[("docker", SourceState::Failed), ("podman", ok)]);
    assert_eq!((host.containers.as_deref(), host.failed_sources.len()), (Some(&[][..]), 1));
    let failed = [("docker", SourceState::Absent), ("podman", SourceState::Failed), ("docker:1001", ok)];
    assert_eq!(of(inventory(vec![], vec![]), &failed).containers, None);
    let users = [("docker", ok), ("docker:1001", SourceState::Failed)];
    assert!(of(inventory(vec![], vec![]), &users).knows_holders());
}

#[test]
fn what_a_process_belongs_to_is_carried_over() {
    let mut job = process(7, "alice", "python3 train.py", &[&gpu_uuid(0)]);
    job.belongs_to = vec![Belonging {
        kind: BelongingKind::SlurmJob,
        id: Some("42".to_owned()),
        name: None,
        uid: None,
        user: None,
        proof: Proof::Cgroup,
        says: Default::default(),
    }];
    let host = of(inventory(vec![], vec![job]), &[]);
    let process = &host.host_processes.as_ref().unwrap()[0];
    assert_eq!(host.process_row(process, now()).belongs_to[0].id.as_deref(), Some("42"));
}
