//! The stops of one policy, one a line.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    replay::{Replayed, Stop},
    table::{self, Align, Cell, Column, Line, Medium, Shrink},
    units,
};

use super::shown::{Shown, Whose, cause, hours, really};

/// What is not known.
const UNKNOWN: &str = "?";

/// When it was and what really happened are what the table is looked at for.
const COLUMNS: [Column; 9] = [
    column("WHEN", Align::Left, Shrink::Never),
    column("NAME", Align::Left, Shrink::Key { wanted: 20, least: 10 }),
    column("USER", Align::Left, Shrink::First(8)),
    column("TYPE", Align::Left, Shrink::Optional(3)),
    column("GPUS", Align::Right, Shrink::Optional(2)),
    column("CAUSE", Align::Left, Shrink::Optional(1)),
    column("IDLE", Align::Right, Shrink::Never),
    column("GIVEN BACK", Align::Right, Shrink::Never),
    column("REALLY", Align::Left, Shrink::Last(20)),
];

const fn column(heading: &'static str, align: Align, shrink: Shrink) -> Column {
    Column { heading, align, shrink }
}

pub(super) fn table(shown: &Shown<'_>, replayed: &Replayed, medium: Medium) -> String {
    let lines: Vec<Line> = replayed.stops.iter().map(|stop| row(shown, stop)).collect();
    let mut text = table::render(&COLUMNS, &lines, medium);
    let left_out = table::left_out(&COLUMNS, &lines, medium);
    if !left_out.is_empty() {
        let footer = Cell::new(&format!("no room for {}", left_out.join(", "))).styled(Style::new().dimmed());
        table::push_span(&mut text, &footer, medium);
    }
    text
}

fn row(shown: &Shown<'_>, stop: &Stop) -> Line {
    let whose = Whose::of(stop);
    let regretted = if stop.is_regretted() { Style::new().fg_color(Some(AnsiColor::Red.into())) } else { Style::new() };
    Line::Row(vec![
        Cell::new(&shown.when(stop.at)),
        Cell::new(whose.name()),
        Cell::new(whose.user().unwrap_or("unknown")),
        Cell::new(whose.kind().map_or(UNKNOWN, |kind| kind.as_str())),
        Cell::new(&whose.gpus().len().to_string()),
        Cell::new(cause(stop.cause)),
        Cell::new(&units::duration(stop.idle)),
        Cell::new(&stop.given_back.map_or_else(|| UNKNOWN.to_owned(), |time| format!("{}h", hours(time)))),
        Cell::new(&really(stop)).styled(regretted),
    ])
}
