//! Where the inventory comes from.

use std::{path::PathBuf, time::Duration};

use ds01_core::{
    cli::SourceArgs,
    detect::{Inventory, Settings, look},
    policy::{self, Policy},
    source::fake::{Scenario, ScenarioError},
};
use jiff::Timestamp;

use crate::{
    load::{LoadError, load},
    warnings::unseen_live,
};

/// What a live scan may take, as the detector's.
const SCAN_LIMIT: Duration = Duration::from_secs(25);

/// Where to look.
#[derive(Debug)]
pub(crate) enum Source {
    /// The file that the detector keeps in this directory.
    File(PathBuf),
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
}

impl Source {
    /// Looks.
    pub(crate) fn inventory(&mut self) -> Result<Seen, LoadError> {
        match self {
            Self::File(state_dir) => Ok(Seen { inventory: load(state_dir)?, now: Timestamp::now(), notes: Vec::new() }),
            Self::Live { args, last } => {
                let (inventory, mut notes) = scan(args, last.as_deref())?;
                *last = Some(Box::new(inventory.clone()));
                notes.extend(unseen_live(&inventory));
                Ok(Seen { inventory, now: Timestamp::now(), notes })
            }
            Self::Demo(made) => {
                let inventory = match made.take() {
                    Some(inventory) => *inventory,
                    None => demo(Timestamp::now()).map_err(broken)?,
                };
                *made = Some(Box::new(inventory.clone()));
                // Its ages are counted to the end of its story, not to however long it took to tell.
                let now = inventory.last_scan.unwrap_or_else(Timestamp::now);
                Ok(Seen { inventory, now, notes: Vec::new() })
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
    let system_processes = policy.monitoring.system_processes;
    let settings = Settings { named: doors.named, system_processes, ..Settings::default() };
    let empty = Inventory::empty();
    Ok((look(&doors.sources, last.unwrap_or(&empty), SCAN_LIMIT, &settings), notes))
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
