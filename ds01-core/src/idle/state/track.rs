//! What is remembered of one life of a running container: how long it was observed to be idle, and what its user was told.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    detect::inventory::Extra,
    idle::evidence::{
        GpuEvidence, GpuMeasure, IdlePowers, Observation, SHORTEST_INTERVAL, Signals, Since, Thresholds, Verdict,
        observed_ms, power,
    },
    model::Now,
    policy::Enforcement,
};

/// What lies further apart was not observed in between.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(600);

/// How old the last observation may be for a check to judge by it: the check makes one itself.
pub const FRESH: Duration = Duration::from_secs(60);

/// One life (id, start, boot) of a running GPU container.
///
/// Idle time is observed time: the sum of the idle intervals between consecutive observations since the last activity,
/// on the boot clock.
///
/// | what happened between two observations | idle time | idle checks in a row | warning |
/// |---|---|---|---|
/// | work | from 0 | from 0 | forgotten |
/// | nothing, for at most 10 minutes | grows by what was observed of the interval | stay | stays |
/// | nothing could be told | stays | from 0 | stays |
/// | more than 10 minutes passed, and counters show no work | stays | from 0 | stays |
/// | the container or the host was started anew | another life: everything from 0 | | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Track {
    /// The observation that the last interval was measured to, and that the next one begins with.
    pub last: Observation,
    /// What the last interval showed, which ended with [`last`](Self::last) and took at least [`SHORTEST_INTERVAL`].
    /// `None` until there was one.
    pub interval: Option<Interval>,
    /// Observations since then, each too soon after it to measure a rate.
    #[serde(default, skip_serializing_if = "Soon::is_empty")]
    pub soon: Soon,
    /// Observed idle time since the last activity, in milliseconds.
    pub idle_ms: u64,
    /// Time since the last activity that nothing spoke of, in milliseconds, though somebody looked before and after it: the
    /// driver's ring is short, and no sampler ran.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unobserved_ms: u64,
    /// The last activity, or the first observation.
    pub active_at: Timestamp,
    /// The same on the boot clock, in milliseconds.
    pub active_boot_ms: u64,
    /// Whether there was activity since the last check.
    pub active_since_check: bool,
    /// Idle checks in a row.
    pub idle_checks: u64,
    /// The first observation of this life on the boot clock, in milliseconds.
    pub first_boot_ms: u64,
    /// The network counter at the last check.
    pub net_at_check: Option<u64>,
    /// What power its GPUs took when they idled.
    #[serde(default, skip_serializing_if = "IdlePowers::is_empty")]
    pub idle_powers: IdlePowers,
    /// The warning of this idle spell.
    pub warning: Option<Warning>,
    /// The warning that it nears its maximum run time.
    pub runtime_warning: Option<Warning>,
    /// From what its owner was told to be exempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_exempt: Vec<Enforcement>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What was seen within [`SHORTEST_INTERVAL`] of a track's last observation.
///
/// A rate over a second or two is noise, so these make no interval of their own. Work that they saw counts at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Soon {
    /// When the last of them was made, on the boot clock in milliseconds.
    pub until_boot_ms: u64,
    /// GPU figures of those that saw no work: together with what comes, they can show some.
    pub gpus: Vec<GpuMeasure>,
    /// What the last of them that saw work saw.
    pub work: Option<Interval>,
}

impl Soon {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What happened between two observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interval {
    /// How long it was on the boot clock, in milliseconds.
    pub length_ms: u64,
    /// What happened in it.
    pub signals: Signals,
    /// What that means.
    pub verdict: Verdict,
    /// For how much of it the evidence speaks, in milliseconds. `None` in states of earlier versions: for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_ms: Option<u64>,
}

/// The least that somebody gets who is warned late, or hears it late, or was warned before a pause of the checks: a little less than
/// the time between two checks.
pub const LATE_NOTICE: Duration = Duration::from_secs(240);

/// A warning that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// When, on the wall clock.
    pub at: Timestamp,
    /// At which check, by its number.
    pub check: u64,
    /// The boot clock, in milliseconds, before which the stop that it announced is not to come.
    pub not_before_boot_ms: u64,
    /// The channels on which it is known to have reached its user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<String>,
    /// The boot clock, in milliseconds, when its user was told last that what it announced is being done. Where that was done,
    /// there is no warning any more: it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_told_boot_ms: Option<u64>,
}

impl Warning {
    /// One that is given now, by this check.
    pub fn new(at: Timestamp, check: u64, not_before_boot_ms: u64) -> Self {
        Self { at, check, not_before_boot_ms, confirmed: Vec::new(), done_told_boot_ms: None }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

impl Interval {
    /// For how much of it the evidence speaks, in milliseconds.
    pub fn observed_ms(&self) -> u64 {
        self.covered_ms.unwrap_or(self.length_ms).min(self.length_ms)
    }

    /// Whether it is too short for a rate.
    pub fn is_short(&self) -> bool {
        Duration::from_millis(self.length_ms) < SHORTEST_INTERVAL
    }

    /// The verdict, considering that no idleness is known of an interval that is too long to have been observed.
    pub fn says(&self) -> Verdict {
        match self.verdict {
            Verdict::Idle if Duration::from_millis(self.length_ms) > LONGEST_INTERVAL => Verdict::NoEvidence,
            verdict => verdict,
        }
    }
}

impl Track {
    /// A life that was seen for the first time: nothing is known of what came before.
    pub fn new(first: &Observation) -> Self {
        Self {
            interval: None,
            soon: Soon::default(),
            idle_ms: 0,
            unobserved_ms: 0,
            active_at: first.at,
            active_boot_ms: first.boot_ms,
            active_since_check: false,
            idle_checks: 0,
            first_boot_ms: first.boot_ms,
            net_at_check: first.net_bytes.known().copied(),
            idle_powers: IdlePowers::new(),
            warning: None,
            runtime_warning: None,
            told_exempt: Vec::new(),
            last: first.clone(),
            extra: Extra::new(),
        }
    }

    /// Takes in the next observation of this life. One that was taken in already changes nothing.
    pub fn observe(&mut self, seen: &Observation, thresholds: &Thresholds) {
        if seen.boot_ms <= self.last.boot_ms.max(self.soon.until_boot_ms) {
            self.observe_late(seen, thresholds);
            return;
        }
        let interval = self.interval_to(seen, seen.boot_ms - self.last.boot_ms, thresholds);
        let works = interval.verdict.is_activity();
        if interval.is_short() {
            self.soon.until_boot_ms = seen.boot_ms;
            if works {
                self.begin_spell(seen);
                self.soon.work = Some(interval);
            } else {
                self.soon.gpus.extend_from_slice(&seen.gpus);
            }
            return;
        }
        if works {
            self.begin_spell(seen);
        } else if interval.says() == Verdict::Idle {
            // Of an interval that began with work, what came after that.
            let idle_since = self.last.boot_ms.max(self.active_boot_ms);
            let quiet_ms = seen.boot_ms.saturating_sub(idle_since);
            let observed_ms = interval.observed_ms().min(quiet_ms);
            self.idle_ms = self.idle_ms.saturating_add(observed_ms);
            self.unobserved_ms = self.unobserved_ms.saturating_add(quiet_ms - observed_ms);
        } else {
            // Not seen, or seen and not understood: neither idle nor active, and no row of idle checks.
            self.idle_checks = 0;
        }
        self.interval = Some(interval);
        if self.net_at_check.is_none_or(|before| seen.net_bytes.known().is_some_and(|now| *now < before)) {
            self.net_at_check = seen.net_bytes.known().copied();
        }
        power::take_in(&mut self.idle_powers, &self.last.gpus, &seen.gpus);
        self.last.clone_from(seen);
        self.soon = Soon::default();
        // Of an earlier version, and out of date by now.
        self.extra.remove("joined");
    }

    /// What happened from the last observation to `seen`, which has to be a later one of this life.
    pub fn interval_to(&self, seen: &Observation, length_ms: u64, thresholds: &Thresholds) -> Interval {
        let since = Since {
            before: &self.last,
            net_at_check: self.net_at_check,
            joined: &self.soon.gpus,
            idle_powers: &self.idle_powers,
        };
        let signals = Signals::between(&since, seen, thresholds);
        let verdict = Verdict::of(&signals, thresholds.gpu_unknown);
        Interval { length_ms, verdict, covered_ms: Some(observed_ms(&since, seen, length_ms, thresholds)), signals }
    }

    /// An observation that was written down after a later one: a detector's, overtaken by a check. What it saw on the GPU
    /// after the spell began is activity all the same.
    fn observe_late(&mut self, seen: &Observation, thresholds: &Thresholds) {
        let new = seen.boot_ms > self.active_boot_ms && *seen != self.last;
        if new && GpuEvidence::of(&seen.gpus, &self.last.gpus, thresholds).is_active() {
            let last = self.last.clone();
            self.begin_spell(&last);
        }
    }

    fn begin_spell(&mut self, seen: &Observation) {
        self.idle_ms = 0;
        self.unobserved_ms = 0;
        self.idle_checks = 0;
        self.active_at = seen.at;
        self.active_boot_ms = seen.boot_ms;
        self.active_since_check = true;
        self.warning = None;
    }

    /// A check has taken in everything there was: counts it if it is an idle one, and begins what the next one looks back
    /// to.
    pub fn close_check(&mut self, now: &Now) {
        if self.verdict(now) == Verdict::Idle && !self.active_since_check {
            self.idle_checks = self.idle_checks.saturating_add(1);
        } else {
            self.idle_checks = 0;
        }
        self.active_since_check = false;
        self.net_at_check = self.last.net_bytes.known().copied();
    }

    /// The verdict of the last interval, and of what was seen since; none when it was too long, or ended too long ago to
    /// speak of now.
    pub fn verdict(&self, now: &Now) -> Verdict {
        self.judged_by().filter(|_| self.is_fresh(now)).map_or(Verdict::NoEvidence, Interval::says)
    }

    /// What the verdict speaks of: the last interval, or work that was seen since.
    pub fn judged_by(&self) -> Option<&Interval> {
        let works_on_gpu = |interval: &&Interval| interval.verdict == Verdict::GpuActive;
        self.interval.as_ref().filter(works_on_gpu).or(self.soon.work.as_ref()).or(self.interval.as_ref())
    }

    /// For how much of the time since its last activity the evidence speaks, in percent; of the last interval, while it works.
    /// `None` until there was an interval.
    pub fn observed_percent(&self) -> Option<u64> {
        let (observed_ms, all_ms) = match self.idle_ms.saturating_add(self.unobserved_ms) {
            0 => {
                let interval = self.interval.as_ref()?;
                (interval.observed_ms(), interval.length_ms)
            }
            all_ms => (self.idle_ms, all_ms),
        };
        Some(observed_ms.saturating_mul(100).checked_div(all_ms).unwrap_or(100).min(100))
    }

    fn is_fresh(&self, now: &Now) -> bool {
        now.since(self.last.boot_ms.max(self.soon.until_boot_ms)) <= FRESH
    }

    /// Observed idle time since the last activity.
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
