//! `ds01-idle replay`: who would have been warned and stopped under a policy.

mod differences;
mod given;
mod json;
mod page;
mod shown;
mod stops;
mod summary;
mod unknown;

use std::{io, process::ExitCode};

use ds01_core::{
    cli::console,
    idle::{Journal, journal},
    replay::{self, Window},
    source::{Clock, SystemClock},
    store::{Store, StoreError},
    table::Medium,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{cli::ReplayRequest, failure::Failure, no_past::NoPast};

use given::Given;
use shown::Shown;

pub(crate) fn run(request: &ReplayRequest) -> Result<ExitCode, Failure> {
    let medium = console::medium(request.color);
    console::print(&answer(request, SystemClock.now(), TimeZone::system(), medium)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What is printed.
fn answer(request: &ReplayRequest, now: Timestamp, zone: TimeZone, medium: Medium) -> Result<Vec<u8>, Failure> {
    let given = Given::load(&request.policies)?;
    let window = window(request, now, zone)?;
    let journal = journal(request)?;
    let past = replay::replay(&journal, &window, &given.policies()).map_err(NoPast::from)?;
    if past.really.span.is_none_or(|(_, last)| last < window.from) {
        return Err(nothing(&past, &window).into());
    }
    let shown = Shown { given: &given, window: &window, past: &past };
    Ok(if request.json { json::document(&shown)? } else { page::text(&shown, medium).into_bytes() })
}

fn window(request: &ReplayRequest, now: Timestamp, zone: TimeZone) -> Result<Window, NoPast> {
    let from = request.since.instant(now, &zone);
    let until = request.until.map_or(now, |until| until.instant(now, &zone));
    if until <= from { Err(NoPast::Backwards) } else { Ok(Window { from, until, zone }) }
}

fn journal(request: &ReplayRequest) -> Result<Journal, NoPast> {
    let open = || Store::open_existing(&request.state_dir)?.open_existing_within(journal::DIR_NAME);
    match open() {
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            Err(NoPast::NoJournal(request.state_dir.clone()))
        }
        opened => Ok(Journal::from(opened?)),
    }
}

fn nothing(past: &replay::Past, window: &Window) -> NoPast {
    let said = |at: Timestamp| shown::minute(at, &window.zone);
    let held = match past.really.span {
        Some((first, last)) => format!("up to then it goes from {} to {}", said(first), said(last)),
        None => "it has no line from before then".to_owned(),
    };
    NoPast::Empty { from: said(window.from), until: said(window.until), held }
}

#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;
