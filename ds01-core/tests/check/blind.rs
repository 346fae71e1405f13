//! A source that tells nothing: nobody is touched, and nothing is written.

use ds01_core::{
    idle::Outcome,
    source::{
        SourceName,
        fake::{SourceMood, Step},
    },
};

use crate::bench::{Bench, POLICY, managed, outcome, trainer};

fn with(source: &SourceName, mood: SourceMood) -> Step {
    let mood_of = |name| (name == *source).then_some(mood);
    Step {
        docker: mood_of(SourceName::DOCKER),
        nvml: mood_of(SourceName::Nvml),
        proc: mood_of(SourceName::Proc),
        ..Step::default()
    }
}

#[test]
fn while_any_source_fails_or_is_absent_nobody_is_touched_and_nothing_is_written() {
    use SourceMood::{Absent, Denied, Errs, Hangs, Nonsense, Refused};
    for source in [SourceName::DOCKER, SourceName::Nvml, SourceName::Proc] {
        let ended = ds01_core::source::fake::ContainerSpec {
            status: Some(ds01_core::model::ContainerStatus::Exited),
            processes: Vec::new(),
            ..managed(trainer("ended", 502))
        };
        let bench = Bench::new(POLICY, &[trainer("train", 501), ended]);
        bench.checks(3);
        // From here on the one that ended is due to be removed, and soon the other one to be warned, and stopped.
        for mood in [Absent, Refused, Denied, Hangs, Errs, Nonsense] {
            bench.apply(&with(&source, mood));
            let before = (bench.written(), bench.notices(), bench.host.orders());
            for _ in 0..3 {
                let checked = bench.next_check();
                assert_eq!(checked.blind(), Some(source.clone()), "{mood:?}");
                assert!(checked.plan.decisions.is_empty() && checked.outcomes.is_empty(), "{mood:?}");
                assert_eq!((bench.written(), bench.notices(), bench.host.orders()), before, "{source} {mood:?}");
            }
        }
    }
}

#[test]
fn a_gap_of_a_source_is_no_idle_time() {
    for source in [SourceName::DOCKER, SourceName::Nvml, SourceName::Proc] {
        let bench = Bench::new(POLICY, &[trainer("train", 501)]);
        // Idle for 15 minutes, blind for an hour.
        bench.checks(4);
        bench.apply(&with(&source, SourceMood::Errs));
        (0..12).for_each(|_| drop(bench.next_check()));
        bench.apply(&with(&source, SourceMood::Ok));
        // 20 minutes at the second check from here, and 30 at the fourth.
        (0..2).for_each(|_| drop(bench.next_check()));
        assert_eq!(bench.told(), [""; 0], "{source}");
        bench.next_check();
        assert_eq!(bench.told(), ["idle_warning train"], "{source}");
        let stopped = bench.next_check();
        assert_eq!(outcome(&stopped, "train"), Some(Outcome::Done), "{source}");
    }
}

/// Docker answered when the check looked, and does not when it would act.
#[test]
fn an_engine_that_goes_away_in_the_middle_is_a_failure_of_each_stop() {
    let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
    let engine = crate::meddling::Engine::of(&mut bench);
    bench.up_to_the_stop();
    engine.then(|host| host.apply(&with(&SourceName::DOCKER, SourceMood::Refused), true).unwrap());
    let checked = bench.check();
    assert!(crate::bench::failed(&checked, "train").contains("could not be looked at again"));
    assert_eq!(bench.told(), ["idle_warning train", "stop_failed train"]);
    assert_eq!(bench.stopped(), [""; 0]);

    bench.apply(&with(&SourceName::DOCKER, SourceMood::Ok));
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"], "it comes again");
}
