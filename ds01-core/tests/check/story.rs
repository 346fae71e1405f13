//! The whole life of an idle spell, on one host after another.

use std::{fs, path::PathBuf, time::Duration};

use ds01_core::{
    idle::{self, Action, IdleState, Outcome, Reason},
    scan::{self, ScanOptions},
    source::fake::{Change, ContainerSpec, GpuRequest, Order, Work},
};
use jiff::SignedDuration;

use crate::bench::{Bench, POLICY, STOP_AT, action, id, outcome, policy, trainer};

const WARNED: &str = "IDLE GPU CONTAINER: WILL BE STOPPED";
const STOPPED: &str = "GPU CONTAINER IS BEING STOPPED";
const EXEMPT: &str = "GPU CONTAINER OVER ITS LIMIT: EXEMPT";

fn all(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(title, name)| ((*title).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn idle_on_all_it_is_warned_and_stopped_at_a_later_check() {
    let bench = Bench::new(POLICY, &[trainer("train", 501)]);
    bench.checks(STOP_AT - 2);
    assert_eq!((bench.told().len(), bench.notices().len()), (0, 0));

    let warned = bench.next_check();
    assert!(matches!(action(&warned, "train"), Action::Warn { .. }));
    assert_eq!(bench.told(), ["idle_warning train"]);
    assert_eq!(bench.notices(), all(&[(WARNED, "train")]));
    assert_eq!(bench.host.orders(), []);

    let stopped = bench.next_check();
    assert_eq!(outcome(&stopped, "train"), Some(Outcome::Done));
    assert_eq!(bench.host.orders(), [Order::Stop("train".to_owned(), Duration::from_secs(20))]);
    assert_eq!(bench.told(), ["idle_warning train", "idle_kill train", "gpu_released train"]);
    assert_eq!(bench.notices(), all(&[(WARNED, "train"), (STOPPED, "train")]));

    let events = bench.events();
    assert_eq!(events[0]["details"]["stop_in_seconds"], 300);
    assert_eq!(events[1]["details"]["idle_seconds"], 1800);
    assert_eq!(events[1]["user"], "alice");
    assert_eq!(events[1]["source"], "ds01-idle");
    assert_eq!(events[1]["details"]["gpus"], serde_json::json!(["GPU-0"]));

    // Nothing more comes of it.
    (0..20).for_each(|_| drop(bench.next_check()));
    assert_eq!((bench.told().len(), bench.notices().len(), bench.host.orders().len()), (3, 2, 1));
}

#[test]
fn work_between_warning_and_stop_begins_all_anew() {
    let bench = Bench::new(POLICY, &[trainer("train", 501)]);
    bench.checks(STOP_AT - 1);
    let percent = |percent| Change { gpu_percent: [(501, percent)].into(), ..Change::default() };
    bench.change("train", percent(40));
    let working = bench.next_check();
    assert!(matches!(working.plan.decisions[&id(&working, "train")].reason, Some(Reason::NotIdle(_))));
    bench.change("train", percent(0));
    (0..5).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.told(), ["idle_warning train", "idle_warning train"], "a spell, a warning");
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn work_of_any_kind_keeps_whoever_does_it() {
    let cpu = Work { cpu_percent: 300.0, ..Work::default() };
    let network = Work { net_bytes_per_second: 1_000_000, ..Work::default() };
    let mut busy = trainer("busy", 502);
    busy.processes[0].gpu_percent = 95;
    // Beside work of others it would be waited for: no sampler sees what it does there.
    let mut idle = ContainerSpec { gpus: Some(GpuRequest::Ids(vec!["1".to_owned()])), ..trainer("idle", 501) };
    idle.processes[0].gpus = [("1".to_owned(), Some(1_000))].into();
    let bench = Bench::new(
        POLICY,
        &[
            idle,
            busy,
            ContainerSpec { work: cpu, ..trainer("loads", 503) },
            ContainerSpec { work: network, ..trainer("fetches", 504) },
            ContainerSpec { keep_alive: Some(SignedDuration::from_mins(1)), ..trainer("kept", 505) },
            ContainerSpec { name: "web".to_owned(), ..ContainerSpec::default() },
        ],
    );
    bench.checks(3 * STOP_AT);
    assert_eq!(bench.stopped(), ["idle"]);
    assert!(bench.told().iter().all(|told| told.ends_with(" idle")), "{:?}", bench.told());
}

#[test]
fn an_exempt_owner_is_told_once_and_not_stopped() {
    let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
    let exemptions = "exemptions:\n  - {username: alice, exempt_from: [idle_timeout], reason: thesis, \
        approved_by: bob, expires_on: 2026-03-02}\n";
    bench.policy = policy(POLICY, Some(exemptions));
    bench.checks(5 * STOP_AT);
    assert_eq!(bench.told(), ["exempt train"]);
    assert_eq!(bench.notices(), all(&[(EXEMPT, "train")]));
    assert_eq!(bench.stopped(), [""; 0]);

    // Its last day is over.
    bench.host.advance(Duration::from_secs(12 * 3600));
    bench.checks(STOP_AT);
    assert_eq!(bench.stopped(), ["train"]);
    assert_eq!(bench.told(), ["exempt train", "idle_warning train", "idle_kill train", "gpu_released train"]);
}

#[test]
fn its_run_time_ends_it_whether_it_works_or_not() {
    let mut busy = trainer("train", 501);
    busy.processes[0].gpu_percent = 95;
    let text = POLICY.replace("max_runtime: null", "max_runtime: 24h30m");
    let bench = Bench::new(&text, &[busy]);
    bench.check();
    assert_eq!(bench.told(), ["runtime_warning train"]);
    (0..5).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.stopped(), [""; 0]);
    bench.next_check();
    assert_eq!(bench.told(), ["runtime_warning train", "runtime_kill train", "gpu_released train"]);
    assert_eq!(bench.events()[1]["details"]["runtime_seconds"], 24 * 3600 + 1800);
}

/// What one process of the reaper knows and has not written down, the next one does not need: the state directory moves
/// between any two checks, with the litter of a run that was killed.
#[test]
fn a_restart_at_any_point_changes_nothing() {
    let story = |restarts: bool| {
        let gpu_1 = || ContainerSpec { gpus: Some(GpuRequest::Ids(vec!["1".to_owned()])), ..trainer("late", 502) };
        let mut bench = Bench::new(POLICY, &[trainer("train", 501), gpu_1()]);
        for number in 0..3 * STOP_AT {
            if restarts && number > 0 {
                fs::write(bench.state_dir.join(".idle-state.json.tmp-0123456789abcdef"), "{\"half").unwrap();
                let moved = bench.dir().join(format!("state-{number}"));
                fs::rename(&bench.state_dir, &moved).unwrap();
                bench.state_dir = moved;
            }
            // One works at the beginning.
            let percent = if number < 5 { 50 } else { 0 };
            if number == 0 || number == 5 {
                bench.change("late", Change { gpu_percent: [(502, percent)].into(), ..Change::default() });
            }
            bench.next_check();
            let hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
            assert!(!bench.written().keys().any(hidden), "litter is cleared away");
        }
        let last = IdleState::from_json(&fs::read(bench.state_dir.join("idle-state.json")).unwrap()).unwrap();
        // Two are stopped side by side, and each is told of when it has ended.
        let mut events = bench.events();
        events
            .sort_by_key(|event| (event["timestamp"].to_string(), event["event_type"].to_string(), event.to_string()));
        let (mut notices, mut orders) = (bench.notices(), bench.host.orders());
        notices.sort_unstable();
        orders.sort_by_key(|order| format!("{order:?}"));
        (events, notices, orders, last)
    };
    let (events, notices, orders, state) = story(false);
    assert_eq!(orders.len(), 2, "{orders:?}");
    assert_eq!(story(true), (events, notices, orders, state));
}

/// Checks up to the warning; then the timer is off for two hours, in which the detector sees that nothing is done.
fn after_a_pause(policy: &str) -> Bench {
    let bench = Bench::new(policy, &[trainer("train", 501)]);
    bench.checks(STOP_AT - 1);
    assert_eq!(bench.told(), ["idle_warning train"]);
    for _ in 0..24 {
        bench.host.advance(Duration::from_secs(300));
        let idle::CheckOptions { state_dir, events, deadline, settings, .. } = bench.options();
        scan::run(&bench.sources, &ScanOptions { state_dir, events, deadline, settings, metrics: None }).unwrap();
    }
    bench
}

#[test]
fn after_a_pause_without_checks_nobody_is_stopped_at_once() {
    let bench = after_a_pause(POLICY);
    for _ in 0..2 {
        bench.next_check();
        assert_eq!(bench.stopped(), [""; 0], "three idle checks in a row are needed");
    }
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn not_even_where_one_idle_check_is_enough() {
    let bench = after_a_pause(&POLICY.replace("idle_detection_window: 3", "idle_detection_window: 1"));
    bench.next_check();
    assert_eq!(bench.stopped(), [""; 0], "the first check after it");
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}

/// Its owner was told that he is exempt. When that ends, he has to be warned.
#[test]
fn a_warning_from_before_an_exemption_is_none() {
    let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
    bench.checks(STOP_AT - 1);
    let exempt =
        "exemptions: [{username: alice, exempt_from: [idle_timeout], reason: x, approved_by: y, expires_on: null}]\n";
    bench.policy = policy(POLICY, Some(exempt));
    (0..12).for_each(|_| drop(bench.next_check()));
    bench.policy = policy(POLICY, None);
    bench.next_check();
    assert_eq!(bench.stopped(), [""; 0], "an hour later, and unwarned");
    assert_eq!(bench.told(), ["idle_warning train", "exempt train", "idle_warning train"]);
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}
