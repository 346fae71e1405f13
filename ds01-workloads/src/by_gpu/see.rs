//! Where the state of the GPUs comes from: the inventory and the reaper's memory for whoever may read them, and what is public for
//! everybody else.

use std::path::Path;

use ds01_core::{
    detect::Inventory,
    idle::{gpus::Idleness, state::FILE_NAME},
    policy::{self, Policy},
};
use jiff::Timestamp;

use crate::{
    host_gpus::{Gpus, made, public},
    load::{LoadError, load, read},
    source::{Source, demo_with_checks},
};

/// Looks.
pub(crate) fn see(source: &mut Source, public_dir: &Path, config: Option<&Path>) -> Result<Gpus, LoadError> {
    match source {
        Source::File { state_dir, .. } => match load(state_dir) {
            Ok(inventory) => Ok(whole(&inventory, state_dir, config)),
            Err(error @ LoadError::Denied(_)) => public(public_dir).map_err(|why| why.unwrap_or(error)),
            Err(error) => Err(error),
        },
        Source::Demo(_) => {
            let (inventory, idleness, policy) = demo_with_checks(Timestamp::now())?;
            let now = inventory.last_scan.unwrap_or_else(Timestamp::now);
            Ok(made(&inventory, Some(&idleness), Some(&policy), now, Vec::new()))
        }
        Source::Live { .. } => {
            let seen = source.inventory()?;
            let policy = sound(config);
            Ok(made(&seen.inventory, None, policy.as_ref(), seen.now, seen.notes))
        }
    }
}

fn whole(inventory: &Inventory, state_dir: &Path, config: Option<&Path>) -> Gpus {
    let idleness = read(&state_dir.join(FILE_NAME)).ok().and_then(|bytes| Idleness::from_json(&bytes).ok());
    let policy = sound(config);
    made(inventory, idleness.as_ref(), policy.as_ref(), Timestamp::now(), Vec::new())
}

/// Where there is no policy that is sound, nobody is told until when anything may run.
fn sound(config: Option<&Path>) -> Option<Policy> {
    policy::installed(config).ok().flatten()
}
