//! The report as texts in rows and columns, for whoever draws it.

use ds01_core::{detect::UNKNOWN_USER, ledger::DayIs, text::sanitize};

use super::{
    figures::{FIGURES, Figure},
    sums::{Report, Sums},
};
use crate::past::days;

/// What is shown where a figure is unknown.
const NONE: &str = "-";

/// The report in rows and columns.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// What the figures are, and of when.
    pub(crate) title: String,
    /// The headings of the names, and of the figures behind them.
    pub(crate) names: Vec<&'static str>,
    pub(crate) figures: Vec<&'static str>,
    pub(crate) rows: Vec<SheetRow>,
    pub(crate) total: Vec<String>,
    /// What to say where there are no rows.
    pub(crate) nothing: &'static str,
}

/// A row.
#[derive(Debug)]
pub(crate) struct SheetRow {
    /// Safe to print; as markup they are still users' text.
    pub(crate) names: Vec<String>,
    pub(crate) figures: Vec<String>,
    pub(crate) sums: Sums,
}

impl Sheet {
    pub(crate) fn new(report: &Report) -> Self {
        let shown = |figures: &Sums| FIGURES.iter().map(|one| text(one, figures, report.whole_ms)).collect::<Vec<_>>();
        let rows = report.lines.iter().map(|line| {
            let fields = report.by.fields().iter().zip(&line.key.texts).filter(|(field, _)| field.heading.is_some());
            SheetRow {
                names: fields.map(|(_, name)| sanitize(name.as_deref().unwrap_or(UNKNOWN_USER)).into_owned()).collect(),
                figures: shown(&line.sums),
                sums: line.sums,
            }
        });
        Self {
            title: format!("GPU-hours by {}, {} (days in UTC)", report.by.words(), days(report.from, report.to)),
            names: report.by.fields().iter().filter_map(|field| field.heading).collect(),
            figures: FIGURES.iter().map(|figure| figure.heading).collect(),
            rows: rows.collect(),
            total: shown(&report.total),
            nothing: if report.days.values().all(|is| *is == DayIs::NotRecorded) {
                "nothing is recorded"
            } else {
                "nobody held a GPU"
            },
        }
    }

    /// The most hours that a row has, in milliseconds.
    pub(crate) fn longest_ms(&self) -> u64 {
        self.rows.iter().map(|row| row.sums.spent.held_ms()).max().unwrap_or(0)
    }
}

fn text(figure: &Figure, sums: &Sums, whole_ms: u64) -> String {
    (figure.value)(sums, whole_ms).map_or_else(|| NONE.to_owned(), |value| value.text())
}
