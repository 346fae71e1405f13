//! How the container engines of root's answered: what is said about the whole host waits for them, and for no user's own.

use super::inventory::{Inventory, SourceState};
use crate::model::EngineName;

/// The engines of root's, in the order in which they are believed, and how each answered.
pub fn roots_engines(inventory: &Inventory) -> Vec<(EngineName, SourceState)> {
    let roots = inventory.engines().into_iter().filter(|name| name.owner().is_none());
    roots.filter_map(|name| inventory.source_state(name.as_str()).map(|state| (name, state))).collect()
}

/// Whether there is an engine of root's, and all of them gave their facts or are absent.
pub fn all_engines_told(inventory: &Inventory) -> bool {
    let engines = roots_engines(inventory);
    let is = |wanted| engines.iter().any(|(_, state)| *state == wanted);
    is(SourceState::Ok) && !is(SourceState::Failed)
}
