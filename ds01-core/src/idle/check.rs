//! One check from end to end: lock, load, look, decide, save, act, log, save.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use tracing::warn;

use super::{
    broadcast::Broadcast,
    carry_out::{CarryOut, Outcome, keep_alive_files},
    decide::Action,
    event,
    facts::{ContainerFacts, Demand},
    journal::{self, Journal},
    look::Look,
    observation::Observation,
    plan::{Check, Plan},
    rules::Case,
    state::{CheckMark, FILE_NAME, IdleState},
    stopping::Stopping,
};
use crate::{
    detect::{Inventory, Settings, Sources, inventory},
    event::{Event, EventLog},
    model::ContainerId,
    policy::Policy,
    source::{ContainerControl, SourceName},
    store::{Store, StoreError},
    units::millis,
};

/// The lock that lets one check at a time keep the state.
const LOCK_NAME: &str = "idle-state.lock";

/// Of the time for a check, what waiting for another run may take. Its stops take longer than that: a check that waits for
/// them gives up, and the timer brings another one.
const SHARE_FOR_LOCK: f64 = 0.4;

/// How far back observations are read that no check has taken in: so many that a check can hold them all.
const LONGEST_LOOK_BACK: Duration = Duration::from_secs(3600);

/// What a check acts with.
#[derive(Clone)]
pub struct Hands {
    /// The container engine.
    pub control: Arc<dyn ContainerControl>,
    /// Who tells people.
    pub broadcast: Arc<dyn Broadcast>,
}

/// How a check is to be made.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Where state, journal and the detector's inventory are kept.
    pub state_dir: PathBuf,
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
    /// Containers that the check is about, by name, id or the beginning of an id; none is all.
    pub only: Vec<String>,
}

/// What a check saw, decided and did.
#[derive(Debug)]
pub struct Checked {
    /// The host.
    pub look: Look,
    /// What is remembered, this check included.
    pub state: IdleState,
    /// The check before this one.
    pub before: Option<CheckMark>,
    /// What was decided; nothing when a source told nothing.
    pub plan: Plan,
    /// How many GPUs are given away.
    pub demand: Option<Demand>,
    /// What came of what was decided. Empty for a preview.
    pub outcomes: BTreeMap<ContainerId, Outcome>,
    /// What else went wrong.
    pub problems: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Why there was no check, and nobody was touched.
#[derive(Debug, thiserror::Error)]
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
    /// Several containers have ids that begin so.
    #[error("{0} is the beginning of several containers' ids; give more of it")]
    Ambiguous(String),
}

impl CheckError {
    /// Whether another run held the lock all the time.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Store(StoreError::Locked { .. }))
    }
}

/// Checks, and does what was decided.
///
/// When a source tells nothing, nothing is written and nobody is touched: see [`Checked::blind`]. Stops are written down
/// before they begin, so that one that a killed check had begun is reported by the next.
///
/// # Errors
///
/// When the lock was not free in time, or state or journal could not be read or written. Nobody was touched then.
pub fn run(sources: &Sources, hands: &Hands, options: &CheckOptions) -> Result<Checked, CheckError> {
    let start = Instant::now();
    let store = Store::open(&options.state_dir)?;
    let _lock = store.lock(LOCK_NAME, options.deadline.mul_f64(SHARE_FOR_LOCK))?;
    store.remove_leftovers(FILE_NAME)?;
    let state = match read_state(&store)? {
        Ok(state) => state,
        Err(error) => {
            let aside = store.set_aside(FILE_NAME, sources.clock.now())?;
            let path = store.path_of(FILE_NAME);
            warn!("{}: {error}; set aside as {}, starting from empty", path.display(), aside.display());
            IdleState::default()
        }
    };
    let journal = Journal::open(&store)?;
    let mut checked = Checked::look(sources, options, state, &last_inventory(Some(&store)), start);
    if checked.look.blind().is_some() {
        return Ok(checked);
    }
    // Before anything is written or told: a name that is wrong is found again by the next attempt.
    checked.named(&options.only)?;
    journal.append(&checked.look.observations)?;
    let observations = checked.state.not_taken_in(&journal, &checked.look)?;
    let not_logged = Mutex::new(BTreeSet::new());
    let log = |events: &[Event]| {
        if let Err(error) = options.events.append(events) {
            not_logged.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("events are not logged: {error}"));
        }
    };
    log(&checked.state.settle(&checked.look.containers, &checked.look.now));
    checked.decide(sources, hands, options, &observations)?;

    let cases = checked.cases();
    let stopping: Vec<(ContainerId, Stopping)> = cases
        .iter()
        .filter_map(|(id, case)| match checked.plan.decisions.get(*id)?.action {
            Action::Stop { cause, .. } => Some(((*id).clone(), Stopping::of(case, cause))),
            _ => None,
        })
        .collect();
    drop(cases);
    checked.state.stopping.extend(stopping);
    store.replace(FILE_NAME, &checked.state.to_json()?)?;

    if let (Some(high), Some(demand)) = (checked.plan.high_demand, checked.demand) {
        let details = event::high_demand(high, demand);
        log(&[Event { timestamp: checked.look.now.at, user: None, details }]);
    }
    let done = CarryOut { sources, hands, checked: &checked, log: &log }.all();
    if let Err(error) = journal.append(&done.observations).and_then(|()| journal.forget_old(checked.look.now.at)) {
        checked.problems.push(error.to_string());
    }
    checked.problems.extend(not_logged.into_inner().unwrap_or_else(PoisonError::into_inner));
    checked.record(done.outcomes);
    store.replace(FILE_NAME, &checked.state.to_json()?)?;
    checked.took = start.elapsed();
    Ok(checked)
}

/// Checks, and changes nothing: neither containers nor state, journal or event log. Keep-alive files are looked up, which
/// is all that `hands` are used for.
///
/// # Errors
///
/// When there are state or journal and they could not be read.
pub fn preview(sources: &Sources, hands: &Hands, options: &CheckOptions) -> Result<Checked, CheckError> {
    let store = existing(Store::open_existing(&options.state_dir))?;
    let state = match store.as_ref().map(read_state).transpose()?.unwrap_or_else(|| Ok(IdleState::default())) {
        Ok(state) => state,
        Err(error) => {
            let path = options.state_dir.join(FILE_NAME);
            warn!("{}: {error}; checking as if there were none", path.display());
            IdleState::default()
        }
    };
    let previous = last_inventory(store.as_ref());
    preview_after(sources, hands, options, &previous, state, |look, state| {
        let journal = store.as_ref().map(|store| existing(store.open_existing_within(journal::DIR_NAME)));
        let journal = journal.transpose()?.flatten().map(Journal::from);
        Ok(journal.map(|journal| state.not_taken_in(&journal, look)).transpose()?.unwrap_or_default())
    })
}

/// As [`preview`], with nothing read from the disk: after the picture `previous` and the checks that `state` remembers, and
/// with what `earlier` gives of observations since then.
///
/// # Errors
///
/// Those of `earlier`, and when a container that was named is not there.
pub fn preview_after(
    sources: &Sources,
    hands: &Hands,
    options: &CheckOptions,
    previous: &Inventory,
    state: IdleState,
    earlier: impl FnOnce(&Look, &mut IdleState) -> Result<Vec<Observation>, CheckError>,
) -> Result<Checked, CheckError> {
    let start = Instant::now();
    let mut checked = Checked::look(sources, options, state, previous, start);
    if checked.look.blind().is_some() {
        return Ok(checked);
    }
    let mut observations = earlier(&checked.look, &mut checked.state)?;
    observations.extend_from_slice(&checked.look.observations);
    checked.state.settle(&checked.look.containers, &checked.look.now);
    checked.decide(sources, hands, options, &observations)?;
    checked.took = start.elapsed();
    Ok(checked)
}

fn existing(store: Result<Store, StoreError>) -> Result<Option<Store>, StoreError> {
    match store {
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn read_state(store: &Store) -> Result<Result<IdleState, super::StateError>, StoreError> {
    Ok(store.read(FILE_NAME)?.map_or_else(|| Ok(IdleState::default()), |bytes| IdleState::from_json(&bytes)))
}

/// The detector's last picture, which says what need not be asked again. One of no use is no reason to stop: everything is
/// asked then.
fn last_inventory(store: Option<&Store>) -> Inventory {
    let Some(store) = store else { return Inventory::empty() };
    let read = store.read(inventory::FILE_NAME).map_err(|error| error.to_string());
    let parsed = read.and_then(|bytes| {
        bytes.map(|bytes| Inventory::from_json(&bytes)).transpose().map_err(|error| error.to_string())
    });
    parsed
        .unwrap_or_else(|error| {
            warn!("{}: {error}; going on without it", store.path_of(inventory::FILE_NAME).display());
            None
        })
        .unwrap_or_else(Inventory::empty)
}

impl IdleState {
    /// The observations that no track has taken in. Where there are more than a check can hold, as when it comes hours after
    /// the one before and the detector went on, nothing is known of those who may have worked in what is not read: their
    /// idle time begins anew.
    fn not_taken_in(&mut self, journal: &Journal, look: &Look) -> Result<Vec<Observation>, StoreError> {
        let (boot_id, oldest) = (&look.now.boot_id, self.oldest(look));
        let longest = millis(LONGEST_LOOK_BACK);
        let from = oldest.max(look.now.boot_ms.saturating_sub(longest));
        if from > oldest && journal.newest_before(boot_id, from)?.is_some_and(|unread| unread > oldest) {
            self.tracks.retain(|_, track| track.last.boot_id != *boot_id || track.last.boot_ms >= from);
        }
        // A detector that was overtaken by the check before has written down late what it saw before that.
        journal.since(boot_id, from.saturating_sub(journal::DISORDER_MS))
    }

    /// Since when there can be observations that no track has taken in, on the boot clock.
    fn oldest(&self, look: &Look) -> u64 {
        let now = &look.now;
        let last_check = self.last_check.as_ref().filter(|mark| mark.boot_id == now.boot_id).map(|mark| mark.boot_ms);
        let tracks = self.tracks.values().filter(|track| track.last.boot_id == now.boot_id);
        tracks.map(|track| track.last.boot_ms).chain(last_check).min().unwrap_or(now.boot_ms)
    }
}

impl Checked {
    fn look(sources: &Sources, options: &CheckOptions, state: IdleState, previous: &Inventory, start: Instant) -> Self {
        let left = options.deadline.saturating_sub(start.elapsed());
        let since = state.last_check.as_ref().map(|mark| mark.at);
        let look = Look::at(sources, previous, left, &options.settings, since);
        Self {
            demand: look.demand(&options.policy.monitoring),
            look,
            before: state.last_check.clone(),
            state,
            plan: Plan::nothing(),
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

    fn decide(
        &mut self,
        sources: &Sources,
        hands: &Hands,
        options: &CheckOptions,
        observations: &[Observation],
    ) -> Result<(), CheckError> {
        let check = Check {
            now: self.look.now.clone(),
            zone: options.zone.clone(),
            policy: &options.policy,
            containers: &self.look.containers,
            observations,
            demand: self.demand,
            only: self.named(&options.only)?,
        };
        let look = &self.look;
        self.plan = Plan::make(&mut self.state, &check, |asked| keep_alive_files(sources, hands, look, asked));
        Ok(())
    }

    fn named(&self, only: &[String]) -> Result<Option<BTreeSet<ContainerId>>, CheckError> {
        let ids: BTreeSet<ContainerId> = only.iter().map(|name| self.container(name)).collect::<Result<_, _>>()?;
        Ok((!only.is_empty()).then_some(ids))
    }

    /// The container of this name, id, or beginning of an id.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one id begins so.
    pub fn container(&self, name: &str) -> Result<ContainerId, CheckError> {
        let containers = &self.look.containers;
        if let Some(facts) = containers.iter().find(|facts| facts.name == name) {
            return Ok(facts.id.clone());
        }
        let mut by_id = containers.iter().filter(|facts| !name.is_empty() && facts.id.as_str().starts_with(name));
        match (by_id.next(), by_id.next()) {
            (Some(facts), None) => Ok(facts.id.clone()),
            (Some(_), Some(_)) => Err(CheckError::Ambiguous(name.to_owned())),
            (None, _) => Err(CheckError::NoSuchContainer(name.to_owned())),
        }
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
        let track = self.state.tracks.get(&facts.id);
        Some(Case { now: &self.look.now, check: self.state.checks, facts, policy, track, demand: self.demand })
    }

    /// Remembers what was carried out.
    fn record(&mut self, outcomes: BTreeMap<ContainerId, Outcome>) {
        for (id, decision) in &self.plan.decisions {
            let done = match outcomes.get(id) {
                Some(outcome) => matches!(outcome, Outcome::Done | Outcome::Holding(_)),
                None => decision.action == Action::Nothing,
            };
            if done {
                self.state.record(id, decision, &self.look.now);
            }
        }
        // A stop that failed can have its effect yet, as when a process waits for a disk: the next check looks.
        self.state.stopping.retain(|id, _| outcomes.get(id).is_none_or(|one| matches!(one, Outcome::Failed(_))));
        self.outcomes = outcomes;
    }
}
