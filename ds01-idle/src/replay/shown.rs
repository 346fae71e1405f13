//! What is shown, and how its parts are written.

use std::time::Duration;

use ds01_core::{
    idle::journal::Life,
    model::ContainerId,
    policy::ContainerType,
    replay::{Again, Cause, EndedBy, Past, RealStop, Replayed, Stop, Window},
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use super::given::{Given, Named};

/// A past, and the policies that it was replayed with.
pub(super) struct Shown<'a> {
    pub(super) given: &'a Given,
    pub(super) window: &'a Window,
    pub(super) past: &'a Past,
}

impl<'a> Shown<'a> {
    /// Each policy with what it came to, the one that is asked about first.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'a Named, &'a Replayed)> + use<'a> {
        self.given.all().zip(&self.past.replayed)
    }

    /// The same in the order of columns: of two that are compared, the old one first.
    pub(super) fn columns(&self) -> Vec<(&'a Named, &'a Replayed)> {
        let mut columns: Vec<_> = self.each().collect();
        if self.given.are_compared() {
            columns.reverse();
        }
        columns
    }

    /// The one that is asked about.
    pub(super) fn main(&self) -> Option<(&'a Named, &'a Replayed)> {
        self.each().next()
    }

    /// The policy in force.
    pub(super) fn in_force(&self) -> Option<(&'a Named, &'a Replayed)> {
        self.given.in_force().and_then(|at| self.each().nth(at))
    }

    /// An instant in a row of a table: its year stands above.
    pub(super) fn when(&self, at: Timestamp) -> String {
        at.to_zoned(self.window.zone.clone()).strftime("%m-%d %H:%M").to_string()
    }
}

/// An instant to the minute.
pub(super) fn minute(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// GPU time in hours.
pub(super) fn hours(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() / 3600.0)
}

/// A container in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) id: &'a ContainerId,
    life: Option<&'a Life>,
}

impl<'a> Whose<'a> {
    pub(super) fn of(stop: &'a Stop) -> Self {
        Self { id: &stop.life.container_id, life: Some(&stop.life) }
    }

    pub(super) fn of_real(stop: &'a RealStop) -> Self {
        Self { id: &stop.id, life: stop.life.as_ref() }
    }

    pub(super) fn name(&self) -> &'a str {
        self.life.map_or_else(|| self.id.short(), |life| &life.name)
    }

    pub(super) fn user(&self) -> Option<&'a str> {
        self.life?.user.as_deref()
    }

    pub(super) fn kind(&self) -> Option<ContainerType> {
        self.life.map(|life| life.origin.into())
    }

    pub(super) fn gpus(&self) -> &'a [String] {
        self.life.map_or(&[], |life| &life.gpus)
    }
}

/// For what, as a word.
pub(super) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Idle => "idle",
        Cause::Runtime => "run time",
    }
}

/// What really happened to a container that a policy stops.
pub(super) fn really(stop: &Stop) -> String {
    let later = |after: Duration| format!("{} later", units::duration(after));
    if stop.real {
        return match stop.again {
            Some(Again { after, .. }) => format!("stopped, started again {}", later(after)),
            None => "stopped".to_owned(),
        };
    }
    if stop.kept.is_some() {
        return "kept: keep-alive file".to_owned();
    }
    match (stop.again, stop.end) {
        (Some(again), _) => format!("at work again {}", later(again.after)),
        (None, Some(end)) => match end.by {
            EndedBy::Reaper(_) => format!("stopped {}", later(end.after)),
            EndedBy::Itself => format!("ended {}", later(end.after)),
            EndedBy::Nothing => "did nothing to the end".to_owned(),
        },
        (None, None) => String::new(),
    }
}
