//! The run of the report.

use std::io;

use ds01_core::{cli::console, table::Medium};

use super::{
    args::{Format, ReportArgs},
    csv, json, markdown,
    notes::notes,
    sheet::Sheet,
    sums::Report,
    table,
};
use crate::{
    CONSOLE,
    past::{NoPast, Past},
};

/// What is printed, and what is said beside it.
pub(super) struct Printed {
    pub(super) bytes: Vec<u8>,
    pub(super) warnings: Vec<String>,
}

/// Prints the report.
pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let past = Past::open(&args.past).map_err(Failure::Past)?;
    let printed = printed(args, &past, console::medium(args.color))?;
    past.warnings.iter().chain(&printed.warnings).for_each(|warning| CONSOLE.warn(warning));
    console::print(&printed.bytes).map_err(Failure::Output)
}

/// Why nothing was printed.
#[derive(Debug)]
pub(crate) enum Failure {
    Past(NoPast),
    Usage(String),
    Output(io::Error),
}

/// The report as `medium` gets it.
pub(super) fn printed(args: &ReportArgs, past: &Past, medium: Medium) -> Result<Printed, Failure> {
    let (from, to) = args.span(past.now).map_err(Failure::Usage)?;
    let used = past.used(from, to).map_err(Failure::Past)?;
    let report = Report::new(&used, (from, to), args.by, &args.user, past);
    let notes = notes(&report, past);
    let sheet = || Sheet::new(&report);
    let output = |error: serde_json::Error| Failure::Output(error.into());
    Ok(match args.format {
        Format::Table => {
            Printed { bytes: table::draw(&sheet(), args.by, &notes, medium).into_bytes(), warnings: Vec::new() }
        }
        Format::Markdown => Printed { bytes: markdown::text_of(&sheet(), &notes).into_bytes(), warnings: Vec::new() },
        Format::Csv => Printed { bytes: csv::bytes(&report).map_err(Failure::Output)?, warnings: notes },
        Format::Json => Printed { bytes: json::bytes(&report, past.now).map_err(output)?, warnings: notes },
    })
}
