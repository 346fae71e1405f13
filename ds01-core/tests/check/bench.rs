//! The bench that all share: a host in memory, a state directory, and people who listen.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use ds01_core::{
    detect::{Settings, Sources},
    event::EventLog,
    idle::{
        self, Action, Broadcast, Channel, CheckError, CheckOptions, Checked, Delivery, Hands, Message, Outcome, Reached,
    },
    model::ContainerId,
    policy::{Document, Policy, PolicyFiles, parse},
    source::{
        ContainerControl,
        fake::{Change, ContainerSpec, FakeHost, GpuRequest, GpuSpec, Order, ProcessSpec, Step},
    },
};
use jiff::{SignedDuration, tz::TimeZone};
use serde_json::Value;
use tempfile::TempDir;

/// Warned after 24 minutes of idleness, stopped after 30: at the 6th and the 7th of checks that are five minutes apart.
pub(crate) const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: null, container_hold_after_stop: 30m}\n\
    policies: {grace_period: 0s, idle_detection_window: 3, sigterm_grace_seconds: 20, high_demand_threshold: null}\n";

/// The check at which an idle container is stopped.
pub(crate) const STOP_AT: usize = 7;

/// Longer than a look takes on any machine.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    pub(crate) host: FakeHost,
    pub(crate) sources: Sources,
    pub(crate) control: Arc<dyn ContainerControl>,
    pub(crate) people: Arc<People>,
    pub(crate) state_dir: PathBuf,
    pub(crate) events_file: PathBuf,
    pub(crate) policy: Policy,
    pub(crate) only: Vec<String>,
    pub(crate) deadline: Duration,
    dir: TempDir,
}

/// Who is logged in.
#[derive(Default)]
pub(crate) struct People {
    notices: Mutex<Vec<String>>,
    /// What one user alone was told.
    pub(crate) alone: Mutex<Vec<String>>,
    /// What happens while they are told something.
    pub(crate) meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Whether the broadcast fails.
    pub(crate) deaf: Mutex<bool>,
    /// How often its owner alone was tried.
    pub(crate) tried: AtomicUsize,
}

impl People {
    /// What they were told, each notice in one line.
    pub(crate) fn texts(&self) -> Vec<String> {
        let line =
            |notice: &String| notice.lines().map(|line| line.trim_matches(['|', ' '])).collect::<Vec<_>>().join(" ");
        self.notices.lock().unwrap().iter().map(line).collect()
    }
}

impl Broadcast for People {
    fn tell(&self, message: &Message<'_>) -> Vec<Delivery> {
        self.notices.lock().unwrap().push(message.text.to_owned());
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        let reached = if *self.deaf.lock().unwrap() {
            Reached::Nobody
        } else {
            Reached::Delivered(vec!["/dev/pts/0".to_owned()])
        };
        vec![Delivery { channel: Channel::Terminals, recipient: "alice".to_owned(), reached, missed: Vec::new() }]
    }

    fn tell_user(&self, message: &Message<'_>) -> Vec<Delivery> {
        let text = format!("{}: {}", message.user.unwrap_or_default(), message.text);
        self.alone.lock().unwrap().push(text);
        Vec::new()
    }

    fn tell_owner(&self, message: &Message<'_>) -> Option<Delivery> {
        self.tried.fetch_add(1, SeqCst);
        let deaf = *self.deaf.lock().unwrap();
        if deaf { None } else { self.tell(message).pop() }
    }
}

pub(crate) fn policy(text: &str, exemptions: Option<&str>) -> Policy {
    let document = |path: &str, text: &str| Document { path: path.into(), bytes: text.into() };
    parse(&PolicyFiles {
        policy: document("resource-limits.yaml", text),
        overrides: None,
        exemptions: exemptions.map(|text| document("lifecycle-exemptions.yaml", text)),
        members: BTreeMap::new(),
    })
    .unwrap()
    .policy
}

/// A plain container of alice's on GPU 0, up for a day, with an idle python3 of this pid.
pub(crate) fn trainer(name: &str, pid: u32) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        labels: [("ds01.user".to_owned(), "alice".to_owned())].into(),
        gpus: Some(GpuRequest::Ids(vec!["0".to_owned()])),
        up_for: Some(SignedDuration::from_hours(24)),
        processes: vec![ProcessSpec {
            pid,
            name: "python3".to_owned(),
            gpus: [("0".to_owned(), Some(2048))].into(),
            up_for: Some(SignedDuration::from_hours(23)),
            ..ProcessSpec::default()
        }],
        ..ContainerSpec::default()
    }
}

/// Makes a container the platform's own.
pub(crate) fn managed(mut spec: ContainerSpec) -> ContainerSpec {
    spec.labels.insert("ds01.managed".to_owned(), "true".to_owned());
    spec
}

impl Bench {
    /// A host with these containers and two GPUs.
    pub(crate) fn new(policy_text: &str, containers: &[ContainerSpec]) -> Self {
        let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        let gpu = |index, uuid: &str| GpuSpec { index, uuid: uuid.to_owned(), ..GpuSpec::default() };
        host.add_gpus(&[gpu(0, "GPU-0"), gpu(1, "GPU-1")]).unwrap();
        containers.iter().for_each(|spec| host.add_container(spec).unwrap());
        let dir = tempfile::tempdir().unwrap();
        Self {
            sources: host.sources(),
            control: Arc::new(host.clone()),
            host,
            people: Arc::default(),
            state_dir: dir.path().join("state"),
            events_file: dir.path().join("events.jsonl"),
            policy: policy(policy_text, None),
            only: Vec::new(),
            deadline: DEADLINE,
            dir,
        }
    }

    /// The same host with a reaper that knows what is on the disk at this moment, and nobody who has heard anything.
    pub(crate) fn twin(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let twin = Self {
            host: self.host.clone(),
            sources: self.host.sources(),
            control: Arc::new(self.host.clone()),
            people: Arc::default(),
            state_dir: dir.path().join("state"),
            events_file: dir.path().join("events.jsonl"),
            policy: self.policy.clone(),
            only: Vec::new(),
            deadline: DEADLINE,
            dir,
        };
        for (path, bytes) in self.written() {
            let copy = twin.dir().join(path.strip_prefix(self.dir()).unwrap());
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(copy, bytes).unwrap();
        }
        twin
    }

    /// Where users drop requests; not there until a test makes it.
    pub(crate) fn keep_dir(&self) -> PathBuf {
        self.dir().join("keep")
    }

    /// A directory of the test's own.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn try_check(&self) -> Result<Checked, CheckError> {
        let hands = Hands {
            controls: ds01_core::source::Controls::docker(Arc::clone(&self.control)),
            broadcast: self.people.clone(),
        };
        idle::run(&self.sources, &hands, &self.options())
    }

    pub(crate) fn options(&self) -> CheckOptions {
        CheckOptions {
            metrics: None,
            state_dir: self.state_dir.clone(),
            keep_dir: self.keep_dir(),
            events: EventLog::new(&self.events_file, "ds01-idle"),
            deadline: self.deadline,
            settings: Settings::default(),
            policy: self.policy.clone(),
            zone: TimeZone::UTC,
            only: self.only.clone(),
        }
    }

    pub(crate) fn check(&self) -> Checked {
        self.try_check().unwrap()
    }

    /// A check five minutes after the last one.
    pub(crate) fn next_check(&self) -> Checked {
        self.host.advance(Duration::from_secs(300));
        self.check()
    }

    /// So many checks, five minutes apart, the first at once.
    pub(crate) fn checks(&self, count: usize) {
        self.check();
        (1..count).for_each(|_| drop(self.next_check()));
    }

    /// Up to the moment at which whoever was idle is stopped.
    pub(crate) fn up_to_the_stop(&self) {
        self.checks(STOP_AT - 1);
        self.host.advance(Duration::from_secs(300));
    }

    pub(crate) fn apply(&self, step: &Step) {
        self.host.apply(step, true).unwrap();
    }

    pub(crate) fn change(&self, name: &str, change: Change) {
        self.apply(&Step { change: [(name.to_owned(), change)].into(), ..Step::default() });
    }

    /// The stops so far, by name, in any order.
    pub(crate) fn stopped(&self) -> Vec<String> {
        let stop = |order| if let Order::Stop(name, _) = order { Some(name) } else { None };
        let mut names: Vec<String> = self.host.orders().into_iter().filter_map(stop).collect();
        names.sort_unstable();
        names
    }

    /// All events so far, but for those about notices.
    pub(crate) fn events(&self) -> Vec<Value> {
        let of_notice = |event: &Value| event["event_type"].as_str().is_some_and(|kind| kind.starts_with("notice."));
        self.all_events().into_iter().filter(|event| !of_notice(event)).collect()
    }

    pub(crate) fn all_events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.events_file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Each event so far as its action and the container that it is about: `idle_kill train`.
    pub(crate) fn told(&self) -> Vec<String> {
        let words = |event: &Value| {
            let action = event["event_type"].as_str().unwrap().split_once('.').unwrap().1.to_owned();
            match event["details"]["container"].as_str() {
                Some(name) => format!("{action} {name}"),
                None => action,
            }
        };
        self.events().iter().map(words).collect()
    }

    /// The title of each notice so far, and the container that it is about.
    pub(crate) fn notices(&self) -> Vec<(String, String)> {
        let words = |notice: &String| {
            let line = |start: &str| {
                let lines = notice.lines().map(|line| line.trim_matches(['|', ' ']));
                lines.filter(|line| !line.is_empty()).find(|line| line.starts_with(start)).unwrap().to_owned()
            };
            let about = line("Container: ");
            let title = notice.lines().nth(1).unwrap().trim_matches(['|', ' ']).to_owned();
            (title, about.split(' ').nth(1).unwrap().to_owned())
        };
        self.people.notices.lock().unwrap().iter().map(words).collect()
    }

    /// Everything in the state directory and the event log.
    pub(crate) fn written(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut dirs = vec![self.state_dir.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        if let Ok(events) = fs::read(&self.events_file) {
            files.insert(self.events_file.clone(), events);
        }
        files
    }
}

/// The id of the container of that name.
pub(crate) fn id(checked: &Checked, name: &str) -> ContainerId {
    checked.container(name).unwrap()
}

pub(crate) fn action(checked: &Checked, name: &str) -> Action {
    checked.plan.decisions[&id(checked, name)].action.clone()
}

pub(crate) fn outcome(checked: &Checked, name: &str) -> Option<Outcome> {
    checked.outcomes.get(&id(checked, name)).cloned()
}

/// Why a container was left.
pub(crate) fn left(checked: &Checked, name: &str) -> String {
    match outcome(checked, name) {
        Some(Outcome::Left(why)) => why,
        other => panic!("{name} was not left: {other:?}"),
    }
}

/// Why it failed.
pub(crate) fn failed(checked: &Checked, name: &str) -> String {
    match outcome(checked, name) {
        Some(Outcome::Failed(why)) => why,
        other => panic!("{name} did not fail: {other:?}"),
    }
}
