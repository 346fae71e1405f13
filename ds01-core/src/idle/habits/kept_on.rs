//! A container that is kept again and again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Since;

/// After so long without being kept, in milliseconds, it is forgotten.
const FORGOTTEN_AFTER_MS: u64 = 86_400_000;

/// An end that moved by less was not renewed, in seconds.
const RENEWED_BY: i64 = 60;

/// By what a container is kept at a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// In words: its keep-alive file, or who asked.
    pub by: String,
    /// Until when.
    pub until: Timestamp,
}

/// How long it was kept, and how often that was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOn {
    /// The first check that found it kept.
    pub since: Since,
    /// The last check, on the boot clock, in milliseconds.
    last_ms: u64,
    /// By what, at last.
    pub by: String,
    /// Until when, at last.
    until: Timestamp,
    /// How often the end was moved.
    pub renewals: u64,
    /// For how long it was kept, as checks saw it, in milliseconds.
    pub held_ms: u64,
    /// For how much of that it worked.
    pub worked_ms: u64,
    /// For how long it was not kept since.
    #[serde(default, skip_serializing_if = "is_zero")]
    unheld_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

impl KeptOn {
    /// What is remembered after a check that found it kept by `hold`, or did not look. What kept it before keeps it until its end.
    /// Time between checks that were more than `longest_ms` apart is not counted.
    pub fn after(before: Option<Self>, hold: Option<Hold>, worked: bool, now: Since, longest_ms: u64) -> Option<Self> {
        let Some(mut kept) = before else {
            let Hold { by, until } = hold?;
            let (held_ms, worked_ms, unheld_ms) = (0, 0, 0);
            return Some(Self {
                since: now,
                last_ms: now.boot_ms,
                by,
                until,
                renewals: 0,
                held_ms,
                worked_ms,
                unheld_ms,
            });
        };
        let passed = now.boot_ms.saturating_sub(kept.last_ms);
        let passed = if passed > longest_ms { 0 } else { passed };
        kept.last_ms = now.boot_ms;
        if let Some(hold) = hold {
            if hold.until.duration_since(kept.until).as_secs() > RENEWED_BY {
                kept.renewals = kept.renewals.saturating_add(1);
            }
            (kept.by, kept.until) = (hold.by, hold.until);
        }
        if now.at < kept.until {
            kept.held_ms = kept.held_ms.saturating_add(passed);
            kept.worked_ms = kept.worked_ms.saturating_add(if worked { passed } else { 0 });
            kept.unheld_ms = 0;
        } else {
            kept.unheld_ms = kept.unheld_ms.saturating_add(passed);
        }
        (kept.unheld_ms < FORGOTTEN_AFTER_MS).then_some(kept)
    }
}
