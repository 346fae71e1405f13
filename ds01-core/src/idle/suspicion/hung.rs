//! Busy, and hung.

use std::time::Duration;

use super::{finding::Suspicion, known::FRESH_MS};
use crate::{
    idle::{habits::Hung, rules::Case},
    model::{Now, SuspicionKind},
    units,
};

/// So long it has to have gone on, in milliseconds.
const FROM_MS: u64 = 2 * 3_600_000;

/// So many checks have to have been told that there is no memory traffic.
const LOOKS: u64 = 6;

/// A container whose GPUs are busy for hours, without memory traffic, CPU time or output.
pub(super) fn suspicion(case: &Case<'_>, hung: &Hung, now: &Now) -> Option<Suspicion> {
    let goes_on = now.boot_ms.saturating_sub(hung.until_ms) <= FRESH_MS;
    if hung.span_ms() < FROM_MS || hung.without_traffic < LOOKS || !goes_on {
        return None;
    }
    let network = if hung.net_known { "hardly any network" } else { "the network is not known" };
    let disks = if hung.disk_still > 0 { "no disk" } else { "disks are not known" };
    let evidence = format!(
        "busy all the time for {}: no memory traffic at {} checks, {}.{} % of one core at most, {network}, {disks}",
        units::duration(Duration::from_millis(hung.span_ms())),
        hung.without_traffic,
        hung.cpu_per_mille / 10,
        hung.cpu_per_mille % 10,
    );
    let advice = "ask its owner whether it makes progress, such as by its log; nothing is stopped for this";
    Some(Suspicion::about(SuspicionKind::BusyAndHung, case.facts, hung.since.at, evidence, advice))
}
