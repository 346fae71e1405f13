//! What changes between the decision and the stop: the container is left.

use std::time::Duration;

use ds01_core::{
    idle::Checked,
    model::ContainerStatus,
    source::{
        Clock, FailureKind, PathStat, SourceError, SourceName,
        fake::{Appear, Change, ContainerSpec, Disappear, FakeHost, ProcessSpec, SourceMood, Step, Work},
    },
};

use crate::{
    bench::{Bench, POLICY, STOP_AT, left, trainer},
    meddling::Engine,
};

/// A check that decides to stop `train`, and what came of it when `happening` came between. Nobody was stopped.
fn left_when(happening: impl FnOnce(&FakeHost) + Send + 'static) -> (Bench, Checked) {
    let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    engine.then(happening);
    let checked = bench.check();
    assert_eq!(bench.host.orders(), []);
    assert_eq!(bench.told(), ["idle_warning train"]);
    assert_eq!(bench.notices().len(), 1, "nobody is told of a stop that does not come");
    (bench, checked)
}

fn apply(host: &FakeHost, step: &Step) {
    host.apply(step, true).unwrap();
}

fn change(host: &FakeHost, change: Change) {
    apply(host, &Step { change: [("train".to_owned(), change)].into(), ..Step::default() });
}

/// From here on idle: it is warned again before it is stopped, and each no earlier than a new container would be.
fn begins_anew(bench: &Bench) {
    let mut checks = 0;
    while bench.told().len() == 1 {
        bench.next_check();
        checks += 1;
        assert!(checks <= STOP_AT, "never warned again");
    }
    assert_eq!(bench.told(), ["idle_warning train", "idle_warning train"]);
    assert!(checks >= STOP_AT - 2, "after {checks} checks");
    assert_eq!(bench.stopped(), [""; 0]);
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn restarted() {
    let (bench, checked) = left_when(|host| change(host, Change { restart: true, ..Change::default() }));
    assert_eq!(left(&checked, "train"), "it was started anew");
    begins_anew(&bench);
}

#[test]
fn replaced_by_another_of_its_name() {
    let (bench, checked) = left_when(|host| {
        let disappear = Disappear { containers: vec!["train".to_owned()], ..Disappear::default() };
        let appear = Appear { containers: vec![trainer("train", 502)], ..Appear::default() };
        apply(host, &Step { disappear, appear, ..Step::default() });
    });
    assert!(left(&checked, "train").contains("gone"));
    begins_anew(&bench);
}

#[test]
fn ended_or_removed_by_its_user() {
    let (_, checked) =
        left_when(|host| change(host, Change { status: Some(ContainerStatus::Exited), ..Change::default() }));
    assert_eq!(left(&checked, "train"), "it does not run any more");
    let (_, checked) = left_when(|host| {
        let disappear = Disappear { containers: vec!["train".to_owned()], ..Disappear::default() };
        apply(host, &Step { disappear, ..Step::default() });
    });
    assert!(left(&checked, "train").contains("gone"));
}

#[test]
fn begins_to_work_on_its_gpu() {
    let (bench, checked) =
        left_when(|host| change(host, Change { gpu_percent: [(501, 80)].into(), ..Change::default() }));
    assert!(left(&checked, "train").starts_with("not idle: it works on a GPU (GPU 80 %, "));
    // Only the last look saw it.
    bench.change("train", Change { gpu_percent: [(501, 0)].into(), ..Change::default() });
    begins_anew(&bench);
}

/// Telling takes its time, and more of it the more terminals there are.
#[test]
fn begins_to_work_while_its_user_is_told() {
    let bench = Bench::new(POLICY, &[trainer("train", 501)]);
    bench.up_to_the_stop();
    let host = bench.host.clone();
    let work = move || change(&host, Change { gpu_percent: [(501, 80)].into(), ..Change::default() });
    *bench.people.meanwhile.lock().unwrap() = Some(Box::new(work));
    let checked = bench.check();
    assert!(left(&checked, "train").starts_with("not idle: it works on a GPU (GPU 80 %, "));
    assert_eq!((bench.host.orders(), bench.told()), (vec![], vec!["idle_warning train".to_owned()]));
    let titles: Vec<String> = bench.notices().into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles[1..], ["GPU CONTAINER IS BEING STOPPED", "GPU CONTAINER IS LEFT ALONE"]);
    let taken_back = bench.people.texts().pop().unwrap();
    assert!(taken_back.contains("Why: not idle: it works on a GPU (GPU 80 %, "), "{taken_back}");
    // Only the last look saw it.
    bench.change("train", Change { gpu_percent: [(501, 0)].into(), ..Change::default() });
    begins_anew(&bench);
}

#[test]
fn begins_to_load_data() {
    let (bench, checked) = left_when(|host| {
        change(host, Change { work: Some(Work { cpu_percent: 100.0, ..Work::default() }), ..Change::default() });
        host.advance(Duration::from_secs(2));
    });
    assert!(left(&checked, "train").starts_with("not idle: it works, but not on a GPU (GPU 0 %, "));
    bench.change("train", Change { work: Some(Work::default()), ..Change::default() });
    begins_anew(&bench);
}

#[test]
fn starts_a_program() {
    let (bench, checked) = left_when(|host| {
        let program = ProcessSpec { pid: 502, name: "evaluate".to_owned(), ..ProcessSpec::default() };
        change(host, Change { processes: vec![program], ..Change::default() });
    });
    assert!(left(&checked, "train").starts_with("not idle: it works, but not on a GPU (GPU 0 %, "));
    begins_anew(&bench);
}

#[test]
fn its_gpu_can_no_longer_be_read() {
    let (_, checked) = left_when(|host| apply(host, &Step { nvml: Some(SourceMood::Errs), ..Step::default() }));
    assert_eq!(left(&checked, "train"), "not idle: no evidence, no verdict");
}

#[test]
fn gets_a_keep_alive_or_one_that_nobody_can_read() {
    for readable in [true, false] {
        let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
        let engine = Engine::of(&mut bench);
        bench.up_to_the_stop();
        let files = engine.clone();
        engine.then(move |host| {
            let failed = SourceError::failed(SourceName::DOCKER, FailureKind::Erred, "HTTP 500");
            let answer = if readable { Ok(PathStat::File(host.now())) } else { Err(failed) };
            files.files.lock().unwrap().insert("train".to_owned(), answer);
        });
        assert!(left(&bench.check(), "train").contains("keep-alive"));
        // It answers the warning for as long as it holds.
        (0..STOP_AT).for_each(|_| drop(bench.next_check()));
        assert_eq!((bench.stopped(), bench.told()), (vec![], vec!["idle_warning train".to_owned()]));
        engine.files.lock().unwrap().clear();
        (0..2).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.stopped(), ["train"]);
        // One that could be read answered the warning, so that there was another one.
        let warnings = bench.told().iter().filter(|told| *told == "idle_warning train").count();
        assert_eq!(warnings, if readable { 2 } else { 1 });
    }
}

#[test]
fn loses_the_source_of_a_bind_mount() {
    const DATA: &str = "/scratch/data";
    for before_the_decision in [true, false] {
        let mut bench = Bench::new(POLICY, &[ContainerSpec { binds: vec![DATA.to_owned()], ..trainer("train", 501) }]);
        let engine = Engine::of(&mut bench);
        bench.up_to_the_stop();
        if before_the_decision {
            bench.host.remove_path(DATA);
            bench.check();
        } else {
            engine.then(|host| host.remove_path(DATA));
            assert!(left(&bench.check(), "train").contains("keep-alive"));
        }
        assert!(!bench.host.has_path(DATA), "the engine made it anew");
        bench.next_check();
        assert_eq!(bench.stopped(), [""; 0]);
        assert!(!bench.host.has_path(DATA));
        bench.host.put_path_back(DATA);
        (0..2).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.stopped(), ["train"]);
    }
}

#[test]
fn another_name_is_no_other_container() {
    let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
    let engine = Engine::of(&mut bench);
    bench.up_to_the_stop();
    engine.then(|host| change(host, Change { name: Some("precious".to_owned()), ..Change::default() }));
    bench.check();
    assert_eq!(bench.stopped(), ["precious"]);
}

#[test]
fn over_its_run_time_only_another_life_saves_it() {
    let text = POLICY.replace("max_runtime: null", "max_runtime: 24h30m");
    for (happens, stopped) in [
        (Change { gpu_percent: [(501, 80)].into(), ..Change::default() }, true),
        (Change { restart: true, ..Change::default() }, false),
    ] {
        let mut bench = Bench::new(&text, &[trainer("train", 501)]);
        let engine = Engine::of(&mut bench);
        bench.up_to_the_stop();
        engine.then(move |host| change(host, happens));
        let checked = bench.check();
        assert!(!checked.outcomes.is_empty());
        assert_eq!(bench.stopped().len(), usize::from(stopped));
        assert_eq!(bench.told().contains(&"runtime_kill train".to_owned()), stopped);
    }
}
