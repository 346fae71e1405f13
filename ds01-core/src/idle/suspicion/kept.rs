//! Kept for days.

use std::time::Duration;

use super::finding::Suspicion;
use crate::{
    idle::{habits::KeptOn, rules::Case},
    model::SuspicionKind,
    units,
};

/// Kept for so long, in milliseconds.
const FROM_MS: u64 = 3 * 86_400_000;

/// Renewed so often.
const RENEWALS: u64 = 2;

/// Who worked for more of the time is kept between days of work.
const WORKED_PERCENT: u64 = 5;

/// A container that is kept again and again for days and hardly works. What root asked for is an admin's own, and not counted.
pub(super) fn suspicion(case: &Case<'_>, kept: &KeptOn) -> Option<Suspicion> {
    let works = kept.worked_ms.saturating_mul(100) > kept.held_ms.saturating_mul(WORKED_PERCENT);
    if kept.held_ms < FROM_MS || kept.renewals < RENEWALS || works {
        return None;
    }
    let evidence = format!(
        "kept for {} by {}, renewed {} times, and at work for {} of that",
        units::duration(Duration::from_millis(kept.held_ms)),
        kept.by,
        kept.renewals,
        units::duration(Duration::from_millis(kept.worked_ms)),
    );
    let advice =
        "ask its owner; write an exemption if it is to stay, or a smaller `keepalive_max_duration` or `keep_max`";
    Some(Suspicion::about(SuspicionKind::KeptForDays, case.facts, kept.since.at, evidence, advice))
}
