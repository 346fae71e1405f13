//! What each writer tells the other, in files of their own in the state directory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::user_sums::UserSums;
use crate::{
    event::Counts,
    model::{ContainerId, Demand, IdleTime},
    policy::Identities,
};

/// What a scan knows beside the inventory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanPart {
    /// How long it took to look and to save, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// Whether the policy is sound. `None` where there is none.
    #[serde(default)]
    pub policy_sound: Option<bool>,
    /// What the last sound policy lets leave the host. `None` before there was one to read.
    #[serde(default)]
    pub identities: Option<Identities>,
    /// How many GPUs are given away. `None` where that can't be told.
    #[serde(default)]
    pub demand: Option<Demand>,
    /// GPU time by user since counting began.
    #[serde(default)]
    pub users: UserSums,
    /// How long each running GPU container was observed to be idle, by the scans alone.
    #[serde(default)]
    pub idle: BTreeMap<ContainerId, IdleTime>,
}

/// What a check of the reaper knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckPart {
    /// When the last check was that could judge.
    pub at: Timestamp,
    /// How often what was done and told.
    #[serde(default)]
    pub counts: Counts,
    /// How many suspicions of each kind stood, by the kind's word.
    #[serde(default)]
    pub suspicions: BTreeMap<String, u64>,
    /// Each container that the reaper tracks.
    #[serde(default)]
    pub judged: BTreeMap<ContainerId, Judged>,
}

/// What the reaper knows of a container.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// For how long it is idle.
    #[serde(flatten)]
    pub idle: IdleTime,
    /// How long it may be, in milliseconds. `None` where idleness has no consequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<u64>,
}
