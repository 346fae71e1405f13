//! A host in memory, scanned and checked by the real programs' code, with real files.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use ds01_core::{
    detect::Settings,
    event::EventLog,
    idle::{self, Broadcast, Channel, CheckOptions, Checked, Delivery, Hands, Message, Reached},
    metrics::MetricsFile,
    policy::{Document, Policy, PolicyFiles, parse},
    scan::{self, Scan, ScanMetrics, ScanOptions},
    source::{
        Clock, Controls, Sources,
        fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec, Step},
    },
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tempfile::TempDir;

/// Warned after 24 minutes of idleness, stopped after 30.
pub(crate) const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: null}\n\
    policies: {grace_period: 0s, idle_detection_window: 3, high_demand_threshold: null}\n";

const DEADLINE: Duration = Duration::from_secs(600);

pub(crate) struct Lab {
    pub(crate) host: FakeHost,
    pub(crate) sources: Sources,
    pub(crate) policy: Policy,
    pub(crate) is_sound: Option<bool>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) dir: TempDir,
}

/// A clock whose wall time somebody set.
pub(crate) struct SetClock {
    inner: Arc<dyn Clock>,
    pub(crate) ahead: Mutex<SignedDuration>,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.inner.now() + *self.ahead.lock().unwrap()
    }

    fn since_boot(&self) -> Duration {
        self.inner.since_boot()
    }
}

struct Nobody;

impl Broadcast for Nobody {
    fn tell(&self, _: &Message<'_>) -> Vec<Delivery> {
        let (channel, recipient) = (Channel::Terminals, "alice".to_owned());
        vec![Delivery { channel, recipient, reached: Reached::Nobody, missed: Vec::new() }]
    }
}

pub(crate) fn policy(text: &str) -> Policy {
    let policy = Document { path: "resource-limits.yaml".into(), bytes: text.into() };
    let files = PolicyFiles { policy, overrides: None, exemptions: None, members: BTreeMap::new() };
    parse(&files).unwrap().policy
}

/// A container of alice's with GPU 0, and a python3 that is at work on it by so many percent.
pub(crate) fn trainer(name: &str, pid: u32, percent: u32) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: "pytorch:2".to_owned(),
        labels: [("ds01.user".to_owned(), "alice".to_owned())].into(),
        gpus: Some(GpuRequest::Ids(vec!["0".to_owned()])),
        up_for: Some(SignedDuration::from_hours(24)),
        processes: vec![ProcessSpec {
            pid,
            name: "python3".to_owned(),
            gpus: [("0".to_owned(), Some(2048))].into(),
            gpu_percent: percent,
            up_for: Some(SignedDuration::from_hours(23)),
            ..ProcessSpec::default()
        }],
        ..ContainerSpec::default()
    }
}

impl Lab {
    /// Two GPUs, and these containers.
    pub(crate) fn new(containers: &[ContainerSpec]) -> Self {
        let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        let gpu = |index, uuid: &str| GpuSpec { index, uuid: uuid.to_owned(), memory_mb: 81_920, ..GpuSpec::default() };
        host.add_gpus(&[gpu(0, "GPU-0"), gpu(1, "GPU-1")]).unwrap();
        containers.iter().for_each(|spec| host.add_container(spec).unwrap());
        Self::of(host)
    }

    pub(crate) fn of(host: FakeHost) -> Self {
        let mut sources = host.sources();
        let clock = Arc::new(SetClock { inner: Arc::clone(&sources.clock), ahead: Mutex::default() });
        sources.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        Self { host, sources, policy: policy(POLICY), is_sound: Some(true), clock, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn metrics_path(&self) -> PathBuf {
        self.path("run/ds01.prom")
    }

    pub(crate) fn scan_options(&self) -> ScanOptions {
        let file = MetricsFile::new(self.metrics_path());
        ScanOptions {
            metrics: Some(ScanMetrics { file, policy: self.policy.clone(), is_sound: self.is_sound }),
            state_dir: self.path("state"),
            events: EventLog::new(self.path("events.jsonl"), "test"),
            deadline: DEADLINE,
            settings: Settings::default(),
        }
    }

    pub(crate) fn scan(&self) -> Scan {
        scan::run(&self.sources, &self.scan_options()).unwrap()
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.sources.clock.now()
    }

    /// So many scans, half a minute apart.
    pub(crate) fn scans(&self, count: usize) {
        for _ in 0..count {
            self.host.advance(Duration::from_secs(30));
            self.scan();
        }
    }

    pub(crate) fn check(&self) -> Checked {
        let options = CheckOptions {
            metrics: Some(MetricsFile::new(self.metrics_path())),
            state_dir: self.path("state"),
            keep_dir: self.path("keep"),
            events: EventLog::new(self.path("events.jsonl"), "test"),
            deadline: DEADLINE,
            settings: Settings::default(),
            policy: self.policy.clone(),
            zone: TimeZone::UTC,
            only: Vec::new(),
        };
        let hands = Hands { controls: Controls::docker(Arc::new(self.host.clone())), broadcast: Arc::new(Nobody) };
        idle::run(&self.sources, &hands, &options).unwrap()
    }

    /// So many checks with the scans between them.
    pub(crate) fn checks(&self, count: usize) {
        for _ in 0..count {
            self.scans(10);
            self.check();
        }
    }

    pub(crate) fn happens(&self, step: Step) {
        self.host.apply(&Step { after: Some(SignedDuration::ZERO), ..step }, false).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.metrics_path()).unwrap()
    }

    /// The series by their names with labels, as they stand there. None stands there twice.
    pub(crate) fn series(&self) -> BTreeMap<String, f64> {
        let text = self.text();
        let mut series = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(series.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
        series
    }

    /// The value of a series; none where it is not there.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.series().get(series).copied()
    }

    /// The series of a family.
    pub(crate) fn family(&self, name: &str) -> Vec<String> {
        let of = |series: &String| series.split('{').next() == Some(name);
        self.series().into_keys().filter(of).collect()
    }
}
