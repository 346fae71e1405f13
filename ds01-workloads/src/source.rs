//! Where the inventory comes from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use ds01_core::{
    cli::SourceArgs,
    detect::{Inventory, Settings, look},
    idle::{
        IdleState, Look, Thresholds,
        gpus::{Idleness, USERS_DIR},
        state::CheckMark,
    },
    policy::{self, ContainerType, Document, Policy, PolicyFiles},
    source::fake::{FakeHost, Scenario, ScenarioError},
};
use jiff::Timestamp;

use crate::{
    host_gpus::{Gpus, public},
    load::{LoadError, load, read},
    warnings::unseen_live,
};

/// What a live scan may take, as the detector's.
const SCAN_LIMIT: Duration = Duration::from_secs(25);

/// The time between two checks of the shipped timer.
const BETWEEN_CHECKS: Duration = Duration::from_secs(300);

/// So many of them, the sample host has seen.
const CHECKS: u32 = 4;

/// The shipped policy.
const SHIPPED_POLICY: &str = include_str!("../../config/runtime/resource-limits.yaml");

/// Where to look.
#[derive(Debug)]
pub(crate) enum Source {
    /// The file that the detector keeps in this directory.
    File {
        state_dir: PathBuf,
        /// For who may not read it: what everybody may see, and what is his.
        public_dir: PathBuf,
    },
    /// This host, now.
    Live {
        args: SourceArgs,
        /// What the last look saw, so that `--watch` confirms processes as the detector does.
        last: Option<Box<Inventory>>,
    },
    /// The built-in sample host, once it was made: made again, its containers would have other ids.
    Demo(Option<Box<Inventory>>),
}

/// An inventory, and what goes with it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) inventory: Inventory,
    /// The instant that ages are counted to.
    pub(crate) now: Timestamp,
    /// What to say about how it was made.
    pub(crate) notes: Vec<String>,
    pub(crate) extent: Extent,
}

/// How much of the host the inventory is.
#[derive(Debug)]
pub(crate) enum Extent {
    /// All.
    Whole,
    /// What is this caller's own, who may not see all; beside it, what everybody may see.
    OwnAndPublic(Box<Gpus>),
    /// What is this caller's own, who may see nothing else.
    OwnAlone,
}

impl Source {
    /// Looks.
    pub(crate) fn inventory(&mut self) -> Result<Seen, LoadError> {
        match self {
            Self::File { state_dir, public_dir } => match load(state_dir) {
                Ok(inventory) => {
                    Ok(Seen { inventory, now: Timestamp::now(), notes: Vec::new(), extent: Extent::Whole })
                }
                Err(LoadError::Denied(path)) => part(public_dir, path),
                Err(error) => Err(error),
            },
            Self::Live { args, last } => {
                let (inventory, mut notes) = scan(args, last.as_deref())?;
                *last = Some(Box::new(inventory.clone()));
                notes.extend(unseen_live(&inventory));
                Ok(Seen { inventory, now: Timestamp::now(), notes, extent: Extent::Whole })
            }
            Self::Demo(made) => {
                let inventory = match made.take() {
                    Some(inventory) => *inventory,
                    None => demo(Timestamp::now()).map_err(broken)?,
                };
                *made = Some(Box::new(inventory.clone()));
                // Its ages are counted to the end of its story, not to however long it took to tell.
                let now = inventory.last_scan.unwrap_or_else(Timestamp::now);
                Ok(Seen { inventory, now, notes: Vec::new(), extent: Extent::Whole })
            }
        }
    }

    /// Whether processes are shown that only one scan has seen: a live scan is the only one.
    pub(crate) fn shows_unconfirmed(&self) -> bool {
        matches!(self, Self::Live { .. })
    }
}

/// The detector's scan, in memory.
fn scan(args: &SourceArgs, last: Option<&Inventory>) -> Result<(Inventory, Vec<String>), LoadError> {
    let mut notes = Vec::new();
    let policy = policy::installed(None).unwrap_or_else(|_| {
        notes.push(format!(
            "{} is not sound, so its system_processes are not left out, and engines that only it names are not looked at; \
             see `ds01-idle check-config`",
            policy::DEFAULT_PATH
        ));
        None
    });
    let policy = policy.unwrap_or_else(Policy::built_in);
    let doors = args.doors(SCAN_LIMIT, &policy.engines).map_err(|error| LoadError::Scan(error.to_string()))?;
    let mut settings = Settings { named: doors.named, ..Settings::default() };
    settings.system_processes.clone_from(&policy.monitoring.system_processes);
    settings.monitoring = policy.monitoring;
    let empty = Inventory::empty();
    Ok((look(&doors.sources, last.unwrap_or(&empty), SCAN_LIMIT, &settings), notes))
}

/// What there is for a caller who may not read the inventory, which is in this file.
fn part(public_dir: &Path, inventory_file: PathBuf) -> Result<Seen, LoadError> {
    match public(public_dir) {
        Ok(public) => {
            let nothing = || Inventory { last_scan: public.picture.at, ..Inventory::empty() };
            let inventory = own(public_dir)?.unwrap_or_else(nothing);
            let (now, notes) = (public.now, public.warnings());
            Ok(Seen { inventory, now, notes, extent: Extent::OwnAndPublic(Box::new(public)) })
        }
        Err(Some(error)) => Err(error),
        Err(None) => {
            let inventory = own(public_dir)?.ok_or(LoadError::Nothing(inventory_file))?;
            Ok(Seen { inventory, now: Timestamp::now(), notes: Vec::new(), extent: Extent::OwnAlone })
        }
    }
}

/// What is this caller's own, of the file that only he can read. Where there is none, nothing is.
fn own(public_dir: &Path) -> Result<Option<Inventory>, LoadError> {
    let path = public_dir.join(USERS_DIR).join(rustix::process::geteuid().as_raw().to_string());
    match read(&path) {
        Ok(bytes) => Inventory::from_json(&bytes).map(Some).map_err(|error| LoadError::Unusable(path, error)),
        Err(LoadError::Missing(_) | LoadError::Denied(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The sample host as some checks leave it, with what the reaper remembers then, and the shipped policy.
pub(crate) fn demo_with_checks(now: Timestamp) -> Result<(Inventory, Idleness, Policy), LoadError> {
    let failed = |words: String| LoadError::Scan(format!("the built-in sample host: {words}"));
    let files = PolicyFiles {
        policy: Document { path: PathBuf::from(policy::DEFAULT_PATH), bytes: SHIPPED_POLICY.into() },
        overrides: None,
        exemptions: None,
        members: BTreeMap::new(),
    };
    let policy = policy::parse(&files).map_err(|error| failed(error.to_string()))?.policy;
    let settings = Settings { monitoring: policy.monitoring.clone(), ..Settings::default() };
    let thresholds = Thresholds::from(&policy.resolve(None, ContainerType::Unknown).rules);
    let (mut inventory, mut state) = (Inventory::empty(), IdleState::default());
    let mut look = |host: &FakeHost| {
        let look = Look::at(&host.sources(), &inventory, SCAN_LIMIT, &settings, None);
        state.observe(&look.now.boot_id, &look.observations, |_| Some(thresholds));
        state.last_check = Some(CheckMark { at: look.now.at, boot_id: look.now.boot_id, boot_ms: look.now.boot_ms });
        inventory = look.inventory;
    };
    let mut at_the_end = None;
    let begins = now - BETWEEN_CHECKS * CHECKS;
    let scenario = Scenario::teaching_lab().map_err(broken)?.ending_at(begins);
    scenario
        .play(|_, host| {
            look(host);
            at_the_end = Some(host.clone());
            Ok::<(), ScenarioError>(())
        })
        .map_err(broken)?;
    if let Some(host) = at_the_end {
        for _ in 0..CHECKS {
            host.advance(BETWEEN_CHECKS);
            look(&host);
        }
    }
    Ok((inventory, Idleness::from(&state), policy))
}

/// The sample host after its whole story, which ends at `now`: every step of it scanned, so that its host processes are
/// confirmed.
pub(crate) fn demo(now: Timestamp) -> Result<Inventory, ScenarioError> {
    let mut inventory = Inventory::empty();
    Scenario::teaching_lab()?.ending_at(now).play(|_, host| {
        inventory = look(&host.sources(), &inventory, SCAN_LIMIT, &Settings::default());
        Ok::<(), ScenarioError>(())
    })?;
    Ok(inventory)
}

fn broken(error: ScenarioError) -> LoadError {
    LoadError::Scan(format!("the built-in sample host: {error}"))
}
