//! What the journal remembers, held against a past of which everything is known: the ledger's hours, and the replay's stops.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a test")]

mod month;
mod random;

use std::{collections::BTreeMap, env, fs, time::Instant};

use ds01_core::{
    idle::Journal,
    ledger::{Ledger, Usage},
    policy::Policy,
    replay::{self, Cause, Window, replay},
    store::Store,
};
use jiff::{Timestamp, tz::TimeZone};
use month::{Month, PATIENCE, Size};
use tempfile::TempDir;

/// A month of the whole host with `DS01_PAST_DAYS=30`; a few days of it else.
fn size() -> Size {
    match env::var("DS01_PAST_DAYS").ok().and_then(|days| days.parse().ok()) {
        Some(days) => Size { days, containers_a_day: 200, users: 50 },
        None => Size { days: 4, containers_a_day: 40, users: 8 },
    }
}

struct Past {
    dir: TempDir,
    month: Month,
    policy: Policy,
}

impl Past {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let policy = Policy::built_in();
        let mut month = Month::new(seed, size());
        let begin = Instant::now();
        month.write(&policy, &journal(&dir));
        eprintln!("seed {seed}: lived through in {:.1} s", begin.elapsed().as_secs_f64());
        Self { dir, month, policy }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path()).unwrap()
    }

    /// After it all, and after its files were written.
    fn now(&self) -> Timestamp {
        self.month.end().max(Timestamp::now()) + jiff::SignedDuration::from_hours(25)
    }
}

fn journal(dir: &TempDir) -> Journal {
    Journal::open(&Store::open(dir.path()).unwrap()).unwrap()
}

/// How far `found` is from `truth`, in percent of it.
fn off(found: u64, truth: u64) -> f64 {
    (found as f64 - truth as f64) / truth as f64 * 100.0
}

/// What a directory's files take.
fn megabytes(past: &Past, name: &str) -> f64 {
    let files = fs::read_dir(past.dir.path().join(name)).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>() as f64 / 1e6
}

fn hours(ms: u64) -> f64 {
    ms as f64 / 3_600_000.0
}

#[test]
fn the_ledgers_hours_are_those_of_the_truth() {
    let past = Past::new(11);
    let (store, now) = (past.store(), past.now());
    let ledger = Ledger::open(&store).unwrap();
    let begin = Instant::now();
    let rolled = ledger.roll_up(&journal(&past.dir), &past.policy, now, PATIENCE).unwrap();
    eprintln!(
        "{rolled} days rolled up in {:.1} s; journal {:.1} MB, ledger {:.2} MB",
        begin.elapsed().as_secs_f64(),
        megabytes(&past, "activity"),
        megabytes(&past, "ledger")
    );
    assert_eq!(ledger.roll_up(&journal(&past.dir), &past.policy, now, PATIENCE).unwrap(), 0, "all is settled");
    let usage = Usage::between(&store, &past.policy, "2026-02-27".parse().unwrap(), "2026-04-02".parse().unwrap(), now)
        .unwrap();
    let truth = past.month.truth();

    let (mut held, mut worked, mut used) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut shares: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &usage.rows {
        let spent = &row.spent;
        assert_eq!(row.held_ms(), spent.work_ms + spent.idle_ms + spent.unknown_ms + spent.unobserved_ms);
        assert!(spent.used_ms <= spent.covered_ms && spent.covered_ms <= row.held_ms(), "{row:?}");
        *shares.entry(&row.gpu).or_default() += row.share_ms;
        let user = row.who.user.clone().unwrap_or_else(|| "unknown".to_owned());
        *held.entry(user.clone()).or_insert(0) += row.held_ms();
        if row.who.id.is_some() {
            *worked.entry(user.clone()).or_insert(0) += spent.work_ms;
            *used.entry(user).or_insert(0) += spent.used_ms;
        }
    }
    let mut of_user: BTreeMap<&str, u64> = BTreeMap::new();
    for ((user, _), ms) in &truth.held {
        *of_user.entry(user).or_default() += ms;
    }
    let all = |map: &BTreeMap<String, u64>| map.values().sum::<u64>();
    let total: u64 = of_user.values().sum();
    let sum_anybody: u64 = truth.anybody.values().sum();
    eprintln!(
        "held {:.1} h ({:+.3} %), by anybody {:.1} h ({:+.3} %), at work {:.1} h ({:+.3} %), used {:.1} h ({:+.3} %)",
        hours(total),
        off(all(&held), total),
        hours(sum_anybody),
        off(shares.values().sum(), sum_anybody),
        hours(all(&truth.worked)),
        off(all(&worked), all(&truth.worked)),
        hours(all(&truth.used)),
        off(all(&used), all(&truth.used)),
    );
    assert!(off(all(&held), total).abs() < 0.5);
    assert!(off(shares.values().sum(), sum_anybody).abs() < 0.5);
    assert!(off(all(&worked), all(&truth.worked)).abs() < 0.5);
    assert!(off(all(&used), all(&truth.used)).abs() < 0.5);
    let hidden = &truth.hidden;
    for (user, truth) in of_user {
        let found = held.get(user).copied().unwrap_or(0);
        let bearable = truth / 200 + hidden.get(user).copied().unwrap_or(0);
        assert!(found.abs_diff(truth) <= bearable, "{user}: {:.2} h of {:.2} h", hours(found), hours(truth));
    }
}

#[test]
fn a_replay_with_the_same_policy_makes_the_stops_that_the_reaper_made() {
    let past = Past::new(12);
    let journal = journal(&past.dir);
    journal.pack(past.now(), PATIENCE).unwrap();
    let begin = Instant::now();
    let window = Window { from: Timestamp::MIN, until: past.now(), zone: TimeZone::UTC };
    let replay::Past { really, replayed, .. } = replay(&journal, &window, &[&past.policy]).unwrap();
    let replayed = &replayed[0];
    eprintln!(
        "replayed in {:.1} s: {} checks, {} stops",
        begin.elapsed().as_secs_f64(),
        really.checks,
        replayed.stops.len()
    );
    let made: Vec<_> =
        past.month.stops.iter().map(|(check, id, what)| (*check, id.clone(), format!("{what:?}"))).collect();
    let again: Vec<_> = replayed
        .stops
        .iter()
        .map(|stop| {
            let what = match stop.cause {
                Cause::Idle => "StoppedIdle",
                Cause::Runtime => "StoppedRuntime",
            };
            assert!(stop.real, "{stop:?}");
            (stop.check.unwrap(), stop.life.container_id.clone(), what.to_owned())
        })
        .collect();
    assert!(made.len() > 20, "{}", made.len());
    assert_eq!(again, made);
    assert!(replayed.missed.is_empty(), "{:?}", replayed.missed);
    assert_eq!((really.stops.len(), really.supposed_checks, really.partial_checks), (made.len(), 0, 0));
}
