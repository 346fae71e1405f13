//! Stopping and removing one container: the last look, the order to the engine, and seeing that it had its effect.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing::warn;

use super::{
    carry_out::{CarryOut, Named, Notes, Task},
    checked::Outcome,
    requests::Requests,
};
use crate::{
    detect::Origin,
    idle::{
        evidence::{ContainerFacts, Observation},
        journal::ask_gpus,
        rules::{Case, Changed, KeepAlive, Reread, recheck, released},
        state::StopCause,
    },
    model::{ContainerDetails, ContainerLife, ContainerStatus, GpuSnapshot, Now, Reading, Unknown, UnknownKind},
    source::{Acted, ContainerControl, Inspection},
};

/// How long it may take until a container that was stopped is seen to have ended, and then until the driver has let go of
/// its contexts.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// Between two looks whether that is so.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl CarryOut<'_> {
    pub(super) fn stop(&self, task: &Task<'_>, cause: StopCause, grace: Duration, notes: &Mutex<Notes>) -> Outcome {
        let details = match self.tell_between(task, notes, || self.still_the_same(task, cause, notes)) {
            Ok(details) => details,
            Err(outcome) => return self.reported(task, outcome),
        };
        let facts = task.case.facts;
        let id = &facts.id;
        let control = match self.control(facts) {
            Ok(control) => control,
            Err(error) => return self.reported(task, Outcome::Failed(error)),
        };
        if details.status == ContainerStatus::Paused
            && let Err(error) = control.unpause(id)
        {
            return self.reported(task, Outcome::Failed(format!("it is paused, and could not be unpaused: {error}")));
        }
        let stopped = control.stop(id, grace);
        if stopped == Ok(Acted::Gone) {
            return self.reported(task, Outcome::Left(Changed::Gone.to_string()));
        }
        // Whatever the engine says: what counts is whether it runs.
        if !self.has_ended(facts, &details) {
            let why = match stopped {
                Err(error) => error.to_string(),
                Ok(_) => format!("{} says that it was stopped, and it runs on", facts.engine.called()),
            };
            return self.reported(task, Outcome::Failed(why));
        }
        self.log_action(task);
        match self.contexts_left(task) {
            Ok(left) if left.is_empty() => {
                // A managed container keeps its GPU in the allocator until it is removed.
                if task.case.facts.origin != Origin::Managed || task.case.facts.auto_remove {
                    self.log_event(task, released(task.case.facts));
                }
            }
            Ok(left) => {
                let pids: Vec<String> = left.iter().map(ToString::to_string).collect();
                let error =
                    format!("it ended, and the driver still shows contexts of its processes {}", pids.join(", "));
                return self.reported(task, Outcome::Holding(error));
            }
            Err(error) => {
                warn!("{}: whether its GPU contexts are gone could not be seen: {error}", Named(task.case.facts))
            }
        }
        Outcome::Done
    }

    /// Looks, tells of what is done, and looks again: telling takes its time, and whoever begins to work meanwhile, or answers, is
    /// left. Nothing is told before the first look, as most of what changed shows there; and of what fails at each check, it is
    /// told once an hour.
    fn tell_between<T>(
        &self,
        task: &Task<'_>,
        notes: &Mutex<Notes>,
        look: impl Fn() -> Result<T, Outcome>,
    ) -> Result<T, Outcome> {
        let seen = look()?;
        let id = &task.case.facts.id;
        if !self.checked.state.is_to_be_told(id, &task.decision.action, task.case.now) {
            return Ok(seen);
        }
        self.tell(task);
        let seen = look().inspect_err(|outcome| {
            if let Outcome::Left(why) | Outcome::Failed(why) = outcome {
                self.take_back(task, why);
            }
        })?;
        notes.lock().unwrap_or_else(PoisonError::into_inner).told.push(id.clone());
        Ok(seen)
    }

    /// The last look before a stop.
    fn still_the_same(
        &self,
        task: &Task<'_>,
        cause: StopCause,
        notes: &Mutex<Notes>,
    ) -> Result<Box<ContainerDetails>, Outcome> {
        let Case { facts, policy, track, .. } = task.case;
        let Some(track) = track else { return Err(Outcome::Left("nothing is remembered of it".to_owned())) };
        let details = self.inspect(facts).map_err(Outcome::Failed)?;
        let Some(details) = details else { return Err(Outcome::Left(Changed::Gone.to_string())) };
        let fresh = ContainerFacts { status: details.status.clone(), started_at: details.started_at, ..facts.clone() };
        let now = Now::read(&*self.sources.clock, &task.case.now.boot_id);
        let (seen, keep_alive) = match cause {
            StopCause::Runtime => (Unknown::new(UnknownKind::NotAsked, "its activity").into(), KeepAlive::Absent),
            StopCause::Idle => {
                let path = &policy.resolved.rules.keepalive_path.value;
                let (processes, control) = (&self.sources.processes, self.control(facts).map_err(Outcome::Failed)?);
                let file = KeepAlive::look_up(processes, control, &facts.id, path, &details.config.bind_sources);
                (self.look_again(task, &details), file)
            }
        };
        if let Reading::Known(seen) = &seen {
            // What it showed must not be lost, should it be left for that.
            notes.lock().unwrap_or_else(PoisonError::into_inner).observations.push(seen.clone());
        }
        let reread = Reread { now: &now, facts: Some(&fresh), seen: seen.as_ref(), keep_alive: &keep_alive };
        recheck(cause, track, &reread, &policy.resolved.rules).map_err(|changed| Outcome::Left(changed.to_string()))?;
        if cause == StopCause::Idle
            && let Some(why) = Requests::unread(self.options, self.sources, &self.checked.look, &task.case, &now)
        {
            return Err(Outcome::Left(why));
        }
        Ok(details)
    }

    fn look_again(&self, task: &Task<'_>, details: &ContainerDetails) -> Reading<Observation> {
        let facts = task.case.facts;
        match (details.pid, details.started_at) {
            (Some(pid), Some(started_at)) => {
                let health_check = details.config.health_check.clone();
                let life = ContainerLife { id: facts.id.clone(), pid, health_check };
                self.checked.look.again(self.sources, &life, started_at)
            }
            _ => Unknown::new(UnknownKind::Gone, "its main process").into(),
        }
    }

    pub(super) fn remove(&self, task: &Task<'_>, notes: &Mutex<Notes>) -> Outcome {
        let facts = task.case.facts;
        let look = || match self.inspect(facts) {
            Err(error) => Err(Outcome::Failed(error)),
            Ok(None) => Err(Outcome::Left(Changed::Gone.to_string())),
            Ok(Some(details)) if details.status != facts.status || details.started_at != facts.started_at => {
                Err(Outcome::Left(format!("it was {}, and is {} now", facts.status, details.status)))
            }
            Ok(Some(_)) => Ok(()),
        };
        if let Err(outcome) = self.tell_between(task, notes, look) {
            return self.reported(task, outcome);
        }
        let removed =
            self.control(facts).and_then(|control| control.remove(&facts.id).map_err(|error| error.to_string()));
        let outcome = match removed {
            Err(error) => Outcome::Failed(error),
            Ok(Acted::Gone) => Outcome::Left(Changed::Gone.to_string()),
            Ok(Acted::Done) => {
                self.log_action(task);
                self.log_event(task, released(task.case.facts));
                return Outcome::Done;
            }
        };
        self.reported(task, outcome)
    }

    /// Who acts on it: through the engine that holds it, and through no other.
    fn control(&self, facts: &ContainerFacts) -> Result<&dyn ContainerControl, String> {
        let control = self.hands.controls.of(&facts.engine);
        control.ok_or_else(|| format!("there is no way to {}", facts.engine.called()))
    }

    /// `None` for a container that is gone.
    fn inspect(&self, facts: &ContainerFacts) -> Result<Option<Box<ContainerDetails>>, String> {
        let engine = self.sources.engine(&facts.engine);
        let engine = engine.ok_or_else(|| format!("there is no way to {}", facts.engine.called()))?;
        match engine.inspect(std::slice::from_ref(&facts.id)) {
            Err(error) => Err(format!("it could not be looked at again: {error}")),
            Ok(answers) => match answers.into_iter().next() {
                Some(Inspection::Details(details)) => Ok(Some(details)),
                Some(Inspection::Gone) => Ok(None),
                Some(Inspection::Unreadable(words)) => Err(format!("it could not be looked at again: {words}")),
                None => Err("it could not be looked at again: no answer".to_owned()),
            },
        }
    }

    /// Whether the life that was stopped is over.
    fn has_ended(&self, facts: &ContainerFacts, before: &ContainerDetails) -> bool {
        wait_until(SEEN_WITHIN, || match self.inspect(facts) {
            Ok(None) => true,
            Ok(Some(now)) => !now.status.is_up() || now.started_at != before.started_at,
            Err(_) => false,
        })
    }

    /// The pids that the driver still shows, of the processes that the container had.
    fn contexts_left(&self, task: &Task<'_>) -> Result<Vec<u32>, String> {
        let id = &task.case.facts.id;
        let entry = self.checked.look.inventory.container(id);
        let of_gpus = entry.and_then(|entry| entry.gpu_processes.as_ref()).into_iter().flatten().map(|one| one.pid);
        let of_group = self.checked.look.pids.get(id).and_then(Reading::known).into_iter().flatten().copied();
        let pids: Vec<u32> = of_gpus.chain(of_group).collect();
        let mut left = Ok(Vec::new());
        wait_until(SEEN_WITHIN, || {
            left = ask_gpus(&self.sources.gpus, |source| source.snapshot()).map(|gpus| on_gpus(&gpus, &pids));
            left.as_ref().is_ok_and(Vec::is_empty)
        });
        left
    }
}

fn on_gpus(gpus: &GpuSnapshot, pids: &[u32]) -> Vec<u32> {
    let mut left: Vec<u32> =
        gpus.processes().map(|(_, process)| process.pid).filter(|pid| pids.contains(pid)).collect();
    left.sort_unstable();
    left.dedup();
    left
}

/// Looks until `holds`, or until `limit` is over; whether it held.
fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(LOOK_AGAIN);
    }
}
