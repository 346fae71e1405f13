use super::*;
use crate::idle::{
    Now,
    evidence::ContainerFacts,
    rules::{Asked, ContainerPolicy, Demand, Supposed, supposed},
    state::Warning,
    test_support::{THRESHOLDS, container_policy, facts, now, seen},
};

/// A container that was observed idle for so many minutes up to now, at the third idle check.
struct Given {
    now: Now,
    facts: ContainerFacts,
    policy: ContainerPolicy,
    track: Track,
}

impl Given {
    fn idle_minutes(minutes: u64) -> Self {
        let mut track = Track::new(&seen(10_000 - 30));
        track.observe(&seen(10_000), &THRESHOLDS);
        track.idle_ms = minutes * 60_000;
        track.idle_checks = 3;
        let policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: null}\n");
        Self { now: now(10_000), facts: facts(), policy, track }
    }

    /// Warned at the check before, of a stop that may come now.
    fn warned(mut self) -> Self {
        self.track.warning = Some(Warning::new(self.now.at, 6, self.now.boot_ms));
        self
    }

    fn case(&self) -> Case<'_> {
        let Self { now, facts, policy, track } = self;
        Case { now, check: 7, facts, policy, track: Some(track), demand: None, kept: None }
    }

    fn decide(&self) -> Decision {
        decide(&self.case(), &KeepAlive::Absent)
    }
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

fn is_stop(decision: &Decision) -> bool {
    matches!(decision.action, Action::Stop { cause: StopCause::Idle, .. })
}

#[test]
fn the_way_to_a_stop() {
    let decision = Given::idle_minutes(10).decide();
    assert_eq!((decision.action, decision.next), (Action::Nothing, Next::Warning(minutes(14))));
    let decision = Given::idle_minutes(25).decide();
    assert_eq!(decision.action, Action::Warn { left: minutes(5), keep_alive_refused: None });
    let decision = Given::idle_minutes(28).warned().decide();
    assert_eq!((decision.action, decision.next), (Action::Nothing, Next::Stop(minutes(2))));
    assert!(is_stop(&Given::idle_minutes(30).warned().decide()));
}

#[test]
fn each_thing_that_a_stop_waits_for() {
    let mut given = Given::idle_minutes(90).warned();
    given.track.idle_checks = 2;
    assert_eq!(given.decide().waits, Some(Waits::Window(2, 3)));

    let mut given = Given::idle_minutes(90).warned();
    given.track.warning.as_mut().unwrap().check = 7;
    assert_eq!(given.decide().waits, Some(Waits::Announced), "warned at this very check");
    given.track.warning = Some(Warning::new(given.now.at, 6, given.now.boot_ms + 1));
    assert_eq!(given.decide().waits, Some(Waits::Announced));

    let given = Given::idle_minutes(90);
    assert_eq!(given.decide().action, Action::Warn { left: LATE_NOTICE, keep_alive_refused: None });

    let given = Given::idle_minutes(90).warned();
    let kept = decide(&given.case(), &KeepAlive::File(given.now.at));
    assert_eq!((kept.action, kept.waits), (Action::Nothing, Some(Waits::Kept)));
    let unclear = decide(&given.case(), &KeepAlive::Unreadable("500".to_owned()));
    assert_eq!((unclear.action, unclear.waits), (Action::Nothing, Some(Waits::KeepAliveUnreadable("500".to_owned()))));
}

#[test]
fn high_demand_shrinks_the_timeout() {
    let given = Given::idle_minutes(15).warned();
    let demanded = |assigned| {
        let case = Case { demand: Some(Demand { assigned, total: 10 }), ..given.case() };
        decide(&case, &KeepAlive::Absent)
    };
    assert!(is_stop(&demanded(8)));
    assert_eq!(demanded(7).action, Action::Nothing);
    assert_eq!(demanded(8).idle_limit, Some(minutes(15)));
}

#[test]
fn the_grace_is_the_longer_of_two_up_to_five_minutes() {
    let grace = |own: Option<u64>| {
        let mut given = Given::idle_minutes(30).warned();
        given.facts.stop_timeout = own.map(Duration::from_secs);
        match given.decide().action {
            Action::Stop { grace, .. } => grace.as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([grace(None), grace(Some(10)), grace(Some(120)), grace(Some(9_999))], [60, 60, 120, 300]);
}

#[test]
fn the_keep_alive_file_is_asked_for_only_when_it_matters() {
    assert!(!asks_keep_alive(&Given::idle_minutes(23).case()));
    assert!(asks_keep_alive(&Given::idle_minutes(24).case()));
    let mut given = Given::idle_minutes(24);
    given.facts.has_gpu = Some(false);
    assert!(!asks_keep_alive(&given.case()));
}

/// Two minutes before its run-time stop, of which it was warned, and idle for so many minutes.
fn near_its_runtime_stop(idle: u64) -> Given {
    let mut given = Given::idle_minutes(idle);
    given.policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: 2h2m}\n");
    given.track.runtime_warning = Some(Warning::new(given.now.at, 6, given.now.boot_ms));
    given
}

#[test]
fn what_comes_first_is_next_and_the_rest_comes_later() {
    let stop = Next::RuntimeStop(minutes(2));
    let decided = |given: Given| {
        let decision = given.decide();
        (decision.next, decision.later)
    };
    assert_eq!(decided(near_its_runtime_stop(10)), (stop, vec![Next::Warning(minutes(14))]));
    assert_eq!(decided(near_its_runtime_stop(23)), (Next::Warning(minutes(1)), vec![stop]));
    assert_eq!(decided(near_its_runtime_stop(27).warned()), (stop, vec![Next::Stop(minutes(3))]));
    let mut window = near_its_runtime_stop(40).warned();
    window.track.idle_checks = 1;
    assert_eq!(decided(window), (stop, vec![Next::StopAfterChecks(2)]));

    let given = near_its_runtime_stop(25);
    let kept = decide(&given.case(), &KeepAlive::File(given.now.at));
    let until = given.now.at.checked_add(minutes(24 * 60)).unwrap();
    assert_eq!((kept.next, kept.later, kept.waits), (stop, vec![Next::KeptUntil(Some(until))], Some(Waits::Kept)));

    let mut grace = near_its_runtime_stop(0);
    grace.policy.resolved.rules.grace_period.value = minutes(241);
    assert_eq!(decided(grace), (stop, vec![Next::GraceEnds(minutes(121))]));

    // What is hours away is no news yet.
    let mut far = near_its_runtime_stop(10);
    far.policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: 10h}\n");
    assert_eq!(decided(far), (Next::Warning(minutes(14)), vec![Next::RuntimeWarning(minutes(360))]));
}

#[test]
fn what_checks_would_have_done_by_now() {
    let would = |given: &Given| supposed(Some(&given.case()), &given.decide());
    assert_eq!(would(&Given::idle_minutes(23)), None);
    assert_eq!(would(&Given::idle_minutes(24)), Some(Supposed::Warned));
    assert_eq!(would(&Given::idle_minutes(30)), Some(Supposed::Stopped(StopCause::Idle)));
    // Warned by a check that was made long ago, and this look is the first idle one since.
    let mut resumed = Given::idle_minutes(30).warned();
    resumed.track.idle_checks = 1;
    assert_eq!(would(&resumed), Some(Supposed::Stopped(StopCause::Idle)));
    let given = Given::idle_minutes(30);
    assert_eq!(supposed(Some(&given.case()), &decide(&given.case(), &KeepAlive::File(given.now.at))), None);

    let mut long = Given::idle_minutes(0);
    long.policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: 2h30m}\n");
    assert_eq!(would(&long), Some(Supposed::Warned));
    long.policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: 2h}\n");
    assert_eq!(would(&long), Some(Supposed::Stopped(StopCause::Runtime)));
}

#[test]
fn who_is_not_known_to_have_heard_his_warning_waits_where_the_policy_asks_for_it() {
    use crate::policy::RequireDelivery;
    let mut given = Given::idle_minutes(40).warned();
    given.policy.require_delivery = RequireDelivery::Any;
    let decision = given.decide();
    assert_eq!((&decision.action, &decision.waits), (&Action::Nothing, &Some(Waits::Untold)));
    assert_eq!(warned_again(&given.case()), Some(Action::Warn { left: minutes(4), keep_alive_refused: None }));
    given.track.warning.as_mut().unwrap().confirmed.push("hook:mail".to_owned());
    assert!(is_stop(&given.decide()));
    // Before its limit, nothing is withheld.
    let mut early = Given::idle_minutes(28).warned();
    early.policy.require_delivery = RequireDelivery::Any;
    assert_eq!((early.decide().waits, early.decide().next), (None, Next::Stop(minutes(2))));
}

/// As somebody asked, for so many more minutes.
fn kept(minutes: u64) -> Kept {
    let asked = Asked {
        id: crate::idle::test_support::id(),
        uid: 1001,
        by: "alice".to_owned(),
        span: Duration::from_secs(60 * minutes),
        at: now(10_000).at,
        why: None,
    };
    asked.granted(None, None, &facts(), &now(10_000)).unwrap()
}

#[test]
fn while_somebody_keeps_it_it_is_neither_warned_nor_stopped_for_idleness() {
    let kept = kept(90);
    let decide_kept = |given: &Given, kept| decide(&Case { kept: Some(kept), ..given.case() }, &KeepAlive::Absent);
    for given in [Given::idle_minutes(10), Given::idle_minutes(25), Given::idle_minutes(500).warned()] {
        let decision = decide_kept(&given, &kept);
        assert_eq!((decision.action, decision.waits), (Action::Nothing, Some(Waits::Asked)));
        assert_eq!(decision.next, Next::KeptUntil(kept.until()));
        assert!(!asks_keep_alive(&Case { kept: Some(&kept), ..given.case() }), "no file makes a difference");
    }
    let over = Kept { left_ms: 0, ..kept.clone() };
    assert!(is_stop(&decide_kept(&Given::idle_minutes(30).warned(), &over)));

    let mut too_long = Given::idle_minutes(30);
    too_long.policy = container_policy("defaults: {idle_timeout: 30m, max_runtime: 1h}\n");
    too_long.track.runtime_warning = Given::idle_minutes(0).warned().track.warning;
    let decision = decide_kept(&too_long, &kept);
    assert!(
        matches!(decision.action, Action::Stop { cause: StopCause::Runtime, .. }),
        "its run time ends it all the same"
    );
}
