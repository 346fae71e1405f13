//! Which rows are shown.

use crate::row::{Row, Type};

/// What was asked for: every part that was given must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Any of these users; anybody when empty.
    pub(crate) users: Vec<String>,
    /// Any of these types; all when empty.
    pub(crate) types: Vec<Type>,
    /// Only what can use a GPU, or might: access that could not be read is no reason to hide a workload.
    pub(crate) gpu_only: bool,
    /// Stopped containers too.
    pub(crate) all: bool,
}

impl Filter {
    /// Whether a row is shown.
    pub(crate) fn shows(&self, row: &Row) -> bool {
        self.wants(row) && (self.all || row.running)
    }

    /// Whether a row is hidden for being stopped, and for nothing else.
    pub(crate) fn hides_stopped(&self, row: &Row) -> bool {
        self.wants(row) && !self.all && !row.running
    }

    fn wants(&self, row: &Row) -> bool {
        (self.users.is_empty() || self.users.contains(&row.user))
            && (self.types.is_empty() || self.types.contains(&row.kind))
            && (!self.gpu_only || row.gpus.may_use())
    }
}
