//! Asks all sources, side by side, each under its deadline.

use std::{
    collections::{BTreeSet, HashMap},
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::debug;

use crate::{
    deadline::{DeadlineError, Pending, at_once, one_by_one},
    model::{ContainerId, ContainerListing, EngineName, GpuSnapshot, Host, Process},
    source::{
        ContainerSource, Engine, FailureKind, Inspection, ProcessError, ProcessSource, SourceError, SourceName, Sources,
    },
};

use super::{
    inspect::{in_turn, inspect},
    inventory::Inventory,
    name_service,
    owner::configured_owner,
    recall::{still_true, trusted_gap},
    snapshot::{Facts, SeenContainer, SeenEngine, SeenGpus, SeenProcesses, Snapshot},
};

/// A longer limit counts as this one: no instant lies beyond what a clock can tell.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What one process may take.
const ONE_AT_MOST: Duration = Duration::from_secs(1);

/// What each of the two questions to a user's own daemon may take.
const USERS_AT_MOST: Duration = Duration::from_secs(3);

/// Looks at the host through all sources.
///
/// `previous` tells which containers need no inspecting, and which host processes to ask about again. The call returns
/// within `limit` (a day at most) whatever the sources do: one that has not answered in time has failed. What builds on
/// another answer has time left for it even when that answer took all of its own. With `activity_since`, GPUs are also asked
/// what they did since.
pub fn collect(
    sources: &Sources,
    previous: &Inventory,
    limit: Duration,
    activity_since: Option<Timestamp>,
) -> Snapshot {
    let start = Instant::now();
    let limit = limit.min(LONGEST);
    let [first, second, third, last] = [0.6, 0.8, 0.9, 1.0].map(|share| start + limit.mul_f64(share));
    let (taken_at, since_boot) = (sources.clock.now(), sources.clock.since_boot());

    let listings: Vec<(&Engine, Asked<Vec<ContainerListing>>)> = sources
        .engines
        .iter()
        .map(|engine| (engine, ask_engine(engine, first.min(users_end(engine, start, 1)), |source| source.list())))
        .collect();
    let gpus = ask(SourceName::Nvml, first, &sources.gpus, move |source| match activity_since {
        Some(since) => source.observe(since),
        None => source.snapshot(),
    });
    let observed: Vec<_> = sources
        .observed
        .iter()
        .map(|one| {
            (one.name.clone(), one.vendor, ask(one.name.clone(), first, &one.source, |source| source.snapshot()))
        })
        .collect();
    let remembered: Vec<u32> = previous.containers.values().filter_map(|entry| entry.pid).collect();
    let lives = ask(SourceName::Proc, first, &sources.processes, move |source| {
        let host = source.host()?;
        let starts = remembered.iter().filter_map(|pid| Some((*pid, source.start_ticks(*pid).ok()?))).collect();
        Ok(Lives { host, starts })
    });

    let lives = lives.answer();
    // In the order of trust: what Docker tells of is asked for before anybody waits for a daemon that is believed less.
    let inspections: Vec<(&Engine, Result<Listed, SourceError>)> = listings
        .into_iter()
        .map(|(engine, listing)| {
            let end = second.min(users_end(engine, start, 2));
            (
                engine,
                listing.answer().map(|listings| Listed::inspecting(sources, engine, listings, previous, &lives, end)),
            )
        })
        .collect();
    let engines: Vec<SeenEngine> = inspections
        .into_iter()
        .map(|(engine, listed)| SeenEngine {
            name: engine.name.clone(),
            containers: listed.and_then(|listed| listed.seen(&engine.name)),
        })
        .collect();
    let gpus = gpus.answer();
    let observed: Vec<SeenGpus> =
        observed.into_iter().map(|(name, vendor, asked)| SeenGpus { name, vendor, answer: asked.answer() }).collect();

    let processes = lives.map(|lives| {
        let all = [gpus.as_ref()].into_iter().chain(observed.iter().map(|one| one.answer.as_ref()));
        let pids = pids_of_interest(previous, &engines, all.flatten());
        // A user's own daemon can name any pid as a container's: it waits for its own alone, and nobody else does.
        let claims_end = third.min(Instant::now() + USERS_AT_MOST);
        let claims: Vec<_> = engines
            .iter()
            .filter(|engine| engine.name.owner().is_some())
            .filter_map(|engine| claimed(&sources.processes, main_pids(previous, engine), &pids, claims_end))
            .collect();
        let mut by_pid = look_at(&sources.processes, pids, third);
        for (pid, seen) in claims.into_iter().flat_map(|claim| claim.seen(last.min(claims_end + ONE_AT_MOST))) {
            if seen.is_ok() || !by_pid.contains_key(&pid) {
                by_pid.insert(pid, seen);
            }
        }
        let owners: BTreeSet<u32> = sources.engines.iter().filter_map(|engine| engine.name.owner()).collect();
        let named = named_owners(previous, &engines);
        SeenProcesses {
            host: lives.host,
            users: name_service::ask(&sources.processes, previous, &uids(&by_pid, &owners), &named, last),
            subordinate: subordinate(&sources.processes, &owners, last),
            by_pid,
        }
    });
    Snapshot { taken_at, since_boot, engines, gpus, observed, processes }
}

/// When a daemon of a user's own is given up on, at the first or second question: it may say nothing for ever. All others are
/// waited for.
fn users_end(engine: &Engine, start: Instant, question: u32) -> Instant {
    start + if engine.name.owner().is_some() { USERS_AT_MOST * question } else { LONGEST }
}

/// What an engine listed, and what it was asked about it.
struct Listed {
    listings: Vec<ContainerListing>,
    inspections: Asked<(Vec<ContainerId>, Vec<Inspection>)>,
}

impl Listed {
    /// Asks for the details of what is not remembered.
    fn inspecting(
        sources: &Sources,
        engine: &Engine,
        listings: Vec<ContainerListing>,
        previous: &Inventory,
        lives: &Result<Lives, SourceError>,
        end: Instant,
    ) -> Self {
        let starts = lives.as_ref().ok().map(|lives| &lives.starts);
        let boot_id = lives.as_ref().ok().map(|lives| lives.host.boot_id.as_str());
        // The ages in the list are of the instant at which a daemon, slow as it may be, made it.
        let gap = trusted_gap(previous, &engine.name, boot_id, sources.clock.now(), sources.clock.since_boot());
        let is_remembered = |listing: &ContainerListing| {
            previous.container(&listing.id).filter(|entry| entry.engine == engine.name).is_some_and(|entry| {
                let same_boot = boot_id.is_some() && previous.boot_id() == boot_id;
                let start = entry.pid.filter(|_| same_boot).and_then(|pid| starts?.get(&pid).copied());
                still_true(listing, entry, gap, start)
            })
        };
        let unknown = in_turn(listings.iter().filter(|listing| !is_remembered(listing)));
        debug!("{}: inspecting {} of {} containers", engine.name, unknown.len(), listings.len());
        let name = engine.name.clone();
        let inspections = ask_engine(engine, end, move |source| {
            let inspections = inspect(source, &name, &unknown, end)?;
            Ok((unknown, inspections))
        });
        Self { listings, inspections }
    }

    fn seen(self, engine: &EngineName) -> Result<Vec<SeenContainer>, SourceError> {
        let Self { listings, inspections } = self;
        let (asked_for, inspections) = inspections.answer()?;
        if inspections.len() != asked_for.len() {
            let detail = format!("{} of {} inspected containers were answered for", inspections.len(), asked_for.len());
            return Err(SourceError::failed(SourceName::Engine(engine.clone()), FailureKind::Nonsense, detail));
        }
        let mut inspections: HashMap<ContainerId, Inspection> = asked_for.into_iter().zip(inspections).collect();
        Ok(listings
            .into_iter()
            .filter_map(|listing| {
                let facts = match inspections.remove(&listing.id) {
                    Some(inspection) => facts(inspection)?,
                    None => Facts::Remembered,
                };
                Some(SeenContainer { listing, facts })
            })
            .collect())
    }
}

/// What is asked of `/proc` before the engines' answers are there: which remembered processes are still the same.
struct Lives {
    host: Host,
    starts: HashMap<u32, u64>,
}

/// A question under way, and when an answer is too late.
struct Asked<T> {
    source_name: SourceName,
    end: Instant,
    pending: Result<Pending<Result<T, SourceError>>, DeadlineError>,
}

fn ask_engine<T: Send + 'static>(
    engine: &Engine,
    end: Instant,
    question: impl FnOnce(&dyn ContainerSource) -> Result<T, SourceError> + Send + 'static,
) -> Asked<T> {
    ask(SourceName::Engine(engine.name.clone()), end, &engine.source, |source| question(source))
}

fn ask<S: ?Sized + Send + Sync + 'static, T: Send + 'static>(
    source_name: SourceName,
    end: Instant,
    source: &Arc<S>,
    question: impl FnOnce(&S) -> Result<T, SourceError> + Send + 'static,
) -> Asked<T> {
    let source = Arc::clone(source);
    let pending = Pending::start(source_name.as_str(), move || question(&source));
    Asked { source_name, end, pending }
}

impl<T: Send + 'static> Asked<T> {
    fn answer(self) -> Result<T, SourceError> {
        let limit = self.end.saturating_duration_since(Instant::now());
        self.pending.and_then(|pending| pending.wait(limit)).unwrap_or_else(|error| {
            let kind = match error {
                DeadlineError::TimedOut(_) => FailureKind::TimedOut,
                DeadlineError::Crashed | DeadlineError::NoThread(_) => FailureKind::Erred,
            };
            Err(SourceError::failed(self.source_name, kind, format!("the scan's deadline: {error}")))
        })
    }
}

/// `None` for a container that vanished between the list and the inspect: it is simply gone.
fn facts(inspection: Inspection) -> Option<Facts> {
    match inspection {
        Inspection::Details(details) => Some(Facts::Inspected(details)),
        Inspection::Unreadable(words) => Some(Facts::Unreadable(words)),
        Inspection::Gone => None,
    }
}

/// All but what users' own daemons name.
fn pids_of_interest<'a>(
    previous: &Inventory,
    engines: &[SeenEngine],
    gpus: impl Iterator<Item = &'a GpuSnapshot>,
) -> BTreeSet<u32> {
    let on_gpus = gpus.flat_map(GpuSnapshot::processes).map(|(_, process)| process.pid);
    let before = previous.host_processes.keys().chain(previous.pending_processes.keys()).copied();
    let roots = engines.iter().filter(|engine| engine.name.owner().is_none());
    on_gpus.chain(before).chain(roots.flat_map(|engine| main_pids(previous, engine))).collect()
}

/// The main processes of an engine's containers.
fn main_pids<'a>(previous: &'a Inventory, engine: &'a SeenEngine) -> impl Iterator<Item = u32> {
    let is_users = engine.name.owner().is_some();
    engine.containers.iter().flatten().filter_map(move |seen| match &seen.facts {
        Facts::Inspected(details) => details.pid,
        // The uid of a main process matters only where no other signal names the owner; and of a user's own daemon each scan
        // sees anew whether it is a process of his.
        Facts::Remembered => previous
            .container(&seen.listing.id)
            .filter(|entry| is_users || configured_owner(&seen.listing.labels, entry.config.as_ref()).is_none())
            .and_then(|entry| entry.pid),
        Facts::Unreadable(_) => None,
    })
}

/// Processes by pid, as far as they could be read.
type SeenByPid = HashMap<u32, Result<Process, ProcessError>>;

/// The look at what one user's own daemon names, under way in a thread of its own.
struct Claim {
    pids: BTreeSet<u32>,
    pending: Result<Pending<SeenByPid>, DeadlineError>,
}

/// Begins the look at what a user's own daemon names beside `others`, which are looked at anyway.
fn claimed(
    source: &Arc<dyn ProcessSource>,
    pids: impl Iterator<Item = u32>,
    others: &BTreeSet<u32>,
    end: Instant,
) -> Option<Claim> {
    let pids: BTreeSet<u32> = pids.filter(|pid| !others.contains(pid)).collect();
    if pids.is_empty() {
        return None;
    }
    let (source, asked) = (Arc::clone(source), pids.clone());
    let pending = Pending::start("proc", move || look_at(&source, asked, end));
    Some(Claim { pids, pending })
}

impl Claim {
    /// What was seen by `end`.
    fn seen(self, end: Instant) -> SeenByPid {
        let limit = end.saturating_duration_since(Instant::now());
        match self.pending.and_then(|pending| pending.wait(limit)) {
            Ok(seen) => seen,
            Err(error) => self.pids.into_iter().map(|pid| (pid, Err(unreadable(pid, &error)))).collect(),
        }
    }
}

fn unreadable(pid: u32, error: &DeadlineError) -> ProcessError {
    ProcessError::Unreadable { pid, path: format!("/proc/{pid}"), detail: error.to_string() }
}

/// Reading a command line reads the process's memory: a user can make that hang, and must hide nobody else by it.
fn look_at(source: &Arc<dyn ProcessSource>, pids: BTreeSet<u32>, end: Instant) -> SeenByPid {
    let source = Arc::clone(source);
    let answers = one_by_one("proc", pids, ONE_AT_MOST, end, move |pid| source.process(*pid));
    let read = |(pid, answer): (u32, Result<_, DeadlineError>)| {
        (pid, answer.unwrap_or_else(|error| Err(unreadable(pid, &error))))
    };
    answers.into_iter().map(read).collect()
}

/// Whose names are asked for: those who run something, to whom it belongs, and who have engines of their own.
fn uids(by_pid: &SeenByPid, owners: &BTreeSet<u32>) -> BTreeSet<u32> {
    let own = by_pid.values().flatten().map(|process| process.uid);
    let of_belongings =
        by_pid.values().flatten().flat_map(|process| process.belongs_to.iter().filter_map(|one| one.uid));
    own.chain(of_belongings).chain(owners.iter().copied()).collect()
}

/// The owners whom labels and directories name.
fn named_owners(previous: &Inventory, engines: &[SeenEngine]) -> BTreeSet<String> {
    let roots = engines.iter().filter(|engine| engine.name.owner().is_none());
    let listed = roots.flat_map(|engine| engine.containers.iter().flatten());
    let owners = listed.filter_map(|seen| {
        let config = match &seen.facts {
            Facts::Inspected(details) => Some(&details.config),
            _ => previous.container(&seen.listing.id).and_then(|entry| entry.config.as_ref()),
        };
        configured_owner(&seen.listing.labels, config)
    });
    owners.map(|(name, _)| name).collect()
}

/// The ids that users with engines of their own may use in their containers.
fn subordinate(
    source: &Arc<dyn ProcessSource>,
    owners: &BTreeSet<u32>,
    end: Instant,
) -> HashMap<u32, Vec<RangeInclusive<u32>>> {
    let source = Arc::clone(source);
    let limit = end.saturating_duration_since(Instant::now()).min(ONE_AT_MOST);
    let ranges = at_once("names", owners.clone(), owners.len(), limit, move |uid| source.subordinate_ids(*uid));
    ranges.into_iter().map(|(uid, ranges)| (uid, ranges.unwrap_or_default())).collect()
}
