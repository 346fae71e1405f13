//! Stops that were begun: written down before anything is done, so that a check that is killed in the middle loses none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    detect::{Origin, inventory::Extra},
    model::EngineName,
};

/// Why a container is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// It was idle for too long.
    Idle,
    /// It ran for too long.
    Runtime,
}

/// A stop that was begun, with what its event says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// For what.
    pub cause: StopCause,
    /// Which engine holds it; left out where that is Docker.
    #[serde(default, skip_serializing_if = "EngineName::is_docker")]
    pub engine: EngineName,
    /// Its name. Users' text.
    pub name: String,
    /// How it came to be.
    pub origin: Origin,
    /// Its owner. Users' text.
    pub user: Option<String>,
    /// UUIDs of its GPUs and MIG instances.
    pub gpus: Vec<String>,
    /// The life that is stopped.
    pub started_at: Option<Timestamp>,
    /// How long it had run, in milliseconds.
    pub ran_ms: u64,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}
