//! One policy's way through the past.

use std::collections::{BTreeSet, HashMap};

use super::{
    after::After,
    moment::{Moment, Window},
    really::Really,
    stop::{Cause, Missed, Replayed, Stop, Warned},
};
use crate::{
    idle::{
        Decision, Observation, Thresholds,
        evidence::ContainerFacts,
        journal::{Deed, Life, What},
        rules::{Action, Check, ContainerPolicy, Plan},
        state::{IdleState, StopCause, Track},
    },
    model::{ContainerId, KeepAlive},
    policy::{Policy, RequireDelivery, Way},
};

/// A channel's name that stands for any hook.
const SOME_HOOK: &str = "hook:any";

/// One policy, as it judges the past.
#[derive(Debug)]
pub(super) struct Judged<'p> {
    policy: &'p Policy,
    window: Window,
    state: IdleState,
    /// Containers that this policy has stopped and that ran on in the past.
    after: HashMap<ContainerId, After>,
    /// How many stops were really made.
    real_stops: usize,
    /// With stops and warnings of all times.
    result: Replayed,
}

impl<'p> Judged<'p> {
    pub(super) fn new(policy: &'p Policy, window: &Window) -> Self {
        Self {
            policy,
            window: window.clone(),
            state: IdleState::default(),
            after: HashMap::new(),
            real_stops: 0,
            result: Replayed::default(),
        }
    }

    /// What it came to. `seen` is what no check has taken in.
    pub(super) fn finish(mut self, seen: &[Observation], really: &Really) -> Replayed {
        self.see(seen);
        let from = self.window.from;
        for after in std::mem::take(&mut self.after).into_values() {
            after.settle(from, false, &mut self.result.stops);
        }
        for stop in self.result.stops.iter_mut().filter(|stop| stop.real) {
            let same =
                |one: &&super::really::RealStop| Some(one.check) == stop.check && one.id == stop.life.container_id;
            stop.again = really.stops.iter().find(same).and_then(|one| one.again);
        }
        let ran_into_it = |stop: &Stop| {
            let end = stop.end.and_then(|end| stop.at.checked_add(end.after).ok());
            end.is_some_and(|end| end > from)
        };
        let (stops, before) = self.result.stops.into_iter().partition(|stop| stop.at >= from);
        self.result.stops = stops;
        self.result.before = before;
        self.result.before.retain(ran_into_it);
        self.result.warned.retain(|warned| warned.at >= from);
        self.result
    }

    /// Whether containers that were stopped here work again.
    fn see(&mut self, seen: &[Observation]) {
        if self.after.is_empty() {
            return;
        }
        for seen in seen {
            if let Some(after) = self.after.get_mut(&seen.container_id) {
                after.see(seen, &mut self.result.stops);
            }
        }
    }

    /// A container as it is from now on. `seen` is what no check has taken in.
    pub(super) fn life(&mut self, life: &Life, seen: &[Observation]) {
        let id = &life.container_id;
        if let Some(after) = self.after.get(id)
            && (!life.status.is_up() || life.started_at != after.started_at)
        {
            self.ended(id, seen);
        }
    }

    /// It has ended. `seen` is what no check has taken in.
    pub(super) fn ended(&mut self, id: &ContainerId, seen: &[Observation]) {
        if let Some(mut after) = self.after.remove(id) {
            let its = seen.iter().filter(|seen| seen.container_id == *id);
            its.for_each(|seen| after.see(seen, &mut self.result.stops));
            after.settle(self.window.from, true, &mut self.result.stops);
        }
    }

    pub(super) fn judge(&mut self, at: &Moment<'_>) {
        let Moment { now, made, lives, .. } = *at;
        self.see(at.seen);
        for (id, file) in &made.keep_alive {
            if let Some(after) = self.after.get(id) {
                after.keeps(file, &mut self.result.stops);
            }
        }
        let stopped =
            |id: &ContainerId, life: &Life| self.after.get(id).is_some_and(|after| after.started_at == life.started_at);
        let lives = lives.iter().filter(|(id, life)| !stopped(id, life));
        let containers: Vec<ContainerFacts> = lives.map(|(_, life)| life.facts(now)).collect();
        // More may have been meant, of which nothing came.
        let only =
            made.partial.then(|| made.done.keys().chain(made.keep_alive.keys()).cloned().collect::<BTreeSet<_>>());
        let check = Check {
            now: now.clone(),
            zone: self.window.zone.clone(),
            policy: self.policy,
            containers: &containers,
            observations: at.seen,
            demand: made.demand,
            asked: &made.asked,
            only,
        };
        let plan = Plan::make(&mut self.state, &check, |asked| {
            let file = |id: &ContainerId| at.found.get(id).cloned().unwrap_or(KeepAlive::Absent);
            asked.iter().map(|(id, _)| ((*id).clone(), file(id))).collect()
        });
        for (id, decision) in &plan.decisions {
            // The last look before a stop is not in the journal as such, but what came of it is.
            let deed = made.done.get(id);
            let came_to_nothing = |is: fn(What) -> bool| deed.is_some_and(|deed: &Deed| is(deed.what) && !deed.done);
            match &decision.action {
                Action::Stop { cause, .. } if !came_to_nothing(What::is_stop) => {
                    self.stop(id, *cause, decision, plan.policies.get(id), at);
                }
                Action::Stop { .. } => continue,
                Action::Remove(_) if came_to_nothing(|what| what == What::Removed) => continue,
                Action::Warn { .. } => self.warn(id, Cause::Idle, at),
                Action::WarnOfRuntime { .. } => self.warn(id, Cause::Runtime, at),
                _ => {}
            }
            self.state.record(id, decision, now);
            if matches!(decision.action, Action::Warn { .. }) {
                self.suppose_it_arrives(id);
            }
        }
        self.miss(at, &plan);
    }

    /// Where the policy waits until a warning is known to have arrived, it is taken to do so at once.
    fn suppose_it_arrives(&mut self, id: &ContainerId) {
        match &self.policy.notify.require_delivery {
            RequireDelivery::None => {}
            RequireDelivery::Any => self.state.told(id, SOME_HOOK),
            RequireDelivery::One(ways) => {
                let name = |way: &Way| match way {
                    Way::Hooks => SOME_HOOK.to_owned(),
                    way => way.to_string(),
                };
                ways.iter().for_each(|way| self.state.told(id, &name(way)));
            }
        }
    }

    /// What the reaper stopped at this check, and this policy does not.
    fn miss(&mut self, at: &Moment<'_>, plan: &Plan) {
        let stops = at.made.done.iter().filter(|(_, deed)| deed.done && deed.what.is_stop());
        for (nth, (id, deed)) in stops.enumerate() {
            let decision: Option<&Decision> = plan.decisions.get(id);
            if let Some(after) = self.after.get_mut(id) {
                after.stopped = Cause::of(deed.what);
            } else if !decision.is_some_and(|decision| matches!(decision.action, Action::Stop { .. })) {
                let idle = self.state.tracks.get(id).map(Track::idle).unwrap_or_default();
                self.result.missed.push(Missed { stop: self.real_stops + nth, idle, decision: decision.cloned() });
            }
        }
        self.real_stops += at.made.done.values().filter(|deed| deed.done && deed.what.is_stop()).count();
    }

    fn warn(&mut self, id: &ContainerId, of: Cause, at: &Moment<'_>) {
        self.result.warned.push(Warned { at: at.now.at, id: id.clone(), of });
    }

    fn stop(
        &mut self,
        id: &ContainerId,
        cause: StopCause,
        decision: &Decision,
        policy: Option<&ContainerPolicy>,
        at: &Moment<'_>,
    ) {
        let Moment { now, made, .. } = *at;
        let (Some(life), Some(policy)) = (at.lives.get(id), policy) else { return };
        let deed = made.done.get(id).copied();
        let real = deed.is_some_and(|deed| deed.what.is_stop() && deed.done);
        if !real {
            let after = After {
                stop: self.result.stops.len(),
                started_at: life.started_at,
                track: self.state.tracks.get(id).cloned(),
                thresholds: Thresholds::from(&policy.resolved.rules),
                stopped: None,
            };
            self.after.insert(id.clone(), after);
        }
        let limits = &policy.resolved.limits;
        self.result.stops.push(Stop {
            at: now.at,
            boot_ms: now.boot_ms,
            check: (!at.supposed).then_some(made.check),
            partial: made.partial,
            life: life.clone(),
            cause: cause.into(),
            idle: decision.idle,
            limit: match cause {
                StopCause::Idle => decision.idle_limit,
                StopCause::Runtime => limits.max_runtime.value,
            },
            real,
            deed,
            again: None,
            end: None,
            given_back: None,
            keep_alive_known: made.keep_alive.contains_key(id),
            kept: None,
        });
    }
}
