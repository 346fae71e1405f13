//! What really happened, whatever the policy.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    stop::{Again, Cause, Warned},
    timer::LONGEST_PAUSE,
};
use crate::{
    idle::{
        Observation,
        journal::{CheckMade, Life, Record},
    },
    model::ContainerId,
};

/// What really happened, as the journal tells it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Really {
    /// The first and the last line that was read.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Checks that were really made.
    pub checks: u64,
    /// Of them, those that were about some containers only. The journal does not name them.
    pub partial_checks: u64,
    /// Checks that are supposed, every five minutes, where none was made for a quarter of an hour and looks went on.
    pub supposed_checks: u64,
    /// Warnings of stops.
    pub warned: Vec<Warned>,
    /// Stops that were made.
    pub stops: Vec<RealStop>,
    /// For how long nobody looked while containers ran.
    pub unobserved: Duration,
    /// Containers that were seen before anything was written down about whose they are: lines of earlier versions.
    pub nobodys: BTreeSet<ContainerId>,
    /// The last line.
    last: Option<Seen>,
    /// The last stop of each container, by its place in the list.
    stopped: HashMap<ContainerId, usize>,
}

/// A stop that was really made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RealStop {
    /// When.
    pub at: Timestamp,
    /// The boot.
    pub boot_id: String,
    /// Boot clock, in milliseconds.
    pub boot_ms: u64,
    /// The number of the check.
    pub check: u64,
    /// Which container.
    pub id: ContainerId,
    /// The same, as it was then. `None` where the journal does not tell.
    pub life: Option<Life>,
    /// For what.
    pub cause: Cause,
    /// When somebody started it again.
    pub again: Option<Again>,
}

/// The moment of a line.
#[derive(Debug)]
struct Seen {
    at: Timestamp,
    boot_id: String,
    boot_ms: u64,
}

impl Really {
    /// Another line. `runs` says whether a container ran before it.
    pub(super) fn line(&mut self, record: &Record, from: Timestamp, runs: bool) {
        let (at, (boot_id, boot_ms)) = (record.at(), record.boot());
        let (first, _) = self.span.unwrap_or((at, at));
        self.span = Some((first, at));
        match &mut self.last {
            Some(last) if last.boot_id == boot_id => {
                let passed = Duration::from_millis(boot_ms.saturating_sub(last.boot_ms));
                if passed > LONGEST_PAUSE && runs {
                    self.unobserved += passed.min(since(from, at));
                }
                (last.at, last.boot_ms) = (at, boot_ms.max(last.boot_ms));
            }
            last => {
                if let Some(last) = last
                    && runs
                {
                    self.unobserved += since(last.at.max(from), at);
                }
                *last = Some(Seen { at, boot_id: boot_id.to_owned(), boot_ms });
            }
        }
    }

    /// A check that was made. What is asked about begins at `from`.
    pub(super) fn check(&mut self, made: &CheckMade, from: Timestamp, lives: &BTreeMap<ContainerId, Life>) {
        self.checks += u64::from(made.at >= from);
        self.partial_checks += u64::from(made.at >= from && made.partial);
        for (id, deed) in made.done.iter().filter(|(_, deed)| deed.done) {
            let Some(cause) = Cause::of(deed.what) else { continue };
            if deed.what.is_stop() {
                self.stopped.insert(id.clone(), self.stops.len());
                self.stops.push(RealStop {
                    at: made.at,
                    boot_id: made.boot_id.clone(),
                    boot_ms: made.boot_ms,
                    check: made.check,
                    id: id.clone(),
                    life: lives.get(id).cloned(),
                    cause,
                    again: None,
                });
            } else {
                self.warned.push(Warned { at: made.at, id: id.clone(), of: cause });
            }
        }
    }

    /// What the last look of a batch saw, of which nothing is known.
    pub(super) fn looked(&mut self, seen: &[Observation], lives: &BTreeMap<ContainerId, Life>) {
        let last_ms = seen.last().map_or(0, |last| last.boot_ms);
        for seen in seen.iter().rev().take_while(|seen| seen.boot_ms == last_ms) {
            if !lives.contains_key(&seen.container_id) && !self.nobodys.contains(&seen.container_id) {
                self.nobodys.insert(seen.container_id.clone());
            }
        }
    }

    /// A container that was stopped runs again.
    pub(super) fn life(&mut self, life: &Life) {
        let Some(at) = self.stopped.get(&life.container_id) else { return };
        let Some(stop) = self.stops.get_mut(*at) else { return };
        let started_then = stop.life.as_ref().and_then(|before| before.started_at);
        if life.status.is_up() && life.started_at != started_then {
            // The boot clock of another boot says nothing about how long that took.
            let after = if life.boot_id == stop.boot_id {
                Duration::from_millis(life.boot_ms.saturating_sub(stop.boot_ms))
            } else {
                since(stop.at, life.at)
            };
            stop.again = Some(Again { at: life.at, after });
            self.stopped.remove(&life.container_id);
        }
    }

    /// Leaves out what is not asked about. Gives where each stop is now.
    pub(super) fn finish(&mut self, from: Timestamp) -> Vec<Option<usize>> {
        let mut place = 0;
        let mut count = |stop: &RealStop| {
            let kept = stop.at >= from;
            place += usize::from(kept);
            kept.then(|| place - 1)
        };
        let places = self.stops.iter().map(&mut count).collect();
        self.stops.retain(|stop| stop.at >= from);
        self.warned.retain(|warned| warned.at >= from);
        places
    }
}

/// The time that passed on the wall clock; none where that went back.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
