//! How many of the host's GPUs are given away.

use std::{collections::BTreeSet, fmt};

use crate::{
    detect::{
        Inventory, all_engines_told,
        inventory::{ContainerEntry, SourceState},
    },
    idle::evidence::{ContainerFacts, given},
    model::{ContainerId, Demand},
    policy::Monitoring,
};

use super::trust::infrastructure;

impl Demand {
    /// Whether this is high demand: `threshold` of all, or more. A host without GPUs has none.
    pub fn is_high(self, threshold: Option<f64>) -> bool {
        self.ratio().is_some_and(|share| threshold.is_some_and(|threshold| share >= threshold))
    }
}

impl Demand {
    /// As [`of`](Self::of), of the containers of one look, the platform's own left out: one that watches all GPUs takes none.
    pub fn at(inventory: &Inventory, containers: &[ContainerFacts], monitoring: &Monitoring) -> Option<Self> {
        let ours = containers.iter().filter(|facts| infrastructure(facts, monitoring).is_some());
        Self::of(inventory, &ours.map(|facts| &facts.id).collect())
    }

    /// The share that is given away; `None` on a host without GPUs.
    pub fn ratio(self) -> Option<f64> {
        // Counts of GPUs are far below what an f64 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "no host has 2^52 GPUs")]
        let share = self.assigned as f64 / self.total as f64;
        (self.total > 0).then_some(share)
    }

    /// How many GPUs and MIG instances are given to running containers but `left_out`, as far as they are this host's. `None`
    /// when a source failed, so that nobody can tell.
    pub fn of(inventory: &Inventory, left_out: &BTreeSet<&ContainerId>) -> Option<Self> {
        if !all_engines_told(inventory) || inventory.source_state("nvml") != Some(SourceState::Ok) {
            return None;
        }
        // Nobody is made to give back a GPU that is only observed.
        let ours = inventory.devices().filter(|device| device.gpu.vendor.is_nvidia());
        let all: BTreeSet<&str> = ours.map(|device| device.uuid()).collect();
        let counted = |entry: &ContainerEntry| !left_out.contains(&entry.full_id);
        let assigned = given(inventory, counted).into_keys().filter(|uuid| all.contains(uuid.as_str())).count();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Some(Self { assigned: number(assigned), total: number(all.len()) })
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} GPUs and MIG instances", self.assigned, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demand_is_high_from_the_threshold_on() {
        let demand = |assigned, total| Demand { assigned, total };
        assert!(demand(8, 10).is_high(Some(0.8)) && demand(4, 4).is_high(Some(1.0)));
        assert!(!demand(7, 10).is_high(Some(0.8)) && !demand(4, 4).is_high(None) && !demand(0, 0).is_high(Some(0.0)));
    }
}
