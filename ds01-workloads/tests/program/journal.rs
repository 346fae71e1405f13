//! State directories with a journal: a day in which somebody held GPUs.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use ds01_core::{
    detect::{
        Inventory, Origin, UserSource,
        inventory::{Extra, GpuEntry, ProcessEntry},
    },
    idle::{
        Journal,
        evidence::{GpuFigure, GpuMeasure, Observation, ProcessActivity},
        journal::{CheckMade, Deed, Life, ProcessSeen, RecordRef, What},
    },
    model::{ContainerId, ContainerStatus, Reading},
    store::Store,
};
use jiff::{SignedDuration, Timestamp};

use crate::common::State;

/// When the tests take place.
pub(crate) const NOW: &str = "2026-03-02T14:30:00Z";

/// What only the inventory knows, and nobody is to see here.
pub(crate) const SECRET: &str = "python3 train.py --token s3cr3t";

/// The GPUs of the host.
const GPUS: [&str; 2] = ["GPU-00000000-4b3e-5a79-9c0d-1e2f3a4b5c6d", "GPU-00000001-4b3e-5a79-9c0d-1e2f3a4b5c6d"];

/// Somebody's container, or program outside of any, on one of the GPUs from some hours ago on. It works until `idle`, in
/// hours before the end, and is then idle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) gpu: usize,
    pub(crate) from: i64,
    pub(crate) idle: i64,
    pub(crate) is_container: bool,
}

/// A container of somebody's.
pub(crate) fn held<'a>(user: &'a str, name: &'a str, gpu: usize, from: i64, idle: i64) -> Held<'a> {
    Held { user: Some(user), name, gpu, from, idle, is_container: true }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

/// A state directory of a host with two GPUs and this past. The first of them was warned an hour ago.
pub(crate) fn state(past: &[Held<'_>]) -> State {
    let state = State::empty();
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut inventory = Inventory { last_scan: Some(now()), gpus: gpus(), ..Inventory::empty() };
    inventory.host_processes.insert(77, process());
    state.save(&inventory);
    let store = Store::open(state.path()).unwrap();
    let journal = Journal::open(&store).unwrap();
    for (number, held) in past.iter().enumerate() {
        write(&journal, number, held);
    }
    let id = id_of(0);
    let done = [(id, Deed { what: What::WarnedIdle, done: true })].into();
    let at = hours_ago(1);
    let check = CheckMade {
        at,
        boot_id: "boot".to_owned(),
        boot_ms: boot_ms(at),
        check: 7,
        demand: None,
        keep_alive: BTreeMap::new(),
        asked: Vec::new(),
        told: Vec::new(),
        done,
        partial: false,
    };
    journal.append_all(&[RecordRef::Check(&check)]).unwrap();
    state
}

fn gpus() -> Vec<GpuEntry> {
    let entry = |(index, uuid): (u32, &&str)| GpuEntry {
        index,
        vendor: Default::default(),
        uuid: (*uuid).to_owned(),
        name: Some("NVIDIA L40S".to_owned()),
        minor_number: None,
        pci_bus_id: None,
        memory_total_mb: None,
        usage: None,
        mig_enabled: Some(false),
        mig_instances: Vec::new(),
        problem: None,
        stale: false,
        extra: Extra::new(),
    };
    (0..).zip(&GPUS).map(entry).collect()
}

fn process() -> ProcessEntry {
    ProcessEntry {
        pid: 77,
        started_at: hours_ago(9),
        user: "alice".to_owned(),
        user_remembered: None,
        uid: 1001,
        name: "python3".to_owned(),
        cmdline: Some(SECRET.to_owned()),
        gpu_memory_mb: None,
        gpu_uuid: None,
        gpus: Vec::new(),
        in_container: false,
        container_id: None,
        belongs_to: Vec::new(),
        detected_at: hours_ago(9),
        stale: false,
        start_ticks: 7,
        extra: Extra::new(),
    }
}

fn id_of(number: usize) -> ContainerId {
    format!("{:064x}", 0xabc0_0000_0000 + number).parse().unwrap()
}

fn boot_ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond() - hours_ago(1_000).as_millisecond()).unwrap()
}

fn write(journal: &Journal, number: usize, held: &Held<'_>) {
    const LOOK: SignedDuration = SignedDuration::from_mins(5);
    let begin = hours_ago(held.from);
    if held.is_container {
        journal.append_all(&[RecordRef::Life(&life(number, held, begin))]).unwrap();
    }
    let (mut at, mut cpu_us) = (begin, 0);
    while at <= now() {
        let works = at <= hours_ago(held.idle);
        let held_ms = if at == begin { 0 } else { 300_000 };
        cpu_us += if works { 300_000_000 } else { 1_000 };
        let percent = if works { 80.0 } else { 0.0 };
        let measure = GpuMeasure {
            gpu: GPUS[held.gpu].to_owned(),
            figure: GpuFigure::OwnProcesses { percent },
            context: Some(true),
            energy: None,
            shared_energy: None,
            covered_ms: Some(held_ms),
            used_ms: Some(if works { held_ms * 8 / 10 } else { 0 }),
        };
        if held.is_container {
            let seen = Observation {
                at,
                boot_id: "boot".to_owned(),
                boot_ms: boot_ms(at),
                container_id: id_of(number),
                name: held.name.to_owned(),
                started_at: begin,
                held_ms: Some(held_ms),
                gpus: vec![measure],
                cpu_us: Reading::Known(cpu_us),
                cpu_burst: None,
                net_bytes: Reading::Known(0),
                activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
            };
            journal.append(&[seen]).unwrap();
        } else {
            let seen = ProcessSeen {
                at,
                boot_id: "boot".to_owned(),
                boot_ms: boot_ms(at),
                pid: 77,
                start_ticks: 7,
                user: held.user.unwrap_or_default().to_owned(),
                program: held.name.to_owned(),
                held_ms,
                gpus: vec![measure],
            };
            journal.append_all(&[RecordRef::Process(&seen)]).unwrap();
        }
        at += LOOK;
    }
}

fn life(number: usize, held: &Held<'_>, begin: Timestamp) -> Life {
    Life {
        engine: ds01_core::model::EngineName::DOCKER,
        at: begin,
        boot_id: "boot".to_owned(),
        boot_ms: boot_ms(begin),
        container_id: id_of(number),
        name: held.name.to_owned(),
        user: held.user.map(ToOwned::to_owned),
        user_source: if held.user.is_some() { UserSource::LabelDs01 } else { UserSource::Unknown },
        origin: Origin::RawDocker,
        image: "busybox".to_owned(),
        has_gpu: Some(true),
        gpus: vec![GPUS[held.gpu].to_owned()],
        status: ContainerStatus::Running,
        started_at: Some(begin),
        began_boot_ms: None,
        stop_timeout_seconds: None,
        auto_remove: false,
        problem: None,
        labels: BTreeMap::new(),
    }
}
