//! Small pasts of one container, line by line.

use crate::model::EngineName;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::*;
use crate::{
    detect::{Origin, UserSource},
    idle::{
        GpuFigure, GpuMeasure, Observation, ProcessActivity,
        journal::{CheckMade, Deed, Gone, Life, Record, What},
    },
    model::{ContainerId, ContainerStatus, KeepAlive, Reading},
    policy::{self, Document, Policy, PolicyFiles},
};

const MINUTE: u64 = 60;

/// A host that is looked at every minute, and checked every five.
struct Story {
    records: Vec<Record>,
    boot: &'static str,
    /// When this boot began, in seconds of the story.
    booted: u64,
    check: u64,
    /// CPU time so far, in microseconds: one percent of a core when it idles.
    cpu_us: u64,
}

impl Story {
    fn new() -> Self {
        Self { records: Vec::new(), boot: "boot-0", booted: 0, check: 0, cpu_us: 0 }
    }

    fn now(&self, second: u64) -> (Timestamp, String, u64) {
        (at(second), self.boot.to_owned(), (second - self.booted) * 1000 + 1_000_000)
    }

    fn life(&mut self, second: u64, status: ContainerStatus, started: u64) {
        let (at_, boot_id, boot_ms) = self.now(second);
        self.records.push(Record::Life(Life {
            engine: EngineName::DOCKER,
            at: at_,
            boot_id,
            boot_ms,
            container_id: id(),
            name: "train".to_owned(),
            user: Some("ann".to_owned()),
            user_source: UserSource::LabelDs01,
            origin: Origin::RawDocker,
            image: "pytorch".to_owned(),
            has_gpu: Some(true),
            gpus: vec!["GPU-0".to_owned(), "GPU-1".to_owned()],
            status,
            started_at: Some(at(started)),
            began_boot_ms: Some(boot_ms.saturating_sub((second - started) * 1000)),
            stop_timeout_seconds: None,
            auto_remove: false,
            problem: None,
            labels: BTreeMap::new(),
        }));
    }

    fn look(&mut self, second: u64, started: u64, works: bool) {
        let (at_, boot_id, boot_ms) = self.now(second);
        self.cpu_us += if works { 30_000_000 } else { 60_000 };
        self.records.push(Record::Seen(Observation {
            at: at_,
            boot_id,
            boot_ms,
            container_id: id(),
            name: "train".to_owned(),
            started_at: at(started),
            held_ms: Some(60_000),
            gpus: vec![GpuMeasure {
                gpu: "GPU-0".to_owned(),
                figure: GpuFigure::OwnProcesses { percent: if works { 90.0 } else { 0.0 } },
                context: Some(true),
                energy: None,
                shared_energy: None,
                covered_ms: Some(60_000),
                used_ms: Some(0),
            }],
            cpu_us: Reading::Known(self.cpu_us),
            cpu_burst: None,
            net_bytes: Reading::Known(0),
            activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
        }));
    }

    /// Looks from minute `from` on, up to and without `to`; checks are made where `checked`.
    fn looks(&mut self, minutes: std::ops::Range<u64>, works: bool, checked: bool) {
        for minute in minutes {
            self.look(minute * MINUTE, 0, works);
            if checked && minute.is_multiple_of(5) {
                self.check(minute * MINUTE + 1, None);
            }
        }
    }

    fn check(&mut self, second: u64, deed: Option<What>) {
        let (at, boot_id, boot_ms) = self.now(second);
        self.check += 1;
        self.records.push(Record::Check(CheckMade {
            at,
            boot_id,
            boot_ms,
            check: self.check,
            demand: None,
            keep_alive: [(id(), KeepAlive::Absent)].into(),
            asked: Vec::new(),
            told: Vec::new(),
            done: deed.map(|what| (id(), Deed { what, done: true })).into_iter().collect(),
            partial: false,
        }));
    }

    fn under(&self, policies: &[&Policy], from: u64) -> Past {
        let window = Window { from: at(from), until: Timestamp::MAX, zone: TimeZone::UTC };
        let mut replays = Replays::new(&window, policies);
        self.records.iter().cloned().for_each(|record| replays.take(record));
        replays.finish()
    }
}

fn at(second: u64) -> Timestamp {
    "2026-03-02T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(i64::try_from(second).unwrap())
}

fn id() -> ContainerId {
    "ab".repeat(32).parse().unwrap()
}

fn policy(text: &str) -> Policy {
    let path = PathBuf::from("p.yaml");
    let files = PolicyFiles {
        policy: Document { path, bytes: text.into() },
        overrides: None,
        exemptions: None,
        members: BTreeMap::new(),
    };
    policy::parse(&files).unwrap().policy
}

fn idle_timeout(minutes: u64, more: &str) -> Policy {
    policy(&format!(
        "defaults: {{idle_timeout: {minutes}m, max_runtime: 24h}}\npolicies: {{grace_period: 0s, high_demand_threshold: null}}\n{more}"
    ))
}

/// It runs and idles for `idle` minutes, and then works for an hour, checked or not.
fn idles_then_works(idle: u64, checked: bool) -> Story {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..idle, false, checked);
    story.looks(idle..idle + 60, true, checked);
    story
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * MINUTE)
}

#[test]
fn who_works_again_gives_back_until_then_and_soon_is_regretted() {
    for (idle, regretted) in [(50, true), (100, false)] {
        let past = idles_then_works(idle, true).under(&[&idle_timeout(30, "")], 0);
        let [stop] = &past.replayed[0].stops[..] else { panic!("{:?}", past.replayed) };
        assert_eq!((stop.at, stop.real, stop.limit), (at(30 * MINUTE + 1), false, Some(minutes(30))));
        let again = stop.again.unwrap();
        assert_eq!((again.at, again.after), (at(idle * MINUTE), minutes(idle - 30) - Duration::from_secs(1)));
        assert_eq!((stop.is_regretted(), stop.given_back), (regretted, Some(again.after * 2)), "of two GPUs");
        assert_eq!(stop.end.unwrap().by, EndedBy::Nothing);
        assert_eq!(stop.why_not_real(), Some(Why::Withheld));
    }
}

#[test]
fn without_checks_they_are_supposed_whatever_the_policies_have_stopped() {
    let story = idles_then_works(120, false);
    let [short, long] = [idle_timeout(30, ""), idle_timeout(90, "")];
    for policies in [vec![&short], vec![&long], vec![&short, &long]] {
        let past = story.under(&policies, 0);
        assert_eq!(
            (past.really.checks, past.really.supposed_checks),
            (0, 33),
            "after a quarter of an hour, every five minutes"
        );
        for one in &past.replayed {
            assert_eq!(
                (one.stops.len(), one.stops[0].check.is_none(), one.stops[0].why_not_real()),
                (1, true, Some(Why::NoCheck))
            );
        }
    }
}

#[test]
fn a_real_stop_that_a_laxer_policy_waits_for_is_said_with_its_decision() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..30, false, true);
    story.look(30 * MINUTE, 0, false);
    story.check(30 * MINUTE + 1, Some(What::StoppedIdle));
    story.life(31 * MINUTE, ContainerStatus::Exited, 0);
    let [same, lax, never] =
        [idle_timeout(30, ""), idle_timeout(60, ""), policy("defaults: {idle_timeout: null, max_runtime: 24h}\n")];
    let past = story.under(&[&same, &lax, &never], 0);
    assert_eq!(past.really.stops.len(), 1);
    let [same, lax, never] = &past.replayed[..] else { panic!() };
    assert!(same.stops[0].real && same.missed.is_empty() && same.stops[0].given_back.is_none(), "{same:?}");
    for one in [lax, never] {
        assert_eq!((one.stops.len(), one.missed.len(), one.missed[0].stop), (0, 1, 0));
        assert!(matches!(one.missed[0].why(), Why::Waits(_)));
    }
    assert_eq!(lax.missed[0].idle, minutes(30));

    let compared = compare(same, lax);
    assert_eq!((compared.same, &compared.differences[..]), (0, &[Difference::Dropped(&same.stops[0])][..]));
    // What nobody asks about is not told.
    let later = story.under(&[&idle_timeout(60, "")], 31 * MINUTE);
    assert!(later.really.stops.is_empty() && later.replayed[0].missed.is_empty() && later.really.checks == 0);
}

#[test]
fn a_stop_that_the_reaper_made_later_says_so() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..60, false, true);
    story.look(60 * MINUTE, 0, false);
    story.check(60 * MINUTE + 1, Some(What::StoppedIdle));
    story.life(61 * MINUTE, ContainerStatus::Exited, 0);
    let [short, long] = [idle_timeout(30, ""), idle_timeout(60, "")];
    let past = story.under(&[&short, &long], 0);
    let [short, long] = &past.replayed[..] else { panic!() };
    let end = short.stops[0].end.unwrap();
    assert_eq!((end.by, end.after), (EndedBy::Reaper(Cause::Idle), minutes(30) - Duration::from_secs(1)));
    assert!(short.missed.is_empty() && long.stops[0].real);
    let compared = compare(long, short);
    let [moved @ Difference::Moved { .. }] = &compared.differences[..] else { panic!("{compared:?}") };
    assert_eq!(moved.given_back(), (end.after * 2, Duration::ZERO));
}

#[test]
fn started_again_after_a_reboot_is_measured_on_the_wall_clock() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..30, false, true);
    story.look(30 * MINUTE, 0, false);
    story.check(30 * MINUTE + 1, Some(What::StoppedIdle));
    story.life(31 * MINUTE, ContainerStatus::Exited, 0);
    (story.boot, story.booted) = ("boot-1", 180 * MINUTE);
    story.life(181 * MINUTE, ContainerStatus::Running, 180 * MINUTE);
    let past = story.under(&[&idle_timeout(30, "")], 0);
    let (really, stop) = (&past.really.stops[0], &past.replayed[0].stops[0]);
    assert_eq!(really.again, stop.again);
    assert_eq!(stop.again.unwrap().after, minutes(151) - Duration::from_secs(1));
    assert!(!stop.is_regretted(), "the boot clock began anew, and says nothing");
}

#[test]
fn what_was_stopped_before_what_is_asked_about_gives_back_within_it() {
    let story = idles_then_works(100, true);
    let [short, long] = [idle_timeout(30, ""), idle_timeout(80, "")];
    let past = story.under(&[&short, &long], 60 * MINUTE);
    let [short, long] = &past.replayed[..] else { panic!() };
    assert!(short.stops.is_empty() && short.warned.is_empty());
    assert_eq!(short.before[0].given_back, Some(minutes(40) * 2));
    assert!(matches!(compare(long, short).differences[..], [Difference::Moved { .. }]));
    assert!(matches!(compare(short, long).differences[..], [Difference::Moved { .. }]));
    assert!(story.under(&[&idle_timeout(30, "")], 170 * MINUTE).replayed[0].before.is_empty(), "it is over by then");
}

#[test]
fn any_warning_is_supposed_to_arrive_however_that_is_required() {
    for required in ["any", "[terminals]", "[hooks]", "['hook:mail']"] {
        let past = idles_then_works(50, true)
            .under(&[&idle_timeout(30, &format!("notify: {{require_delivery: {required}}}\n"))], 0);
        assert_eq!(past.replayed[0].stops.len(), 1, "{required}");
    }
}

#[test]
fn what_was_seen_before_the_end_and_taken_in_by_no_check_counts() {
    let mut story = idles_then_works(32, true);
    story.records.retain(|record| record.at() < at(33 * MINUTE));
    story.records.push(Record::Gone(Gone {
        at: at(34 * MINUTE),
        boot_id: "boot-0".to_owned(),
        boot_ms: 3_040_000,
        ids: vec![id()],
    }));
    let stop = &story.under(&[&idle_timeout(30, "")], 0).replayed[0].stops[0];
    assert_eq!(stop.again.map(|again| again.at), Some(at(32 * MINUTE)));
    assert_eq!(stop.end.map(|end| end.by), Some(EndedBy::Itself));
}

#[test]
fn time_in_which_nobody_looked_is_counted_only_while_something_ran() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..10, false, false);
    story.looks(30..40, false, false);
    story.life(40 * MINUTE, ContainerStatus::Exited, 0);
    story.check(90 * MINUTE, None);
    assert_eq!(story.under(&[], 0).really.unobserved, minutes(21));
    assert_eq!(story.under(&[], 20 * MINUTE).really.unobserved, minutes(10));
}

#[test]
fn in_what_two_policies_differ_for_a_container() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    let [Record::Life(life)] = &story.records[..] else { panic!() };
    let old = idle_timeout(30, "");
    let new = idle_timeout(
        45,
        "container_types: {docker: {max_runtime: 8h, sigterm_grace_seconds: 9}, compose: {idle_timeout: 9h}}\nmonitoring: {infrastructure_containers: [train]}\n",
    );
    let differs = differing([&old, &new], life, &[Cause::Idle, Cause::Runtime], at(0), &TimeZone::UTC);
    let said: Vec<String> = differs
        .iter()
        .map(|one| match one {
            Differs::Setting { old, new } => format!("{} {} {}", old.name, old.value, new.value),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["Infrastructure { in_new: true }", "idle_timeout 30m 45m", "max_runtime 1d 8h"]);
    assert!(differing([&old, &old], life, &[Cause::Idle, Cause::Runtime], at(0), &TimeZone::UTC).is_empty());
    assert_eq!(differing([&old, &new], life, &[Cause::Runtime], at(0), &TimeZone::UTC).len(), 2);
}

/// Numbers of supposed checks are nothing that the reaper's have to pass.
#[test]
fn who_is_warned_at_a_supposed_check_is_stopped_at_the_next_real_one() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..100, false, false);
    story.looks(100..120, false, true);
    let stop = &story.under(&[&idle_timeout(101, "")], 0).replayed[0].stops[0];
    assert_eq!((stop.at, stop.check), (at(105 * MINUTE + 1), Some(2)));
}

#[test]
fn what_is_known_of_a_keep_alive_file_is_used_before_and_after() {
    let file = |minute: u64| KeepAlive::File(at(minute * MINUTE));
    let with_file = |looked: std::ops::Range<u64>, file: &KeepAlive| {
        let mut story = idles_then_works(120, true);
        for record in &mut story.records {
            let minute = record.at().duration_since(at(0)).as_secs().unsigned_abs() / MINUTE;
            if let Record::Check(made) = record {
                made.keep_alive.clear();
                if looked.contains(&minute) {
                    made.keep_alive.insert(id(), file.clone());
                }
            }
        }
        story.under(&[&idle_timeout(60, "")], 0).replayed.remove(0).stops
    };
    assert!(with_file(0..20, &file(10)).is_empty(), "it was found before, and nobody looked again");
    let stops = with_file(90..100, &file(10));
    assert_eq!((stops[0].at, stops[0].kept, stops[0].given_back), (at(60 * MINUTE + 1), Some(at(10 * MINUTE)), None));
    assert_eq!(with_file(90..100, &file(80))[0].kept, None, "it was written later");
    assert_eq!(with_file(90..100, &KeepAlive::Absent)[0].kept, None);
}

#[test]
fn who_is_stopped_for_his_run_time_gives_back_until_the_end() {
    let mut story = Story::new();
    story.life(0, ContainerStatus::Running, 0);
    story.looks(0..120, true, true);
    let short = policy("defaults: {idle_timeout: 30m, max_runtime: 1h}\n");
    let stop = &story.under(&[&short], 0).replayed[0].stops[0];
    let ran_on = minutes(59) - Duration::from_secs(1);
    assert_eq!((stop.cause, stop.at, stop.given_back), (Cause::Runtime, at(60 * MINUTE + 1), Some(ran_on * 2)));
    assert!(stop.is_regretted());
}
