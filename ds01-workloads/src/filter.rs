//! Which rows are shown.

use ds01_core::detect::{Inventory, inventory::GpuEntry};

use crate::{
    belongs::BelongsTo,
    gpus::GpuNames,
    row::{Row, Type},
};

/// What was asked for: every part that was given must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Any of these users; anybody when empty.
    pub(crate) users: Vec<String>,
    /// Any of these types; all when empty.
    pub(crate) types: Vec<Type>,
    /// Any of these GPUs; all when empty.
    pub(crate) gpus: Vec<String>,
    /// Processes that belong to any of these; everything when empty.
    pub(crate) belongs_to: Vec<BelongsTo>,
    /// Only what can use a GPU, or might: access that could not be read is no reason to hide a workload.
    pub(crate) gpu_only: bool,
    /// Stopped containers too.
    pub(crate) all: bool,
}

/// That this host, which has GPUs of these labels, has none of this name.
pub(crate) fn no_gpu(name: &str, labels: &[String]) -> String {
    if labels.is_empty() {
        format!("this host has no GPU {name}, and no other either")
    } else {
        format!("this host has no GPU {name}: it has {}", labels.join(", "))
    }
}

impl Filter {
    /// The same with GPUs by their labels. One that this host does not have stays, and hides every row.
    pub(crate) fn resolved(&self, gpus: &[GpuEntry]) -> Self {
        self.resolved_by(&GpuNames::new(gpus))
    }

    /// The same by the names of a host's GPUs.
    pub(crate) fn resolved_by(&self, names: &GpuNames<'_>) -> Self {
        let mut labels: Vec<String> = self.gpus.iter().flat_map(|gpu| names.meant_by(gpu)).collect();
        if labels.is_empty() {
            labels.clone_from(&self.gpus);
        }
        Self { gpus: labels, ..self.clone() }
    }

    /// What was asked for by name and is not on this host, in words: an empty table does not say why it is empty. `rows` are all
    /// rows, before they are filtered.
    pub(crate) fn not_here(&self, rows: &[Row], inventory: &Inventory) -> Vec<String> {
        let names = GpuNames::new(&inventory.gpus);
        let gpus_told = !inventory.gpus_failed();
        let gpus = self.gpus.iter().filter(|gpu| {
            let labels = names.meant_by(gpu);
            let known = labels.iter().any(|label| names.has(label) || rows.iter().any(|row| row.gpus.has(label)));
            gpus_told && !known
        });
        let gpus = gpus.map(|gpu| no_gpu(gpu, &names.labels()));
        let users = self.users.iter().filter(|user| !rows.iter().any(|row| row.user == **user));
        let users = users.map(|user| {
            format!("nobody of the name {user} has a workload here: ds01-workloads --by-user shows who has")
        });
        gpus.chain(users).collect()
    }

    /// Whether a row is shown.
    pub(crate) fn shows(&self, row: &Row) -> bool {
        self.wants(row) && (self.all || row.running)
    }

    /// Whether a row is hidden for being stopped, and for nothing else.
    pub(crate) fn hides_stopped(&self, row: &Row) -> bool {
        self.wants(row) && !self.all && !row.running
    }

    /// Whether every workload is wanted.
    pub(crate) fn is_any(&self) -> bool {
        self.users.is_empty()
            && self.types.is_empty()
            && self.gpus.is_empty()
            && self.belongs_to.is_empty()
            && !self.gpu_only
    }

    fn wants(&self, row: &Row) -> bool {
        (self.users.is_empty() || self.users.contains(&row.user))
            && (self.types.is_empty() || self.types.contains(&row.kind))
            && (self.belongs_to.is_empty() || self.belongs_to.iter().any(|wanted| wanted.is_any_of(&row.belongs_to)))
            && (self.gpus.is_empty() || self.gpus.iter().any(|gpu| row.gpus.has(gpu)))
            && (!self.gpu_only || row.gpus.may_use())
    }
}
