//! What a check is made with, and what it saw, decided and did.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{keep_alive::keep_alive_files, look_back::LookBack};
use crate::{
    detect::{Inventory, Settings, Sources},
    event::EventLog,
    idle::{
        evidence::ContainerFacts,
        journal::Look,
        notice::{Broadcast, Channel},
        rules::{Action, Asked, Case, Check, Decision, Demand, KeepAlive, Plan},
        state::{CheckMark, IdleState},
        suspicion::Suspicion,
    },
    metrics::MetricsFile,
    model::{ContainerId, NotMeant, meant},
    policy::Policy,
    source::{Controls, SourceName},
    store::StoreError,
};

/// Of the deadline, what is left for looking at least, however long another run was waited for.
const LEAST_FOR_LOOK: f64 = 0.4;

/// What a check acts with.
#[derive(Clone)]
pub struct Hands {
    /// Who acts on the containers of each engine.
    pub controls: Controls,
    /// Who tells people.
    pub broadcast: Arc<dyn Broadcast>,
}

/// How a check is to be made.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Where state, journal and the detector's inventory are kept.
    pub state_dir: PathBuf,
    /// Where users drop requests to keep containers. One that is not there has none.
    pub keep_dir: PathBuf,
    /// Where events go.
    pub events: EventLog,
    /// How long it may take to look, whatever the sources do. What is done then takes its own time.
    pub deadline: Duration,
    /// What the admin set about sources.
    pub settings: Settings,
    /// The policy, read whole.
    pub policy: Policy,
    /// In which the last day of an exemption ends.
    pub zone: TimeZone,
    /// Where Prometheus is told of it. `None` tells nothing.
    pub metrics: Option<MetricsFile>,
    /// Containers that the check is about, by name, id or the beginning of an id; none is all.
    pub only: Vec<String>,
}

/// What a check saw, decided and did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The host.
    pub look: Look,
    /// What is remembered, this check included.
    pub state: IdleState,
    /// The check before this one.
    pub before: Option<CheckMark>,
    /// The oldest line of the journal that was read, where there were more than a check reads: of what came before, nothing
    /// is known.
    pub journal_cut_at: Option<Timestamp>,
    /// What was decided; nothing when a source told nothing.
    pub plan: Plan,
    /// How many GPUs are given away.
    pub demand: Option<Demand>,
    /// What was found where keep-alive files were looked for.
    pub keep_alive: BTreeMap<ContainerId, KeepAlive>,
    /// What looks wrong, for an admin's eyes. Nothing is done about it.
    pub suspicions: Vec<Suspicion>,
    /// What came of what was decided. Empty for a preview.
    pub outcomes: BTreeMap<ContainerId, Outcome>,
    /// What else went wrong.
    pub problems: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Why there was no check, and nobody was touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The state directory, the lock, the state, or the journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state could not be put into words.
    #[error("can't write the state as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A container that was named is not there.
    #[error("there is no container {0}")]
    NoSuchContainer(String),
    /// Several containers have names or ids that begin so.
    #[error("{0} can mean several containers; give more of it, or the engine with it, as in podman/{0}")]
    Ambiguous(String),
}

impl CheckError {
    /// Whether another run held the lock all the time.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Store(StoreError::Locked { .. }))
    }
}

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

/// Who was told something, and nothing more done about it.
#[derive(Default)]
pub(super) struct Told {
    pub(super) outcomes: BTreeMap<ContainerId, Outcome>,
    /// Whose owners are known to have heard what they were told.
    pub(super) heard: BTreeSet<ContainerId>,
    /// Who was warned anew, with the warning.
    pub(super) again: BTreeMap<ContainerId, Decision>,
}

impl Checked {
    pub(super) fn look(
        sources: &Sources,
        options: &CheckOptions,
        state: IdleState,
        previous: &Inventory,
        start: Instant,
    ) -> Self {
        let left = options.deadline.saturating_sub(start.elapsed()).max(options.deadline.mul_f64(LEAST_FOR_LOOK));
        let since = state.last_check.as_ref().map(|mark| mark.boot_ms);
        let look = Look::at(sources, previous, left, &options.settings, since);
        Self {
            demand: Demand::at(&look.inventory, &look.containers, &options.policy.monitoring),
            look,
            before: state.last_check.clone(),
            state,
            journal_cut_at: None,
            plan: Plan::nothing(),
            keep_alive: BTreeMap::new(),
            suspicions: Vec::new(),
            outcomes: BTreeMap::new(),
            problems: Vec::new(),
            took: start.elapsed(),
        }
    }

    /// The source that told nothing: nobody was judged, and nobody touched.
    pub fn blind(&self) -> Option<SourceName> {
        self.look.blind()
    }

    /// How long ago the check before this one was; `None` when there was none since the host was booted.
    pub fn last_check(&self) -> Option<Duration> {
        let now = &self.look.now;
        let before = self.before.as_ref().filter(|before| before.boot_id == now.boot_id);
        before.map(|before| now.since(before.boot_ms))
    }

    pub(super) fn decide(
        &mut self,
        sources: &Sources,
        hands: &Hands,
        options: &CheckOptions,
        earlier: &LookBack,
        asked: &[Asked],
    ) -> Result<(), CheckError> {
        self.journal_cut_at = earlier.cut_at;
        let check = Check {
            now: self.look.now.clone(),
            zone: options.zone.clone(),
            policy: &options.policy,
            containers: &self.look.containers,
            observations: &earlier.observations,
            demand: self.demand,
            asked,
            only: self.named(&options.only)?,
        };
        let (look, keep_alive) = (&self.look, &mut self.keep_alive);
        self.plan = Plan::make(&mut self.state, &check, |asked| {
            *keep_alive = keep_alive_files(sources, &hands.controls, look, asked);
            keep_alive.clone()
        });
        self.suspect(sources, options, earlier);
        Ok(())
    }

    pub(super) fn named(&self, only: &[String]) -> Result<Option<BTreeSet<ContainerId>>, CheckError> {
        let ids: BTreeSet<ContainerId> = only.iter().map(|name| self.container(name)).collect::<Result<_, _>>()?;
        Ok((!only.is_empty()).then_some(ids))
    }

    /// The container of this name, id, or beginning of an id.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one id begins so.
    pub fn container(&self, name: &str) -> Result<ContainerId, CheckError> {
        let found = meant(&self.look.containers, name, ContainerFacts::called);
        found.map(|facts| facts.id.clone()).map_err(|why| match why {
            NotMeant::Nobody => CheckError::NoSuchContainer(name.to_owned()),
            NotMeant::Several => CheckError::Ambiguous(name.to_owned()),
        })
    }

    /// As [`container`](Self::container), and also the container whose name alone begins so: for whoever only looks.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one name or id begins so.
    pub fn find(&self, beginning: &str) -> Result<ContainerId, CheckError> {
        self.container(beginning).or_else(|error| {
            let begins = |facts: &&ContainerFacts| !beginning.is_empty() && facts.name.starts_with(beginning);
            let mut named = self.look.containers.iter().filter(begins);
            match (error, named.next(), named.next()) {
                (CheckError::NoSuchContainer(_), Some(facts), None) => Ok(facts.id.clone()),
                (CheckError::NoSuchContainer(name), Some(_), Some(_)) => Err(CheckError::Ambiguous(name)),
                (error, ..) => Err(error),
            }
        })
    }

    /// What each running container that was judged is judged by.
    pub fn cases(&self) -> BTreeMap<&ContainerId, Case<'_>> {
        let about = |id: &ContainerId| self.plan.decisions.contains_key(id);
        let up = self.look.containers.iter().filter(|facts| facts.status.is_up() && about(&facts.id));
        up.filter_map(|facts| Some((&facts.id, self.case(facts)?))).collect()
    }

    /// What is known of one container, running or not. `None` when nobody was judged.
    pub(super) fn case<'a>(&'a self, facts: &'a ContainerFacts) -> Option<Case<'a>> {
        let policy = self.plan.policies.get(&facts.id)?;
        let (track, kept) = (self.state.tracks.get(&facts.id), self.state.kept.get(&facts.id));
        Some(Case { now: &self.look.now, check: self.state.checks, facts, policy, track, demand: self.demand, kept })
    }

    /// Remembers who was told what, and that nothing was to be done about others.
    pub(super) fn record_told(&mut self, told: Told) {
        for (id, decision) in &self.plan.decisions {
            if decision.action == Action::Nothing || told.outcomes.contains_key(id) {
                self.state.record(id, decision, &self.look.now);
            }
        }
        for (id, decision) in &told.again {
            self.state.record(id, decision, &self.look.now);
        }
        for id in told.heard.iter().chain(told.again.keys()) {
            self.state.told(id, Channel::Terminals.as_str());
        }
        self.outcomes = told.outcomes;
    }

    /// Remembers what was stopped and removed, and of what failed, whose users were `told` of it.
    pub(super) fn record_done(&mut self, outcomes: BTreeMap<ContainerId, Outcome>, told: &[ContainerId]) {
        for id in told.iter().filter(|id| matches!(outcomes.get(id), Some(Outcome::Failed(_)))) {
            if let Some(decision) = self.plan.decisions.get(id) {
                self.state.record_told(id, &decision.action, &self.look.now);
            }
        }
        for (id, outcome) in &outcomes {
            if let (Outcome::Done | Outcome::Holding(_), Some(decision)) = (outcome, self.plan.decisions.get(id)) {
                self.state.record(id, decision, &self.look.now);
            }
        }
        // A stop that failed can have its effect yet, as when a process waits for a disk: the next check looks.
        self.state.stopping.retain(|id, _| outcomes.get(id).is_none_or(|one| matches!(one, Outcome::Failed(_))));
        self.outcomes.extend(outcomes);
    }
}
