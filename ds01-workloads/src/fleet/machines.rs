//! Targets of one name: a machine that is scraped twice, or machines that are called the same.

use std::{cmp::Reverse, collections::BTreeSet};

use jiff::Timestamp;

use super::target::Target;

/// The label that says how a machine is scraped, and nothing of which it is.
const JOB: &str = "job";

/// A target with its labels.
#[derive(Debug)]
pub(super) struct Scraped {
    /// The label that names its host, as it stands there.
    pub(super) instance: String,
    /// The other ones, by name.
    pub(super) labels: Vec<(String, String)>,
    pub(super) target: Target,
}

impl Scraped {
    /// All that tells it from others.
    fn whole(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} ({})", self.instance, labels.join(", "))
    }

    /// Whether no label of theirs says that these are two machines.
    fn agrees(&self, other: &Self) -> bool {
        let value = |wanted: &str| other.labels.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let mut telling = self.labels.iter().filter(|(name, _)| name != JOB);
        telling.all(|(name, one)| value(name).is_none_or(|other| one == other))
    }

    /// Whether both tell of the same machine: they have a GPU or a container in common; or one has neither, and no label speaks
    /// against it.
    fn is_same(&self, other: &Self) -> bool {
        let either_is_bare = self.target.is_bare() || other.target.is_bare();
        self.target.shares(&other.target) || (either_is_bare && self.agrees(other))
    }
}

/// A machine of that name.
#[derive(Debug)]
pub(super) struct Machine {
    /// The target that is shown: it tells of ds01, or there is none of this machine that does.
    pub(super) shown: Scraped,
    /// When its detector looked last, by all its targets.
    pub(super) last_word: Option<Timestamp>,
    /// Whether it answers, where it tells nothing of ds01.
    pub(super) up: Option<bool>,
    /// What tells it from the others.
    pub(super) whole: String,
}

impl Machine {
    fn new(shown: Scraped) -> Self {
        Self { last_word: shown.target.last_word(), up: shown.target.up, whole: shown.whole(), shown }
    }

    fn absorb(&mut self, target: &Target) {
        self.last_word = self.last_word.max(target.last_word());
        self.up = self.up.max(target.up);
    }
}

/// The machines of one name, and what is left out as each is shown once.
pub(super) fn machines(targets: Vec<Scraped>, now: Timestamp) -> (Vec<Machine>, BTreeSet<String>) {
    let (mut told, mut gone): (Vec<_>, Vec<_>) = targets.into_iter().partition(|scraped| scraped.target.is_told());
    // What is current, what tells of something, the newest; and equal ones in the same order each time.
    told.sort_by_cached_key(|scraped| {
        let target = &scraped.target;
        (target.is_stale(now), target.is_bare(), Reverse(target.scan), scraped.whole())
    });
    let (mut machines, mut left_out): (Vec<Machine>, _) = (Vec::new(), BTreeSet::new());
    for scraped in told {
        match machines.iter_mut().find(|machine| machine.shown.is_same(&scraped)) {
            Some(machine) => {
                machine.absorb(&scraped.target);
                left_out.insert(scraped.whole());
            }
            None => machines.push(Machine::new(scraped)),
        }
    }
    // One that is gone may be what a machine was before its labels were changed.
    gone.sort_by_cached_key(|scraped| (Reverse(scraped.target.last_word()), scraped.whole()));
    for scraped in gone {
        match machines.iter_mut().find(|machine| machine.shown.agrees(&scraped)) {
            Some(machine) => machine.absorb(&scraped.target),
            None => machines.push(Machine::new(scraped)),
        }
    }
    (machines, left_out)
}
