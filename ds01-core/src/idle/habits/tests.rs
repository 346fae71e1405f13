//! What looks 30 seconds apart show of a container that works as a test says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    idle::{
        evidence::{EnergyCount, GpuFigure, Observation, ProcessActivity, StartedProcess},
        test_support::{id, noon, seen},
    },
    model::{Now, Reading, Unknown, UnknownKind},
};

const LOOK: u64 = 30_000;
/// CPU time that counts as work: 2 % of one core.
const CPU: u64 = 20;

/// What a container did between two looks.
#[derive(Debug, Clone, Copy, Default)]
struct Did {
    used_ms: u64,
    cpu_ms: u64,
    bytes: u64,
    watts: u64,
    starts: bool,
    /// Its bytes can't be told.
    hides_bytes: bool,
}

struct Story {
    habits: Habits,
    now: u64,
    last: Observation,
    cpu_us: u64,
    bytes: u64,
    mj: u64,
}

impl Story {
    fn new() -> Self {
        let mut last = seen(36_000);
        last.gpus[0].context = Some(true);
        let mut story = Self { habits: Habits::default(), now: 36_000_000, last, cpu_us: 0, bytes: 0, mj: 0 };
        story.look(LOOK, Did::default());
        story
    }

    fn look(&mut self, after_ms: u64, did: Did) {
        self.now += after_ms;
        self.cpu_us += did.cpu_ms * 1000;
        self.bytes += did.bytes;
        self.mj += did.watts * after_ms;
        let mut look = seen(self.now / 1000);
        look.boot_ms = self.now;
        look.at = at(self.now);
        look.held_ms = Some(after_ms);
        look.cpu_us = Reading::Known(self.cpu_us);
        look.net_bytes = match did.hides_bytes {
            false => Reading::Known(self.bytes),
            true => Unknown::new(UnknownKind::NotSupported, "on the host's network").into(),
        };
        let started = StartedProcess { started_boot_ms: self.now - 1, name: "python3".to_owned() };
        let newest = did.starts.then_some(started);
        look.activity = Reading::Known(ProcessActivity { newest, terminals: BTreeMap::new() });
        let gpu = &mut look.gpus[0];
        gpu.figure = GpuFigure::OwnProcesses { percent: if did.used_ms > 0 { 50.0 } else { 0.0 } };
        (gpu.context, gpu.used_ms, gpu.covered_ms) = (Some(true), Some(did.used_ms), Some(after_ms));
        gpu.energy = Some(EnergyCount { mj: self.mj, boot_ms: self.now });
        self.take_in(look, &[]);
    }

    fn take_in(&mut self, look: Observation, checks: &[u64]) {
        let now = Now { at: look.at, boot_id: look.boot_id.clone(), boot_ms: self.now };
        self.habits.take_in(&now, [&look], checks, |_| Some(CPU));
        self.last = look;
    }

    /// So many hours in which `work` says what was done between two looks, by the time since the story began.
    fn hours(mut self, hours: u64, work: impl Fn(u64, u64) -> Did) -> Self {
        let looks = hours * 3_600_000 / LOOK;
        (0..looks).for_each(|n| self.look(LOOK, work(n * LOOK, (n + 1) * LOOK)));
        self
    }

    fn habit(&self) -> &Habit {
        &self.habits.containers[&id()]
    }

    fn beats(&self) -> Option<(u64, Range)> {
        self.habit().beats.as_ref().and_then(|beats| Some((beats.count, beats.every_ms?)))
    }

    fn count(&self) -> u64 {
        self.habit().beats.as_ref().map_or(0, |beats| beats.count)
    }

    fn even(&self) -> u64 {
        self.habit().even.as_ref().map_or(0, |even| even.parts)
    }
}

fn at(ms: u64) -> Timestamp {
    noon() + SignedDuration::from_millis(i64::try_from(ms).unwrap())
}

/// How much of what is done for `lasts` every `every`, the n-th time `later(n)` after that, falls between two looks.
fn bursts(every: u64, lasts: u64, later: impl Fn(u64) -> u64) -> impl Fn(u64, u64) -> Did {
    move |from, to| {
        let times = (0..=to / every).map(|n| n * every + later(n));
        let used_ms = times.map(|begin| (begin + lasts).min(to).saturating_sub(begin.max(from))).sum();
        Did { used_ms, cpu_ms: used_ms, ..Did::default() }
    }
}

#[test]
fn a_clock_is_told_from_chance() {
    // A second's work, a pause of five minutes: every 301 seconds.
    let (count, every) = Story::new().hours(4, bursts(301_000, 1_000, |_| 0)).beats().unwrap();
    assert!((46..=48).contains(&count), "{count}");
    assert!(every.least <= 301_000 && 301_000 <= every.most, "{every:?}");
    assert!(every.most - every.least <= 2_000, "{every:?}");

    // The same number, each up to two minutes late.
    let late = bursts(301_000, 1_000, |n| n * 7_919 % 120_000);
    let count = Story::new().hours(4, late).count();
    assert!(count < 12, "{count}");
}

#[test]
fn beats_of_different_length_are_work() {
    let grows = |from: u64, to: u64| {
        let did = bursts(300_000, 1_000, |_| 0)(from, to);
        Did { used_ms: did.used_ms * (1 + from / 300_000 % 3), ..did }
    };
    let count = Story::new().hours(4, grows).count();
    assert!(count < 12, "{count}");
}

#[test]
fn whoever_does_anything_else_has_no_beats() {
    let keeper = bursts(301_000, 1_000, |_| 0);
    let with = |change: fn(Did) -> Did| {
        let story = Story::new().hours(4, |from, to| {
            let did = keeper(from, to);
            if did.used_ms > 0 { change(did) } else { did }
        });
        story.beats().map_or(0, |(count, _)| count)
    };
    assert!(with(|did| did) > 40);
    assert_eq!(with(|did| Did { starts: true, ..did }), 0, "a program each time, as cron does");
    assert_eq!(with(|did| Did { cpu_ms: did.cpu_ms + 5_000, ..did }), 0, "more CPU time than it takes to launch that");
    assert_eq!(with(|did| Did { bytes: 100_000, ..did }), 0, "it loads and sends");
    assert_eq!(with(|did| Did { hides_bytes: true, ..did }), 0, "it could");
}

#[test]
fn bytes_that_come_with_the_work_are_told() {
    let probed = |from: u64, to: u64| {
        let did = bursts(301_000, 1_000, |_| 0)(from, to);
        Did { bytes: if did.used_ms > 0 { 1_400 } else { 300 }, ..did }
    };
    let story = Story::new().hours(4, probed);
    assert!(story.habit().beats.as_ref().unwrap().bytes_of_a_beat() > 400, "{:?}", story.habit().beats);
    let chatter = |from: u64, to: u64| Did { bytes: 300, ..bursts(301_000, 1_000, |_| 0)(from, to) };
    let story = Story::new().hours(4, chatter);
    assert!(story.habit().beats.as_ref().unwrap().bytes_of_a_beat() < 50, "{:?}", story.habit().beats);
}

#[test]
fn a_little_all_the_time_is_even_where_a_clock_makes_it() {
    assert_eq!(Story::new().hours(4, bursts(10_000, 1_000, |_| 0)).even(), 12);
    assert_eq!(Story::new().hours(4, bursts(10_000, 8_000, |_| 0)).even(), 0, "that is work");
    // A server whose requests come by chance, one in ten seconds or none.
    let chance = |from: u64, to: u64| {
        let requests = (from / 10_000..to / 10_000).filter(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 62 != 0);
        let half = if (from / 2_400_000).is_multiple_of(2) { 1_000 } else { 700 };
        Did { used_ms: requests.map(|_| half).sum(), ..Did::default() }
    };
    assert!(Story::new().hours(4, chance).even() <= 2);
}

#[test]
fn what_a_busy_gpu_takes_is_held_against_what_it_took_idle() {
    let idle = |_: u64, _: u64| Did { watts: 120, ..Did::default() };
    let busy = |watts| move |_: u64, _: u64| Did { used_ms: LOOK * 99 / 100, watts, ..Did::default() };
    let low = |story: Story| story.habit().low_power.as_ref().map(|low| (low.span_ms(), low.idle_mw));
    assert_eq!(low(Story::new().hours(1, idle).hours(1, busy(125))), Some((3_600_000, 120_000)));
    assert_eq!(low(Story::new().hours(1, idle).hours(1, busy(300))), None, "it works");
    assert_eq!(low(Story::new().hours(1, busy(125))), None, "nobody knows what it takes when it idles");
    let half = |_: u64, _: u64| Did { used_ms: LOOK / 3, watts: 125, ..Did::default() };
    assert_eq!(low(Story::new().hours(1, idle).hours(1, half)), None, "mostly idle");
}

#[test]
fn busy_with_nothing_to_show_for_it() {
    let idle = |_: u64, _: u64| Did { watts: 120, ..Did::default() };
    let hangs = |_: u64, _: u64| Did { used_ms: LOOK * 99 / 100, watts: 200, ..Did::default() };
    let span = |story: &Story| story.habit().hung.as_ref().map(Hung::span_ms);
    let story = Story::new().hours(3, hangs);
    assert_eq!(span(&story), Some(3 * 3_600_000));
    let with = |change: fn(Did) -> Did| span(&Story::new().hours(1, idle).hours(3, |from, to| change(hangs(from, to))));
    assert_eq!(with(|did| did), Some(3 * 3_600_000));
    assert_eq!(with(|did| Did { cpu_ms: 3_000, ..did }), None);
    assert_eq!(with(|did| Did { bytes: 10_000, ..did }), None);
    assert_eq!(with(|did| Did { starts: true, ..did }), None);
    assert_eq!(with(|did| Did { watts: 600, ..did }), None, "who takes five times as much works");
    assert!(with(|did| Did { hides_bytes: true, ..did }).is_some());

    let hung = story.habit().hung.clone().unwrap();
    let word = |memory_percent, disk_bytes| LastWord { memory_percent, disk_bytes };
    let still = hung.clone().asked(word(Some(0), Some(7))).unwrap().asked(word(Some(0), Some(7))).unwrap();
    assert_eq!((still.without_traffic, still.disk_still), (2, 1));
    assert_eq!(still.clone().asked(word(Some(0), Some(8))), None, "it writes");
    assert_eq!(still.asked(word(Some(3), Some(7))), None, "it reads its memory");
    let unknown = hung.asked(word(None, None)).unwrap();
    assert_eq!((unknown.without_traffic, unknown.disk_still), (0, 0), "unknown is not none");
}

#[test]
fn a_look_of_a_check_between_two_scans_changes_nothing() {
    let work = bursts(301_000, 1_000, |_| 0);
    let plain = Story::new().hours(4, &work);
    let mut with_checks = Story::new();
    for n in 0..480 {
        if n % 10 == 3 {
            // Five seconds before the scan, and it has seen what the scan will see too.
            with_checks.now += LOOK - 5_000;
            let mut look = with_checks.last.clone();
            (look.boot_ms, look.gpus[0].used_ms) = (with_checks.now, Some(work(n * LOOK, (n + 1) * LOOK).used_ms));
            let check = look.boot_ms;
            with_checks.take_in(look, &[check]);
            with_checks.now -= LOOK - 5_000;
        }
        with_checks.look(LOOK, work(n * LOOK, (n + 1) * LOOK));
    }
    assert_eq!(with_checks.habit().beats, plain.habit().beats);
}

#[test]
fn what_was_taken_in_is_not_taken_in_again_and_another_life_begins_anew() {
    let mut story = Story::new().hours(2, bursts(301_000, 1_000, |_| 0));
    let before = story.habits.clone();
    story.take_in(story.last.clone(), &[]);
    assert_eq!(story.habits, before);
    let mut other = story.last.clone();
    other.started_at = at(1);
    other.boot_ms += 30_000;
    story.take_in(other, &[]);
    assert_eq!(story.beats(), None);
}

#[test]
fn the_memory_is_read_as_it_is_written() {
    let story = Story::new().hours(2, bursts(301_000, 1_000, |_| 0)).hours(2, |_: u64, _: u64| Did {
        used_ms: LOOK,
        watts: 1,
        ..Did::default()
    });
    let json = serde_json::to_string(&story.habits).unwrap();
    assert_eq!(serde_json::from_str::<Habits>(&json).unwrap(), story.habits);
}

#[test]
fn kept_on_counts_renewals_and_work() {
    let day = 86_400_000;
    let since = |ms: u64| Since { at: at(ms), boot_ms: ms };
    let hold = |until: u64| Some(Hold { by: "its keep-alive file".to_owned(), until: at(until) });
    let mut kept = None;
    for hour in 0..80u64 {
        let now = hour * 3_600_000;
        // Touched once a day.
        kept = KeptOn::after(kept, hold(now / day * day + day), hour % 10 == 0, since(now), 3_600_000);
    }
    let kept = kept.unwrap();
    assert_eq!((kept.renewals, kept.held_ms, kept.worked_ms), (3, 79 * 3_600_000, 7 * 3_600_000));

    let lapsed = KeptOn::after(Some(kept.clone()), None, false, since(100 * 3_600_000), 30 * 3_600_000).unwrap();
    assert_eq!(lapsed.held_ms, kept.held_ms, "it has ended");
    assert_eq!(KeptOn::after(Some(lapsed), None, false, since(125 * 3_600_000), 30 * 3_600_000), None, "a day ago");
}

#[test]
fn it_is_told_once_and_again_after_it_was_gone_for_a_day() {
    use crate::model::SuspicionKind::{KeptBusy, LatchedCounter};
    let now = |ms| Now { at: at(ms), boot_id: "boot-1".to_owned(), boot_ms: ms };
    let mut habits = Habits::default();
    assert_eq!(habits.raise([("a", KeptBusy), ("b", LatchedCounter)], &now(0)), ["a", "b"]);
    assert_eq!(habits.raise([("a", KeptBusy)], &now(300_000)), [""; 0]);
    assert_eq!((habits.counts()[&KeptBusy], habits.counts()[&LatchedCounter]), (1, 0));
    assert_eq!(habits.counts().len(), 7, "each kind has its number");
    assert_eq!(habits.raise([("a", KeptBusy), ("b", LatchedCounter)], &now(600_000)), [""; 0], "it flaps");
    assert_eq!(habits.raise([("a", KeptBusy)], &now(90_000_000)), [""; 0]);
    assert_eq!(habits.raise([("a", KeptBusy), ("b", LatchedCounter)], &now(90_300_000)), ["b"]);
    let rebooted = Now { boot_id: "boot-2".to_owned(), ..now(1_000) };
    assert_eq!(habits.raise([("a", KeptBusy)], &rebooted), ["a"]);
}
