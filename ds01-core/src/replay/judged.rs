//! One policy's way through the past.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};

use super::stop::{Cause, Replayed, Stop, Warned, now};
use crate::{
    idle::{
        Now, Observation, Thresholds,
        evidence::ContainerFacts,
        journal::{CheckMade, Deed, Life, Record, What},
        rules::{Action, Check, ContainerPolicy, Plan},
        state::{IdleState, StopCause, Track},
    },
    model::{ContainerId, KeepAlive},
    policy::{Policy, RequireDelivery},
    units::millis,
};

/// Where no check was made for this long and looks went on, checks are supposed.
const TIMER_IS_OFF: Duration = Duration::from_secs(900);

/// Looks that lie further apart don't go on.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// From one supposed check to the next.
const BETWEEN_CHECKS: Duration = Duration::from_secs(300);

/// Who is at work again this soon after a stop would rather not have been stopped.
const REGRETTED_WITHIN: Duration = Duration::from_secs(3600);

/// Runs one policy over the journal's lines.
#[derive(Debug)]
pub struct Replay<'p> {
    policy: &'p Policy,
    zone: TimeZone,
    /// What is asked about. Before that, idle time is only taken in.
    from: Timestamp,
    state: IdleState,
    lives: BTreeMap<ContainerId, Life>,
    /// What no check has taken in.
    seen: Vec<Observation>,
    /// Containers that this policy has stopped and that ran on in the past, and those that were really stopped.
    after: HashMap<ContainerId, After>,
    /// The last check, and whether it was supposed.
    last_check: Option<(Now, bool)>,
    /// Since when looks go on without a gap: the boot, and its clock in milliseconds at the first and the last of them.
    looking: Option<(String, u64, u64)>,
    result: Replayed,
}

/// A container after its stop.
#[derive(Debug)]
struct After {
    /// The stop, by its place in the list.
    stop: usize,
    started_at: Option<Timestamp>,
    stopped: Now,
    real: bool,
    /// What it went on doing.
    track: Option<Track>,
    thresholds: Thresholds,
    gpus: u64,
}

impl<'p> Replay<'p> {
    /// Nothing yet. What happens before `from` is only taken in; the last day of an exemption ends in `zone`.
    pub fn new(policy: &'p Policy, zone: TimeZone, from: Timestamp) -> Self {
        Self {
            policy,
            zone,
            from,
            state: IdleState::default(),
            lives: BTreeMap::new(),
            seen: Vec::new(),
            after: HashMap::new(),
            last_check: None,
            looking: None,
            result: Replayed::default(),
        }
    }

    /// What it came to.
    pub fn finish(mut self) -> Replayed {
        for after in std::mem::take(&mut self.after).into_values() {
            self.settle(&after);
        }
        self.result
    }

    /// Takes in the next line.
    pub fn take(&mut self, record: &Record) {
        let at = record.at();
        let (first, _) = self.result.span.unwrap_or((at, at));
        self.result.span = Some((first, at));
        match record {
            Record::Seen(seen) => self.look(seen),
            Record::Life(life) => self.life(life),
            Record::Gone(gone) => gone.ids.iter().for_each(|id| self.ended(id)),
            Record::Check(check) => self.check(check),
            Record::Process(_) => {}
        }
    }

    fn look(&mut self, seen: &Observation) {
        // Looks go on without checks: what would they have come to?
        let looked = now(seen.at, &seen.boot_id, seen.boot_ms);
        if self.is_due(&looked) {
            self.suppose(&looked);
        }
        if let Some(after) = self.after.get_mut(&seen.container_id)
            && after.started_at == Some(seen.started_at)
        {
            after.see(seen, &mut self.result);
        } else {
            self.seen.push(seen.clone());
        }
    }

    /// Whether a check is to be supposed, after all that the look before this one saw.
    fn is_due(&mut self, looked: &Now) -> bool {
        let since_ms = match &mut self.looking {
            Some((boot_id, since_ms, last_ms))
                if *boot_id == looked.boot_id && looked.since(*last_ms) <= LONGEST_PAUSE =>
            {
                *last_ms = looked.boot_ms.max(*last_ms);
                *since_ms
            }
            looking => {
                *looking = Some((looked.boot_id.clone(), looked.boot_ms, looked.boot_ms));
                return false;
            }
        };
        // The others of one look.
        if self.seen.last().is_none_or(|last| last.boot_ms == looked.boot_ms || last.boot_id != looked.boot_id) {
            return false;
        }
        let last = self.last_check.as_ref().filter(|(last, _)| last.boot_id == looked.boot_id);
        let supposed = last.is_some_and(|(_, supposed)| *supposed);
        let since_ms = last.map_or(since_ms, |(last, _)| since_ms.max(last.boot_ms));
        looked.since(since_ms) >= if supposed { BETWEEN_CHECKS } else { TIMER_IS_OFF }
    }

    fn suppose(&mut self, looked: &Now) {
        let Some(last) = self.seen.last() else { return };
        let made = CheckMade {
            at: last.at,
            boot_id: looked.boot_id.clone(),
            boot_ms: last.boot_ms,
            check: self.state.checks.saturating_add(1),
            demand: None,
            keep_alive: BTreeMap::new(),
            asked: Vec::new(),
            told: Vec::new(),
            done: BTreeMap::new(),
            partial: false,
        };
        self.result.supposed_checks += u64::from(made.at >= self.from);
        self.judge(&made, false);
    }

    fn life(&mut self, life: &Life) {
        let id = &life.container_id;
        if let Some(after) = self.after.get_mut(id) {
            let is_new = life.status.is_up() && life.started_at != after.started_at;
            if is_new && after.real {
                after.regret(life.at, life.boot_ms, &mut self.result);
            }
            if is_new || !life.status.is_up() && !after.real {
                self.ended(id);
            }
        }
        self.lives.insert(id.clone(), life.clone());
    }

    /// What ran on after its stop has ended.
    fn ended(&mut self, id: &ContainerId) {
        if let Some(after) = self.after.remove(id) {
            self.settle(&after);
        }
        self.lives.remove(id);
    }

    fn settle(&mut self, after: &After) {
        if let (false, Some(track), Some(stop)) = (after.real, &after.track, self.result.stops.get_mut(after.stop)) {
            let until_ms = track.last.boot_ms.max(track.soon.until_boot_ms);
            let free = Duration::from_millis(until_ms.saturating_sub(after.stopped.boot_ms));
            stop.given_back = Some(free.saturating_mul(u32::try_from(after.gpus).unwrap_or(u32::MAX)));
        }
    }

    fn check(&mut self, made: &CheckMade) {
        self.result.checks += u64::from(made.at >= self.from);
        // Numbers follow those of the reaper.
        self.state.checks = made.check.saturating_sub(1);
        self.judge(made, true);
    }

    fn judge(&mut self, made: &CheckMade, real: bool) {
        let now = now(made.at, &made.boot_id, made.boot_ms);
        self.last_check = Some((now.clone(), !real));
        let stopped = |id: &ContainerId, life: &Life| {
            self.after.get(id).is_some_and(|after| !after.real && after.started_at == life.started_at)
        };
        let lives = self.lives.iter().filter(|(id, life)| !stopped(id, life));
        let containers: Vec<ContainerFacts> = lives.map(|(_, life)| life.facts(&now)).collect();
        // What a detector saw after the check had looked is for the next one.
        let (seen, later) = std::mem::take(&mut self.seen)
            .into_iter()
            .partition(|seen| seen.boot_id != now.boot_id || seen.boot_ms <= now.boot_ms);
        self.seen = later;
        let only = made.partial.then(|| made.done.keys().cloned().collect::<BTreeSet<_>>());
        let check = Check {
            now: now.clone(),
            zone: self.zone.clone(),
            policy: self.policy,
            containers: &containers,
            observations: &seen,
            demand: made.demand,
            asked: &made.asked,
            only,
        };
        let plan = Plan::make(&mut self.state, &check, |asked| {
            let file = |id: &ContainerId| made.keep_alive.get(id).cloned().unwrap_or(KeepAlive::Absent);
            asked.iter().map(|(id, _)| ((*id).clone(), file(id))).collect()
        });
        for (id, decision) in &plan.decisions {
            let deed = made.done.get(id);
            // The last look before a stop is not in the journal as such, but what came of it is.
            let came_to_nothing = |is: fn(What) -> bool| deed.is_some_and(|deed: &Deed| is(deed.what) && !deed.done);
            match &decision.action {
                Action::Stop { cause, .. } if !came_to_nothing(What::is_stop) => {
                    let really = real && deed.is_some_and(|deed| deed.what == what(*cause) && deed.done);
                    self.stop(id, *cause, decision.idle, &now, made, really);
                }
                Action::Stop { .. } => continue,
                Action::Remove(_) if came_to_nothing(|what| what == What::Removed) => continue,
                Action::Warn { .. } => self.warn(id, Cause::Idle, &now),
                Action::WarnOfRuntime { .. } => self.warn(id, Cause::Runtime, &now),
                _ => {}
            }
            self.state.record(id, decision, &now);
            let hears = made.told.contains(id) || self.policy.notify.require_delivery != RequireDelivery::None;
            if hears && matches!(decision.action, Action::Warn { .. }) {
                self.state.told(id, "terminals");
            }
        }
        self.miss(made, &plan, &now);
    }

    /// What the reaper stopped at this check, and this policy does not.
    fn miss(&mut self, made: &CheckMade, plan: &Plan, now: &Now) {
        for (id, deed) in made.done.iter().filter(|(_, deed)| deed.done && deed.what.is_stop()) {
            let stops = |id| matches!(plan.decisions.get(id).map(|one| &one.action), Some(Action::Stop { .. }));
            let (Some(life), false, false) = (self.lives.get(id), stops(id), self.after.contains_key(id)) else {
                continue;
            };
            if now.at >= self.from {
                let cause = if deed.what == What::StoppedIdle { Cause::Idle } else { Cause::Runtime };
                let idle = self.state.tracks.get(id).map(Track::idle).unwrap_or_default();
                self.result.only_real.push(stop(now, made, life, cause, idle, true));
            }
        }
    }

    fn warn(&mut self, id: &ContainerId, of: Cause, now: &Now) {
        if now.at >= self.from {
            self.result.warned.push(Warned { at: now.at, id: id.clone(), of });
        }
    }

    fn stop(&mut self, id: &ContainerId, cause: StopCause, idle: Duration, now: &Now, made: &CheckMade, real: bool) {
        let Some(life) = self.lives.get(id) else { return };
        let facts = life.facts(now);
        let policy = ContainerPolicy::of(self.policy, &facts, now.at, &self.zone);
        let after = After {
            stop: self.result.stops.len(),
            started_at: life.started_at,
            stopped: now.clone(),
            real,
            track: self.state.tracks.get(id).cloned(),
            thresholds: Thresholds::from(&policy.resolved.rules),
            gpus: u64::try_from(life.gpus.len()).unwrap_or(0),
        };
        if now.at >= self.from {
            self.result.stops.push(stop(now, made, life, cause.into(), idle, real));
        }
        // Of one before what is asked about, only that it is over is of interest.
        let stop = if now.at >= self.from { after.stop } else { usize::MAX };
        self.after.insert(id.clone(), After { stop, ..after });
    }
}

impl After {
    /// It ran on in the past.
    fn see(&mut self, seen: &Observation, result: &mut Replayed) {
        let Some(track) = &mut self.track else { return };
        let active_before = track.active_boot_ms;
        track.observe(seen, &self.thresholds);
        if track.active_boot_ms > active_before {
            let (at, boot_ms) = (track.active_at, track.active_boot_ms);
            self.regret(at, boot_ms, result);
        }
    }

    fn regret(&self, at: Timestamp, boot_ms: u64, result: &mut Replayed) {
        let soon = boot_ms.saturating_sub(self.stopped.boot_ms) <= millis(REGRETTED_WITHIN);
        if let (true, Some(stop)) = (soon, result.stops.get_mut(self.stop)) {
            stop.regretted.get_or_insert(at);
        }
    }
}

fn what(cause: StopCause) -> What {
    match cause {
        StopCause::Idle => What::StoppedIdle,
        StopCause::Runtime => What::StoppedRuntime,
    }
}

fn stop(now: &Now, made: &CheckMade, life: &Life, cause: Cause, idle: Duration, real: bool) -> Stop {
    Stop {
        at: now.at,
        check: made.check,
        life: life.clone(),
        cause,
        idle,
        real,
        regretted: None,
        given_back: None,
        keep_alive_known: made.keep_alive.contains_key(&life.container_id),
    }
}
