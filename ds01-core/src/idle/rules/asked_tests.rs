use proptest::prelude::*;

use super::*;
use crate::idle::test_support::{facts, id, noon, now};

const DAY: Duration = Duration::from_secs(86_400);

fn hours(n: u64) -> Duration {
    Duration::from_secs(3_600 * n)
}

fn asked(span: Duration) -> Asked {
    Asked { id: id(), uid: 1001, by: "alice".to_owned(), span, at: noon(), why: None }
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
    let before = Kept { used_ms: millis(hours(20)), ..grant(&asked(hours(8)), None).unwrap() };
    assert_eq!(left(&grant(&asked(hours(8)), Some(&before)).unwrap()), hours(4));
    let over = Kept { used_ms: millis(DAY), left_ms: 0, ..before.clone() };
    assert!(grant(&asked(hours(8)), Some(&over)).unwrap_err().contains("which is the most"));
    let worked = Kept { anew: true, ..over };
    assert_eq!(left(&grant(&asked(hours(48)), Some(&worked)).unwrap()), DAY);
    assert_eq!(left(&grant(&asked(hours(1)), Some(&before)).unwrap()), hours(1), "the last one counts");
}

#[test]
fn root_has_no_limit_and_nobody_else_makes_that_shorter() {
    let root = Asked { uid: 0, by: "root".to_owned(), ..asked(hours(100)) };
    let kept = root.granted(None, Some(Duration::ZERO), &facts(), &now(10_000)).unwrap();
    assert_eq!(left(&kept), hours(100));
    assert_eq!(grant(&asked(hours(8)), Some(&kept)).unwrap_err(), "root keeps it for longer");
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
    let owner = |user, source| Owner { user, source, home: None, main_uid: Some(0) };
    let (alice, bob) = ((1001, Some("alice")), (1002, Some("bob")));
    let may = |(uid, name): (u32, Option<&str>), owner: Owner<'_>| may_keep(uid, name, &owner).is_ok();

    let by_process = Owner { main_uid: Some(1001), ..owner(Some("alice"), UserSource::ProcessUid) };
    assert!(may(alice, by_process) && !may(bob, by_process) && may((0, Some("root")), by_process));
    assert!(!may(alice, Owner { main_uid: Some(1002), ..by_process }), "it runs as somebody else by now");
    let nameless = Owner { user: Some("1003"), main_uid: Some(1003), ..by_process };
    assert!(may((1003, None), nameless), "a user whom the name service does not know");

    let by_mount = Owner { home: Some("alice"), ..owner(Some("alice"), UserSource::BindMount) };
    assert!(may(alice, by_mount) && !may(bob, by_mount));

    for source in [
        UserSource::LabelDs01,
        UserSource::LabelAime,
        UserSource::LabelDevContainer,
        UserSource::LabelCompose,
        UserSource::EnvDs01,
        UserSource::EnvNotebook,
        UserSource::EnvJupyterHub,
    ] {
        let named = owner(Some("alice"), source);
        assert!(!may(alice, named), "{source}: a name that somebody wrote");
        assert!(!may((1001, None), Owner { user: Some("1001"), ..named }), "{source}: or a number");
        assert!(may(alice, Owner { main_uid: Some(1001), ..named }), "{source}: and it runs as her");
        assert!(may(alice, Owner { home: Some("alice"), ..named }), "{source}: and her home is in it");
        assert!(!may(bob, Owner { main_uid: Some(1002), home: Some("bob"), ..named }), "{source}: it is alice's by name");
        assert!(!may(alice, Owner { main_uid: None, ..named }), "{source}: nobody can tell");
    }
    assert!(!may(alice, owner(None, UserSource::Unknown)));
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
