//! A name service that is slow, hangs, lies or is asked for many, between the scans of a host that does not change.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, reason = "these are tests; their helpers are not marked as such")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ds01_core::{
    detect::{Inventory, Settings, Sources, UserSource, diff, inventory::ContainerEntry, look},
    model::{
        ContainerActivity, ContainerLife, Host, Process, Reading, Unknown,
        UnknownKind::{Failed, NotSupported},
    },
    source::{
        ProcessError, ProcessSource, SourceError,
        fake::{Change, ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec, Step},
    },
};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;
const LIMIT: Duration = Duration::from_secs(60);

/// A host with a name service of its own.
#[derive(Clone)]
struct Lab {
    host: FakeHost,
    service: Arc<Service>,
}

#[derive(Default)]
struct Service {
    /// Names with their ids, in the order in which they are looked through.
    users: Mutex<Vec<(&'static str, u32)>>,
    hangs: Mutex<bool>,
    goes_on: Condvar,
    /// As whom the containers run that ran as Alice.
    in_her_place: Mutex<Option<u32>>,
    asked: AtomicUsize,
}

impl Service {
    fn answer<T>(&self, find: impl Fn(&(&'static str, u32)) -> Option<T>) -> Reading<T> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let hangs = self.hangs.lock().unwrap();
        drop(self.goes_on.wait_while(hangs, |hangs| *hangs).unwrap());
        let found = self.users.lock().unwrap().iter().find_map(find);
        found.map_or_else(|| Unknown::new(Failed, "no such user").into(), Reading::Known)
    }
}

impl ProcessSource for Lab {
    fn host(&self) -> Result<Host, SourceError> {
        self.host.host()
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        let process = self.host.process(pid)?;
        let is_hers = process.uid == ALICE && process.containers.known().is_some_and(|ids| !ids.is_empty());
        let other = self.service.in_her_place.lock().unwrap().filter(|_| is_hers);
        Ok(Process { uid: other.unwrap_or(process.uid), ..process })
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.host.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.host.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        Unknown::new(NotSupported, path).into()
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.service.answer(|(name, id)| (*id == uid).then(|| (*name).to_owned()))
    }

    fn user_id(&self, wanted: &str) -> Reading<u32> {
        self.service.answer(|(name, id)| (*name == wanted).then_some(*id))
    }
}

impl Lab {
    /// With a process of Alice's, a container that runs as her, and one that its label says is hers.
    fn new() -> Self {
        let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        host.add_gpus(&[GpuSpec { uuid: "GPU-1".to_owned(), ..Default::default() }]).unwrap();
        let gpus = || Some(GpuRequest::Count(1));
        let runs = ContainerSpec { name: "runs".to_owned(), uid: ALICE, gpus: gpus(), ..Default::default() };
        let labels: BTreeMap<String, String> = [("ds01.user".to_owned(), "alice".to_owned())].into();
        host.add_container(&runs).unwrap();
        host.add_container(&ContainerSpec { name: "says".to_owned(), labels, gpus: gpus(), ..Default::default() })
            .unwrap();
        let lab = Self { host, service: Arc::default() };
        lab.says(&[("alice", ALICE), ("bob", BOB)]);
        lab.starts(4001, ALICE);
        lab
    }

    fn says(&self, users: &[(&'static str, u32)]) {
        *self.service.users.lock().unwrap() = users.to_vec();
    }

    fn hangs(&self, hangs: bool) {
        *self.service.hangs.lock().unwrap() = hangs;
        self.service.goes_on.notify_all();
    }

    /// A process on the GPU.
    fn starts(&self, pid: u32, uid: u32) {
        let gpus = [("0".to_owned(), Some(1))].into();
        self.host.add_process(&ProcessSpec { pid, uid, gpus, ..Default::default() }).unwrap();
    }

    fn scan(&self, previous: &Inventory) -> Inventory {
        let sources = Sources { processes: Arc::new(self.clone()), ..self.host.sources() };
        let seen = look(&sources, previous, LIMIT, &Settings::default());
        self.host.advance(Duration::from_secs(30));
        seen
    }

    /// Scanned twice, so that the process is listed.
    fn seen(&self) -> Inventory {
        self.scan(&self.scan(&Inventory::empty()))
    }
}

fn container<'a>(picture: &'a Inventory, name: &str) -> &'a ContainerEntry {
    picture.containers.values().find(|entry| entry.name == name).unwrap()
}

/// Whose the process and the container are, each with what was told instead where that is remembered.
fn owners(picture: &Inventory) -> [(&str, Option<&str>); 2] {
    let (process, entry) = (&picture.host_processes[&4001], container(picture, "runs"));
    assert_eq!(entry.user_source, UserSource::ProcessUid);
    let why = |remembered: Option<&'_ ds01_core::model::Remembered>| remembered.map(|one| one.why.clone());
    assert_eq!(why(process.user_remembered.as_ref()), why(entry.user_remembered.as_ref()));
    [
        (&process.user, process.user_remembered.as_ref().map(|one| one.why.as_str())),
        (&entry.user, entry.user_remembered.as_ref().map(|one| one.why.as_str())),
    ]
}

#[test]
fn who_was_known_stays_known_with_an_age_and_no_event() {
    let lab = Lab::new();
    let seen = lab.seen();
    assert_eq!(owners(&seen), [("alice", None); 2]);
    lab.says(&[]);
    let first = lab.scan(&seen);
    let second = lab.scan(&first);
    assert_eq!(owners(&second), [("alice", Some("no such user")); 2]);
    let remembered = second.host_processes[&4001].user_remembered.as_ref().unwrap();
    assert_eq!(Some(remembered.as_of), seen.last_scan, "it grows older");
    lab.says(&[("alice", ALICE)]);
    let back = lab.scan(&second);
    assert_eq!(owners(&back), [("alice", None); 2]);
    assert!(diff(&seen, &first).is_empty() && diff(&second, &back).is_empty());
}

#[test]
fn a_number_that_is_anothers_by_now_makes_nobody_else_the_owner() {
    let lab = Lab::new();
    let seen = lab.seen();
    lab.says(&[("bob", ALICE)]);
    lab.starts(4002, ALICE);
    let reused = lab.scan(&seen);
    assert_eq!(owners(&reused), [("alice", Some("the name service calls user id 1001 bob now")); 2]);
    assert_eq!(reused.pending_processes[&4002].user, "bob", "what he starts is his");
    // For a while, it gives Bob's name for Alice's number.
    lab.says(&[("alice", ALICE), ("bob", BOB)]);
    let seen = lab.seen();
    lab.starts(4003, 1003);
    lab.says(&[("bob", BOB), ("bob", ALICE), ("bob", 1003)]);
    let lied = lab.scan(&seen);
    assert_eq!(owners(&lied), [("alice", Some("the name service calls user id 1001 bob now")); 2]);
    assert_eq!(lied.pending_processes[&4003].user, "1003", "it says itself that Bob has another number");
    assert!(diff(&seen, &lied).is_empty());
}

#[test]
fn a_container_that_runs_as_another_user_by_now_is_not_the_first_ones() {
    let lab = Lab::new();
    let seen = lab.seen();
    lab.says(&[]);
    *lab.service.in_her_place.lock().unwrap() = Some(BOB);
    let change = Change { restart: true, ..Change::default() };
    lab.host.apply(&Step { change: [("runs".to_owned(), change)].into(), ..Step::default() }, true).unwrap();
    let restarted = lab.scan(&seen);
    let entry = container(&restarted, "runs");
    assert_eq!((entry.user.as_str(), entry.user_source, entry.user_uid), ("unknown", UserSource::Unknown, Some(BOB)));
}

#[test]
fn the_number_of_an_owner_whom_a_label_names_is_kept_and_never_anothers() {
    let lab = Lab::new();
    let seen = lab.seen();
    let uid = |picture: &Inventory| container(picture, "says").user_uid;
    assert_eq!(uid(&seen), Some(ALICE));
    lab.says(&[]);
    let silent = lab.scan(&seen);
    assert_eq!(uid(&silent), Some(ALICE));
    lab.says(&[("carol", ALICE)]);
    assert_eq!(uid(&lab.scan(&silent)), None, "it is Carol's by now");
    lab.says(&[("bob", BOB), ("alice", BOB)]);
    assert_eq!(uid(&lab.scan(&silent)), Some(ALICE), "two names for Bob's number do not make her number his");
    lab.says(&[("alice", 1009)]);
    assert_eq!(uid(&lab.scan(&silent)), Some(1009), "she has another number");
}

/// With a second for each, they would take the whole time of a scan.
#[test]
fn a_hundred_look_ups_that_hang_have_one_budget() {
    let lab = Lab::new();
    let seen = lab.seen();
    for uid in 2000..2100 {
        lab.starts(10_000 + uid, uid);
    }
    lab.hangs(true);
    let begun = Instant::now();
    let hung = lab.scan(&seen);
    assert!(begun.elapsed() < LIMIT / 3, "{:?}", begun.elapsed());
    assert_eq!(hung.pending_processes.len(), 100);
    let [(_, why), _] = owners(&hung);
    assert!(why.unwrap().starts_with("the name service: no answer within 1s"), "{why:?}");
    assert_eq!(container(&hung, "says").user_uid, Some(ALICE));
    assert_eq!(container(&hung, "says").user, "alice");
    lab.hangs(false);
}

#[test]
fn each_number_is_asked_for_once_in_a_scan() {
    let lab = Lab::new();
    for uid in 2000..2100 {
        lab.starts(10_000 + uid, uid);
    }
    let seen = lab.seen();
    let before = lab.service.asked.load(Ordering::SeqCst);
    lab.scan(&seen);
    // Each number once, and the one owner whom a label names.
    assert_eq!(lab.service.asked.load(Ordering::SeqCst) - before, 102);
}
