//! Busy by the clock.

use std::time::Duration;

use jiff::Timestamp;

use super::{finding::Suspicion, known::FRESH_MS};
use crate::{
    idle::{
        habits::{Beats, Even, Habit, PART_MS},
        rules::Case,
    },
    model::{Now, SuspicionKind},
    units,
};

/// So long it has to have gone on, in milliseconds.
const FROM_MS: u64 = 3 * 3_600_000;

/// And so many beats.
const BEATS: u64 = 12;

/// Who works for a larger share of the time works, in percent.
const MOST_PERCENT: u64 = 30;

/// With more bytes in a beat than between beats, somebody asks for the work.
const BYTES_OF_A_BEAT: u64 = 400;

/// A container that does a little at even intervals, or a little all the time, and nothing else.
pub(super) fn suspicion(case: &Case<'_>, habit: &Habit, now: &Now) -> Option<Suspicion> {
    let (since, evidence) = habit
        .beats
        .as_ref()
        .and_then(|beats| in_beats(beats, now))
        .or_else(|| habit.even.as_ref().and_then(|even| in_parts(even, now)))?;
    let advice = "ask its owner what it does; an exemption, or `ds01-idle keep`, gives the same without the waste";
    Some(Suspicion::about(SuspicionKind::KeptBusy, case.facts, since, evidence, advice))
}

fn in_beats(beats: &Beats, now: &Now) -> Option<(Timestamp, String)> {
    let every = beats.every_ms?;
    let goes_on = now.boot_ms.saturating_sub(beats.last_ms) <= every.most.saturating_mul(2).saturating_add(FRESH_MS);
    let asked_for = beats.bytes_of_a_beat() > BYTES_OF_A_BEAT;
    if beats.count < BEATS || beats.span_ms() < FROM_MS || beats.duty_percent() > MOST_PERCENT || asked_for || !goes_on
    {
        return None;
    }
    let (what, most) = match beats.used_ms.most {
        0 => ("CPU time", beats.cpu_ms.most),
        most => ("GPU time", most),
    };
    let evidence = format!(
        "{} times {} of {what} at most, every {} to {} as far as looks can tell, and nothing else, for {}",
        beats.count,
        seconds(most),
        seconds(every.least),
        seconds(every.most),
        units::duration(Duration::from_millis(beats.span_ms())),
    );
    Some((beats.first.at, evidence))
}

fn in_parts(even: &Even, now: &Now) -> Option<(Timestamp, String)> {
    let until_ms = even.since.boot_ms.saturating_add(even.span_ms());
    let goes_on = now.boot_ms.saturating_sub(until_ms) <= PART_MS.saturating_add(FRESH_MS);
    let used = even.used_ms.filter(|_| even.span_ms() >= FROM_MS && goes_on)?;
    let evidence = format!(
        "{} to {} of GPU time in each of {} parts of 20 minutes, and nothing else, for {}",
        seconds(used.least),
        seconds(used.most),
        even.parts,
        units::duration(Duration::from_millis(even.span_ms())),
    );
    Some((even.since.at, evidence))
}

/// With a tenth of a second.
fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
