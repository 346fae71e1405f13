//! The run of the timeline.

use std::{io, path::Path};

use ds01_core::{cli::console, ledger::begin_of, store::StoreError, table::Medium};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    args::TimelineArgs,
    draw::{self, Frame},
    grid::Grid,
    page,
    rows::scene,
    save::save,
};
use crate::{
    CONSOLE,
    past::{NoPast, Past},
};

/// Why nothing was shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The flags ask for what can't be.
    Usage(String),
    Past(NoPast),
    /// The page was not written.
    Page(StoreError),
    Output(io::Error),
}

/// Prints the picture, or writes the page.
pub(crate) fn run(args: &TimelineArgs) -> Result<(), Failure> {
    let past = Past::open(&args.past).map_err(Failure::Past)?;
    past.warnings.iter().for_each(|warning| CONSOLE.warn(warning));
    let zone = TimeZone::system();
    match args.html.as_deref() {
        None => {
            let text = picture(args, &past, &zone, console::medium(args.color))?;
            console::print(text.as_bytes()).map_err(Failure::Output)
        }
        Some(file) => {
            let text = html(args, &past, &zone)?;
            if file == Path::new("-") {
                console::print(text.as_bytes()).map_err(Failure::Output)
            } else {
                save(file, text.as_bytes()).map_err(Failure::Page)
            }
        }
    }
}

/// The picture as `medium` gets it.
pub(super) fn picture(args: &TimelineArgs, past: &Past, zone: &TimeZone, medium: Medium) -> Result<String, Failure> {
    let (from, to) = args.span(past.now, zone).map_err(Failure::Usage)?;
    let devices: Vec<(String, Option<String>)> =
        past.devices.to_hold().map(|device| (device.label(), device.model.clone())).collect();
    let frame_for = |labels: &[(String, Option<String>)]| {
        Frame::new(labels.iter().map(|(label, model)| (label.as_str(), model.as_deref())), args.by, medium)
    };
    let mut frame = frame_for(&devices);
    let mut scene_ = scene(past, Grid::new(from, to, frame.cells), args.by, false).map_err(Failure::Past)?;
    let labels: Vec<_> = scene_.rows.iter().map(|row| (row.label.clone(), row.model.clone())).collect();
    let fitting = frame_for(&labels);
    if fitting.cells != frame.cells {
        // How wide names are is known only now.
        frame = fitting;
        scene_ = scene(past, Grid::new(from, to, frame.cells), args.by, false).map_err(Failure::Past)?;
    }
    let recorded_from = recorded_from(past)?;
    Ok(draw::draw(&scene_, &frame, args.by, recorded_from, zone, medium))
}

/// The page.
pub(super) fn html(args: &TimelineArgs, past: &Past, zone: &TimeZone) -> Result<String, Failure> {
    let (from, to) = args.span(past.now, zone).map_err(Failure::Usage)?;
    let scene = scene(past, Grid::new(from, to, page::CELLS), args.by, true).map_err(Failure::Past)?;
    let page = page::Page::new(&scene, args.by, past, recorded_from(past)?, zone).map_err(Failure::Past)?;
    page.text().map_err(|error| Failure::Output(io::Error::other(error)))
}

/// Before this, nothing is known but sums.
fn recorded_from(past: &Past) -> Result<Timestamp, Failure> {
    Ok(past.first_day().map_err(Failure::Past)?.map_or(Timestamp::MAX, begin_of))
}
