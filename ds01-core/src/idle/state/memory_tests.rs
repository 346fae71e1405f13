use super::*;
use crate::idle::test_support::{THRESHOLDS, id, seen};

fn state() -> IdleState {
    let mut state = IdleState::default();
    state.observe("boot-1", &[seen(1000), seen(1030)], |_| Some(THRESHOLDS));
    state
}

#[test]
fn fields_of_other_versions_survive() {
    let mut value: Value = serde_json::from_slice(&state().to_json().unwrap()).unwrap();
    value["later"] = "kept".into();
    value["tracks"][id().as_str()]["later"] = 7.into();
    let read = IdleState::from_json(value.to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&read.to_json().unwrap()).unwrap();
    assert_eq!(written, value);
}

#[test]
fn other_versions_and_damage_are_told_apart() {
    let other = IdleState::from_json(br#"{"schema_version":"2","tracks":[]}"#);
    assert_eq!(other, Err(StateError::Version { found: "\"2\"".to_owned() }));
    let bytes = state().to_json().unwrap();
    for damaged in [&bytes[..bytes.len() / 2], b"", b"{}", b"[]", br#"{"schema_version":"1","tracks":7}"#] {
        assert!(matches!(IdleState::from_json(damaged), Err(StateError::Corrupt(_))));
    }
}

#[test]
fn an_error_quotes_nothing_that_acts_on_a_terminal() {
    for damaged in ["{\"schema_version\":\"2\u{7f}\"}", "{\"schema_version\":\"1\",\"tracks\":\"\u{7f}\u{202e}\"}"] {
        let error = IdleState::from_json(damaged.as_bytes()).unwrap_err().to_string();
        assert!(!error.contains(['\u{7f}', '\u{202e}']), "{error:?}");
    }
}

#[test]
fn observations_are_taken_in_once_in_their_order_and_of_this_boot() {
    let mut again = state();
    again.observe("boot-1", &[seen(1030), seen(1000), seen(1000)], |_| Some(THRESHOLDS));
    assert_eq!(again, state());

    let mut other_boot = seen(1060);
    other_boot.boot_id = "boot-0".to_owned();
    again.observe("boot-1", &[other_boot], |_| Some(THRESHOLDS));
    assert_eq!(again, state());

    let mut shuffled = IdleState::default();
    shuffled.observe("boot-1", &[seen(1030), seen(1000)], |_| Some(THRESHOLDS));
    assert_eq!(shuffled, state());
}

#[test]
fn a_new_start_is_a_new_life_and_late_words_of_the_old_one_change_nothing() {
    let mut restarted = seen(1060);
    restarted.started_at = "2026-03-02T12:17:00Z".parse().unwrap();
    let mut state = state();
    state.observe("boot-1", std::slice::from_ref(&restarted), |_| Some(THRESHOLDS));
    assert_eq!(state.tracks[&id()], Track::new(&restarted));
    state.observe("boot-1", &[seen(1050)], |_| Some(THRESHOLDS));
    assert_eq!(state.tracks[&id()], Track::new(&restarted));
}
