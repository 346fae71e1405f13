//! The report for people.

use anstyle::Style;
use ds01_core::{
    detect::UNKNOWN_USER,
    table::{self, Align, Cell, Column, Line, Medium, Shrink, width},
};

use super::{
    bar,
    figures::FIGURES,
    sums::{Report, Sums},
};
use crate::{past::days, view::says_the_same};

/// What is shown where a figure is unknown.
const NONE: &str = "-";

/// The table, with what is to be known of it below.
pub(super) fn draw(report: &Report, notes: &[String], medium: Medium) -> String {
    let columns = columns(report);
    let mut lines: Vec<Line> = report.lines.iter().map(|line| row(report, &line.key.texts, &line.sums)).collect();
    let mut layouts = columns;
    let fields = layouts.len() - FIGURES.len();
    for (at, column) in layouts.iter_mut().enumerate().skip(fields) {
        if says_the_same(&lines, at) && column.shrink != Shrink::Never {
            column.shrink = Shrink::Same;
        }
    }
    if lines.is_empty() {
        lines.push(Line::Span(Cell::new("nobody held a GPU")));
    } else {
        lines.push(total(report, fields));
    }
    let mut out = with_bars(report, &layouts, &lines, medium);
    let dim = |text: &str| Cell::new(text).styled(Style::new().dimmed());
    let left_out = table::left_out(&layouts, &lines, medium);
    let no_room = (!left_out.is_empty()).then(|| format!("no room for {}", left_out.join(", ")));
    for note in no_room.iter().chain(notes).flat_map(|note| table::broken(note, medium)) {
        table::push_span(&mut out, &dim(&note), medium);
    }
    for line in table::broken(&title(report), medium) {
        table::push_span(&mut out, &Cell::new(&line), medium);
    }
    out
}

/// What the figures are, and of when.
pub(super) fn title(report: &Report) -> String {
    format!("GPU-hours by {}, {} (days in UTC)", report.by.words(), days(report.from, report.to))
}

/// The text of a line's field.
pub(super) fn text(text: Option<&str>) -> &str {
    text.unwrap_or(UNKNOWN_USER)
}

/// The text of a figure.
pub(super) fn figure(figure: &super::figures::Figure, sums: &Sums, whole_ms: u64) -> String {
    (figure.value)(sums, whole_ms).map_or_else(|| NONE.to_owned(), |value| value.text())
}

fn columns(report: &Report) -> Vec<Column> {
    let fields = report.by.fields().iter().filter_map(|field| {
        let heading = field.heading?;
        Some(Column { heading, align: Align::Left, shrink: field.shrink })
    });
    let figures = FIGURES
        .iter()
        .map(|figure| Column { heading: figure.heading, align: Align::Right, shrink: figure.shrink });
    fields.chain(figures).collect()
}

fn row(report: &Report, texts: &[Option<String>], sums: &Sums) -> Line {
    let shown = report.by.fields().iter().zip(texts).filter(|(field, _)| field.heading.is_some());
    let names = shown.map(|(_, name)| Cell::new(text(name.as_deref())));
    let figures = FIGURES.iter().map(|one| Cell::new(&figure(one, sums, report.whole_ms)));
    Line::Row(names.chain(figures).collect())
}

fn total(report: &Report, fields: usize) -> Line {
    let names = std::iter::once("total").chain(std::iter::repeat("")).take(fields).map(Cell::new);
    let figures = FIGURES.iter().map(|one| Cell::new(&figure(one, &report.total, report.whole_ms)));
    Line::Row(names.chain(figures).map(|cell| cell.styled(Style::new().bold())).collect())
}

/// The table, on a terminal with a bar behind each line where all columns leave room for one.
fn with_bars(report: &Report, layouts: &[Column], lines: &[Line], medium: Medium) -> String {
    let drawn = table::render(layouts, lines, medium);
    let Some(available) = medium.width.filter(|_| !report.lines.is_empty()) else { return drawn };
    // Without styles, which take no room.
    let plain = table::render(layouts, lines, Medium { width: None, color: false });
    let taken = plain.lines().map(width).max().unwrap_or(0) + 3;
    let cells = available.saturating_sub(taken).min(bar::MOST);
    if cells < bar::LEAST {
        return drawn;
    }
    let longest_ms = report.lines.iter().map(|line| line.sums.spent.held_ms()).max().unwrap_or(0);
    let bold = if medium.color { Style::new().bold() } else { Style::new() };
    let heading = format!("{bold}{}{bold:#}", bar::heading(cells));
    let bars = report.lines.iter().map(|line| bar::bar(&line.sums.spent, longest_ms, cells, medium.color));
    let bars = std::iter::once(heading).chain(bars).chain(std::iter::repeat(String::new()));
    drawn
        .lines()
        .zip(plain.lines())
        .zip(bars)
        .map(|((line, plain), bar)| {
            let gap = if bar.is_empty() { 0 } else { taken - width(plain) };
            format!("{line}{}{bar}\n", " ".repeat(gap))
        })
        .collect()
}
