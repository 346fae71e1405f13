//! Busy at idle power.

use std::time::Duration;

use super::{
    finding::Suspicion,
    known::{FRESH_MS, Known, gpu_name},
};
use crate::{
    idle::{habits::LowPower, rules::Case},
    model::SuspicionKind,
    units,
};

/// So long it has to have gone on, in milliseconds.
const FROM_MS: u64 = 1_800_000;

/// A container whose GPU is busy, and takes what it takes when it idles. Only of a GPU that nobody else can have used.
pub(super) fn suspicion(case: &Case<'_>, low: &LowPower, known: &Known<'_>) -> Option<Suspicion> {
    if low.span_ms() < FROM_MS || known.now.boot_ms.saturating_sub(low.until_ms) > FRESH_MS {
        return None;
    }
    let evidence = format!(
        "{} at {} % and more for {}, at {} at most; it takes {} when it idles",
        gpu_name(known.inventory, &low.gpu),
        low.least_percent,
        units::duration(Duration::from_millis(low.span_ms())),
        watts(low.most_mw),
        watts(low.idle_mw),
    );
    let advice = "ask its owner whether it hangs: a program that waits for another process in a kernel looks so";
    let about = Suspicion::about(SuspicionKind::BusyAtIdlePower, case.facts, low.since.at, evidence, advice);
    Some(Suspicion { gpus: vec![low.gpu.clone()], ..about })
}

/// With a tenth of a watt.
fn watts(mw: u64) -> String {
    format!("{}.{} W", mw / 1000, mw % 1000 / 100)
}
