use proptest::prelude::*;

use super::*;
use crate::idle::test_support::{facts, id, noon, now};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;
const DAY: Duration = Duration::from_secs(86_400);

fn hours(n: u64) -> Duration {
    Duration::from_secs(3_600 * n)
}

fn asked(span: Duration) -> Asked {
    Asked { id: id(), uid: ALICE, by: "alice".to_owned(), span, at: noon(), why: None }
}

fn grant(asked: &Asked, before: Option<&Kept>) -> Result<Kept, String> {
    asked.granted(before, Some(DAY), &facts(), &now(10_000))
}

fn left(kept: &Kept) -> Duration {
    kept.left().unwrap_or_default()
}

#[test]
fn it_is_kept_for_what_was_asked_from_when_it_was_asked_up_to_the_most() {
    assert_eq!(left(&grant(&asked(hours(8)), None).unwrap()), hours(8));
    assert_eq!(left(&grant(&asked(hours(48)), None).unwrap()), DAY);
    let earlier = |ago: i64, span| {
        let at = noon().checked_sub(jiff::SignedDuration::from_hours(ago)).unwrap();
        grant(&Asked { at, ..asked(span) }, None)
    };
    assert_eq!(left(&earlier(3, hours(8)).unwrap()), hours(5), "the timer was off, or the host was down");
    assert_eq!(left(&earlier(3, hours(48)).unwrap()), hours(21), "the most counts from then, too");
    assert!(earlier(9, hours(8)).unwrap_err().contains("was over"));
    assert_eq!(left(&earlier(-100, hours(8)).unwrap()), hours(8), "dated ahead");
    let none = asked(hours(8)).granted(None, Some(Duration::ZERO), &facts(), &now(10_000));
    assert!(none.unwrap_err().contains("keep_max is 0s"));
    let any = asked(hours(1_000)).granted(None, None, &facts(), &now(10_000)).unwrap();
    assert_eq!(left(&any), hours(1_000), "null is no limit");
}

#[test]
fn requests_do_not_add_up_until_it_works_again() {
    let before = Kept { used_ms: millis(hours(20)), ..grant(&asked(hours(2)), None).unwrap() };
    assert_eq!(left(&grant(&asked(hours(8)), Some(&before)).unwrap()), hours(4));
    let over = Kept { used_ms: millis(DAY), left_ms: 0, ..before.clone() };
    assert!(grant(&asked(hours(8)), Some(&over)).unwrap_err().contains("which is the most"));
    let worked = Kept { anew: true, ..over };
    assert_eq!(left(&grant(&asked(hours(48)), Some(&worked)).unwrap()), DAY);
    assert_eq!(left(&grant(&asked(hours(1)), Some(&before)).unwrap()), hours(2), "the longest one counts");
}

#[test]
fn root_has_no_limit_and_nobody_else_makes_that_shorter() {
    let root = Asked { uid: 0, by: "root".to_owned(), ..asked(hours(100)) };
    let kept = root.granted(None, Some(Duration::ZERO), &facts(), &now(10_000)).unwrap();
    assert_eq!(left(&kept), hours(100));
    assert_eq!(grant(&asked(hours(8)), Some(&kept)).unwrap_err(), "root keeps it for longer");
    let shorter = Asked { span: hours(1), ..root };
    assert_eq!(left(&shorter.granted(Some(&kept), Some(DAY), &facts(), &now(10_000)).unwrap()), hours(1));
}

#[test]
fn a_hostile_reason_is_safe_and_short() {
    let why = |text: &str| grant(&Asked { why: Some(text.to_owned()), ..asked(hours(1)) }, None).unwrap().why;
    assert_eq!(why("overnight run"), Some("overnight run".to_owned()));
    assert_eq!(why(" \t "), None);
    assert_eq!(why("\u{1b}[2J\nroot: ok\u{202e}"), Some("\\x1b[2J\\nroot: ok\\u{202e}".to_owned()));
    assert_eq!(why(&"é\n".repeat(4_000)).unwrap().chars().count(), LONGEST_WHY);
}

#[test]
fn who_may_keep_it() {
    let owner = |source| Owner {
        user: Some("alice"),
        uid: Some(ALICE),
        source,
        home: None,
        directories: None,
        engine: None,
        main_uid: Some(0),
    };
    let may = |uid, owner: Owner<'_>| may_keep(uid, &owner).is_ok();

    let bobs_engine = Owner { engine: Some(BOB), main_uid: Some(ALICE), ..owner(UserSource::ProcessUid) };
    assert!(may(BOB, bobs_engine) && may(0, bobs_engine) && !may(ALICE, bobs_engine), "whatever his engine says");

    let by_process = Owner { main_uid: Some(ALICE), ..owner(UserSource::ProcessUid) };
    assert!(may(ALICE, by_process) && !may(BOB, by_process) && may(0, by_process));
    assert!(!may(ALICE, Owner { main_uid: Some(BOB), ..by_process }), "it runs as somebody else by now");
    assert!(may(ALICE, Owner { uid: None, ..by_process }), "the kernel needs no name service");

    let by_mount = Owner { home: Some("alice"), ..owner(UserSource::BindMount) };
    assert!(may(ALICE, by_mount) && !may(BOB, by_mount));
    assert!(!may(ALICE, Owner { uid: None, ..by_mount }), "who alice is, nobody knows");

    for source in [
        UserSource::LabelDs01,
        UserSource::LabelAime,
        UserSource::LabelDevContainer,
        UserSource::LabelCompose,
        UserSource::EnvDs01,
        UserSource::EnvNotebook,
        UserSource::EnvJupyterHub,
    ] {
        let named = owner(source);
        assert!(!may(ALICE, named), "{source}: a name that somebody wrote");
        assert!(may(ALICE, Owner { main_uid: Some(ALICE), ..named }), "{source}: and it runs as her");
        assert!(may(ALICE, Owner { home: Some("alice"), ..named }), "{source}: and her home is in it");
        assert!(may(ALICE, Owner { directories: Some(ALICE), ..named }), "{source}: and her directories are in it");
        assert!(!may(ALICE, Owner { directories: Some(BOB), ..named }), "{source}: and bob's directories are in it");
        let in_bobs_home = Owner { directories: Some(ALICE), home: Some("bob"), ..named };
        assert!(!may(ALICE, in_bobs_home), "{source}: and bob's home is in it");
        assert!(!may(BOB, Owner { directories: Some(BOB), ..named }), "{source}: nothing names bob");
        let bobs = Owner { main_uid: Some(BOB), home: Some("bob"), ..named };
        assert!(!may(BOB, bobs) && !may(ALICE, bobs), "{source}: bob's, in which alice's name stands");
        assert!(!may(ALICE, Owner { main_uid: None, ..named }), "{source}: nobody can tell");
        assert!(may(0, named), "{source}: root");
    }
    assert!(!may(ALICE, Owner { user: None, ..owner(UserSource::Unknown) }));
}

proptest! {
    /// Whatever is asked when, and however often: without work in between, no request reaches beyond the most from the first.
    #[test]
    fn repeated_requests_never_reach_beyond_the_most(
        requests in prop::collection::vec((0_u64..100_000, 1_u64..200_000, -100_000_i64..100_000), 1..20),
    ) {
        let mut kept: Option<Kept> = None;
        let (mut at, mut first) = (10_000, None);
        for (wait, span, dated) in requests {
            at += wait;
            let mut state = crate::idle::IdleState::default();
            state.kept.extend(kept.take().map(|kept| (id(), kept)));
            state.advance_kept(&[facts()], &now(at));
            kept = state.kept.remove(&id());
            let at_wall = noon().checked_sub(jiff::SignedDuration::from_secs(dated)).unwrap();
            let request = Asked { at: at_wall, ..asked(Duration::from_secs(span)) };
            if let Ok(granted) = request.granted(kept.as_ref(), Some(DAY), &facts(), &now(at)) {
                let first = *first.get_or_insert(at);
                prop_assert!(at + left(&granted).as_secs() <= first + DAY.as_secs());
                kept = Some(granted);
            }
        }
    }
}
