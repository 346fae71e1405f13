//! One check from end to end: lock, load, look, decide, save, act, log, save.

use std::{
    collections::BTreeSet,
    io,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tracing::warn;

use super::{
    carry_out::CarryOut,
    checked::{CheckError, CheckOptions, Checked, Hands},
    look_back::{LookBack, MOST_LINES},
    news::take_in,
    refusals,
    requests::{self, Requests},
    told_metrics::failure_of,
    waits,
};
use crate::{
    detect::{Inventory, Sources, inventory},
    event::{Details, Event},
    idle::{
        journal::{self, Journal, RecordRef},
        rules::{Action, high_demand},
        state::{FILE_NAME, IdleState, StateError, Stopping},
    },
    model::{ContainerId, EngineName},
    store::{Store, StoreError},
};

/// The lock that lets one check at a time keep the state.
pub(super) const LOCK_NAME: &str = "idle-state.lock";

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
    let _lock = store.lock(LOCK_NAME, options.deadline)?;
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
    journal.append_all(&checked.look.records())?;
    let earlier = checked.state.not_taken_in(&journal, &checked.look.now, MOST_LINES)?;
    let not_logged = Mutex::new(BTreeSet::new());
    let counts = Mutex::new(checked.state.counts.clone());
    let failed = Mutex::new(Vec::new());
    let log = |events: &[Event]| {
        for Event { details, .. } in events {
            counts.lock().unwrap_or_else(PoisonError::into_inner).event(details);
            if let Details::StopFailed { container_id, .. } = details {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(container_id.clone());
            }
        }
        if let Err(error) = options.events.append(events) {
            not_logged.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("events are not logged: {error}"));
        }
    };
    let Checked { look, state, .. } = &mut checked;
    log(&state.settle(&look.containers, |id, gpus| look.lets_go(id, gpus), &look.now));
    let (news, trouble) = hands.broadcast.news(checked.look.now.at);
    let required = &options.policy.notify.require_delivery;
    let look = &checked.look;
    log(&take_in(&mut checked.state, &news, required, |id| look.engine_of(id), &look.now));
    let requests = Requests::read(options, sources, &checked.look, &mut checked.problems);
    checked.state.remember_waiting(&requests.waiting, checked.look.now.at);
    checked.decide(sources, hands, options, &earlier, &requests.asked)?;

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
    let counted = || counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    checked.state.counts = counted();
    log(&checked.raise(options));
    store.replace(FILE_NAME, &checked.state.to_json()?)?;
    let answers = requests.events(&checked.plan, &checked.look);
    requests::say(&answers);
    log(&answers);
    refusals::tell(&answers, &*hands.broadcast, checked.look.now.at);
    requests.remove(&mut checked.problems);

    if let (Some(high), Some(demand)) = (checked.plan.high_demand, checked.demand) {
        let details = high_demand(high, demand);
        log(&[Event { timestamp: checked.look.now.at, user: None, engine: EngineName::DOCKER, details }]);
    }
    let told = CarryOut { sources, hands, options, checked: &checked, log: &log }.tell_all();
    let heard: Vec<ContainerId> = told.heard.iter().chain(told.again.keys()).cloned().collect();
    checked.record_told(told);
    // Stopping takes its time: a check that is killed meanwhile warns nobody twice.
    checked.state.counts = counted();
    store.replace(FILE_NAME, &checked.state.to_json()?)?;
    if !checked.state.stopping.is_empty() {
        checked.tell_metrics(&store, options);
    }
    let done = CarryOut { sources, hands, options, checked: &checked, log: &log }.act();
    checked.problems.extend(not_logged.into_inner().unwrap_or_else(PoisonError::into_inner));
    checked.record_done(done.outcomes, &done.told);
    let made = checked.made(requests.asked, heard, !options.only.is_empty());
    let records: Vec<RecordRef<'_>> =
        done.observations.iter().map(RecordRef::Seen).chain([RecordRef::Check(&made)]).collect();
    if let Err(error) = journal.append_all(&records) {
        checked.problems.push(error.to_string());
    }
    checked.state.counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    for id in failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let decision = checked.plan.decisions.get(&id);
        if let Some((action, cause)) = decision.and_then(|decision| failure_of(&decision.action)) {
            checked.state.counts.action(action, cause);
        }
    }
    waits::answer(&mut checked, &*hands.broadcast, options);
    store.replace(FILE_NAME, &checked.state.to_json()?)?;
    checked.tell_metrics(&store, options);
    // Only now: a check that is killed before this takes the news in once more.
    let warned = checked.state.warned().cloned().collect();
    checked.problems.extend(trouble.into_iter().chain(hands.broadcast.settle(&news, &warned, checked.look.now.at)));
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
    preview_with(sources, hands, options, &previous, state, |checked| {
        let journal = store.as_ref().map(|store| existing(store.open_existing_within(journal::DIR_NAME)));
        let journal = journal.transpose()?.flatten().map(Journal::from);
        let now = &checked.look.now;
        let earlier = journal.map(|journal| checked.state.not_taken_in(&journal, now, MOST_LINES)).transpose()?;
        Ok(earlier.unwrap_or_default())
    })
}

/// As [`preview`], with nothing read from the disk: after the picture `previous` and the checks that `state` remembers.
///
/// # Errors
///
/// When a container that was named is not there.
pub fn preview_after(
    sources: &Sources,
    hands: &Hands,
    options: &CheckOptions,
    previous: &Inventory,
    state: IdleState,
) -> Result<Checked, CheckError> {
    preview_with(sources, hands, options, previous, state, |_| Ok(LookBack::default()))
}

fn preview_with(
    sources: &Sources,
    hands: &Hands,
    options: &CheckOptions,
    previous: &Inventory,
    state: IdleState,
    earlier: impl FnOnce(&mut Checked) -> Result<LookBack, CheckError>,
) -> Result<Checked, CheckError> {
    let start = Instant::now();
    let mut checked = Checked::look(sources, options, state, previous, start);
    if checked.look.blind().is_some() {
        return Ok(checked);
    }
    let mut earlier = earlier(&mut checked)?;
    earlier.observations.extend_from_slice(&checked.look.observations);
    checked.state.settle(&checked.look.containers, |_, _| false, &checked.look.now);
    checked.decide(sources, hands, options, &earlier, &[])?;
    checked.took = start.elapsed();
    Ok(checked)
}

fn existing(store: Result<Store, StoreError>) -> Result<Option<Store>, StoreError> {
    match store {
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn read_state(store: &Store) -> Result<Result<IdleState, StateError>, StoreError> {
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
