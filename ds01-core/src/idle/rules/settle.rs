//! Stops that a killed check had begun: what became of them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    case::Case,
    decision::Action,
    event::{event, released},
};
use crate::{
    detect::{Origin, UserSource, inventory::Extra},
    event::{Details, Event},
    idle::{
        evidence::ContainerFacts,
        state::{IdleState, StopCause, Stopping},
    },
    model::{ContainerId, ContainerStatus, Now, Reading},
    units::millis,
};

impl Stopping {
    /// The stop of the container of `case`.
    pub fn of(case: &Case<'_>, cause: StopCause) -> Self {
        let facts = case.facts;
        Self {
            cause,
            engine: facts.engine.clone(),
            name: facts.name.clone(),
            origin: facts.origin,
            user: facts.user.clone(),
            gpus: facts.gpus.clone(),
            started_at: facts.started_at,
            ran_ms: millis(case.ran_for()),
            extra: Extra::new(),
        }
    }
}

impl IdleState {
    /// What became of stops that a killed check had begun: the events of those that happened, and of GPUs that are free since.
    /// A container that runs on in the same life was not stopped, and is judged anew; one that runs and does not tell its life is
    /// asked about again. `lets_go` says whether no context is seen of one, nor memory that may be its own on these GPUs.
    pub fn settle(
        &mut self,
        containers: &[ContainerFacts],
        lets_go: impl Fn(&ContainerId, &[String]) -> bool,
        now: &Now,
    ) -> Vec<Event> {
        let listed: BTreeMap<&ContainerId, &ContainerFacts> =
            containers.iter().map(|facts| (&facts.id, facts)).collect();
        let mut happened = BTreeMap::new();
        for (id, stopping) in std::mem::take(&mut self.stopping) {
            match listed.get(&id).filter(|facts| facts.status.is_up() || !facts.answered) {
                // Whether it still runs is to be asked.
                Some(facts) if !facts.answered => drop(self.stopping.insert(id, stopping)),
                Some(facts) if facts.started_at.is_none() => drop(self.stopping.insert(id, stopping)),
                Some(facts) if facts.started_at == stopping.started_at => {}
                _ => drop(happened.insert(id, stopping)),
            }
        }
        let mut events = Vec::new();
        for (id, stopping) in happened {
            // One that was started again holds its GPUs again; a managed one keeps them in the allocator until it is removed.
            let is_free = match listed.get(&id) {
                None => true,
                Some(facts) => !facts.status.is_up() && (facts.origin != Origin::Managed || facts.auto_remove),
            };
            let is_free = is_free && lets_go(&id, &stopping.gpus);
            if let Some((stopped, released)) = self.events_of(&id, stopping, now) {
                self.stopped_here(&id, now);
                events.extend([Some(stopped), is_free.then_some(released)].into_iter().flatten());
            }
        }
        events
    }

    /// That it was stopped, and that its GPUs are free.
    fn events_of(&self, id: &ContainerId, stopping: Stopping, now: &Now) -> Option<(Event, Event)> {
        let ran_for = Duration::from_millis(stopping.ran_ms);
        let facts = ContainerFacts {
            id: id.clone(),
            engine: stopping.engine.clone(),
            answered: true,
            name: stopping.name,
            labels: BTreeMap::new(),
            origin: stopping.origin,
            image: String::new(),
            user: stopping.user,
            user_source: UserSource::Unknown,
            user_uid: None,
            has_gpu: Some(true),
            gpus: stopping.gpus,
            problem: None,
            status: ContainerStatus::Exited,
            started_at: stopping.started_at,
            running_for: Reading::Known(ran_for),
            stop_timeout: None,
            auto_remove: false,
        };
        let action = Action::Stop { cause: stopping.cause, grace: Duration::ZERO };
        let stopped = event(&facts, &action, self.tracks.get(id), ran_for)?;
        let told = |details: Details| Event {
            timestamp: now.at,
            user: facts.user.clone(),
            engine: stopping.engine.clone(),
            details,
        };
        Some((told(stopped), told(released(&facts))))
    }
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
