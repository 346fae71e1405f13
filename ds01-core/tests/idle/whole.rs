//! A host with real state files: detector and reaper as they ship, on sources in memory.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use ds01_core::{
    detect::{Settings, Sources},
    event::EventLog,
    idle::{self, Broadcast, Channel, CheckOptions, Checked, Delivery, Hands, Message, Reached},
    scan::{self, ScanOptions},
    source::{
        GpuSource,
        fake::{Change, ContainerSpec, FakeHost, GpuRequest, GpuSpec, Order, ProcessSpec, Step},
    },
};
use jiff::{SignedDuration, tz::TimeZone};

use super::host::policy;

/// What works in the container, as far as anything does.
pub(crate) const PID: u32 = 500;

/// The only GPU.
pub(crate) const GPU: &str = "GPU-1";

/// One container, `one`, with one GPU.
pub(crate) struct Whole {
    pub(crate) host: FakeHost,
    pub(crate) sources: Sources,
    policy: &'static str,
    told: Arc<Told>,
    dir: tempfile::TempDir,
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Broadcast for Told {
    fn tell(&self, message: &Message<'_>) -> Vec<Delivery> {
        self.0.lock().unwrap().push(message.text.to_owned());
        let reached = Reached::Delivered(vec!["/dev/pts/0".to_owned()]);
        vec![Delivery { channel: Channel::Terminals, recipient: "alice".to_owned(), reached, missed: Vec::new() }]
    }
}

impl Whole {
    pub(crate) fn new(policy: &'static str) -> Self {
        let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        host.add_gpus(&[GpuSpec { uuid: GPU.to_owned(), ..GpuSpec::default() }]).unwrap();
        let (name, gpus) = ("one".to_owned(), Some(GpuRequest::Count(1)));
        let spec = ContainerSpec { name, gpus, processes: vec![worker()], ..ContainerSpec::default() };
        host.add_container(&spec).unwrap();
        let (sources, told) = (host.sources(), Arc::default());
        Self { host, sources, policy, told, dir: tempfile::tempdir().unwrap() }
    }

    /// With a driver in place of the fake one.
    pub(crate) fn with_gpus(mut self, gpus: impl GpuSource + 'static) -> Self {
        self.sources.gpus = Arc::new(gpus);
        self
    }

    pub(crate) fn state_dir(&self) -> &Path {
        self.dir.path()
    }

    /// A scan of the detector. One that fails leaves a gap.
    pub(crate) fn scan(&self) {
        let options = ScanOptions {
            metrics: None,
            state_dir: self.dir.path().to_owned(),
            events: EventLog::new(self.dir.path().join("events.jsonl"), "test"),
            deadline: Duration::from_secs(600),
            settings: Settings::default(),
        };
        scan::run(&self.sources, &options).unwrap();
    }

    pub(crate) fn check(&self) -> Checked {
        let options = CheckOptions {
            metrics: None,
            state_dir: self.dir.path().to_owned(),
            keep_dir: self.dir.path().join("keep"),
            events: EventLog::new(self.dir.path().join("events.jsonl"), "test"),
            deadline: Duration::from_secs(600),
            settings: Settings::default(),
            policy: policy(self.policy),
            zone: TimeZone::UTC,
            only: Vec::new(),
        };
        let hands = Hands {
            controls: ds01_core::source::Controls::docker(Arc::new(self.host.clone())),
            broadcast: self.told.clone(),
        };
        idle::run(&self.sources, &hands, &options).unwrap()
    }

    /// What happens to the container.
    pub(crate) fn change(&self, change: Change) {
        self.happens(Step { change: [("one".to_owned(), change)].into(), ..Step::default() });
    }

    /// What happens on the host, at once.
    pub(crate) fn happens(&self, step: Step) {
        self.host.apply(&Step { after: Some(SignedDuration::ZERO), ..step }, false).unwrap();
    }

    /// Another life of it.
    pub(crate) fn restart(&self) {
        self.change(Change { restart: true, processes: vec![worker()], ..Change::default() });
    }

    pub(crate) fn reboot(&self) {
        self.host.reboot().unwrap();
        self.change(Change { processes: vec![worker()], ..Change::default() });
    }

    /// The notices with this in their title, so far.
    pub(crate) fn notices(&self, title: &str) -> usize {
        self.told.0.lock().unwrap().iter().filter(|notice| notice.contains(title)).count()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.host.orders().iter().any(|order| matches!(order, Order::Stop(..)))
    }
}

fn worker() -> ProcessSpec {
    let gpus = [("0".to_owned(), Some(1_000))].into();
    ProcessSpec { pid: PID, name: "python3".to_owned(), gpus, ..ProcessSpec::default() }
}
