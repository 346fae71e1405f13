//! A line of the ledger: what one workload had of one GPU on one day.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{piece::Spent, workload::Workload};

/// What one workload had of one GPU or MIG instance on one day. All times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The day in UTC.
    pub day: Date,
    /// UUID of the GPU or MIG instance.
    pub gpu: String,
    /// Whose.
    #[serde(flatten)]
    pub who: Workload,
    /// What its time was spent on; together, that is for how long it held the GPU.
    #[serde(flatten)]
    pub spent: Spent,
    /// Its share in the time for which anybody held the GPU: what several hold at once is divided equally among them.
    pub share_ms: u64,
    /// For how long the reaper gave it back: from a stop until it ran again, to the end of the day at most.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given_back_ms: u64,
    /// How often the reaper stopped it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stops: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Row {
    /// By day, then by GPU, and by user and name within one.
    pub(super) fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| (a.day, &a.gpu, &a.who).cmp(&(b.day, &b.gpu, &b.who)));
    }

    /// Nothing yet.
    pub(super) fn new(day: Date, gpu: &str, who: &Workload) -> Self {
        Self {
            day,
            gpu: gpu.to_owned(),
            who: who.clone(),
            spent: Spent::default(),
            share_ms: 0,
            given_back_ms: 0,
            stops: 0,
        }
    }

    /// For how long it held the GPU.
    pub fn held_ms(&self) -> u64 {
        self.spent.held_ms()
    }
}
