//! GPU memory that the driver books to processes that no longer exist.
//!
//! A process can end between the driver's answer and the look at `/proc`, so one scan proves nothing: a pid is confirmed at
//! the second scan in a row that finds it dead.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    gpu_use::GpuUsers,
    inventory::{DeadProcess, Inventory, total_memory_mb},
};

/// Who is dead now and still holds something; as it was, when nobody can tell. `same_boot` says whether pids of the scan
/// before are of this boot.
pub(super) fn dead_processes(
    users: Option<&GpuUsers<'_>>,
    previous: &Inventory,
    same_boot: bool,
    now: Timestamp,
) -> BTreeMap<u32, DeadProcess> {
    let no_one = BTreeMap::new();
    let before = if same_boot { &previous.dead_processes } else { &no_one };
    let Some(users) = users else { return before.clone() };
    let mut dead = BTreeMap::new();
    for (pid, held) in &users.dead {
        let earlier = before.get(pid);
        let mut gpus = held.clone();
        if let Some(earlier) = earlier {
            users.add_kept(&mut gpus, users.kept(*pid, &earlier.gpus));
        }
        let entry = DeadProcess {
            pid: *pid,
            gpu_memory_mb: total_memory_mb(&gpus),
            gpus,
            since: earlier.map_or(now, |earlier| earlier.since),
            confirmed: earlier.is_some(),
            extra: earlier.map(|earlier| earlier.extra.clone()).unwrap_or_default(),
        };
        dead.insert(*pid, entry);
    }
    // On a GPU that could not be read, it holds what it held.
    for (pid, earlier) in before.iter().filter(|(pid, _)| !users.dead.contains_key(pid)) {
        let kept = users.kept(*pid, &earlier.gpus);
        if !kept.is_empty() {
            let entry = DeadProcess { gpu_memory_mb: total_memory_mb(&kept), gpus: kept, ..earlier.clone() };
            dead.insert(*pid, entry);
        }
    }
    dead
}
