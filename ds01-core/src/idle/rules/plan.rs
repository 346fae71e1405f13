//! One check: from all facts to one decision for each container.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::tz::TimeZone;

use super::{
    case::Case,
    decide::{asks_keep_alive, decide, nears_its_idle_stop, nears_its_runtime},
    decision::{Action, Decision, Waits},
    policy::ContainerPolicy,
};
use crate::{
    idle::{
        evidence::{ContainerFacts, Observation, Thresholds},
        state::{CheckMark, IdleState, Kept, Standing, StopCause},
    },
    model::{Asked, ContainerId, Demand, KeepAlive, Now},
    policy::{ContainerType, Policy},
};

/// All that a check knows.
#[derive(Debug, Clone)]
pub struct Check<'a> {
    /// When it is.
    pub now: Now,
    /// In which the last day of an exemption ends.
    pub zone: TimeZone,
    /// The policy, read whole.
    pub policy: &'a Policy,
    /// Every container of the host, running or not. What is missing is gone, and forgotten.
    pub containers: &'a [ContainerFacts],
    /// What was observed since the last check, this check's own observations among it.
    pub observations: &'a [Observation],
    /// How many GPUs are given away. `None` when that could not be told.
    pub demand: Option<Demand>,
    /// What users asked to keep since the last check, oldest first; each may, as it is theirs.
    pub asked: &'a [Asked],
    /// Whom this check is about; `None` is everybody. Of the others, only what was observed is taken in.
    pub only: Option<BTreeSet<ContainerId>>,
}

impl Check<'_> {
    fn is_about(&self, id: &ContainerId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }
}

/// What a check decided.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// What is to be done about each container, and why.
    pub decisions: BTreeMap<ContainerId, Decision>,
    /// What holds for each container.
    pub policies: BTreeMap<ContainerId, ContainerPolicy>,
    /// What came of what users asked to keep, in the order of [`Check::asked`]: how each is kept, or why not.
    pub answers: Vec<Result<Kept, String>>,
    /// Whether demand became high (`true`) or ceased to be; `None` when nothing changed.
    pub high_demand: Option<bool>,
}

impl Plan {
    /// The plan of a check that could not judge anybody.
    pub fn nothing() -> Self {
        Self { decisions: BTreeMap::new(), policies: BTreeMap::new(), answers: Vec::new(), high_demand: None }
    }

    /// Takes in what was observed, and decides. `state` becomes that of this check; what is carried out of the plan is for
    /// [`IdleState::record`] to add. `keep_alive` looks up paths in containers, all at once; few are asked for, and none it
    /// gives no answer about is stopped for idleness.
    pub fn make(
        state: &mut IdleState,
        check: &Check<'_>,
        keep_alive: impl FnOnce(&[(&ContainerId, &str)]) -> BTreeMap<ContainerId, KeepAlive>,
    ) -> Self {
        let now = &check.now;
        let policies: BTreeMap<ContainerId, ContainerPolicy> = check
            .containers
            .iter()
            .map(|facts| (facts.id.clone(), ContainerPolicy::of(check.policy, facts, now.at, &check.zone)))
            .collect();
        forget_and_observe(state, check, &policies);
        state.advance_kept(check.containers, now);
        let answers = check.asked.iter().map(|asked| grant(state, asked, check, &policies)).collect();

        let about = || check.containers.iter().filter(|facts| check.is_about(&facts.id));
        let cases: Vec<Case<'_>> = about()
            .filter(|facts| facts.status.is_up())
            .filter_map(|facts| {
                let (policy, track) = (policies.get(&facts.id)?, state.tracks.get(&facts.id));
                Some(Case {
                    now,
                    check: state.checks,
                    facts,
                    policy,
                    track,
                    demand: check.demand,
                    kept: state.kept.get(&facts.id),
                })
            })
            .collect();
        let path = |case: &Case<'_>| case.policy.resolved.rules.keepalive_path.value.clone();
        let asking: Vec<(&ContainerId, String)> =
            cases.iter().filter(|case| asks_keep_alive(case)).map(|case| (&case.facts.id, path(case))).collect();
        let questions: Vec<(&ContainerId, &str)> = asking.iter().map(|(id, path)| (*id, path.as_str())).collect();
        let files = if questions.is_empty() { BTreeMap::new() } else { keep_alive(&questions) };
        let asked: BTreeSet<&ContainerId> = asking.iter().map(|(id, _)| *id).collect();
        let file = |case: &Case<'_>| match files.get(&case.facts.id) {
            _ if !asked.contains(&case.facts.id) => KeepAlive::Absent,
            Some(file) => file.clone(),
            None => KeepAlive::Unreadable("it was not looked up".to_owned()),
        };
        let mut decisions: BTreeMap<ContainerId, Decision> =
            cases.iter().map(|case| (case.facts.id.clone(), decide(case, &file(case)))).collect();
        let unwarned: Vec<ContainerId> =
            cases.iter().filter(|case| !nears_its_runtime(case)).map(|case| case.facts.id.clone()).collect();
        let not_idle: Vec<ContainerId> =
            cases.iter().filter(|case| !nears_its_idle_stop(case)).map(|case| case.facts.id.clone()).collect();
        for facts in about().filter(|facts| !facts.status.is_up() && facts.answered) {
            if let (Some(standing), Some(policy)) = (state.standing.get(&facts.id), policies.get(&facts.id))
                && policy.engines.reap.contains(&facts.engine)
            {
                decisions.insert(facts.id.clone(), standing.decide(facts, policy, now));
            }
        }
        for id in unwarned {
            if let Some(track) = state.tracks.get_mut(&id) {
                track.runtime_warning = None;
            }
        }
        for id in not_idle {
            if let Some(track) = state.tracks.get_mut(&id) {
                track.warning = None;
            }
        }
        let of_all = check.policy.resolve(None, ContainerType::Unknown).rules;
        cap_stops(&mut decisions, of_all.max_stops_per_run.value);

        let high = check.demand.map(|demand| demand.is_high(of_all.high_demand_threshold.value));
        let high_demand = high.filter(|high| *high != state.high_demand);
        state.high_demand = high.unwrap_or(state.high_demand);
        Self { decisions, policies, answers, high_demand }
    }
}

/// Keeps what somebody asked to keep, as far as the policy allows.
fn grant(
    state: &mut IdleState,
    asked: &Asked,
    check: &Check<'_>,
    policies: &BTreeMap<ContainerId, ContainerPolicy>,
) -> Result<Kept, String> {
    let facts = check.containers.iter().find(|facts| facts.id == asked.id);
    let (Some(facts), Some(policy)) = (facts, policies.get(&asked.id)) else { return Err("it is gone".to_owned()) };
    let kept = asked.granted(state.kept.get(&asked.id), policy.resolved.rules.keep_max.value, facts, &check.now)?;
    state.kept.insert(asked.id.clone(), kept.clone());
    Ok(kept)
}

fn forget_and_observe(state: &mut IdleState, check: &Check<'_>, policies: &BTreeMap<ContainerId, ContainerPolicy>) {
    let now = &check.now;
    state.break_rows(now);
    // Figures of a damaged file may be at their end.
    state.checks = state.checks.saturating_add(1);
    state.last_check = Some(CheckMark { at: now.at, boot_id: now.boot_id.clone(), boot_ms: now.boot_ms });

    let thresholds = |id: &ContainerId| policies.get(id).map(|policy| Thresholds::from(&policy.resolved.rules));
    state.observe(&now.boot_id, check.observations, thresholds);

    let facts: BTreeMap<&ContainerId, &ContainerFacts> =
        check.containers.iter().map(|facts| (&facts.id, facts)).collect();
    state.tracks.retain(|id, track| {
        track.last.boot_id == now.boot_id
            && facts.get(id).is_some_and(|facts| {
                facts.status.is_up() && facts.started_at.is_none_or(|started| started == track.last.started_at)
            })
    });
    let answered = |id: &ContainerId| facts.get(id).is_some_and(|facts| facts.answered);
    for (_, track) in state.tracks.iter_mut().filter(|(id, _)| check.is_about(id) && answered(id)) {
        track.close_check(now);
    }
    let mut before = std::mem::take(&mut state.standing);
    for facts in check.containers {
        if let Some(standing) = Standing::seen(before.remove(&facts.id), facts, now) {
            state.standing.insert(facts.id.clone(), standing);
        }
    }
}

/// Keeps no more than `most` stops: runtime first, then those that are longest over their limit.
fn cap_stops(decisions: &mut BTreeMap<ContainerId, Decision>, most: Option<u64>) {
    let Some(most) = most.map(|most| usize::try_from(most).unwrap_or(usize::MAX)) else { return };
    let mut stops: Vec<&mut Decision> =
        decisions.values_mut().filter(|decision| matches!(decision.action, Action::Stop { .. })).collect();
    stops.sort_by_key(|decision| {
        let idle = matches!(decision.action, Action::Stop { cause: StopCause::Idle, .. });
        (idle, Reverse(decision.idle.saturating_sub(decision.idle_limit.unwrap_or(Duration::ZERO))))
    });
    for decision in stops.into_iter().skip(most) {
        decision.action = Action::Nothing;
        decision.waits = Some(Waits::Cap);
    }
}
