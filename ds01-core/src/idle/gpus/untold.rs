//! Containers that can have any GPU: while one of them runs, no GPU is surely free.

use super::why::ANY_GPU;
use crate::{
    detect::{
        Inventory, UNKNOWN_USER,
        inventory::{ContainerEntry, GpuUse},
    },
    model::GpuAccess,
    text::sanitize,
};

/// Running containers of which nobody knows which GPU they were given: they could not be inspected, or were given devices of
/// GPUs and none that says which.
///
/// The platform's own hold what they use. So do those of users' own engines, and those that were given none and were seen on one:
/// like processes of the host.
pub(super) fn untold(inventory: &Inventory) -> impl Iterator<Item = &ContainerEntry> {
    inventory.containers.values().filter(|entry| {
        let is_hosts = entry.engine.owner().is_none() && entry.infrastructure.is_none();
        entry.status.is_up() && is_hosts && (is_uninspected(entry) || is_given_any(entry))
    })
}

/// Also one that is seen on a GPU may have been given another.
fn is_uninspected(entry: &ContainerEntry) -> bool {
    entry.has_gpu.is_none() || (entry.gpu_access == Some(GpuAccess::Process) && entry.config.is_none())
}

fn is_given_any(entry: &ContainerEntry) -> bool {
    let holds = || uses(entry).next().is_some();
    entry.has_gpu == Some(true)
        && entry.gpu_access != Some(GpuAccess::Process)
        && entry.gpus.is_empty()
        && entry.gpus_unresolved.is_empty()
        && !holds()
}

fn uses(entry: &ContainerEntry) -> impl Iterator<Item = &GpuUse> {
    entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus)
}

/// Why no GPU is surely free on their account: which container it is, and what to do. `None` where there is none.
pub(super) fn why(inventory: &Inventory) -> Option<String> {
    let mut all = untold(inventory);
    let entry = all.next()?;
    let user = if entry.user == UNKNOWN_USER { String::new() } else { format!(" of {}", sanitize(&entry.user)) };
    let name = format!("{}{user}", sanitize(&entry.name));
    let words = if is_uninspected(entry) {
        let problem = entry.problem.as_deref().unwrap_or("no reason was given");
        let see = match entry.engine.as_str() {
            engine @ ("docker" | "podman") => format!("`{engine} inspect {}`", entry.full_id.short()),
            engine => format!("what {engine} says of {}", entry.full_id.short()),
        };
        format!(
            "{name} could not be inspected ({}); see {see}. It is so until that works or it stops",
            sanitize(problem)
        )
    } else {
        format!(
            "{name} ({}) was given GPU devices that do not say which GPU. Have it started with `--gpus`, or name it in \
             `monitoring` of the policy if it is the platform's; it is so until it stops",
            entry.full_id.short()
        )
    };
    let more = match all.count() {
        0 => String::new(),
        more => format!("; and {more} more, with `?` in the table of `ds01-workloads`"),
    };
    Some(format!("{ANY_GPU}: {words}{more}"))
}
