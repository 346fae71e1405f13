//! How stops go: side by side, one failure contained, and believed only when seen.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use ds01_core::{
    idle::{Outcome, rules::Waits},
    model::{ContainerId, ContainerStatus},
    source::{
        Acted, ContainerControl, FailureKind, SourceError, SourceName,
        fake::{ContainerSpec, FakeHost, Order, ProcessSpec},
    },
};

use crate::{
    bench::{Bench, POLICY, failed, outcome, trainer},
    meddling::{Engine, name_of},
};

fn refused() -> SourceError {
    SourceError::failed(SourceName::DOCKER, FailureKind::Erred, "HTTP 500: cannot stop")
}

/// Idle containers `t0` and so on, on GPU 0.
fn trainers(count: u32) -> Vec<ContainerSpec> {
    (0..count).map(|n| trainer(&format!("t{n}"), 500 + n)).collect()
}

fn events_of(bench: &Bench, name: &str) -> Vec<String> {
    bench.told().into_iter().filter_map(|told| told.strip_suffix(&format!(" {name}")).map(ToOwned::to_owned)).collect()
}

fn is_t1(host: &FakeHost, id: &ContainerId) -> bool {
    name_of(host, id).as_deref() == Some("t1")
}

#[test]
fn one_that_is_refused_is_reported_and_the_others_are_done() {
    let stubborn = ContainerSpec { refuses_stop: true, ..trainer("stubborn", 600) };
    let bench = Bench::new(POLICY, &[trainers(2), vec![stubborn]].concat());
    bench.up_to_the_stop();
    let checked = bench.check();
    assert!(failed(&checked, "stubborn").contains("does not stop"));
    assert_eq!(events_of(&bench, "stubborn"), ["idle_warning", "stop_failed"]);
    assert_eq!(bench.stopped(), ["t0", "t1"]);
    for name in ["t0", "t1"] {
        assert_eq!(outcome(&checked, name), Some(Outcome::Done));
        assert_eq!(events_of(&bench, name), ["idle_warning", "idle_kill", "gpu_released"]);
    }
    let failure = bench.events().into_iter().find(|event| event["event_type"] == "maintenance.stop_failed").unwrap();
    assert!(failure["details"]["error"].as_str().unwrap().contains("does not stop"), "{failure}");
}

#[test]
fn of_what_fails_at_each_check_it_is_told_once_an_hour() {
    let paused = ContainerSpec { status: Some(ContainerStatus::Paused), ..trainer("stubborn", 600) };
    let mut bench = Bench::new(POLICY, &[paused]);
    let engine = Engine::of(&mut bench);
    *engine.unpause.lock().unwrap() = Some(Arc::new(Box::new(|_: &FakeHost, _: &_| Err(refused()))));
    bench.up_to_the_stop();
    bench.check();
    let stops = |bench: &Bench| bench.notices().iter().filter(|(title, _)| title.contains("BEING STOPPED")).count();
    assert_eq!(stops(&bench), 1);
    (0..11).for_each(|_| drop(bench.next_check()));
    assert_eq!((stops(&bench), events_of(&bench, "stubborn").len()), (1, 13), "each failure is logged");
    bench.next_check();
    assert_eq!(stops(&bench), 2);
}

#[test]
fn what_the_engine_says_is_believed_when_it_is_seen() {
    let mut bench = Bench::new(POLICY, &trainers(2));
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    // It says that t0 was stopped, which runs on, and fails for t1, which has ended.
    engine.stops(move |host, id, grace| {
        if is_t1(host, id) {
            host.stop(id, grace)?;
            return Err(refused());
        }
        Ok(Acted::Done)
    });
    let checked = bench.check();
    assert!(failed(&checked, "t0").contains("it runs on"));
    assert_eq!(events_of(&bench, "t0"), ["idle_warning", "stop_failed"]);
    assert_eq!(outcome(&checked, "t1"), Some(Outcome::Done));
    assert_eq!(events_of(&bench, "t1"), ["idle_warning", "idle_kill", "gpu_released"]);
}

#[test]
fn contexts_that_outlive_their_container_are_reported() {
    let mut bench = Bench::new(POLICY, &trainers(1));
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    engine.stops(|host, id, grace| {
        host.stop(id, grace)?;
        let gpus = [("0".to_owned(), Some(2048))].into();
        host.add_process(&ProcessSpec { pid: 500, gpus, ..ProcessSpec::default() }).unwrap();
        Ok(Acted::Done)
    });
    let checked = bench.check();
    assert!(matches!(outcome(&checked, "t0"), Some(Outcome::Holding(_))), "it was stopped");
    assert_eq!(events_of(&bench, "t0"), ["idle_warning", "idle_kill", "stop_failed"], "and its GPU is not free");
    let error = bench.events()[2]["details"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("contexts of its processes 500"), "{error}");
}

#[test]
fn a_paused_container_is_unpaused_first() {
    let paused = || ContainerSpec { status: Some(ContainerStatus::Paused), ..trainer("train", 501) };
    let bench = Bench::new(POLICY, &[paused()]);
    bench.up_to_the_stop();
    bench.check();
    let grace = Duration::from_secs(20);
    assert_eq!(bench.host.orders(), [Order::Unpause("train".to_owned()), Order::Stop("train".to_owned(), grace)]);

    let mut bench = Bench::new(POLICY, &[paused()]);
    let engine = Engine::of(&mut bench);
    *engine.unpause.lock().unwrap() = Some(Arc::new(Box::new(|_: &FakeHost, _: &_| Err(refused()))));
    bench.up_to_the_stop();
    let checked = bench.check();
    assert!(failed(&checked, "train").contains("could not be unpaused"));
    assert_eq!(bench.host.orders(), [], "it could not react to a stop");
    assert_eq!(events_of(&bench, "train"), ["idle_warning", "stop_failed"]);
}

#[test]
fn a_broadcast_that_fails_stops_nothing() {
    let bench = Bench::new(POLICY, &trainers(1));
    *bench.people.deaf.lock().unwrap() = true;
    bench.up_to_the_stop();
    assert_eq!(outcome(&bench.check(), "t0"), Some(Outcome::Done));
    assert_eq!(bench.notices().len(), 2, "it was tried each time");
    assert_eq!(events_of(&bench, "t0"), ["idle_warning", "idle_kill", "gpu_released"]);
}

/// Each of eight stops waits until all eight are under way.
#[test]
fn eight_are_stopped_at_a_time_and_no_more() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let mut bench = Bench::new(POLICY, &trainers(10));
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    let begun = Arc::new((Mutex::new(0), Condvar::new()));
    engine.stops(move |host, id, grace| {
        MOST.fetch_max(NOW.fetch_add(1, SeqCst) + 1, SeqCst);
        let (count, changed) = &*begun;
        let mut count = count.lock().unwrap();
        *count += 1;
        changed.notify_all();
        let (count, late) = changed.wait_timeout_while(count, Duration::from_secs(60), |count| *count < 8).unwrap();
        assert!(!late.timed_out(), "only {} at a time", *count);
        // A ninth would come at once. On a slow machine it may come too late to be seen, and never too early.
        drop(changed.wait_timeout_while(count, Duration::from_millis(500), |count| *count < 9).unwrap());
        NOW.fetch_sub(1, SeqCst);
        host.stop(id, grace)
    });
    let checked = bench.check();
    assert!(checked.outcomes.values().all(|outcome| *outcome == Outcome::Done), "{:?}", checked.outcomes);
    assert_eq!((bench.stopped().len(), MOST.load(SeqCst)), (10, 8));
}

#[test]
fn a_stop_that_crashes_is_a_failure_of_its_own() {
    let mut bench = Bench::new(POLICY, &trainers(3));
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    engine.stops(move |host, id, grace| {
        assert!(!is_t1(host, id), "on purpose");
        host.stop(id, grace)
    });
    let checked = bench.check();
    assert!(failed(&checked, "t1").contains("crashed"));
    assert_eq!(bench.stopped(), ["t0", "t2"]);
}

#[test]
fn its_own_longer_grace_counts_up_to_five_minutes() {
    let own = |name: &str, pid, seconds| ContainerSpec { stop_timeout_seconds: seconds, ..trainer(name, pid) };
    let bench = Bench::new(
        POLICY,
        &[
            own("none", 501, None),
            own("less", 502, Some(3)),
            own("more", 503, Some(90)),
            own("ever", 504, Some(u64::MAX)),
        ],
    );
    bench.up_to_the_stop();
    bench.check();
    let mut graces: Vec<(String, u64)> = bench
        .host
        .orders()
        .into_iter()
        .filter_map(|order| if let Order::Stop(name, grace) = order { Some((name, grace.as_secs())) } else { None })
        .collect();
    graces.sort();
    let expected = [("ever", 300), ("less", 20), ("more", 90), ("none", 20)];
    assert_eq!(graces, expected.map(|(name, grace)| (name.to_owned(), grace)));
}

#[test]
fn no_more_than_the_policy_allows_are_stopped_in_a_run() {
    let text = POLICY.replace("policies: {", "policies: {max_stops_per_run: 2, ");
    let bench = Bench::new(&text, &trainers(5));
    bench.up_to_the_stop();
    for (so_far, waiting) in [(2, 3), (4, 1), (5, 0)] {
        let checked = bench.check();
        assert_eq!(bench.stopped().len(), so_far);
        let waits = checked.plan.decisions.values().filter(|decision| decision.waits == Some(Waits::Cap));
        assert_eq!(waits.count(), waiting);
        bench.host.advance(Duration::from_secs(300));
    }
}
