//! The journal's lines, one after another: what they say goes to each policy.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    judged::Judged,
    moment::{Moment, Window},
    really::Really,
    stop::{Replayed, now},
    timer::Timer,
};
use crate::{
    idle::{
        Now, Observation,
        journal::{CheckMade, Life, Record},
    },
    model::{ContainerId, KeepAlive},
    policy::Policy,
};

/// What the past comes to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Past {
    /// What really happened.
    pub really: Really,
    /// What would have happened under each policy, in the order in which they were given.
    pub replayed: Vec<Replayed>,
}

/// Several policies on their way through the past.
#[derive(Debug)]
pub struct Replays<'p> {
    window: Window,
    really: Really,
    timer: Timer,
    /// GPU containers that are listed.
    lives: BTreeMap<ContainerId, Life>,
    /// What no check has taken in.
    seen: Vec<Observation>,
    /// What was written down of containers since the last check. A check is written down when all is done, and scans go on
    /// meanwhile: what they saw later than it looked is for the next one.
    held: Vec<Record>,
    /// GPU containers that ran when something was last written down of them.
    up: BTreeSet<ContainerId>,
    /// What was found last where keep-alive files lie.
    found: BTreeMap<ContainerId, KeepAlive>,
    judged: Vec<Judged<'p>>,
}

impl<'p> Replays<'p> {
    /// Nothing yet.
    pub fn new(window: &Window, policies: &[&'p Policy]) -> Self {
        Self {
            really: Really::default(),
            timer: Timer::default(),
            lives: BTreeMap::new(),
            seen: Vec::new(),
            held: Vec::new(),
            up: BTreeSet::new(),
            found: BTreeMap::new(),
            judged: policies.iter().map(|policy| Judged::new(policy, window)).collect(),
            window: window.clone(),
        }
    }

    /// Takes in the next line.
    pub fn take(&mut self, record: Record) {
        if record.at() > self.window.until {
            return;
        }
        let runs = !self.up.is_empty();
        self.really.line(&record, self.window.from, runs);
        match &record {
            Record::Life(life) if life.status.is_up() => drop(self.up.insert(life.container_id.clone())),
            Record::Life(life) => drop(self.up.remove(&life.container_id)),
            Record::Gone(gone) => self.up.retain(|id| !gone.ids.contains(id)),
            _ => {}
        }
        match record {
            Record::Seen(seen) => {
                // Looks go on without checks: what would they have come to?
                if let Some(due) = self.timer.look(&seen) {
                    self.suppose(due);
                }
                self.seen.push(seen);
            }
            Record::Life(_) | Record::Gone(_) => self.held.push(record),
            Record::Check(made) => {
                self.catch_up(Some((&made.boot_id, made.boot_ms)));
                self.really.check(&made, self.window.from, &self.lives);
                self.judge(&made, false);
            }
            Record::Process(_) => {}
        }
    }

    /// What it came to.
    pub fn finish(mut self) -> Past {
        self.catch_up(None);
        let seen = &self.seen;
        let mut replayed: Vec<Replayed> = self.judged.into_iter().map(|one| one.finish(seen, &self.really)).collect();
        let places = self.really.finish(self.window.from);
        for missed in replayed.iter_mut().map(|one| &mut one.missed) {
            missed.retain_mut(|missed| {
                let place = places.get(missed.stop).copied().flatten();
                missed.stop = place.unwrap_or_default();
                place.is_some()
            });
        }
        Past { really: self.really, replayed }
    }

    /// Takes in what was seen of containers up to this moment of a boot, or all of it.
    fn catch_up(&mut self, until: Option<(&str, u64)>) {
        let is_later = |record: &Record| {
            let (boot_id, boot_ms) = record.boot();
            until.is_some_and(|(boot, ms)| boot_id == boot && boot_ms > ms)
        };
        let mut held = std::mem::take(&mut self.held);
        self.held = held.extract_if(.., |record| is_later(record)).collect();
        for record in held {
            match record {
                Record::Life(life) => self.life(life),
                Record::Gone(gone) => gone.ids.iter().for_each(|id| self.gone(id)),
                _ => {}
            }
        }
    }

    fn life(&mut self, life: Life) {
        self.really.life(&life);
        self.judged.iter_mut().for_each(|one| one.life(&life, &self.seen));
        self.lives.insert(life.container_id.clone(), life);
    }

    fn gone(&mut self, id: &ContainerId) {
        self.judged.iter_mut().for_each(|one| one.ended(id, &self.seen));
        self.lives.remove(id);
        self.found.remove(id);
    }

    fn suppose(&mut self, due: Now) {
        let Now { at, boot_id, boot_ms } = due;
        self.catch_up(Some((&boot_id, boot_ms)));
        let made = CheckMade {
            at,
            boot_id,
            boot_ms,
            check: 0,
            demand: None,
            keep_alive: BTreeMap::new(),
            asked: Vec::new(),
            told: Vec::new(),
            done: BTreeMap::new(),
            partial: false,
        };
        self.really.supposed_checks += u64::from(at >= self.window.from);
        self.judge(&made, true);
    }

    fn judge(&mut self, made: &CheckMade, supposed: bool) {
        let now = now(made.at, &made.boot_id, made.boot_ms);
        self.timer.checked(&now, supposed);
        // What a detector saw after the check had looked is for the next one.
        let is_later = |seen: &Observation| seen.boot_id == now.boot_id && seen.boot_ms > now.boot_ms;
        let mut seen = std::mem::take(&mut self.seen);
        self.seen = seen.extract_if(.., |seen| is_later(seen)).collect();
        self.really.looked(&seen, &self.lives);
        self.found.extend(made.keep_alive.iter().map(|(id, file)| (id.clone(), file.clone())));
        let at = Moment { now: &now, made, supposed, found: &self.found, lives: &self.lives, seen: &seen };
        self.judged.iter_mut().for_each(|one| one.judge(&at));
    }
}
