use super::*;
use crate::idle::state::IdleState;
use crate::idle::test_support::{THRESHOLDS, facts, id, now, on_gpu, seen};

/// Kept for two hours from second 1000 on.
fn state() -> IdleState {
    let mut state = IdleState::default();
    let kept = Kept {
        by: "alice".to_owned(),
        uid: 1001,
        why: None,
        at: now(1_000).at,
        boot_id: now(1_000).boot_id,
        boot_ms: now(1_000).boot_ms,
        left_ms: 7_200_000,
        used_ms: 0,
        anew: false,
        started_at: facts().started_at,
        extra: Extra::new(),
    };
    state.kept.insert(id(), kept);
    state
}

/// Another boot's second, so many seconds later on the wall clock.
fn rebooted(second: u64, later: i64) -> Now {
    let at = now(0).at.checked_add(jiff::SignedDuration::from_secs(later)).unwrap();
    Now { at, boot_id: "boot-2".to_owned(), ..now(second) }
}

fn left(state: &IdleState) -> Option<u64> {
    state.kept.get(&id()).and_then(Kept::left).map(|left| left.as_secs())
}

#[test]
fn the_boot_clock_counts_and_the_wall_clock_does_not() {
    let mut state = state();
    let ahead = Now { at: now(0).at.checked_add(jiff::SignedDuration::from_hours(100)).unwrap(), ..now(4_600) };
    state.advance_kept(&[facts()], &ahead);
    assert_eq!(left(&state), Some(3_600));
    assert_eq!(state.kept[&id()].until(), Some(ahead.at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap()));
    state.advance_kept(&[facts()], &now(8_200));
    assert_eq!(left(&state), None);
    assert_eq!(state.kept[&id()].used(), Duration::from_secs(7_200), "and what it had is remembered");
}

#[test]
fn after_a_reboot_the_wall_clock_says_what_passed() {
    let mut after = state();
    after.advance_kept(&[facts()], &rebooted(60, 1_800));
    assert_eq!(left(&after), Some(5_400));
    after.advance_kept(&[facts()], &rebooted(1_860, 0));
    assert_eq!(left(&after), Some(3_600), "and from then on the boot clock again");

    let mut back = state();
    back.advance_kept(&[facts()], &rebooted(60, -86_400));
    assert_eq!(left(&back), Some(7_200), "never more than there was");
    let mut late = state();
    late.advance_kept(&[facts()], &rebooted(60, 86_400));
    assert_eq!(left(&late), None);
}

#[test]
fn work_and_another_life_begin_anew_and_idleness_does_not() {
    let idle = |mut state: IdleState| {
        state.tracks.insert(id(), Track::new(&seen(900)));
        state
    };
    let mut waits = idle(state());
    waits.tracks.get_mut(&id()).unwrap().observe(&seen(1_300), &THRESHOLDS);
    waits.advance_kept(&[facts()], &now(1_300));
    assert!(!waits.kept[&id()].anew);
    assert_eq!(waits.kept[&id()].used(), Duration::from_secs(300));

    let mut works = idle(state());
    works.tracks.get_mut(&id()).unwrap().observe(&on_gpu(1_300, 50.0), &THRESHOLDS);
    works.advance_kept(&[facts()], &now(1_300));
    assert_eq!(works.kept[&id()].used(), Duration::ZERO);
    assert_eq!(left(&works), Some(6_900), "it is kept all the same");

    let mut other = state();
    let restarted = ContainerFacts { started_at: Some(jiff::Timestamp::UNIX_EPOCH), ..facts() };
    other.advance_kept(&[restarted], &now(1_300));
    assert!(other.kept[&id()].anew);
}

#[test]
fn what_is_gone_or_over_and_done_with_is_forgotten() {
    let mut gone = state();
    gone.advance_kept(&[], &now(1_001));
    assert!(gone.kept.is_empty());

    let mut over = state();
    over.advance_kept(&[facts()], &now(90_000));
    assert!(over.kept.contains_key(&id()), "this spell has had its time");
    let restarted = ContainerFacts { started_at: Some(jiff::Timestamp::UNIX_EPOCH), ..facts() };
    over.advance_kept(&[restarted], &now(90_300));
    assert!(over.kept.is_empty());
}

#[test]
fn a_state_without_any_reads_as_before() {
    let empty = IdleState::default().to_json().unwrap();
    assert!(!String::from_utf8(empty.clone()).unwrap().contains("kept"));
    assert!(IdleState::from_json(&empty).unwrap().kept.is_empty());
    let some = state();
    assert_eq!(IdleState::kept_in(&some.to_json().unwrap()).unwrap(), some.kept);
    assert!(IdleState::kept_in(&empty).unwrap().is_empty() && IdleState::kept_in(b"{}").is_err());
    let other = br#"{"schema_version": "2", "kept": {}}"#;
    assert!(matches!(IdleState::kept_in(other), Err(crate::idle::StateError::Version { .. })));
    assert_eq!(IdleState::from_json(&some.to_json().unwrap()).unwrap(), some);
}
