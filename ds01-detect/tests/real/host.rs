//! What the tests here share: the program on the rig and on GPUs of its own, and what it tells of one container.

use std::{collections::HashMap, path::Path, time::Duration};

use docker_rig::{Container, Rig};
use nvml_standin::{Gpu, MigInstance, Scenario};
use serde_json::Value;

use crate::support::{Detector, Gpus, Run};

/// More than the slowest machine needs for one container to change its state.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// GPU 0.
pub(crate) const A: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
/// GPU 1.
pub(crate) const B: &str = "GPU-bbbbbbbb-0000-4000-8000-000000000000";
/// GPU 2, which is in MIG mode.
pub(crate) const C: &str = "GPU-cccccccc-0000-4000-8000-000000000000";
/// The first MIG instance of GPU 2.
pub(crate) const MIG_0: &str = "MIG-00000000-0000-4000-8000-000000000000";
/// The second one.
pub(crate) const MIG_1: &str = "MIG-11111111-0000-4000-8000-000000000000";

/// Two GPUs, and a third in two MIG instances, for each of which the closure may say who holds it.
pub(crate) fn gpus(hold: impl Fn(&str) -> Vec<nvml_standin::Process>) -> Scenario {
    let gpu = |uuid| Gpu { processes: hold(uuid), ..Gpu::new(uuid, 81_920) };
    let instance =
        |index, uuid| MigInstance { processes: hold(uuid), ..MigInstance::new(index, uuid, index + 1, 9_856) };
    let partitioned = gpu(C).instance(instance(0, MIG_0)).instance(instance(1, MIG_1));
    Scenario::default().gpu(gpu(A)).gpu(gpu(B)).gpu(partitioned)
}

/// The rig, GPUs, and the program on both.
pub(crate) struct Host {
    pub(crate) rig: Rig,
    pub(crate) gpus: Gpus,
    pub(crate) detector: Detector,
}

impl Host {
    /// With GPUs that nobody uses. `None` without a rig.
    pub(crate) fn new() -> Option<Self> {
        let rig = Rig::from_env()?;
        let socket = rig.socket().to_owned();
        Some(Self::behind(rig, &socket))
    }

    /// The same, with the daemon reached through another socket.
    pub(crate) fn behind(rig: Rig, socket: &Path) -> Self {
        let gpus = Gpus::new(&gpus(|_| Vec::new()));
        let detector = Detector::new().docker(socket).nvml(gpus.library());
        Self { rig, gpus, detector }
    }

    /// One scan, of which every source must have given its facts.
    pub(crate) fn scan(&self) -> Run {
        self.detector.run(&["--verbose"]).ends_with(0)
    }

    /// What the inventory says of a container.
    pub(crate) fn entry(&self, container: &Container) -> Option<Value> {
        self.detector.inventory()["containers"].get(&container.id()[..12]).cloned()
    }

    /// What the inventory says of a container, after a scan.
    pub(crate) fn scanned(&self, container: &Container) -> Value {
        self.scan();
        self.entry(container).unwrap_or_else(|| panic!("{} is not in the inventory", container.name()))
    }

    /// The events about a container, in their order.
    pub(crate) fn events(&self, container: &Container) -> Vec<Value> {
        let is_its = |event: &Value| event["details"]["container_id"] == container.id();
        self.detector.events().into_iter().filter(is_its).collect()
    }

    /// The events about a process, in their order: type and, beside it, the details.
    pub(crate) fn process_events(&self, pid: u32) -> Vec<Value> {
        self.detector.events().into_iter().filter(|event| event["details"]["pid"] == pid).collect()
    }
}

/// The types of events, without `detection.`.
pub(crate) fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event_type"].as_str().unwrap().trim_start_matches("detection.")).collect()
}

/// State, pid and start.
pub(crate) type Life = HashMap<&'static str, Value>;

/// What Docker says of a container's life, in the words of the inventory.
pub(crate) fn life_in_docker(container: &Container) -> Life {
    let told = container
        .inspect(r#"{"status":{{json .State.Status}},"pid":{{.State.Pid}},"started_at":{{json .State.StartedAt}}}"#);
    let mut told: HashMap<String, Value> = serde_json::from_str(&told).unwrap();
    let mut take = |field: &str, never: Value| Some(told.remove(field).unwrap()).filter(|value| *value != never);
    let life = [
        ("status", take("status", Value::Null)),
        ("pid", take("pid", 0.into())),
        ("started_at", take("started_at", "0001-01-01T00:00:00Z".into())),
    ];
    life.map(|(field, value)| (field, value.unwrap_or_default())).into()
}

/// The same as the inventory has it.
pub(crate) fn life_in(entry: &Value) -> Life {
    ["status", "pid", "started_at"].map(|field| (field, entry[field].clone())).into()
}
