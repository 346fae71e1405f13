//! Counters only grow, whatever happens to the host; and they come to what the ledger says.

use std::{collections::BTreeMap, fs, time::Duration};

use ds01_core::{
    idle::Journal,
    ledger::{Ledger, Row},
    model::{ContainerStatus, day_of},
    policy::Retention,
    source::fake::{Appear, Change, Disappear, ProcessSpec, Step},
    store::Store,
};
use jiff::SignedDuration;

use crate::lab::{Lab, trainer};

const HELD: &str = r#"ds01_user_gpu_seconds_total{user="alice",state="held"}"#;
const AT_WORK: &str = r#"ds01_user_gpu_seconds_total{user="alice",state="at_work"}"#;

/// All counters.
fn counters(lab: &Lab) -> BTreeMap<String, f64> {
    lab.series().into_iter().filter(|(name, _)| name.split('{').next().unwrap().ends_with("_total")).collect()
}

/// Fails when one of `before` is gone, or less.
fn grown_since(before: &BTreeMap<String, f64>, lab: &Lab, what: &str) -> BTreeMap<String, f64> {
    let now = counters(lab);
    for (name, value) in before {
        assert!(now.get(name).is_some_and(|now| now >= value), "{what}: {name} was {value}, is {:?}", now.get(name));
    }
    now
}

#[test]
fn nothing_but_a_lost_file_makes_a_counter_run_backwards() {
    let mut lab = Lab::new(&[trainer("train", 500, 90)]);
    lab.checks(8);
    let mut before = counters(&lab);
    assert!(before[HELD] > 1000.0 && before[AT_WORK] > 1000.0 && before[AT_WORK] <= before[HELD], "{before:?}");

    lab.happens(Step {
        change: [("train".to_owned(), Change { gpu_percent: [(500, 0)].into(), ..Change::default() })].into(),
        ..Step::default()
    });
    lab.checks(9);
    before = grown_since(&before, &lab, "it idles, is warned and stopped");
    assert_eq!(before[r#"ds01_reaper_actions_total{action="warned",cause="idle"}"#], 1.0);
    assert_eq!(before[r#"ds01_reaper_actions_total{action="stopped",cause="idle"}"#], 1.0);
    assert_eq!(before[r#"ds01_reaper_actions_total{action="stop_failed",cause="idle"}"#], 0.0);
    assert!(before[r#"ds01_notices_total{channel="terminals",result="failed"}"#] >= 2.0, "{before:?}");

    let work = vec![ProcessSpec { pid: 501, gpus: [("0".to_owned(), Some(9))].into(), ..ProcessSpec::default() }];
    let status = Some(ContainerStatus::Running);
    let restart = Change { status, restart: true, processes: work.clone(), ..Change::default() };
    lab.happens(Step { change: [("train".to_owned(), restart)].into(), ..Step::default() });
    lab.checks(2);
    before = grown_since(&before, &lab, "it is started again");

    for hours in [-5, 48, -200] {
        *lab.clock.ahead.lock().unwrap() += SignedDuration::from_hours(hours);
        let held = before[HELD];
        lab.scans(2);
        before = grown_since(&before, &lab, "the clock is set");
        assert!(before[HELD] - held <= 61.0, "time on the wall clock is no time: {held}, {}", before[HELD]);
    }

    let state = Store::open(&lab.path("state")).unwrap();
    let (journal, ledger) = (Journal::open(&state).unwrap(), Ledger::open(&state).unwrap());
    let later = lab.clock_now() + SignedDuration::from_hours(24 * 90);
    ledger.roll_up(&journal, &lab.policy, later, Duration::from_secs(60)).unwrap();
    let added_up = ledger.added_up(later).unwrap();
    journal.forget_old(later, Retention { days: 1, bytes: None }, |day| added_up.contains(&day)).unwrap();
    lab.scans(1);
    before = grown_since(&before, &lab, "a roll-up, and the end of what the journal keeps");

    let known = lab.path("run/gpu-time.json");
    for what in ["{}", "torn"] {
        fs::write(&known, what).unwrap();
        lab.scans(1);
        before = grown_since(&before, &lab, "what a scan remembers is of no use");
    }
    fs::remove_file(&known).unwrap();
    let held = before[HELD];
    lab.scans(1);
    before = grown_since(&before, &lab, "what a scan remembers is lost");
    assert!(before[HELD] - held <= 31.0, "nothing is counted twice: {held}, {}", before[HELD]);

    lab.host.advance(Duration::from_secs(600));
    lab.host.reboot().unwrap();
    lab.happens(Step {
        change: [("train".to_owned(), Change { processes: work, ..Change::default() })].into(),
        ..Step::default()
    });
    fs::remove_file(lab.metrics_path()).unwrap();
    lab.scans(2);
    before = grown_since(&before, &lab, "a reboot, after which /run is empty");

    lab.is_sound = Some(true);
    fs::remove_file(lab.path("state/metrics-scan.json")).unwrap();
    fs::remove_file(lab.path("state/idle-state.json")).unwrap();
    lab.checks(1);
    let now = counters(&lab);
    assert!(now[HELD] < before[HELD], "counters whose files are lost begin anew");
    assert_eq!(now[r#"ds01_reaper_actions_total{action="stopped",cause="idle"}"#], 0.0);
}

#[test]
fn gpu_time_comes_to_what_the_ledger_says() {
    let lab = Lab::new(&[trainer("train", 500, 90), trainer("shared", 600, 0)]);
    let host_process = ProcessSpec {
        pid: 700,
        uid: 1007,
        name: "jupyter".to_owned(),
        gpus: [("1".to_owned(), Some(100))].into(),
        gpu_percent: 50,
        ..ProcessSpec::default()
    };
    lab.host.with_users([(0, "root".to_owned()), (1007, "bob".to_owned())].into());
    lab.scan();
    lab.host.add_process(&host_process).unwrap();
    lab.scans(40);
    let quiet = Change { gpu_percent: [(500, 0)].into(), ..Change::default() };
    lab.happens(Step { change: [("train".to_owned(), quiet)].into(), ..Step::default() });
    lab.scans(20);
    lab.happens(Step {
        disappear: Disappear { containers: vec!["shared".to_owned()], processes: vec![700] },
        ..Step::default()
    });
    lab.scans(5);

    let state = Store::open(&lab.path("state")).unwrap();
    let journal = Journal::open(&state).unwrap();
    let now = lab.clock_now();
    let rows: Vec<Row> = ds01_core::ledger::roll_day(&journal, day_of(now), &lab.policy, now).unwrap();
    for user in ["alice", "bob"] {
        let of = |row: &&Row| row.who.user.as_deref() == Some(user);
        let sum = |ms: fn(&Row) -> u64| rows.iter().filter(of).map(ms).sum::<u64>() as f64 / 1000.0;
        for (state, ledger) in [("held", sum(Row::held_ms)), ("at_work", sum(|row| row.spent.work_ms))] {
            let counted = lab.value(&format!("ds01_user_gpu_seconds_total{{user=\"{user}\",state=\"{state}\"}}"));
            assert!(ledger > 100.0, "{user} {state}: {ledger}");
            assert!((counted.unwrap() - ledger).abs() < 0.01, "{user} {state}: {counted:?}, the ledger: {ledger}");
        }
    }
}

/// Once, whoever had gone was remembered for two hours, and each scan read and wrote all of them.
#[test]
fn whoever_came_and_went_is_not_remembered() {
    let lab = Lab::new(&[trainer("train", 500, 90)]);
    let known = |lab: &Lab| fs::read_to_string(lab.path("run/gpu-time.json")).unwrap();
    lab.scans(2);
    let length = known(&lab).len();
    for n in 0..20 {
        let (name, pid) = (format!("brief-{n}"), 1_000 + n);
        let appear = Appear { containers: vec![trainer(&name, pid, 90)], ..Appear::default() };
        lab.happens(Step { appear, ..Step::default() });
        lab.scans(1);
        assert!(known(&lab).contains(&name));
        let before = counters(&lab);
        let disappear = Disappear { containers: vec![name.clone()], ..Disappear::default() };
        lab.happens(Step { disappear, ..Step::default() });
        lab.scans(1);
        grown_since(&before, &lab, "one more has gone");
        assert!(!known(&lab).contains(&name), "{}", known(&lab));
    }
    // Figures have more digits by then.
    assert!(known(&lab).len() < length + 100, "{length}: {}", known(&lab));
}
