//! Runs that are killed at any instant leave a whole inventory, and lose no event.

use std::{
    collections::BTreeSet,
    env, fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::{Duration, SystemTime},
};

use docker_rig::fake_daemon::{Containers, FakeDaemon};
use serde_json::Value;

use crate::{
    host::{Moment, ProcRoot, container, container_id},
    support::Detector,
};

const RUNS: u32 = 1000;

/// So many containers are there at a time: each run finds a new one, and that one is gone.
const AT_A_TIME: u32 = 3;

/// The seed of the instants at which runs are killed; a new one each time, unless this names one.
const SEED_VARIABLE: &str = "DS01_TEST_SEED";

#[test]
fn a_thousand_killed_runs_lose_nothing() {
    let newest = Arc::new(AtomicU32::new(0));
    let daemon = FakeDaemon::start({
        let newest = Arc::clone(&newest);
        move |request| containers(newest.load(SeqCst)).answer(request)
    })
    .unwrap();
    let root = ProcRoot::new(Moment::First);
    let detector = Detector::new().docker(daemon.socket()).proc_root(root.path());
    let file = detector.state_dir().join("workload-inventory.json");

    let mut random = Random::new();
    // From the start to this, each instant is as likely as any other. It grows while too many runs are killed, and shrinks
    // while too few are: so about a third of the runs end by themselves, whatever the machine, and the rest are killed all
    // along their way.
    let mut span = Duration::from_millis(50);
    let mut seen = Ids::new();
    let mut due = BTreeSet::new();
    let (mut killed, mut saved) = (0, 0);
    for run in 1..=RUNS {
        newest.store(run, SeqCst);
        let mut child = detector.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(random.below(span));
        child.kill().unwrap();
        if child.wait().unwrap().code().is_some() {
            span = span.mul_f64(0.98);
        } else {
            killed += 1;
            span = span.mul_f64(1.01);
        }
        let Ok(bytes) = fs::read(&file) else {
            assert!(saved == 0, "run {run}: the inventory is gone");
            continue;
        };
        let inventory: Value = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("run {run}: {error}"));
        let now = ids(&inventory);
        saved += u32::from(now != seen);
        due.extend(now.difference(&seen).map(|id| ("detection.container_discovered".to_owned(), id.clone())));
        due.extend(seen.difference(&now).map(|id| ("detection.container_exited".to_owned(), id.clone())));
        seen = now;
    }

    // The kernel ends even one write at a page's edge when its process is killed: such a line is cut short, and its event
    // told again by the next run, as the inventory was not saved. Nothing else may be amiss with a line.
    let mut torn = 0;
    let log = fs::read_to_string(detector.events_file()).unwrap();
    let told: Vec<(String, String)> = log
        .lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(event) => container_event(&event),
            Err(error) => {
                assert!(error.is_eof(), "neither whole nor cut short: {error}: {line}");
                torn += 1;
                None
            }
        })
        .collect();
    assert!(torn <= killed, "{torn} lines are cut short by {killed} kills");
    let distinct: BTreeSet<_> = told.iter().cloned().collect();
    let lost: Vec<_> = due.difference(&distinct).collect();
    let repeats = told.len() - distinct.len();
    println!("{killed} of {RUNS} runs were killed, {saved} saved; {} events, {repeats} of them repeats", told.len());
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(killed > RUNS / 3 && saved > RUNS / 10, "{killed} were killed, {saved} saved: this has not shown much");

    // What killed runs left behind goes with the next one that is not killed.
    detector.run(&[]).ends_with(0);
    let left: Vec<_> = fs::read_dir(detector.state_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "more than the inventory, its lock and the journal's directory: {left:?}");
}

type Ids = BTreeSet<String>;

fn containers(newest: u32) -> Containers {
    let there = newest.saturating_sub(AT_A_TIME) + 1..=newest;
    there.fold(Containers::new("1.41", "1.12"), |all, number| container(all, number, "running"))
}

fn ids(inventory: &Value) -> Ids {
    inventory["containers"]
        .as_object()
        .unwrap()
        .values()
        .map(|entry| entry["full_id"].as_str().unwrap().into())
        .collect()
}

/// Type and container of an event; `None` for those of sources.
fn container_event(event: &Value) -> Option<(String, String)> {
    let id = event["details"]["container_id"].as_str()?;
    let possible = (0..=RUNS).any(|number| container_id(number) == id);
    assert!(possible, "invented: {event}");
    Some((event["event_type"].as_str()?.to_owned(), id.to_owned()))
}

/// Numbers that nobody foresees, and that can be had again: SplitMix64.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = env::var(SEED_VARIABLE).ok().map(|text| text.parse().unwrap());
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let seed = given.unwrap_or_else(now);
        println!("{SEED_VARIABLE}={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (mixed ^ (mixed >> 31)) >> 11;
        limit.mul_f64(share as f64 / (1_u64 << 53) as f64)
    }
}
