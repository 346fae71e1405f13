//! One scan from end to end: lock, load, look, build, compare, log, save.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use tracing::{debug, warn};

use crate::{
    detect::{
        Settings, diff,
        inventory::{FILE_NAME, Inventory, InventoryError},
        look,
    },
    event::{Event, EventLog},
    idle::{Demand, Journal, Look},
    ledger::Running,
    metrics::{MetricsError, MetricsFile},
    policy::Policy,
    source::Sources,
    store::{Store, StoreError},
    units::millis,
};

/// The lock that lets one scan at a time keep the inventory.
const LOCK_NAME: &str = "workload-inventory.lock";

/// Of the deadline, what is left for looking at least, however long another run was waited for.
const LEAST_FOR_LOOK: f64 = 0.4;

/// Of the time that is left then, what the sources may take; the rest is for saving.
const SHARE_FOR_SOURCES: f64 = 0.8;

/// How a scan is to be run.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Where the inventory is kept.
    pub state_dir: PathBuf,
    /// Where events go.
    pub events: EventLog,
    /// By when the scan has to be over, whatever the sources do.
    pub deadline: Duration,
    /// What the admin set.
    pub settings: Settings,
    /// Where Prometheus is told of it. `None` tells nothing.
    pub metrics: Option<ScanMetrics>,
}

/// Where Prometheus is told of a scan, and by which policy.
#[derive(Debug, Clone)]
pub struct ScanMetrics {
    /// The file.
    pub file: MetricsFile,
    /// The policy in force: it says below what a workload is idle, and what may leave the host. Where there is none, or one that
    /// is not sound, what is built in.
    pub policy: Policy,
    /// Whether the policy is sound. `None` where there is none.
    pub is_sound: Option<bool>,
}

/// What a scan made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Scan {
    /// The picture of the host.
    pub inventory: Inventory,
    /// What changed since the last one.
    pub events: Vec<Event>,
    /// Whether what GPU containers did could be written into the activity journal. What is missing there is a gap, in
    /// which nobody was seen to be idle.
    pub journal: Result<(), StoreError>,
    /// How long it took.
    pub took: Duration,
}

/// Why a scan left no inventory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The state directory, the lock or the inventory file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory could not be put into words.
    #[error("can't write the inventory as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Scans, emits events, saves, and writes down what GPU containers did.
///
/// Events come first: a crash in between repeats an event, and never loses one. A log that can't be written is warned
/// about, and stops nothing.
///
/// # Errors
///
/// When the lock was not free in time, or the inventory could not be read or saved. The old inventory is then as it was.
pub fn run(sources: &Sources, options: &ScanOptions) -> Result<Scan, ScanError> {
    let start = Instant::now();
    let left = || options.deadline.saturating_sub(start.elapsed());
    let store = Store::open(&options.state_dir)?;
    let _lock = store.lock(LOCK_NAME, left())?;
    store.remove_leftovers(FILE_NAME)?;
    let previous = match store.read(FILE_NAME)?.map(|bytes| Inventory::from_json(&bytes)) {
        None => Inventory::empty(),
        Some(Ok(inventory)) => inventory,
        Some(Err(error)) => {
            let aside = store.set_aside(FILE_NAME, sources.clock.now())?;
            let path = store.path_of(FILE_NAME);
            warn!("{}: {error}; set aside as {}, starting from empty", path.display(), aside.display());
            Inventory::empty()
        }
    };
    let limit = left().max(options.deadline.mul_f64(LEAST_FOR_LOOK)).mul_f64(SHARE_FOR_SOURCES);
    let look = Look::at(sources, &previous, limit, &options.settings, None);
    let events = diff(&previous, &look.inventory);
    // With a thousand containers it is a third of the program's memory, which the file in the making can use.
    drop(previous);
    if let Err(error) = options.events.append(&events) {
        warn!("events are not logged: {error}");
    }
    let journal = Journal::open(&store).and_then(|journal| journal.append_all(&look.records()));
    store.replace(FILE_NAME, &look.inventory.to_json()?)?;
    if let Some(metrics) = &options.metrics {
        let before = start.elapsed();
        if let Err(error) = tell(metrics, &store, &look, start) {
            warn!("{error}; the metrics are as they were");
        }
        let all = start.elapsed();
        debug!("the metrics took {} of {} us", (all - before).as_micros(), all.as_micros());
    }
    Ok(Scan { inventory: look.inventory, events, journal, took: start.elapsed() })
}

/// Tells Prometheus of a scan that was saved.
fn tell(metrics: &ScanMetrics, store: &Store, look: &Look, start: Instant) -> Result<(), MetricsError> {
    let Some(writing) = metrics.file.begin(store)? else { return Ok(()) };
    let mut part = writing.scan_part();
    let boot_id = &look.now.boot_id;
    // Without `/proc`, nobody knows which boot this is.
    if !boot_id.is_empty() {
        let mut running = Running::recall(writing.known().as_deref(), boot_id, &metrics.policy);
        let added = running.add(look);
        part.idle = running.idle();
        writing.remember(&running.to_json(boot_id)?)?;
        part.users.add(added, look.now.at);
    }
    part.demand = Demand::at(&look.inventory, &look.containers, &metrics.policy.monitoring);
    part.policy_sound = metrics.is_sound;
    let identities = metrics.policy.metrics.identities;
    match metrics.is_sound {
        Some(true) => part.identities = Some(identities),
        // One that is not sound, or was taken away, gives out no names that were kept back before.
        None => _ = part.identities.get_or_insert(identities),
        Some(false) => {}
    }
    part.took_ms = millis(start.elapsed());
    writing.scanned(&look.inventory, &part)
}

/// Scans, and changes nothing: neither inventory nor event log, nor anything else.
///
/// # Errors
///
/// When there is an inventory and it could not be read. One of no use is warned about and counts as none.
pub fn dry_run(sources: &Sources, options: &ScanOptions) -> Result<Scan, ScanError> {
    let previous = match read_inventory(options)? {
        None => Inventory::empty(),
        Some(Ok(inventory)) => inventory,
        Some(Err(error)) => {
            warn!("{}: {error}; scanning as if there were none", options.state_dir.join(FILE_NAME).display());
            Inventory::empty()
        }
    };
    Ok(scan_after(sources, &previous, options))
}

/// Scans, with `previous` as the picture before, and changes nothing.
pub fn scan_after(sources: &Sources, previous: &Inventory, options: &ScanOptions) -> Scan {
    let start = Instant::now();
    let inventory = look(sources, previous, options.deadline.mul_f64(SHARE_FOR_SOURCES), &options.settings);
    let events = diff(previous, &inventory);
    Scan { inventory, events, journal: Ok(()), took: start.elapsed() }
}

fn read_inventory(options: &ScanOptions) -> Result<Option<Result<Inventory, InventoryError>>, StoreError> {
    match Store::open_existing(&options.state_dir) {
        Ok(store) => Ok(store.read(FILE_NAME)?.map(|bytes| Inventory::from_json(&bytes))),
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl ScanError {
    /// Whether another run held the lock all the time.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Store(StoreError::Locked { .. }))
    }
}
