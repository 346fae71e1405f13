//! A check that is killed while it stops a container: the next one says what became of it.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use ds01_core::{
    idle::CheckError,
    source::{
        Acted, ContainerControl,
        fake::{ContainerSpec, Order, SourceMood, Step},
    },
};

use crate::{
    bench::{Bench, POLICY, STOP_AT, id, managed, trainer},
    meddling::Engine,
};

/// What the next check finds after one that was killed in the middle of its stop of `train`, be it that the engine carried
/// it out or not.
fn after_a_kill(train: ContainerSpec, carried_out: bool, then: impl FnOnce(Bench)) {
    after_a_kill_beside(train, &[], carried_out, then);
}

/// The same, with others that came five minutes later.
fn after_a_kill_beside(train: ContainerSpec, later: &[ContainerSpec], carried_out: bool, then: impl FnOnce(Bench)) {
    let mut bench = Bench::new(POLICY, &[train]);
    let engine = Engine::of(&mut bench);
    bench.check();
    later.iter().for_each(|spec| bench.host.add_container(spec).unwrap());
    (0..STOP_AT - 2).for_each(|_| drop(bench.next_check()));
    bench.host.advance(Duration::from_secs(300));
    let (begun, stops) = mpsc::channel();
    let (keep_waiting, never) = mpsc::channel::<()>();
    let (begun, never) = (Mutex::new(begun), Mutex::new(never));
    engine.stops(move |host, id, grace| {
        if carried_out {
            host.stop(id, grace)?;
        }
        begun.lock().unwrap().send(()).unwrap();
        // It ends when the test does.
        let _ = never.lock().unwrap().recv();
        Ok(Acted::Done)
    });
    let bench = Arc::new(bench);
    let check = thread::spawn({
        let bench = Arc::clone(&bench);
        move || drop(bench.try_check())
    });
    let _check = Hanging { keep_waiting: Some(keep_waiting), check: Some(check) };
    stops.recv_timeout(Duration::from_secs(60)).expect("the stop was never begun");
    // What is on the disk at this instant is all that a killed check leaves.
    then(bench.twin());
}

/// A check that hangs until the test is over, however that ends.
struct Hanging {
    keep_waiting: Option<mpsc::Sender<()>>,
    check: Option<thread::JoinHandle<()>>,
}

impl Drop for Hanging {
    fn drop(&mut self) {
        drop(self.keep_waiting.take());
        // Its directory goes with it.
        let _ = self.check.take().map(thread::JoinHandle::join);
    }
}

#[test]
fn a_stop_that_was_carried_out_is_reported_exactly_once() {
    after_a_kill(trainer("train", 501), true, |bench| {
        assert_eq!(bench.told(), ["idle_warning train"], "the event was not written yet");
        bench.next_check();
        assert_eq!(bench.told(), ["idle_warning train", "idle_kill train", "gpu_released train"]);
        let event = &bench.events()[1];
        assert_eq!((&event["user"], &event["details"]["idle_seconds"]), (&"alice".into(), &1800.into()));
        (0..3).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.told().len(), 3);
        assert_eq!(bench.host.orders().len(), 1);
        assert_eq!(bench.notices(), [], "its notice came before it");
    });
}

#[test]
fn a_stop_that_was_not_carried_out_is_judged_anew() {
    after_a_kill(trainer("train", 501), false, |bench| {
        bench.next_check();
        assert_eq!(bench.host.orders(), [Order::Stop("train".to_owned(), Duration::from_secs(20))]);
        assert_eq!(bench.told(), ["idle_warning train", "idle_kill train", "gpu_released train"]);
        assert_eq!(bench.notices().len(), 1);
        (0..3).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.told().len(), 3);
    });
}

/// Telling comes first, and stopping can take minutes.
#[test]
fn who_was_warned_before_it_is_not_warned_twice() {
    after_a_kill_beside(trainer("train", 501), &[trainer("other", 502)], true, |bench| {
        assert_eq!(bench.told(), ["idle_warning train", "idle_warning other"]);
        let checked = bench.next_check();
        assert!(checked.state.tracks[&id(&checked, "other")].warning.is_some());
        assert_eq!(
            bench.told()[2..],
            ["idle_kill train", "gpu_released train", "idle_kill other", "gpu_released other"]
        );
        assert_eq!(bench.notices().iter().filter(|(title, _)| title.contains("WILL BE STOPPED")).count(), 0);
    });
}

#[test]
fn checks_that_judge_nobody_neither_report_nor_forget_it() {
    after_a_kill(trainer("train", 501), true, |mut bench| {
        for mood in [SourceMood::Refused, SourceMood::Ok] {
            bench.apply(&Step { docker: Some(mood), ..Step::default() });
            if mood == SourceMood::Refused {
                bench.next_check();
            } else {
                bench.only = vec!["nobody".to_owned()];
                assert!(matches!(bench.try_check(), Err(CheckError::NoSuchContainer(_))));
                assert!(matches!(bench.try_check(), Err(CheckError::NoSuchContainer(_))));
                bench.only.clear();
            }
            assert_eq!(bench.told(), ["idle_warning train"], "{mood:?}");
        }
        (0..3).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.told(), ["idle_warning train", "idle_kill train", "gpu_released train"]);
    });
}

/// What its user stopped is removed after 15 minutes.
#[test]
fn what_it_stopped_is_held_as_what_the_reaper_stopped() {
    after_a_kill(managed(trainer("train", 501)), true, |bench| {
        (0..5).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.told(), ["idle_warning train", "idle_kill train"]);
        bench.next_check();
        assert_eq!(bench.told()[2..], ["removal_warning train"]);
        bench.next_check();
        assert_eq!(bench.told()[3..], ["container_removed train", "gpu_released train"]);
    });
}
