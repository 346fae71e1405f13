//! A request to keep a container.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ContainerId;

/// A request to keep a container, of somebody who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Which.
    pub id: ContainerId,
    /// Who asks, by user id.
    pub uid: u32,
    /// His name. Users' text.
    pub by: String,
    /// For how long.
    pub span: Duration,
    /// When he asked.
    pub at: Timestamp,
    /// Why. Users' text.
    pub why: Option<String>,
}
