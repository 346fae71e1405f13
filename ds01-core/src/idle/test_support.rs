//! What the unit tests of this module share.

use crate::model::EngineName;
use crate::policy::Engines;
use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    evidence::{ContainerFacts, GpuFigure, GpuMeasure, Observation, ProcessActivity, Thresholds},
    rules::ContainerPolicy,
};
use crate::{
    detect::{Origin, UserSource},
    model::{ContainerId, ContainerStatus, Now, Reading},
    policy::{ContainerType, Document, GpuUnknown, Policy, PolicyFiles, parse},
};

pub(crate) const THRESHOLDS: Thresholds = Thresholds {
    gpu_percent: 5.0,
    gpu_process_percent: 0.0,
    gpu_watts: Some(2.0),
    cpu_percent: 2.0,
    net_bytes: 1_048_576,
    gpu_unknown: GpuUnknown::Secondary,
};

pub(crate) fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

pub(crate) fn id() -> ContainerId {
    "ab".repeat(32).parse().unwrap()
}

/// An idle look at the boot clock `seconds`.
pub(crate) fn seen(seconds: u64) -> Observation {
    Observation {
        at: noon(),
        boot_id: "boot-1".to_owned(),
        boot_ms: seconds * 1000,
        container_id: id(),
        name: "train".to_owned(),
        started_at: noon(),
        held_ms: None,
        gpus: vec![GpuMeasure {
            gpu: "GPU-1".to_owned(),
            figure: GpuFigure::OwnProcesses { percent: 0.0 },
            context: None,
            energy: None,
            shared_energy: None,
            covered_ms: None,
            used_ms: None,
        }],
        cpu_us: Reading::Known(1_000_000),
        cpu_burst: None,
        net_bytes: Reading::Known(1_000),
        activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
    }
}

pub(crate) fn on_gpu(seconds: u64, percent: f64) -> Observation {
    let mut observation = seen(seconds);
    observation.gpus[0].figure = GpuFigure::OwnProcesses { percent };
    observation
}

pub(crate) fn now(seconds: u64) -> Now {
    Now { at: noon(), boot_id: "boot-1".to_owned(), boot_ms: seconds * 1000 }
}

pub(crate) fn facts() -> ContainerFacts {
    ContainerFacts {
        answered: true,
        engine: EngineName::DOCKER,
        id: id(),
        name: "train".to_owned(),
        labels: BTreeMap::new(),
        origin: Origin::RawDocker,
        image: "busybox:latest".to_owned(),
        user: Some("alice".to_owned()),
        user_source: UserSource::LabelDs01,
        user_uid: None,
        has_gpu: Some(true),
        gpus: vec!["GPU-1".to_owned()],
        problem: None,
        status: ContainerStatus::Running,
        started_at: Some(noon()),
        running_for: Reading::Known(Duration::from_secs(7200)),
        stop_timeout: None,
        auto_remove: false,
    }
}

pub(crate) fn policy(text: &str) -> Policy {
    let policy = Document { path: "limits.yaml".into(), bytes: text.into() };
    parse(&PolicyFiles { policy, overrides: None, exemptions: None, members: BTreeMap::new() }).unwrap().policy
}

/// What `text` says of a plain container of alice's.
pub(crate) fn container_policy(text: &str) -> ContainerPolicy {
    let policy = policy(text);
    ContainerPolicy {
        engines: Engines::default(),
        resolved: policy.resolve(Some("alice"), ContainerType::Docker),
        exemptions: Vec::new(),
        monitoring: policy.monitoring,
        require_delivery: policy.notify.require_delivery,
    }
}
