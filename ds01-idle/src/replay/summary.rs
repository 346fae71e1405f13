//! What it comes to, in a column for each policy and one for what really happened.

use std::time::Duration;

use ds01_core::{
    replay::{Again, Cause, Replayed, Stop},
    table::{Align, Cell, Column, Line, Medium, Shrink, render},
};

use super::shown::{Shown, hours};

/// What is not known.
const UNKNOWN: &str = "?";

/// The figures of one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sums {
    pub(super) warnings: usize,
    pub(super) idle: usize,
    pub(super) runtime: usize,
    pub(super) regretted: usize,
    /// `None` where nothing is known of any.
    pub(super) given_back: Option<Duration>,
    /// Of so many stops it is not known how much they gave back.
    pub(super) not_known_of: usize,
    /// Stops before what is asked about, of containers that ran on into it.
    pub(super) before: usize,
}

impl Sums {
    /// Of one policy.
    pub(super) fn of(replayed: &Replayed) -> Self {
        let count = |is: &dyn Fn(&Stop) -> bool| replayed.stops.iter().filter(|stop| is(stop)).count();
        let all = replayed.stops.iter().chain(&replayed.before);
        let not_known_of = count(&|stop| stop.given_back.is_none());
        Self {
            warnings: replayed.warned.len(),
            idle: count(&|stop| stop.cause == Cause::Idle),
            runtime: count(&|stop| stop.cause == Cause::Runtime),
            regretted: count(&Stop::is_regretted),
            // Of none of them is no figure, and not nothing.
            given_back: (not_known_of == 0 || all.clone().any(|stop| stop.given_back.is_some()))
                .then(|| all.filter_map(|stop| stop.given_back).sum()),
            not_known_of,
            before: replayed.before.len(),
        }
    }

    /// Of what really happened.
    pub(super) fn really(shown: &Shown<'_>) -> Self {
        let really = &shown.past.really;
        let count = |cause| really.stops.iter().filter(|stop| stop.cause == cause).count();
        Self {
            warnings: really.warned.len(),
            idle: count(Cause::Idle),
            runtime: count(Cause::Runtime),
            regretted: really.stops.iter().filter(|stop| stop.again.is_some_and(Again::is_regretted)).count(),
            given_back: really.stops.is_empty().then_some(Duration::ZERO),
            not_known_of: really.stops.len(),
            before: 0,
        }
    }
}

/// The table. Which policy is which stands above it.
pub(super) fn table(shown: &Shown<'_>, medium: Medium) -> String {
    let figure = |heading| Column { heading, align: Align::Right, shrink: Shrink::Never };
    let mut columns = vec![Column { heading: "", align: Align::Left, shrink: Shrink::Never }];
    let each = shown.columns();
    columns.extend(each.iter().map(|(named, _)| figure(named.name)));
    columns.push(figure("REALLY"));
    let mut sums: Vec<Sums> = each.iter().map(|(_, replayed)| Sums::of(replayed)).collect();
    sums.push(Sums::really(shown));

    let row = |name: &str, figure: &dyn Fn(&Sums) -> String| {
        Line::Row(std::iter::once(Cell::new(name)).chain(sums.iter().map(|sums| Cell::new(&figure(sums)))).collect())
    };
    let mut lines = vec![
        row("warnings", &|sums| sums.warnings.to_string()),
        row("stops", &|sums| (sums.idle + sums.runtime).to_string()),
        row("  for idleness", &|sums| sums.idle.to_string()),
        row("  for run time", &|sums| sums.runtime.to_string()),
        row("  regretted", &|sums| sums.regretted.to_string()),
        row("GPU-hours given back", &|sums| sums.given_back.map_or_else(|| UNKNOWN.to_owned(), hours)),
    ];
    if sums.iter().any(|sums| sums.not_known_of > 0) {
        lines.push(row("  stops of unknown gain", &|sums| sums.not_known_of.to_string()));
    }
    if sums.iter().any(|sums| sums.before > 0) {
        lines.push(row("  by stops before this", &|sums| sums.before.to_string()));
    }
    render(&columns, &lines, medium)
}
