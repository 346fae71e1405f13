//! The report for people.

use anstyle::Style;
use ds01_core::table::{self, Align, Cell, Column, Line, Medium, Shrink, width};

use super::{bar, by::By, figures::FIGURES, sheet::Sheet};
use crate::view::says_the_same;

/// Between the table and its bars.
const GAP: usize = 3;

/// The table, with what is to be known of it below.
pub(super) fn draw(sheet: &Sheet, by: By, notes: &[String], medium: Medium) -> String {
    let mut layouts = columns(by);
    let mut lines: Vec<Line> = sheet.rows.iter().map(|row| line(&row.names, &row.figures, Style::new())).collect();
    for (at, column) in layouts.iter_mut().enumerate().skip(sheet.names.len()) {
        if says_the_same(&lines, at) && column.shrink != Shrink::Never {
            column.shrink = Shrink::Same;
        }
    }
    if lines.is_empty() {
        lines.push(Line::Span(Cell::new(sheet.nothing)));
    } else {
        let mut names = vec![String::new(); sheet.names.len()];
        if let Some(first) = names.first_mut() {
            "total".clone_into(first);
        }
        lines.push(line(&names, &sheet.total, Style::new().bold()));
    }
    let mut out = with_bars(sheet, &layouts, &lines, medium);
    let left_out = table::left_out(&layouts, &lines, medium);
    let no_room = (!left_out.is_empty()).then(|| format!("no room for {}", left_out.join(", ")));
    for note in no_room.iter().chain(notes).flat_map(|note| table::broken(note, medium)) {
        table::push_span(&mut out, &Cell::new(&note).styled(Style::new().dimmed()), medium);
    }
    for line in table::broken(&sheet.title, medium) {
        table::push_span(&mut out, &Cell::new(&line), medium);
    }
    out
}

fn columns(by: By) -> Vec<Column> {
    let fields = by.fields().iter().filter_map(|field| {
        let heading = field.heading?;
        Some(Column { heading, align: Align::Left, shrink: field.shrink })
    });
    let figures =
        FIGURES.iter().map(|figure| Column { heading: figure.heading, align: Align::Right, shrink: figure.shrink });
    fields.chain(figures).collect()
}

fn line(names: &[String], figures: &[String], style: Style) -> Line {
    let cell = |text: &String| if text.is_empty() { Cell::new("") } else { Cell::new(text).styled(style) };
    Line::Row(names.iter().chain(figures).map(cell).collect())
}

/// The table, on a terminal with a bar behind each line where all columns leave room for one.
fn with_bars(sheet: &Sheet, layouts: &[Column], lines: &[Line], medium: Medium) -> String {
    let drawn = table::render(layouts, lines, medium);
    let Some(available) = medium.width.filter(|_| !sheet.rows.is_empty()) else { return drawn };
    // Without styles, which take no room.
    let plain = table::render(layouts, lines, Medium { width: None, color: false });
    let taken = plain.lines().map(width).max().unwrap_or(0) + GAP;
    let cells = available.saturating_sub(taken).min(bar::MOST);
    if cells < bar::LEAST {
        return drawn;
    }
    let bold = if medium.color { Style::new().bold() } else { Style::new() };
    let heading = format!("{bold}{}{bold:#}", bar::heading(cells));
    let longest_ms = sheet.longest_ms();
    let bars = sheet.rows.iter().map(|row| bar::bar(&row.sums.spent, longest_ms, cells, medium.color));
    let bars = std::iter::once(heading).chain(bars).chain(std::iter::repeat(String::new()));
    let behind = |((line, plain), bar): ((&str, &str), String)| {
        let gap = if bar.is_empty() { 0 } else { taken - width(plain) };
        format!("{line}{}{bar}\n", " ".repeat(gap))
    };
    drawn.lines().zip(plain.lines()).zip(bars).map(behind).collect()
}
