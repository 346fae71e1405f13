//! Until when a container holds its GPUs: its idle limit, its run time, or whoever keeps it.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    device::{Activity, StopFor},
    idleness::{Idleness, Standing},
};
use crate::{
    detect::{Inventory, Origin, inventory::ContainerEntry},
    idle::{
        evidence::ContainerFacts,
        rules::{Case, ContainerPolicy},
    },
    model::{Demand, Now},
    policy::{Enforcement, Policy},
};

/// What holds for everybody at one moment.
pub(super) struct Limits<'a> {
    policy: &'a Policy,
    now: Now,
    zone: &'a TimeZone,
    demand: Option<Demand>,
}

impl<'a> Limits<'a> {
    pub(super) fn new(policy: &'a Policy, inventory: &Inventory, now: Timestamp, zone: &'a TimeZone) -> Self {
        let platform = inventory.containers.values().filter(|entry| entry.infrastructure.is_some());
        let demand = Demand::of(inventory, &platform.map(|entry| &entry.full_id).collect());
        // The boot clock is not asked: run time is counted from when the container was started.
        Self { policy, now: Now { at: now, boot_id: String::new(), boot_ms: 0 }, zone, demand }
    }

    /// When it will be stopped if it goes on like this, and for what. `None` where nothing says so.
    pub(super) fn stop(
        &self,
        entry: &ContainerEntry,
        standing: Option<Standing>,
        idleness: &Idleness,
    ) -> Option<(Timestamp, StopFor)> {
        let may_act = self.policy.engines.reap.contains(&entry.engine);
        if entry.infrastructure.is_some() || entry.origin == Origin::Unknown || entry.has_gpu != Some(true) || !may_act
        {
            return None;
        }
        let facts = ContainerFacts::from_entry(entry, &self.now);
        let policy = ContainerPolicy::of(self.policy, &facts, self.now.at, self.zone);
        let case = Case {
            now: &self.now,
            check: 0,
            facts: &facts,
            policy: &policy,
            track: None,
            demand: self.demand,
            kept: None,
        };
        let binds = |enforcement| policy.exemption(enforcement).is_none();
        let idle = standing
            .filter(|standing| standing.activity == Activity::Idle && binds(Enforcement::IdleTimeout))
            .filter(|_| idleness.kept(entry).is_none())
            .and_then(|standing| {
                let left = case.idle_limit()?.saturating_sub(standing.idle);
                later(standing.observed_at, left).map(|at| (at, StopFor::Idle))
            });
        let run = entry.started_at.filter(|_| binds(Enforcement::MaxRuntime)).and_then(|started| {
            let limit = policy.resolved.limits.max_runtime.value?;
            later(started, limit).map(|at| (at, StopFor::MaxRuntime))
        });
        idle.into_iter().chain(run).min_by_key(|(at, _)| *at)
    }
}

/// `None` beyond what the clock can say.
fn later(at: Timestamp, by: std::time::Duration) -> Option<Timestamp> {
    at.checked_add(SignedDuration::try_from(by).ok()?).ok()
}
