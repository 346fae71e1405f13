use super::*;
use crate::{
    idle::{
        rules::ContainerPolicy,
        state::Track,
        test_support::{THRESHOLDS, container_policy, facts, id, now, seen},
    },
    model::ContainerStatus,
};

/// The state that a check left which was killed while it stopped the one container, idle for 90 s and up for two hours.
fn killed(cause: StopCause) -> IdleState {
    let mut state = IdleState::default();
    state.observe("boot-1", &[seen(1000), seen(1090)], |_| Some(THRESHOLDS));
    let (facts, policy, now) =
        (facts(), container_policy("defaults: {idle_timeout: 30m, max_runtime: 1h}\n"), now(1090));
    let case = case(&facts, &policy, state.tracks.get(&id()), &now);
    let stopping = Stopping::of(&case, cause);
    state.stopping.insert(id(), stopping);
    // It went through the disk.
    IdleState::from_json(&state.to_json().unwrap()).unwrap()
}

fn case<'a>(
    facts: &'a ContainerFacts,
    policy: &'a ContainerPolicy,
    track: Option<&'a Track>,
    now: &'a Now,
) -> Case<'a> {
    Case { now, check: 7, facts, policy, track, demand: None, kept: None }
}

fn with(status: ContainerStatus, started_at: Option<&str>) -> ContainerFacts {
    ContainerFacts { status, started_at: started_at.map(|text| text.parse().unwrap()), ..facts() }
}

fn holds(_: &ContainerId, _: &[String]) -> bool {
    false
}

fn lets_go(_: &ContainerId, gpus: &[String]) -> bool {
    gpus == ["GPU-1"]
}

const BEGAN: Option<&str> = Some("2026-03-02T12:00:00Z");
const LATER: Option<&str> = Some("2026-03-02T13:00:00Z");

#[test]
fn a_stop_that_happened_is_told_once_with_what_was_known_when_it_began() {
    let mut state = killed(StopCause::Idle);
    let events = state.settle(&[with(ContainerStatus::Exited, BEGAN)], holds, &now(1400));
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.timestamp, event.user.as_deref()), (now(1400).at, Some("alice")));
    let expected = serde_json::json!({
        "container": "train",
        "container_id": "ab".repeat(32),
        "container_type": "docker",
        "idle_seconds": 90,
        "idle_duration": "1m30s",
        "evidence": "GPU 0 %, CPU 0.0 % of one core, network 0B, nothing started",
        "gpus": ["GPU-1"],
    });
    assert_eq!(event.details.event_type(), "maintenance.idle_kill");
    assert_eq!(serde_json::to_value(&event.details).unwrap(), expected);
    assert_eq!(state.settle(&[with(ContainerStatus::Exited, BEGAN)], holds, &now(1400)), []);
}

#[test]
fn it_happened_also_where_it_was_removed_or_started_anew_since() {
    for containers in [vec![], vec![with(ContainerStatus::Running, LATER)], vec![with(ContainerStatus::Created, None)]]
    {
        let events = killed(StopCause::Idle).settle(&containers, holds, &now(1400));
        assert_eq!(events.len(), 1, "{containers:?}");
    }
}

/// The check that stopped it would have told that its GPUs are free.
#[test]
fn its_gpus_are_free_where_no_context_is_left() {
    let told = |containers: &[ContainerFacts], lets_go: fn(&ContainerId, &[String]) -> bool| {
        let events = killed(StopCause::Idle).settle(containers, lets_go, &now(1400));
        events.iter().map(|event| event.details.event_type()).collect::<Vec<_>>()
    };
    let (killed, released) = ("maintenance.idle_kill", "maintenance.gpu_released");
    let exited = with(ContainerStatus::Exited, BEGAN);
    assert_eq!(told(std::slice::from_ref(&exited), lets_go), [killed, released]);
    assert_eq!(told(std::slice::from_ref(&exited), holds), [killed]);
    assert_eq!(told(&[], lets_go), [killed, released], "it was removed");
    assert_eq!(told(&[with(ContainerStatus::Running, LATER)], lets_go), [killed], "it was started anew, and has them");
    let managed = ContainerFacts { origin: crate::detect::Origin::Managed, ..exited };
    assert_eq!(told(std::slice::from_ref(&managed), lets_go), [killed], "it has them until it is removed");
    assert_eq!(told(&[ContainerFacts { auto_remove: true, ..managed }], lets_go), [killed, released]);
}

#[test]
fn one_that_runs_on_was_not_stopped_and_is_judged_anew() {
    for status in [ContainerStatus::Running, ContainerStatus::Paused] {
        let mut state = killed(StopCause::Idle);
        assert_eq!(state.settle(&[with(status, BEGAN)], lets_go, &now(1400)), []);
        assert!(state.stopping.is_empty() && state.standing.is_empty() && state.tracks.contains_key(&id()));
    }
}

#[test]
fn one_that_runs_and_does_not_tell_its_life_is_asked_about_again() {
    let mut state = killed(StopCause::Idle);
    assert_eq!(state.settle(&[with(ContainerStatus::Running, None)], lets_go, &now(1400)), []);
    assert_eq!(state.settle(&[with(ContainerStatus::Exited, BEGAN)], holds, &now(1700)).len(), 1);
}

#[test]
fn a_stop_for_run_time_says_how_long_it_had_run() {
    let events = killed(StopCause::Runtime).settle(&[], holds, &now(9000));
    assert_eq!(events[0].details.event_type(), "maintenance.runtime_kill");
    assert_eq!(serde_json::to_value(&events[0].details).unwrap()["runtime_seconds"], 7200);
}

/// A hold for what its user stopped himself is another one.
#[test]
fn it_is_remembered_who_stopped_it() {
    let mut state = killed(StopCause::Idle);
    let exited = with(ContainerStatus::Exited, BEGAN);
    state.settle(std::slice::from_ref(&exited), holds, &now(1400));
    let standing = crate::idle::state::Standing::seen(state.standing.remove(&id()), &exited, &now(1400)).unwrap();
    assert!(standing.stopped_here);
}
