//! The checks: each a function from facts to a finding, that touches nothing.

mod devices;
mod docker;
mod engines;
mod files;
mod gpu;
mod hooks;
mod host;
mod inventory;
mod notices;
mod sampler;
mod timers;
mod unit;

use ds01_core::source::SourceError;

use super::{facts::Facts, finding::Finding};

/// The command for what needs more rights than the caller has.
const AS_ROOT: &str = "sudo ds01-detect doctor";

/// A check.
type Check = fn(&Facts) -> Finding;

/// All of them, in the order in which they are shown: who looks, then each source, then what is kept, then what runs.
const CHECKS: [Check; 24] = [
    host::rights,
    host::hidepid,
    host::users,
    docker::socket,
    docker::api,
    docker::runtime,
    docker::cgroups,
    engines::others,
    gpu::nvml,
    gpu::gpus,
    gpu::mig,
    gpu::persistence_mode,
    devices::links,
    files::state_dir,
    files::log_dir,
    inventory::age,
    inventory::sources,
    inventory::dead_processes,
    timers::detector,
    sampler::sampler,
    timers::idle,
    timers::ledger,
    hooks::hooks,
    notices::notices,
];

/// What all of them came to.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    CHECKS.iter().map(|check| check(facts)).collect()
}

/// What a source said, without its name, which the check has.
fn words(error: &SourceError) -> String {
    match error {
        SourceError::Absent { detail, .. } => detail.clone(),
        SourceError::Failed { kind, detail, .. } => format!("{kind}: {detail}"),
    }
}

/// `1 thing`, `2 things`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `0, 1 and 4`.
fn listed(items: impl IntoIterator<Item = impl ToString>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
        Some(only) => only,
        None => String::new(),
    }
}
