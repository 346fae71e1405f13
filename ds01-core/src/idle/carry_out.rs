//! Doing what was decided: notices, stops side by side, removals, and an event for each.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{
    check::{Checked, Hands},
    decide::{Action, Decision, StopCause},
    event,
    facts::{ContainerFacts, ContainerPolicy, KeepAlive, Now},
    gpu_evidence::GpuEvidence,
    look::{Look, ask_gpus},
    notice::{About, notice},
    observation::Observation,
    recheck::{Changed, Reread, recheck},
    rules::Case,
    standing,
};
use crate::{
    detect::{Origin, Sources},
    event::{Details, Event},
    model::{
        ContainerDetails, ContainerId, ContainerLife, ContainerStatus, GpuSnapshot, Reading, Unknown, UnknownKind,
    },
    source::{Acted, Inspection},
};

/// How many containers are stopped at a time: enough that many graces take the time of one, few enough for any daemon.
const AT_A_TIME: usize = 8;

/// How long it may take until a container that was stopped is seen to have ended, and then until the driver has let go of
/// its contexts.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// Between two looks whether that is so.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What came of a decision to do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// It was stopped, and the driver still shows contexts of its processes. Which, in words.
    Holding(String),
    /// The last look before showed another state of things: it was left.
    Left(String),
    /// It failed. What, and in whose words.
    Failed(String),
}

/// All that a check has to do.
pub(super) struct CarryOut<'a> {
    pub(super) sources: &'a Sources,
    pub(super) hands: &'a Hands,
    pub(super) checked: &'a Checked,
    /// Writes events down; one after another, from whichever thread.
    pub(super) log: &'a (dyn Fn(&[Event]) + Sync),
}

/// What was done.
pub(super) struct Done {
    pub(super) outcomes: BTreeMap<ContainerId, Outcome>,
    /// What last looks saw.
    pub(super) observations: Vec<Observation>,
}

/// What is to be done about one container.
struct Task<'a> {
    case: Case<'a>,
    decision: &'a Decision,
}

/// Looks up keep-alive files, side by side.
pub(super) fn keep_alive_files(
    sources: &Sources,
    hands: &Hands,
    look: &Look,
    asked: &[(&ContainerId, &str)],
) -> BTreeMap<ContainerId, KeepAlive> {
    let look_up = |(id, path): (&ContainerId, &str)| {
        let file = KeepAlive::look_up(&sources.processes, &*hands.control, id, path, look.bind_sources(id));
        (id.clone(), file)
    };
    side_by_side(asked.to_vec(), look_up).into_iter().collect()
}

impl<'a> CarryOut<'a> {
    /// Does it all: what is only told first, then stops and removals side by side.
    pub(super) fn all(&self) -> Done {
        let checked = self.checked;
        let tasks = checked.look.containers.iter().filter_map(|facts| {
            let decision = checked.plan.decisions.get(&facts.id).filter(|one| one.action != Action::Nothing)?;
            Some(Task { case: checked.case(facts)?, decision })
        });
        let acts = |task: &Task<'_>| matches!(task.decision.action, Action::Stop { .. } | Action::Remove(_));
        let (acting, telling): (Vec<_>, Vec<_>) = tasks.partition(acts);

        let mut outcomes = BTreeMap::new();
        for task in &telling {
            self.tell(task);
            self.log_action(task);
            outcomes.insert(task.case.facts.id.clone(), Outcome::Done);
        }
        // Until it has another outcome: one whose work crashes has none.
        let crashed = || Outcome::Failed("it crashed; see the log above".to_owned());
        outcomes.extend(acting.iter().map(|task| (task.case.facts.id.clone(), crashed())));
        let observations = Mutex::new(Vec::new());
        let done = side_by_side(acting, |task| {
            let id = task.case.facts.id.clone();
            let outcome = match &task.decision.action {
                Action::Stop { cause, grace } => self.stop(&task, *cause, *grace, &observations),
                _ => self.remove(&task),
            };
            (id, outcome)
        });
        outcomes.extend(done);
        Done { outcomes, observations: observations.into_inner().unwrap_or_else(PoisonError::into_inner) }
    }

    fn stop(&self, task: &Task<'_>, cause: StopCause, grace: Duration, seen: &Mutex<Vec<Observation>>) -> Outcome {
        let details = match self.still_the_same(task, cause, seen) {
            Ok(details) => details,
            Err(outcome) => return self.reported(task, outcome),
        };
        self.tell(task);
        let id = &task.case.facts.id;
        if details.status == ContainerStatus::Paused
            && let Err(error) = self.hands.control.unpause(id)
        {
            return self.reported(task, Outcome::Failed(format!("it is paused, and could not be unpaused: {error}")));
        }
        let stopped = self.hands.control.stop(id, grace);
        if stopped == Ok(Acted::Gone) {
            return self.reported(task, Outcome::Left(Changed::Gone.to_string()));
        }
        // Whatever the engine says: what counts is whether it runs.
        if !self.has_ended(id, &details) {
            let why = match stopped {
                Err(error) => error.to_string(),
                Ok(_) => "Docker says that it was stopped, and it runs on".to_owned(),
            };
            return self.reported(task, Outcome::Failed(why));
        }
        self.log_action(task);
        match self.contexts_left(task) {
            Ok(left) if left.is_empty() => {
                // A managed container keeps its GPU in the allocator until it is removed.
                if task.case.facts.origin != Origin::Managed || task.case.facts.auto_remove {
                    self.log_event(task, self.released(task));
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

    /// The last look before a stop.
    fn still_the_same(
        &self,
        task: &Task<'_>,
        cause: StopCause,
        observations: &Mutex<Vec<Observation>>,
    ) -> Result<Box<ContainerDetails>, Outcome> {
        let Case { facts, policy, track, .. } = task.case;
        let Some(track) = track else { return Err(Outcome::Left("nothing is remembered of it".to_owned())) };
        let details = self.inspect(&facts.id).map_err(Outcome::Failed)?;
        let Some(details) = details else { return Err(Outcome::Left(Changed::Gone.to_string())) };
        let fresh = ContainerFacts { status: details.status.clone(), started_at: details.started_at, ..facts.clone() };
        let now = Now::read(&*self.sources.clock, &task.case.now.boot_id);
        let (seen, keep_alive) = match cause {
            StopCause::Runtime => (Unknown::new(UnknownKind::NotAsked, "its activity").into(), KeepAlive::Absent),
            StopCause::Idle => {
                let path = &policy.resolved.rules.keepalive_path.value;
                let (processes, control) = (&self.sources.processes, &*self.hands.control);
                let file = KeepAlive::look_up(processes, control, &facts.id, path, &details.config.bind_sources);
                (self.look_again(task, &details), file)
            }
        };
        if let Reading::Known(seen) = &seen {
            // What it showed must not be lost, should it be left for that.
            observations.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        }
        let reread = Reread { now: &now, facts: Some(&fresh), seen: seen.as_ref(), keep_alive: &keep_alive };
        recheck(cause, track, &reread, &policy.resolved.rules).map_err(|changed| Outcome::Left(changed.to_string()))?;
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

    fn remove(&self, task: &Task<'_>) -> Outcome {
        let facts = task.case.facts;
        let outcome = match self.inspect(&facts.id) {
            Err(error) => Outcome::Failed(error),
            Ok(None) => Outcome::Left(Changed::Gone.to_string()),
            Ok(Some(details)) if details.status != facts.status || details.started_at != facts.started_at => {
                Outcome::Left(format!("it was {}, and is {} now", facts.status, details.status))
            }
            Ok(Some(_)) => {
                self.tell(task);
                match self.hands.control.remove(&facts.id) {
                    Err(error) => Outcome::Failed(error.to_string()),
                    Ok(Acted::Gone) => Outcome::Left(Changed::Gone.to_string()),
                    Ok(Acted::Done) => {
                        self.log_action(task);
                        self.log_event(task, self.released(task));
                        return Outcome::Done;
                    }
                }
            }
        };
        self.reported(task, outcome)
    }

    /// An outcome that is not the one that was decided, said where people look for it.
    fn reported(&self, task: &Task<'_>, outcome: Outcome) -> Outcome {
        match &outcome {
            Outcome::Done => {}
            Outcome::Left(why) => info!("{}: left alone: {why}", Named(task.case.facts)),
            Outcome::Holding(error) | Outcome::Failed(error) => self.log_failure(task, error),
        }
        outcome
    }

    /// `None` for a container that is gone.
    fn inspect(&self, id: &ContainerId) -> Result<Option<Box<ContainerDetails>>, String> {
        match self.sources.containers.inspect(std::slice::from_ref(id)) {
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
    fn has_ended(&self, id: &ContainerId, before: &ContainerDetails) -> bool {
        wait_until(SEEN_WITHIN, || match self.inspect(id) {
            Ok(None) => true,
            Ok(Some(now)) => !now.status.is_up() || now.started_at != before.started_at,
            Err(_) => false,
        })
    }

    /// The pids that the driver still shows, of the processes that the container had.
    fn contexts_left(&self, task: &Task<'_>) -> Result<Vec<u32>, String> {
        let id = &task.case.facts.id;
        let entry = self.checked.look.inventory.containers.get(id.short());
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

    /// Tells everybody; where that fails, the journal of the system.
    fn tell(&self, task: &Task<'_>) {
        let Case { facts, policy, .. } = task.case;
        let Some(text) = notice(&about(&task.case, policy, task.decision), &task.decision.action) else { return };
        if let Err(error) = self.hands.broadcast.tell(&text) {
            warn!("{}: nobody could be told: {error}; the notice was:", Named(facts));
            text.lines().for_each(|line| warn!("{line}"));
        }
    }

    fn log_action(&self, task: &Task<'_>) {
        let case = &task.case;
        if let Some(details) = event::event(case.facts, &task.decision.action, case.track, case.ran_for()) {
            self.log_event(task, details);
        }
    }

    fn log_failure(&self, task: &Task<'_>, error: &str) {
        let facts = task.case.facts;
        let details = Details::StopFailed {
            container: facts.name.clone(),
            container_id: facts.id.clone(),
            container_type: facts.container_type().as_str(),
            gpus: facts.gpus.clone(),
            error: error.to_owned(),
        };
        self.log_event(task, details);
    }

    fn released(&self, task: &Task<'_>) -> Details {
        let facts = task.case.facts;
        Details::GpuReleased {
            container: facts.name.clone(),
            container_id: facts.id.clone(),
            container_type: facts.container_type().as_str(),
            gpus: facts.gpus.clone(),
        }
    }

    fn log_event(&self, task: &Task<'_>, details: Details) {
        let (timestamp, user) = (self.sources.clock.now(), task.case.facts.user.clone());
        (self.log)(&[Event { timestamp, user, details }]);
    }
}

fn about<'a>(case: &Case<'a>, policy: &'a ContainerPolicy, decision: &Decision) -> About<'a> {
    let rules = &policy.resolved.rules;
    let gpu = case.track.and_then(|track| track.interval.as_ref()).map(|interval| &interval.signals.gpu);
    About {
        facts: case.facts,
        gpu_unknown: matches!(gpu, Some(GpuEvidence::Unknown(_))),
        removed_after: standing::hold_after_stop(case.facts, policy),
        idle: decision.idle,
        idle_limit: decision.idle_limit,
        ran_for: case.ran_for(),
        keepalive_path: &rules.keepalive_path.value,
        keepalive_longest: rules.keepalive_max_duration.value,
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

/// Does `work` on all of `tasks`, [`AT_A_TIME`] at a time. A task whose work crashes has no result; the others go on.
fn side_by_side<T: Send, R: Send>(tasks: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let workers = AT_A_TIME.min(tasks.len());
    let queue = Mutex::new(VecDeque::from(tasks));
    let results = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(task) = next() {
                    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(task)));
                    results.lock().unwrap_or_else(PoisonError::into_inner).extend(done);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A container in a log line.
struct Named<'a>(&'a ContainerFacts);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container {} ({})", crate::text::sanitize(&self.0.name), self.0.id.short())
    }
}
