//! Inventories made by hand.

use ds01_core::{
    detect::{
        GpuAccess, Inventory, Origin, UserSource,
        inventory::{ContainerEntry, ContainerProcess, Extra, GpuEntry, GpuUse, MigEntry, ProcessEntry, UnresolvedGpu},
    },
    model::{ContainerId, ContainerStatus},
};

use super::ago;

/// MIG instance 0 of GPU 1.
pub(crate) const MIG_1_0: &str = "MIG-4a1c7e90-2b5d-5f38-a6c4-8e0f1d2b3a49";

/// The UUID of the GPU with that index.
pub(crate) fn gpu_uuid(index: u32) -> String {
    format!("GPU-{index:08}-4b3e-5a79-9c0d-1e2f3a4b5c6d")
}

fn gpu(index: u32, mig: &[&str]) -> GpuEntry {
    let instance = |(index, uuid): (u32, &&str)| MigEntry {
        index,
        uuid: (*uuid).to_owned(),
        name: None,
        gpu_instance_id: None,
        compute_instance_id: None,
        memory_total_mb: None,
        usage: None,
        extra: Extra::new(),
    };
    GpuEntry {
        index,
        vendor: Default::default(),
        uuid: gpu_uuid(index),
        name: None,
        minor_number: None,
        pci_bus_id: None,
        memory_total_mb: Some(81_920),
        usage: None,
        mig_enabled: Some(!mig.is_empty()),
        mig_instances: (0..).zip(mig).map(instance).collect(),
        problem: None,
        stale: false,
        extra: Extra::new(),
    }
}

/// A running container of nobody in particular, without a GPU, started an hour ago. `change` makes it another.
pub(crate) fn container(name: &str, change: impl FnOnce(&mut ContainerEntry)) -> ContainerEntry {
    // Any digits will do, as long as each name has its own.
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let digits = format!("{digits:0>64}");
    let (rest, id) = digits[..64].split_at(52);
    let full_id: ContainerId = format!("{id}{rest}").parse().unwrap();
    let mut entry = ContainerEntry {
        engine: ds01_core::model::EngineName::DOCKER,
        id: id.to_owned(),
        full_id,
        name: name.to_owned(),
        origin: Origin::RawDocker,
        user: "unknown".to_owned(),
        user_source: UserSource::Unknown,
        has_gpu: Some(false),
        gpu_access: None,
        gpu_devices: Vec::new(),
        gpus: Vec::new(),
        gpus_unresolved: Vec::new(),
        status: ContainerStatus::Running,
        image: "busybox:latest".to_owned(),
        created_at: ago(3601),
        started_at: Some(ago(3600)),
        pid: Some(1000),
        gpu_processes: Some(Vec::new()),
        gpu_memory_mb: Some(0),
        infrastructure: None,
        detected_at: ago(3590),
        detected_labels: Default::default(),
        problem: None,
        stale: false,
        config: None,
        pid_start_ticks: None,
        main_uid: None,
        user_uid: None,
        user_remembered: None,
        extra: Extra::new(),
    };
    change(&mut entry);
    entry
}

/// A process of the host with 2 GiB on each of those GPUs or instances.
pub(crate) fn process(pid: u32, user: &str, cmdline: &str, gpus: &[&str]) -> ProcessEntry {
    let held = |uuid: &&str| GpuUse { gpu_uuid: (*uuid).to_owned(), memory_mb: Some(2048), memory_unknown: None };
    let gpus: Vec<GpuUse> = gpus.iter().map(held).collect();
    ProcessEntry {
        pid,
        started_at: ago(7200),
        user: user.to_owned(),
        user_remembered: None,
        uid: 1001,
        name: cmdline.split(' ').next().unwrap_or_default().to_owned(),
        cmdline: Some(cmdline.to_owned()),
        gpu_memory_mb: Some(2048 * gpus.len() as u64),
        gpu_uuid: gpus.first().map(|held| held.gpu_uuid.clone()),
        gpus,
        in_container: false,
        container_id: None,
        belongs_to: Vec::new(),
        detected_at: ago(7190),
        stale: false,
        start_ticks: u64::from(pid),
        extra: Extra::new(),
    }
}

/// An inventory of that, scanned 12 seconds ago, on a host with two GPUs, the second one partitioned.
pub(crate) fn inventory(containers: Vec<ContainerEntry>, processes: Vec<ProcessEntry>) -> Inventory {
    Inventory {
        last_scan: Some(ago(12)),
        gpus: vec![gpu(0, &[]), gpu(1, &[MIG_1_0])],
        containers: containers.into_iter().map(|entry| (entry.id.clone(), entry)).collect(),
        host_processes: processes.into_iter().map(|entry| (entry.pid, entry)).collect(),
        ..Inventory::empty()
    }
}

/// A host with a workload of every kind.
pub(crate) fn host() -> Inventory {
    let thesis = container("thesis", |c| {
        c.origin = Origin::Managed;
        c.user = "alice".to_owned();
        given(c, &[&gpu_uuid(0)]);
        holding(c, &[&gpu_uuid(0)], 30_214);
        c.image = "registry.example.org/ds01/pytorch:2.4-cuda12".to_owned();
    });
    let blocked = container("notebook", |c| {
        c.origin = Origin::Managed;
        c.user = "alice".to_owned();
        given(c, &[&gpu_uuid(0), MIG_1_0]);
    });
    let dev = container("vsc-llm-finetuning-4f1c0a", |c| {
        c.origin = Origin::DevContainer;
        c.user = "barbara.smith@uni.example".to_owned();
        given(c, &[MIG_1_0]);
        c.gpu_processes = None;
        c.gpu_memory_mb = None;
        c.image = "vsc-llm-finetuning-4f1c0a-uid".to_owned();
        c.started_at = Some(ago(3 * 86_400));
    });
    let web = container("shop-web-1", |c| {
        c.origin = Origin::Compose;
        c.user = "carol".to_owned();
        c.image = "nginx:1.27".to_owned();
        c.started_at = Some(ago(45));
    });
    let old = container("old", |c| {
        given(c, &[]);
        c.gpus_unresolved = vec![UnresolvedGpu { device: "7".to_owned(), reason: "no GPU has index 7".to_owned() }];
        c.status = ContainerStatus::Exited;
        c.pid = None;
        c.started_at = Some(ago(86_400 * 40));
    });
    let broken = container("broken", |c| {
        c.origin = Origin::Unknown;
        c.has_gpu = None;
        c.gpu_processes = None;
        c.gpu_memory_mb = None;
        c.pid = None;
        c.stale = true;
    });
    let train = process(30_122, "dave", "python3 train.py --epochs 90 --data /srv/imagenet", &[&gpu_uuid(0), MIG_1_0]);
    let mut pod = process(30_400, "10042", "ollama", &[MIG_1_0]);
    pod.in_container = true;
    pod.container_id = Some("b1946ac92492d234".repeat(4).parse().unwrap());
    pod.gpus[0].memory_mb = None;
    pod.gpu_memory_mb = None;
    inventory(vec![thesis, blocked, dev, web, old, broken], vec![train, pod])
}

/// Gives a container those GPUs, by device request.
pub(crate) fn given(entry: &mut ContainerEntry, uuids: &[&str]) {
    entry.has_gpu = Some(true);
    entry.gpu_access = Some(GpuAccess::DeviceRequest);
    entry.gpus = uuids.iter().map(ToString::to_string).collect();
}

/// Lets a process of the container hold a context on each of those, with `memory_mb` on the first.
pub(crate) fn holding(entry: &mut ContainerEntry, uuids: &[&str], memory_mb: u64) {
    let held = |uuid: &&str| GpuUse { gpu_uuid: (*uuid).to_owned(), memory_mb: Some(memory_mb), memory_unknown: None };
    let gpus = uuids.iter().map(held).collect();
    entry.gpu_processes =
        Some(vec![ContainerProcess { pid: 1001, name: "python3".to_owned(), gpus, extra: Extra::new() }]);
    entry.gpu_memory_mb = Some(memory_mb * uuids.len() as u64);
}
