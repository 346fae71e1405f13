//! Stops that a killed check had begun: what became of them.

use std::{collections::BTreeMap, time::Duration};

use super::{case::Case, decision::Action, event::event};
use crate::{
    detect::{UserSource, inventory::Extra},
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
    /// What became of stops that a killed check had begun: the events of those that happened. A container that runs on in
    /// the same life was not stopped, and is judged anew; one that runs and does not tell its life is asked about again.
    pub fn settle(&mut self, containers: &[ContainerFacts], now: &Now) -> Vec<Event> {
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
        let events: Vec<(ContainerId, Event)> =
            happened.into_iter().filter_map(|(id, stopping)| self.event_of(id, stopping, now)).collect();
        for (id, _) in &events {
            self.stopped_here(id, now);
        }
        events.into_iter().map(|(_, event)| event).collect()
    }

    fn event_of(&self, id: ContainerId, stopping: Stopping, now: &Now) -> Option<(ContainerId, Event)> {
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
        let details: Details = event(&facts, &action, self.tracks.get(&id), ran_for)?;
        Some((id, Event { timestamp: now.at, user: facts.user, engine: stopping.engine, details }))
    }
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
