use std::time::Duration;

use super::*;

const ALICE: u32 = 1001;
const BOB: u32 = 1002;

/// A name service that says this, and nothing of whom it is not said.
fn says(names: &[(u32, &str)], ids: &[(&str, u32)]) -> SeenUsers {
    let silent = |uid: u32| Reading::from(Unknown::new(UnknownKind::TimedOut, format!("no answer for {uid}")));
    let named = |uid: u32| names.iter().find(|(other, _)| *other == uid).map(|(_, name)| (*name).to_owned());
    SeenUsers {
        names: [ALICE, BOB].map(|uid| (uid, named(uid).map_or_else(|| silent(uid), Reading::Known))).into(),
        ids: ids.iter().map(|(name, uid)| ((*name).to_owned(), Reading::Known(*uid))).collect(),
    }
}

fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn known<'a>(name: &'a str, remembered: Option<&'a Remembered>) -> Option<Known<'a>> {
    Some(Known { name, remembered, scanned: Some(noon()) })
}

/// What Alice's process is called that was called so before, and why, where it is remembered.
fn called(seen: &SeenUsers, own: Option<Known<'_>>) -> Option<(String, Option<String>)> {
    let nobody = Inventory::empty();
    let named = Names::new(Some(seen), &nobody).name(ALICE, own)?;
    assert!(named.remembered.as_ref().is_none_or(|remembered| remembered.as_of == noon()));
    Some((named.name, named.remembered.map(|remembered| remembered.why)))
}

fn now(name: &str) -> Option<(String, Option<String>)> {
    Some((name.to_owned(), None))
}

fn remembered(name: &str, why: &str) -> Option<(String, Option<String>)> {
    Some((name.to_owned(), Some(why.to_owned())))
}

#[test]
fn a_name_is_kept_with_its_age_while_nobody_says_it() {
    let silent = says(&[], &[]);
    assert_eq!(called(&silent, None), None);
    assert_eq!(called(&silent, known("alice", None)), remembered("alice", "no answer for 1001"));
    // It does not get younger by being remembered.
    let earlier = Remembered { as_of: noon() - Duration::from_secs(3600), why: "x".to_owned() };
    let nobody = Inventory::empty();
    let named = Names::new(Some(&silent), &nobody).name(ALICE, known("alice", Some(&earlier))).unwrap();
    assert_eq!(named.remembered.unwrap().as_of, earlier.as_of);
    let back = says(&[(ALICE, "alice")], &[]);
    assert_eq!(called(&back, known("alice", Some(&earlier))), now("alice"));
    // Where nobody could ask, what is known is neither older nor younger.
    let named = Names::new(None, &nobody).name(ALICE, known("alice", Some(&earlier))).unwrap();
    assert_eq!(named.remembered, Some(earlier));
}

#[test]
fn what_one_started_is_never_anothers() {
    // Her number is Bob's by now: what runs with it is hers, and what he starts is his.
    let reused = says(&[(ALICE, "bob")], &[("bob", ALICE)]);
    assert_eq!(
        called(&reused, known("alice", None)),
        remembered("alice", "the name service calls user id 1001 bob now")
    );
    assert_eq!(called(&reused, None), now("bob"));
    // It contradicts itself, so it is not believed.
    let lies = says(&[(ALICE, "bob"), (BOB, "bob")], &[("bob", BOB), ("alice", ALICE)]);
    assert_eq!(called(&lies, known("alice", None)), now("alice"), "she is called so too, it says");
    assert_eq!(called(&lies, None), None);
    let lies = says(&[(ALICE, "bob")], &[("bob", BOB)]);
    assert_eq!(called(&lies, known("alice", None)), remembered("alice", "the name service calls user id 1001 bob now"));
}

#[test]
fn of_two_names_for_one_user_the_first_stays() {
    let two = [("alice", ALICE), ("alice-adm", ALICE)];
    assert_eq!(called(&says(&[(ALICE, "alice-adm")], &two), known("alice", None)), now("alice"));
    assert_eq!(called(&says(&[(ALICE, "alice")], &two), known("alice-adm", None)), now("alice-adm"));
    assert_eq!(called(&says(&[(ALICE, "alice-adm")], &two), None), now("alice-adm"));
}

#[test]
fn another_process_of_a_user_has_the_name_that_was_said_last() {
    let json = include_str!("../../../fixtures/inventory-example.json");
    let mut picture = Inventory::from_json(json.as_bytes()).unwrap();
    let entry = picture.host_processes.values().next().unwrap().clone();
    let two_days_ago = Remembered { as_of: noon() - Duration::from_secs(172_800), why: "x".to_owned() };
    let called = |pid, user: &str, user_remembered: Option<&Remembered>| ProcessEntry {
        pid,
        uid: ALICE,
        user: user.to_owned(),
        user_remembered: user_remembered.cloned(),
        ..entry.clone()
    };
    let all = [called(1, "alice", Some(&two_days_ago)), called(2, "alice.smith", None), called(3, "1001", None)];
    picture.host_processes = all.into_iter().map(|entry| (entry.pid, entry)).collect();
    let silent = says(&[], &[]);
    let named = Names::new(Some(&silent), &picture).name(ALICE, None).unwrap();
    assert_eq!((named.name.as_str(), named.remembered.unwrap().as_of), ("alice.smith", picture.last_scan.unwrap()));
    let lies = says(&[(ALICE, "bob")], &[("bob", BOB)]);
    assert_eq!(Names::new(Some(&lies), &picture).name(ALICE, None).unwrap().name, "alice.smith");
    assert_eq!(Names::new(Some(&silent), &picture).name(BOB, None), None);
}

#[test]
fn the_id_of_an_owner_is_kept_until_it_is_somebody_elses() {
    let nobody = Inventory::empty();
    let id = |seen: &SeenUsers, before| Names::new(Some(seen), &nobody).id("alice", before);
    let silent = says(&[], &[]);
    assert_eq!((id(&silent, None), id(&silent, Some(ALICE))), (None, Some(ALICE)));
    assert_eq!(id(&says(&[(ALICE, "bob")], &[]), Some(ALICE)), None, "it is Bob's by now");
    assert_eq!(id(&says(&[(BOB, "alice")], &[("alice", BOB)]), Some(ALICE)), Some(BOB), "she has another number now");
    let lies = says(&[(BOB, "bob")], &[("alice", BOB)]);
    assert_eq!(id(&lies, Some(ALICE)), Some(ALICE), "that is Bob's number");
    assert_eq!(id(&says(&[], &[("alice", ALICE)]), None), Some(ALICE));
    assert_eq!(Names::new(None, &nobody).id("alice", Some(ALICE)), Some(ALICE));
}

#[test]
fn what_nobody_can_be_called_is_no_name() {
    for name in ["", " ", "a\nb", "a\u{1b}[2J", "caf\u{fffd}", "ali:ce", "a\u{202e}b", "unknown", &"x".repeat(257)] {
        let why = sound(ALICE, Reading::Known(name.to_owned()));
        let why = why.unknown().unwrap_or_else(|| panic!("{name:?}"));
        assert!(why.detail.starts_with("the name service calls user id 1001 "), "{why}");
        assert!(!why.detail.contains(char::is_control) && why.detail.len() < 2000, "{why}");
    }
    for name in ["alice", "al ice", "UNI\\alice", "alice@uni.example", "10042", "мария", "x"] {
        assert_eq!(sound(ALICE, Reading::Known(name.to_owned())), Reading::Known(name.to_owned()));
    }
}
