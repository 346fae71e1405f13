//! All that the metrics are made from.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{
    names::Names,
    parts::{CheckPart, ScanPart},
};
use crate::detect::{
    Inventory,
    inventory::{ContainerEntry, SourceState},
};

/// The most containers that are told of: those with a GPU first, then by id.
pub const MOST_CONTAINERS: usize = 2_000;

/// The most pairs of a container, or a user, and a GPU or MIG instance.
pub const MOST_PAIRS: usize = 20_000;

/// What a check said of containers is out of date after so long. The timer makes one every five minutes.
const CHECK_IS_FRESH: SignedDuration = SignedDuration::from_mins(15);

/// All that the metrics are made from.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The host, as the last scan left it.
    pub inventory: &'a Inventory,
    /// What that scan knew beside it.
    pub scan: &'a ScanPart,
    /// What the last check knew. `None` before the first.
    pub check: Option<&'a CheckPart>,
    /// How names leave the host.
    pub names: &'a Names,
}

impl<'a> Picture<'a> {
    /// What the last check said, while it says anything about now.
    pub(super) fn fresh_check(&self) -> Option<&'a CheckPart> {
        let now = self.inventory.last_scan?;
        self.check.filter(|check| now.duration_since(check.at) <= CHECK_IS_FRESH)
    }

    /// Whether a source failed, so that what it told before is no news.
    pub(super) fn failed(&self, source: &str) -> bool {
        self.inventory.source_state(source) == Some(SourceState::Failed)
    }

    /// GPUs and MIG instances that were seen by the last scan, by UUID: each stands for itself, but one that is partitioned for its
    /// instances.
    pub(super) fn devices(&self) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut devices = BTreeMap::new();
        for gpu in self.inventory.gpus.iter().filter(|gpu| !gpu.stale) {
            let own: Vec<&str> = gpu.devices().map(|device| device.uuid()).collect();
            devices.extend(own.iter().map(|uuid| (*uuid, vec![*uuid])));
            // One that is partitioned and has no instance yet stands for itself.
            let whole = if own.is_empty() { vec![gpu.uuid.as_str()] } else { own };
            devices.insert(gpu.uuid.as_str(), whole);
        }
        devices
    }

    /// Containers that are up and were seen so by the last scan, those with a GPU first.
    pub(super) fn up(&self) -> Vec<&'a ContainerEntry> {
        // Where an engine told a part, only what it told nothing of is stale; where it told all, only what the GPUs did can be.
        let seen = |entry: &&ContainerEntry| {
            let up = matches!(entry.status.as_str(), "running" | "paused" | "restarting");
            up && !(entry.stale && self.failed(entry.engine.as_str()))
        };
        let mut up: Vec<&ContainerEntry> = self.inventory.containers.values().filter(seen).collect();
        // A user's own engine lists what it likes: what is not seen on a GPU crowds out nobody.
        let is_last = |entry: &ContainerEntry| {
            entry.has_gpu == Some(false) || (entry.engine.owner().is_some() && entry.has_gpu.is_none())
        };
        up.sort_by_key(|entry| (is_last(entry), &entry.full_id));
        up
    }
}

/// A count as a value: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// A unix time in seconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of any date are below 2^53")]
pub(super) fn unix(at: jiff::Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// Milliseconds in seconds.
#[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// MiB in bytes.
#[expect(clippy::cast_precision_loss, reason = "2^53 bytes are 8 PiB")]
pub(super) fn bytes(mib: u64) -> f64 {
    mib as f64 * 1_048_576.0
}
