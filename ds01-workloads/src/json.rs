//! `--json`: the inventory after filters, in the form that its types document and the detector writes.

use std::collections::HashSet;

use ds01_core::detect::Inventory;

use crate::row::{Key, Row, process_key};

/// The key of what everybody may see, where the rest is the caller's own: no inventory of a host has it.
pub(crate) const PUBLIC: &str = "public";

/// Leaves only what `rows` are the rows of. GPUs and sources stay: they are what the entries refer to.
pub(crate) fn retain(inventory: &mut Inventory, rows: &[Row]) {
    let shown: HashSet<&Key> = rows.iter().map(|row| &row.key).collect();
    inventory.containers.retain(|key, _| shown.contains(&Key::Container(key.clone())));
    inventory.host_processes.retain(|_, entry| shown.contains(&process_key(entry)));
    inventory.pending_processes.retain(|_, entry| shown.contains(&process_key(entry)));
    inventory.dead_processes.retain(|pid, _| shown.contains(&Key::Dead(*pid)));
}
