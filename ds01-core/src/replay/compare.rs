//! What another policy changes.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::stop::{Replayed, Stop};
use crate::model::ContainerId;

/// One life that two policies treat differently.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Difference<'a> {
    /// Only the new policy stops it.
    Added(&'a Stop),
    /// Only the old one does.
    Dropped(&'a Stop),
    /// Both do, at different checks.
    Moved {
        /// The old one's stop.
        old: &'a Stop,
        /// The new one's.
        new: &'a Stop,
    },
}

/// Two policies' stops beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared<'a> {
    /// What is different, in its order.
    pub differences: Vec<Difference<'a>>,
    /// How many stops are the same.
    pub same: usize,
}

impl Difference<'_> {
    /// When: of two stops, the new one.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Added(stop) | Self::Dropped(stop) | Self::Moved { new: stop, .. } => stop.at,
        }
    }

    /// What the new policy gives back more, and what it gives back less.
    pub fn given_back(&self) -> (Duration, Duration) {
        let hours = |stop: &Stop| stop.given_back.unwrap_or_default();
        match self {
            Self::Added(stop) => (hours(stop), Duration::ZERO),
            Self::Dropped(stop) => (Duration::ZERO, hours(stop)),
            Self::Moved { old, new } => {
                let (old, new) = (hours(old), hours(new));
                (new.saturating_sub(old), old.saturating_sub(new))
            }
        }
    }
}

/// Holds the stops of a new policy against those of an old one, life by life.
pub fn compare<'a>(old: &'a Replayed, new: &'a Replayed) -> Compared<'a> {
    let (old_stops, new_stops) = (by_life(old), by_life(new));
    let mut compared = Compared { differences: Vec::new(), same: 0 };
    for stop in &new.stops {
        match old_stops.get(&life(stop)) {
            None => compared.differences.push(Difference::Added(stop)),
            Some(old) if old.boot_ms == stop.boot_ms && old.cause == stop.cause => compared.same += 1,
            Some(old) => compared.differences.push(Difference::Moved { old, new: stop }),
        }
    }
    let earlier: HashMap<LifeKey<'_>, &Stop> = new.before.iter().map(|stop| (life(stop), stop)).collect();
    for old in &old.stops {
        if let Some(new) = earlier.get(&life(old)) {
            compared.differences.push(Difference::Moved { old, new });
        } else if !new_stops.contains_key(&life(old)) {
            compared.differences.push(Difference::Dropped(old));
        }
    }
    compared.differences.sort_by_key(Difference::at);
    compared
}

type LifeKey<'a> = (&'a ContainerId, Option<Timestamp>);

fn life(stop: &Stop) -> LifeKey<'_> {
    (&stop.life.container_id, stop.life.started_at)
}

fn by_life(replayed: &Replayed) -> HashMap<LifeKey<'_>, &Stop> {
    replayed.before.iter().chain(&replayed.stops).map(|stop| (life(stop), stop)).collect()
}
