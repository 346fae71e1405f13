use super::*;
use crate::{
    idle::test_support::{THRESHOLDS, container_policy, facts, now, on_gpu, seen},
    model::{ContainerStatus, Unknown, UnknownKind},
};

fn check(
    cause: StopCause,
    change: impl FnOnce(&mut Option<ContainerFacts>, &mut Reading<Observation>, &mut KeepAlive),
) -> Result<(), Changed> {
    let mut track = Track::new(&seen(9_970));
    track.observe(&seen(10_000), &THRESHOLDS);
    let (mut facts, mut seen, mut keep_alive) = (Some(facts()), Reading::Known(seen(10_002)), KeepAlive::Absent);
    change(&mut facts, &mut seen, &mut keep_alive);
    let policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: 24h}\n");
    let now = now(10_002);
    let reread = Reread { now: &now, facts: facts.as_ref(), seen: seen.as_ref(), keep_alive: &keep_alive };
    recheck(cause, &track, &reread, &policy.resolved.rules)
}

#[test]
fn the_same_container_still_idle_may_be_stopped() {
    assert_eq!(check(StopCause::Idle, |_, _, _| {}), Ok(()));
    assert_eq!(check(StopCause::Idle, |facts, _, _| facts.as_mut().unwrap().status = ContainerStatus::Paused), Ok(()));
    assert_eq!(check(StopCause::Idle, |_, _, file| *file = KeepAlive::Link), Ok(()));
}

#[test]
fn another_container_or_another_life_is_left() {
    for cause in [StopCause::Idle, StopCause::Runtime] {
        assert_eq!(check(cause, |facts, _, _| *facts = None), Err(Changed::Gone));
        let other = "cd".repeat(32).parse().unwrap();
        assert_eq!(check(cause, |facts, _, _| facts.as_mut().unwrap().id = other), Err(Changed::Gone));
        let later = Some("2026-03-02T12:00:01Z".parse().unwrap());
        assert_eq!(check(cause, |facts, _, _| facts.as_mut().unwrap().started_at = later), Err(Changed::Restarted));
        let exited = ContainerStatus::Exited;
        assert_eq!(check(cause, |facts, _, _| facts.as_mut().unwrap().status = exited), Err(Changed::NotRunning));
    }
}

#[test]
fn fresh_work_and_darkness_keep_it_from_an_idle_stop_only() {
    let works = |_: &mut _, seen: &mut Reading<Observation>, _: &mut _| *seen = Reading::Known(on_gpu(10_002, 50.0));
    let why = |changed: Result<(), Changed>| changed.unwrap_err().to_string();
    let seen = "(GPU 50 %, CPU 0.0 % of one core, network 0B, nothing started)";
    assert_eq!(why(check(StopCause::Idle, works)), format!("not idle: it works on a GPU {seen}"));
    assert_eq!(check(StopCause::Runtime, works), Ok(()));
    let loads = |_: &mut _, seen: &mut Reading<Observation>, _: &mut _| {
        let mut now = crate::idle::test_support::seen(10_002);
        now.cpu_us = Reading::Known(2_000_000);
        *seen = Reading::Known(now);
    };
    let seen = "(GPU 0 %, CPU 50.0 % of one core, network 0B, nothing started)";
    assert_eq!(why(check(StopCause::Idle, loads)), format!("not idle: it works, but not on a GPU {seen}"));
    let dark = |_: &mut _, seen: &mut Reading<Observation>, _: &mut _| {
        *seen = Unknown::new(UnknownKind::TimedOut, "no answer").into();
    };
    assert_eq!(check(StopCause::Idle, dark), Err(Changed::NotIdle(Verdict::NoEvidence, None)));
}

#[test]
fn a_keep_alive_that_came_in_time_counts() {
    let kept = |file: KeepAlive| check(StopCause::Idle, |_, _, keep_alive| *keep_alive = file);
    assert_eq!(kept(KeepAlive::File(now(0).at)), Err(Changed::Kept));
    assert_eq!(kept(KeepAlive::Unreadable("500".to_owned())), Err(Changed::Kept));
}

#[test]
fn a_second_look_that_came_too_late_is_none() {
    let late = |_: &mut _, fresh: &mut Reading<Observation>, _: &mut _| *fresh = Reading::Known(seen(10_601));
    assert_eq!(check(StopCause::Idle, late), Err(Changed::NotIdle(Verdict::NoEvidence, None)));
}
