//! A program of your own on top of ds01: it brings a container engine that ds01 has never heard of, scans with it, reads a
//! policy, and judges whether a container was idle, all through the public API.
//!
//!     cargo run -p ds01-core --features fakes --example own_source

use std::{error::Error, sync::Arc, time::Duration};

use ds01_core::{
    detect::{Inventory, Settings, look},
    idle::{GpuFigure, GpuMeasure, Observation, ProcessActivity, Thresholds, Verdict, state::Track},
    model::{ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, Reading},
    policy::{ContainerType, Document, PolicyFiles, parse},
    source::{ContainerSource, Engine, Inspection, SourceError, Sources, fake::FakeHost},
};
use jiff::Timestamp;

/// An engine that runs one container, for ever.
struct OneContainer {
    id: ContainerId,
    created_at: Timestamp,
}

impl ContainerSource for OneContainer {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        Ok(vec![ContainerListing {
            id: self.id.clone(),
            name: "train".to_owned(),
            image: "pytorch".to_owned(),
            image_id: String::new(),
            labels: [("ds01.user".to_owned(), "alice".to_owned())].into(),
            created_at: self.created_at,
            status: ContainerStatus::Running,
            status_text: "Up 2 hours".to_owned(),
        }])
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        let details = ContainerDetails {
            status: ContainerStatus::Running,
            started_at: Some(self.created_at),
            pid: None,
            config: ContainerConfig::default(),
        };
        let answer = |id: &ContainerId| {
            if *id == self.id { Inspection::Details(Box::new(details.clone())) } else { Inspection::Gone }
        };
        Ok(ids.iter().map(answer).collect())
    }
}

/// What was seen of the container so many seconds after boot: its GPU did nothing.
fn seen(id: &ContainerId, at: Timestamp, seconds: u64) -> Observation {
    Observation {
        at,
        boot_id: "this boot".to_owned(),
        boot_ms: seconds * 1000,
        container_id: id.clone(),
        name: "train".to_owned(),
        started_at: at,
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
        net_bytes: Reading::Known(0),
        activity: Reading::Known(ProcessActivity { newest: None, terminals: [].into() }),
    }
}

/// Runs it; the project's tests do too.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let noon: Timestamp = "2026-03-02T12:00:00Z".parse()?;
    let id: ContainerId = "ab".repeat(32).parse()?;

    // A scan: your own engine, and everything else from a host in memory. On a real host, that would be `Nvml`, `ProcFs` and
    // `SystemClock` of `ds01_core::source`.
    let own = Arc::new(OneContainer { id: id.clone(), created_at: noon });
    let sources = Sources { engines: vec![Engine::docker(own)], ..FakeHost::new("lab", noon).sources() };
    let inventory = look(&sources, &Inventory::empty(), Duration::from_secs(5), &Settings::default());
    let train = inventory.containers.values().next().ok_or("the scan saw no container")?;
    println!("{} belongs to {}, {}", train.name, train.user, train.status);
    assert_eq!((train.name.as_str(), train.user.as_str()), ("train", "alice"));

    // A policy: from bytes, wherever they come from.
    let text = "defaults: {idle_timeout: 30m, max_runtime: 24h}\nuser_overrides: {alice: {idle_timeout: 2h}}\n";
    let policy = parse(&PolicyFiles {
        policy: Document { path: "limits.yaml".into(), bytes: text.into() },
        overrides: None,
        exemptions: None,
        members: Default::default(),
    })?
    .policy;
    let resolved = policy.resolve(Some("alice"), ContainerType::Docker);
    let limit = resolved.limits.idle_timeout;
    println!("alice's containers may be idle for {:?} ({})", limit.value, limit.level);
    assert_eq!(limit.value, Some(Duration::from_secs(2 * 3600)));

    // A verdict: from two observations, half a minute apart.
    let mut track = Track::new(&seen(&id, noon, 100));
    track.observe(&seen(&id, noon, 130), &Thresholds::from(&resolved.rules));
    let verdict = track.interval.as_ref().map(|interval| interval.verdict);
    println!("it was idle for {:?}", track.idle());
    assert_eq!((verdict, track.idle()), (Some(Verdict::Idle), Duration::from_secs(30)));
    Ok(())
}
