//! Containers that do not run, as checks have seen them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::track::Warning;
use crate::{
    detect::inventory::Extra,
    idle::evidence::ContainerFacts,
    model::{ContainerStatus, Now},
};

/// A container that does not run, as checks have seen it.
///
/// Its age is how long checks saw it so on the boot clock. Docker's own times are on the wall clock, and a clock that was
/// set must not remove anybody's files; after a reboot the age begins anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Docker's word for its state.
    pub status: ContainerStatus,
    /// `State.StartedAt`: another one means that it ran in between.
    pub started_at: Option<Timestamp>,
    /// The boot in which it was seen.
    pub boot_id: String,
    /// Boot clock when a check first saw it so, in milliseconds.
    pub since_boot_ms: u64,
    /// Whether this program stopped it.
    pub stopped_here: bool,
    /// The warning that it will be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Standing {
    /// What is remembered of `facts` now, given what was `before`. `None` for a container that runs or is in between.
    pub fn seen(before: Option<Self>, facts: &ContainerFacts, now: &Now) -> Option<Self> {
        if !matches!(facts.status, ContainerStatus::Created | ContainerStatus::Exited) {
            return None;
        }
        let same_life = |standing: &Self| standing.started_at == facts.started_at;
        let unchanged =
            |standing: &Self| same_life(standing) && standing.status == facts.status && standing.boot_id == now.boot_id;
        let stopped_here = before.as_ref().is_some_and(|standing| same_life(standing) && standing.stopped_here);
        Some(before.filter(unchanged).unwrap_or_else(|| Self {
            status: facts.status.clone(),
            started_at: facts.started_at,
            boot_id: now.boot_id.clone(),
            since_boot_ms: now.boot_ms,
            stopped_here,
            warning: None,
            extra: Extra::new(),
        }))
    }
}
