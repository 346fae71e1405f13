//! From all that is known at one check to a list of suspicions.

use jiff::Timestamp;

use super::{dead, exempt, hung, idle_power, kept, kept_busy, latched};
use crate::{
    detect::Inventory,
    event::{Details, Event},
    idle::{
        evidence::ContainerFacts,
        habits::{Habit, Habits},
        rules::Case,
    },
    model::{ContainerId, Now, SuspicionKind},
    policy::Policy,
};

/// What a habit is asked about has to have gone on until this long ago at most, in milliseconds.
pub(super) const FRESH_MS: u64 = 600_000;

/// All that is known.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// When it is.
    pub now: &'a Now,
    /// The policy, read whole.
    pub policy: &'a Policy,
    /// Containers that are up, each with what is remembered of it.
    pub cases: &'a [Case<'a>],
    /// What was done over hours.
    pub habits: &'a Habits,
    /// The picture of the host.
    pub inventory: &'a Inventory,
}

/// Something that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// What.
    pub kind: SuspicionKind,
    /// The container, by its full id and its name. `None` where it is about none. Users' text.
    pub container: Option<(ContainerId, String)>,
    /// Its owner. Users' text.
    pub user: Option<String>,
    /// UUIDs of the GPUs and MIG instances that it is about.
    pub gpus: Vec<String>,
    /// The process that it is about, as the host numbers it.
    pub pid: Option<u32>,
    /// Since when.
    pub since: Timestamp,
    /// What was seen, in words and figures. What users wrote in it is theirs.
    pub evidence: String,
    /// What an admin can do about it.
    pub advice: String,
}

impl Suspicion {
    /// One about a container.
    pub(super) fn about(
        kind: SuspicionKind,
        facts: &ContainerFacts,
        since: Timestamp,
        evidence: String,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            container: Some((facts.id.clone(), facts.name.clone())),
            user: facts.user.clone(),
            gpus: facts.gpus.clone(),
            pid: None,
            since,
            evidence,
            advice: advice.into(),
        }
    }

    /// What it is, and whom it concerns: the same for as long as it stands.
    pub fn key(&self) -> String {
        let whom = match (&self.container, self.pid) {
            (Some((id, _)), _) => id.short().to_owned(),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => self.gpus.join(" "),
        };
        format!("{} {whom}", self.kind)
    }

    /// Its event.
    pub fn event(&self, at: Timestamp) -> Event {
        let (container_id, container) = self.container.clone().unzip();
        let details = Details::Suspicion {
            kind: self.kind,
            container,
            container_id,
            gpus: self.gpus.clone(),
            pid: self.pid,
            since: self.since,
            evidence: self.evidence.clone(),
            advice: self.advice.clone(),
        };
        Event { timestamp: at, user: self.user.clone(), details }
    }
}

/// What looks wrong: by kind, then by name.
pub fn find(known: &Known<'_>) -> Vec<Suspicion> {
    let mut found: Vec<Suspicion> = Vec::new();
    for case in known.cases.iter().filter(|case| case.facts.has_gpu == Some(true)) {
        found.extend(exempt::suspicion(case, known.policy));
        if let Some(habit) = known.habits.containers.get(&case.facts.id) {
            found.extend(of_habit(case, habit, known));
        }
    }
    found.extend(latched::suspicions(known));
    found.extend(dead::suspicions(known.inventory));
    let name = |one: &Suspicion| one.container.as_ref().map(|(_, name)| name.clone());
    found.sort_by_cached_key(|one| (one.kind, name(one), one.key()));
    found
}

fn of_habit(case: &Case<'_>, habit: &Habit, known: &Known<'_>) -> Vec<Suspicion> {
    let now = known.now;
    let kinds = [
        habit.kept_on.as_ref().and_then(|kept_on| kept::suspicion(case, kept_on)),
        kept_busy::suspicion(case, habit, now),
        habit.low_power.as_ref().and_then(|low| idle_power::suspicion(case, low, known)),
        habit.hung.as_ref().and_then(|hung| hung::suspicion(case, hung, now)),
    ];
    kinds.into_iter().flatten().collect()
}

/// How people call a GPU or MIG instance: by its index.
pub(super) fn gpu_name(inventory: &Inventory, uuid: &str) -> String {
    for gpu in &inventory.gpus {
        if gpu.uuid == uuid {
            return format!("GPU {}", gpu.index);
        }
        if let Some(mig) = gpu.mig_instances.iter().find(|mig| mig.uuid == uuid) {
            return format!("MIG instance {}:{}", gpu.index, mig.index);
        }
    }
    uuid.to_owned()
}
