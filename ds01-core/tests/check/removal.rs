//! Containers that do not run, and are removed.

use std::sync::Arc;

use ds01_core::{
    idle::Outcome,
    model::ContainerStatus,
    source::{
        Acted, FailureKind, SourceError, SourceName,
        fake::{Change, ContainerSpec, FakeHost, Order, Step},
    },
};

use crate::{
    bench::{Bench, POLICY, STOP_AT, failed, left, managed, outcome, trainer},
    meddling::Engine,
};

const WARNED: &str = "GPU CONTAINER WILL BE REMOVED";
const REMOVED: &str = "GPU CONTAINER IS BEING REMOVED";

fn standing(name: &str, status: ContainerStatus) -> ContainerSpec {
    ContainerSpec { status: Some(status), processes: Vec::new(), ..trainer(name, 0) }
}

fn removed(bench: &Bench) -> Vec<String> {
    let name = |order| if let Order::Remove(name) = order { Some(name) } else { None };
    bench.host.orders().into_iter().filter_map(name).collect()
}

/// After 15 minutes what its user stopped, after 30 what was never started; only what the platform made, and with a GPU.
#[test]
fn created_and_held_ones_are_removed_each_in_its_time() {
    use ContainerStatus::{Created, Exited};
    let without_gpu = |spec| ContainerSpec { gpus: None, ..spec };
    let bench = Bench::new(
        POLICY,
        &[
            managed(standing("made", Created)),
            managed(standing("ended", Exited)),
            standing("plain-made", Created),
            standing("plain-ended", Exited),
            without_gpu(managed(standing("web-made", Created))),
            without_gpu(managed(standing("web-ended", Exited))),
        ],
    );
    bench.checks(3);
    assert_eq!((removed(&bench), bench.notices()), (vec![], vec![]));
    bench.next_check();
    assert_eq!((removed(&bench), bench.told()), (vec![], vec!["removal_warning ended".to_owned()]));
    bench.next_check();
    assert_eq!((removed(&bench), bench.told().len()), (vec!["ended".to_owned()], 3));
    bench.next_check();
    assert_eq!((removed(&bench), bench.told().len()), (vec!["ended".to_owned()], 4));
    let checked = bench.next_check();
    assert_eq!(outcome(&checked, "made"), Some(Outcome::Done));
    assert_eq!(removed(&bench), ["ended", "made"]);
    let told = [
        "removal_warning ended",
        "container_removed ended",
        "gpu_released ended",
        "removal_warning made",
        "created_cleanup made",
        "gpu_released made",
    ];
    assert_eq!(bench.told(), told);
    let left = |n: usize| bench.events()[n]["details"]["removal_in_seconds"].as_u64();
    assert_eq!((left(0), left(3)), (Some(180), Some(300)));
    let notices = ["ended", "made"].map(|name| [WARNED, REMOVED].map(|title| (title.to_owned(), name.to_owned())));
    assert_eq!(bench.notices(), notices.concat());
    (0..10).for_each(|_| drop(bench.next_check()));
    assert_eq!((removed(&bench).len(), bench.told().len()), (2, 6));
}

/// Not to be stopped is not to be removed either.
#[test]
fn on_an_engine_that_the_policy_does_not_name_nothing_is_removed() {
    let standing_ones =
        [managed(standing("made", ContainerStatus::Created)), managed(standing("ended", ContainerStatus::Exited))];
    let bench = Bench::new(&format!("{POLICY}engines: {{reap: [podman]}}\n"), &standing_ones);
    bench.checks(12);
    assert_eq!((removed(&bench), bench.notices(), bench.told()), (vec![], vec![], vec![]));
}

/// Its GPU is free in the allocator only when it is gone.
#[test]
fn a_managed_container_that_was_stopped_is_held_and_then_removed() {
    let bench = Bench::new(POLICY, &[managed(trainer("train", 501))]);
    bench.checks(STOP_AT);
    assert_eq!(bench.told(), ["idle_warning train", "idle_kill train"]);
    let stop = bench.people.texts().pop().unwrap();
    assert!(stop.contains("it is removed after 30m") && stop.contains("docker start train"), "{stop}");
    // It is seen to have ended at the next check, and held for 30 minutes from there on.
    (0..5).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.told().len(), 2);
    bench.next_check();
    assert_eq!(bench.told()[2..], ["removal_warning train"]);
    bench.next_check();
    assert_eq!(bench.told()[3..], ["container_removed train", "gpu_released train"]);
}

/// Docker removes it in the moment in which it ends: nobody is told that anything stays, and its GPU is free.
#[test]
fn one_that_docker_removes_at_its_end_is_stopped_and_said_to_go() {
    let own = |name: &str, pid| ContainerSpec { auto_remove: true, ..trainer(name, pid) };
    let bench = Bench::new(POLICY, &[own("mine", 501), managed(own("made", 502))]);
    bench.checks(STOP_AT - 1);
    let checked = bench.next_check();
    for name in ["mine", "made"] {
        assert_eq!(outcome(&checked, name), Some(Outcome::Done));
        let told: Vec<String> = bench.told().into_iter().filter(|told| told.ends_with(name)).collect();
        assert_eq!(told, ["idle_warning", "idle_kill", "gpu_released"].map(|kind| format!("{kind} {name}")));
    }
    let notices = bench.people.texts();
    assert_eq!(notices.len(), 4);
    for notice in notices {
        assert!(notice.contains("It was started with --rm: when it stops") && !notice.contains("Safe:"), "{notice}");
        assert!(!notice.contains("What follows"), "{notice}");
    }
    assert_eq!(bench.next_check().look.containers, []);
    assert_eq!((removed(&bench).len(), bench.told().len()), (0, 6));
}

/// One that was never started, at the check at which it is removed.
fn due() -> (Bench, Arc<Engine>) {
    let mut bench = Bench::new(POLICY, &[managed(standing("made", ContainerStatus::Created))]);
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    (bench, engine)
}

/// What its owner has heard by then.
fn warned_before() -> Vec<(String, String)> {
    vec![(WARNED.to_owned(), "made".to_owned())]
}

fn told_before() -> Vec<String> {
    vec!["removal_warning made".to_owned()]
}

#[test]
fn one_that_was_started_after_all_is_left() {
    let (bench, engine) = due();
    engine.then(|host| {
        let started = Change { status: Some(ContainerStatus::Running), ..Change::default() };
        host.apply(&Step { change: [("made".to_owned(), started)].into(), ..Step::default() }, true).unwrap();
    });
    let checked = bench.check();
    assert_eq!(left(&checked, "made"), "it was created, and is running now");
    assert_eq!((removed(&bench), bench.told(), bench.notices()), (vec![], told_before(), warned_before()));
}

#[test]
fn one_that_somebody_else_removes_is_left() {
    let (bench, engine) = due();
    engine.then(|host| {
        let removing = Change { status: Some(ContainerStatus::Removing), ..Change::default() };
        host.apply(&Step { change: [("made".to_owned(), removing)].into(), ..Step::default() }, true).unwrap();
    });
    assert_eq!(left(&bench.check(), "made"), "it was created, and is removing now");
    assert_eq!((removed(&bench), bench.notices()), (vec![], warned_before()));
}

#[test]
fn a_removal_that_is_refused_is_reported_and_one_of_nothing_is_none() {
    let (bench, engine) = due();
    let answer = |answer: Result<Acted, SourceError>| {
        *engine.remove.lock().unwrap() = Some(Arc::new(Box::new(move |_: &FakeHost, _: &_| answer.clone())));
    };
    answer(Err(SourceError::failed(SourceName::DOCKER, FailureKind::Erred, "HTTP 409: it runs")));
    assert!(failed(&bench.check(), "made").contains("HTTP 409"));
    assert_eq!(bench.told(), ["removal_warning made", "stop_failed made"]);

    answer(Ok(Acted::Gone));
    assert!(left(&bench.next_check(), "made").contains("gone"));
    assert_eq!(bench.told(), ["removal_warning made", "stop_failed made"]);
}
