//! Doing what was decided: notices, stops side by side, removals, and an event for each.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use tracing::{info, warn};

use super::{
    checked::{CheckOptions, Checked, Hands, Outcome, Told},
    side_by_side::side_by_side,
};
use crate::{
    detect::Sources,
    event::{Details, Event},
    idle::{
        evidence::{ContainerFacts, GpuEvidence, Observation},
        notice::{About, Delivery, Message, Reached, Severity, not_done, notice},
        rules::{self, Action, Case, ContainerPolicy, Decision, hold_after_stop},
    },
    model::ContainerId,
    text::sanitize,
};

/// All that a check has to do.
pub(super) struct CarryOut<'a> {
    pub(super) sources: &'a Sources,
    pub(super) hands: &'a Hands,
    pub(super) options: &'a CheckOptions,
    pub(super) checked: &'a Checked,
    /// Writes events down; one after another, from whichever thread.
    pub(super) log: &'a (dyn Fn(&[Event]) + Sync),
}

/// What was stopped and removed.
pub(super) struct Done {
    pub(super) outcomes: BTreeMap<ContainerId, Outcome>,
    /// Whose users were told of it.
    pub(super) told: Vec<ContainerId>,
    /// What last looks saw.
    pub(super) observations: Vec<Observation>,
}

/// What is noted while containers are stopped side by side.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) told: Vec<ContainerId>,
    pub(super) observations: Vec<Observation>,
}

/// What is to be done about one container.
pub(super) struct Task<'a> {
    pub(super) case: Case<'a>,
    pub(super) decision: &'a Decision,
}

impl<'a> CarryOut<'a> {
    /// Tells what is only told.
    pub(super) fn tell_all(&self) -> Told {
        let mut told = Told::default();
        for task in self.tasks(false) {
            if self.tell(&task).iter().any(Delivery::confirms) {
                told.heard.insert(task.case.facts.id.clone());
            }
            self.log_action(&task);
            told.outcomes.insert(task.case.facts.id.clone(), Outcome::Done);
        }
        told.again = self.tell_again();
        told
    }

    /// Stops and removes, side by side.
    pub(super) fn act(&self) -> Done {
        let tasks: Vec<Task<'_>> = self.tasks(true).collect();
        // Until it has another outcome: one whose work crashes has none.
        let crashed = || Outcome::Failed("it crashed; see the log above".to_owned());
        let mut outcomes: BTreeMap<ContainerId, Outcome> =
            tasks.iter().map(|task| (task.case.facts.id.clone(), crashed())).collect();
        let notes = Mutex::new(Notes::default());
        let done = side_by_side(tasks, |task| {
            let id = task.case.facts.id.clone();
            let outcome = match &task.decision.action {
                Action::Stop { cause, grace } => self.stop(&task, *cause, *grace, &notes),
                _ => self.remove(&task, &notes),
            };
            (id, outcome)
        });
        outcomes.extend(done);
        let Notes { told, observations } = notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        Done { outcomes, told, observations }
    }

    /// What was decided to stop and remove (`acting`), or only to tell.
    fn tasks(&self, acting: bool) -> impl Iterator<Item = Task<'a>> {
        let checked = self.checked;
        checked.look.containers.iter().filter_map(move |facts| {
            let decision = checked.plan.decisions.get(&facts.id)?;
            let acts = matches!(decision.action, Action::Stop { .. } | Action::Remove(_));
            let is_one = acts == acting && decision.action != Action::Nothing;
            is_one.then(|| checked.case(facts)).flatten().map(|case| Task { case, decision })
        })
    }

    /// An outcome that is not the one that was decided, said where people look for it.
    pub(super) fn reported(&self, task: &Task<'_>, outcome: Outcome) -> Outcome {
        match &outcome {
            Outcome::Done => {}
            Outcome::Left(why) => info!("{}: left alone: {why}", Named(task.case.facts)),
            Outcome::Holding(error) | Outcome::Failed(error) => self.log_failure(task, error),
        }
        outcome
    }

    /// Tells its owner and the others; where nobody is reached, the journal of the system has it.
    pub(super) fn tell(&self, task: &Task<'_>) -> Vec<Delivery> {
        let text = self.notice(task);
        text.map(|text| self.tell_text(task, &text)).unwrap_or_default()
    }

    /// Takes it back: what was told is not done.
    pub(super) fn take_back(&self, task: &Task<'_>, why: &str) {
        self.tell_text(task, &not_done(task.case.facts, why));
    }

    fn tell_text(&self, task: &Task<'_>, text: &str) -> Vec<Delivery> {
        let facts = task.case.facts;
        let Some(message) = self.message(task, text) else { return Vec::new() };
        let deliveries = self.hands.broadcast.tell(&message);
        let on_its_way = deliveries.iter().any(Delivery::is_on_its_way);
        for delivery in &deliveries {
            if on_its_way {
                info!("{}: {delivery}", Named(facts));
            } else {
                warn!("{}: {delivery}", Named(facts));
            }
            self.log_delivery(task, message.severity, delivery);
        }
        if !on_its_way {
            warn!("{}: nobody could be told; the notice was:", Named(facts));
            text.lines().for_each(|line| warn!("{line}"));
        }
        deliveries
    }

    /// The text about what was decided. `None` where there is none.
    pub(super) fn notice(&self, task: &Task<'_>) -> Option<String> {
        notice(&about(&task.case, task.case.policy, task.decision), &task.decision.action)
    }

    /// A text about what was decided, on its way. `None` where nobody is told of it.
    pub(super) fn message<'m>(&self, task: &'m Task<'_>, text: &'m str) -> Option<Message<'m>> {
        let facts = task.case.facts;
        let entry = self.checked.look.inventory.container(&facts.id);
        let pid = entry.filter(|entry| entry.status.is_up()).and_then(|entry| entry.pid);
        let (at, check) = (self.sources.clock.now(), self.checked.state.checks);
        let (severity, ahead) = (Severity::of(&task.decision.action)?, Severity::ahead(&task.decision.action));
        let (user, container) = (facts.user.as_deref(), Some(facts));
        Some(Message { text, severity, user, container, pid, at, check, ahead })
    }

    pub(super) fn log_delivery(&self, task: &Task<'_>, severity: Severity, delivery: &Delivery) {
        self.log_event(task, delivered(task.case.facts, severity, delivery));
    }

    pub(super) fn log_action(&self, task: &Task<'_>) {
        let case = &task.case;
        if let Some(details) = rules::event(case.facts, &task.decision.action, case.track, case.ran_for()) {
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

    pub(super) fn log_event(&self, task: &Task<'_>, details: Details) {
        let (timestamp, user) = (self.sources.clock.now(), task.case.facts.user.clone());
        let engine = task.case.facts.engine.clone();
        (self.log)(&[Event { timestamp, user, engine, details }]);
    }
}

/// The event of what became of a notice on one channel.
fn delivered(facts: &ContainerFacts, severity: Severity, delivery: &Delivery) -> Details {
    let (container, container_id) = (facts.name.clone(), facts.id.clone());
    let (severity, channel) = (severity.as_str(), delivery.channel.as_str().to_owned());
    let recipient = delivery.recipient.clone();
    let error = match &delivery.reached {
        Reached::Delivered(places) => {
            let (count, places) = (places.len() as u64, places.clone());
            return Details::NoticeDelivered { container, container_id, severity, channel, recipient, count, places };
        }
        Reached::Written(places) => {
            let places = places.clone();
            return Details::NoticeWritten { container, container_id, severity, channel, recipient, places };
        }
        Reached::Nobody => "nobody is there".to_owned(),
        Reached::Failed(why) => why.clone(),
    };
    Details::NoticeFailed { container, container_id, severity, channel, recipient, error }
}

fn about<'a>(case: &Case<'a>, policy: &'a ContainerPolicy, decision: &Decision) -> About<'a> {
    let rules = &policy.resolved.rules;
    let gpu = case.track.and_then(|track| track.interval.as_ref()).map(|interval| &interval.signals.gpu);
    About {
        facts: case.facts,
        gpu_unknown: matches!(gpu, Some(GpuEvidence::Unknown(_))),
        removed_after: hold_after_stop(case.facts, policy),
        idle: decision.idle,
        idle_limit: decision.idle_limit,
        ran_for: case.ran_for(),
        keepalive_path: &rules.keepalive_path.value,
        keep_most: rules.keep_max.value,
        keepalive_longest: rules.keepalive_max_duration.value,
    }
}

/// A container in a log line.
pub(super) struct Named<'a>(pub(super) &'a ContainerFacts);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container {} ({})", sanitize(&self.0.name), self.0.id.short())
    }
}
