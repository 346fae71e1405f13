//! All that suspicions are found from.

use crate::{
    detect::Inventory,
    idle::{habits::Habits, rules::Case},
    model::Now,
    policy::Policy,
};

/// What a habit is asked about has to have gone on until this long ago at most, in milliseconds.
pub(super) const FRESH_MS: u64 = 600_000;

/// All that is known.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// When it is.
    pub now: &'a Now,
    /// The policy, read whole.
    pub policy: &'a Policy,
    /// Containers that are up, each with what is remembered of it.
    pub cases: &'a [Case<'a>],
    /// What was done over hours.
    pub habits: &'a Habits,
    /// The picture of the host.
    pub inventory: &'a Inventory,
}

/// How people call a GPU or MIG instance: by its index.
pub(super) fn gpu_name(inventory: &Inventory, uuid: &str) -> String {
    for gpu in &inventory.gpus {
        if gpu.uuid == uuid {
            return format!("GPU {}", gpu.index);
        }
        if let Some(mig) = gpu.mig_instances.iter().find(|mig| mig.uuid == uuid) {
            return format!("MIG instance {}:{}", gpu.index, mig.index);
        }
    }
    uuid.to_owned()
}
