//! The last look before a stop.

use std::fmt;

use super::keep_alive::Keeping;
use crate::{
    idle::{
        evidence::{ContainerFacts, Observation, Signals, Thresholds, Verdict},
        state::{StopCause, Track},
    },
    model::{KeepAlive, Now, Reading},
    policy::Rules,
};

/// Why a container that was to be stopped is left.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Changed {
    /// There is no such container any more, or another one has its name.
    Gone,
    /// It was started anew.
    Restarted,
    /// It does not run any more.
    NotRunning,
    /// It works again, or nobody can tell. What was seen, where anything was.
    NotIdle(Verdict, Option<Box<Signals>>),
    /// A keep-alive file holds, or nobody can tell.
    Kept,
}

/// What was read of the container just before the stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Reread<'a> {
    /// When.
    pub now: &'a Now,
    /// An inspect of the id that was decided about; `None` when there is no such container.
    pub facts: Option<&'a ContainerFacts>,
    /// A fresh observation of it.
    pub seen: Reading<&'a Observation>,
    /// What lies at the path of the keep-alive file.
    pub keep_alive: &'a KeepAlive,
}

/// Whether the container of `track` may still be stopped for `cause`.
///
/// # Errors
///
/// What changed since the decision, or can't be told any more. A stop for run time looks neither at activity nor at a
/// keep-alive file.
pub fn recheck(cause: StopCause, track: &Track, reread: &Reread<'_>, rules: &Rules) -> Result<(), Changed> {
    let facts = reread.facts.filter(|facts| facts.id == track.last.container_id).ok_or(Changed::Gone)?;
    if !facts.status.is_up() {
        return Err(Changed::NotRunning);
    }
    if facts.started_at != Some(track.last.started_at) || reread.now.boot_id != track.last.boot_id {
        return Err(Changed::Restarted);
    }
    if cause == StopCause::Runtime {
        return Ok(());
    }
    let interval = match &reread.seen {
        Reading::Known(seen) if seen.same_life(&track.last) && seen.boot_ms >= track.last.boot_ms => {
            track.interval_to(seen, seen.boot_ms - track.last.boot_ms, &Thresholds::from(rules))
        }
        _ => return Err(Changed::NotIdle(Verdict::NoEvidence, None)),
    };
    if interval.says() != Verdict::Idle {
        // Over a gap, the signals say nothing.
        let signals = (interval.says() == interval.verdict).then(|| Box::new(interval.signals.clone()));
        return Err(Changed::NotIdle(interval.says(), signals));
    }
    match reread.keep_alive.keeping(reread.now.at, rules.keepalive_max_duration.value) {
        Keeping::Holds(_) | Keeping::CannotTell(_) => Err(Changed::Kept),
        Keeping::Refused(_) | Keeping::None => Ok(()),
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it is gone"),
            Self::Restarted => f.write_str("it was started anew"),
            Self::NotRunning => f.write_str("it does not run any more"),
            Self::NotIdle(verdict, None) => write!(f, "{verdict}"),
            Self::NotIdle(verdict, Some(signals)) => write!(f, "{verdict} ({signals})"),
            Self::Kept => f.write_str("a keep-alive file holds, or can't be looked up"),
        }
    }
}

#[cfg(test)]
#[path = "recheck_tests.rs"]
mod tests;
