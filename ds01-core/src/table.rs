//! Tables on a terminal that may be too narrow for them, and in a pipe that never is.
//!
//! A row is always one line. What gives way on a narrow terminal is decided here: each column says how it does. Cutting, padding, aligning and styling are the work of `comfy-table`.

use anstyle::{AnsiColor, Effects, Style};
use comfy_table::{Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, Width, presets};
use unicode_width::UnicodeWidthStr;

use crate::text::sanitize;

mod fit;
mod wrap;

pub use wrap::{broken, wrapped, wrapped_anyhow};

/// Blanks between columns.
const GAP: u16 = 2;

/// The mark at the end of a text that was cut.
const ELLIPSIS: &str = "…";

/// How a column gives way when the terminal is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrink {
    /// Shortened before any other, down to this width.
    First(usize),
    /// Shortened when that was not enough, down to this width: users' text must not push out what stands beside it.
    Second(usize),
    /// Says the same in every row: left out before any other is shortened further than a key column wants.
    Same,
    /// Shown whole, or left out before any key column is shortened: the highest of these ranks first.
    Optional(u8),
    /// Shortened as [`First`](Self::First), and then left out as [`Optional`](Self::Optional).
    Spare {
        /// Down to this width.
        least: usize,
        /// Its rank among the optional ones.
        rank: u8,
    },
    /// What people type to name a row.
    Key {
        /// As with [`First`](Self::First), down to this width: most names are shorter.
        wanted: usize,
        /// Down to this width when all optional columns are left out.
        least: usize,
    },
    /// What the table is looked at for: shortened down to this width only when all columns but the key are left out.
    Last(usize),
    /// Shown whole or not at all.
    Never,
}

/// Which side of its column a text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For figures that are compared by size.
    Right,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What its first line says.
    pub heading: &'static str,
    /// Where its texts stand.
    pub align: Align,
    /// How it gives way.
    pub shrink: Shrink,
}

/// A text that is safe to print, with its style and its width in terminal cells.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
    width: usize,
}

impl Cell {
    /// Its text, safe to print.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A cell of any text: what could act on a terminal is shown escaped.
    pub fn new(text: &str) -> Self {
        let text = sanitize(text).into_owned();
        let width = width(&text);
        Self { text, style: Style::new(), width }
    }

    /// Its style, none at first.
    pub fn style(&self) -> Style {
        self.style
    }

    /// The same cell in another style.
    #[must_use]
    pub fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }
}

/// One line below the headings.
#[derive(Debug, Clone)]
pub enum Line {
    /// A cell for each column.
    Row(Vec<Cell>),
    /// A text across all columns, shortened like a cell.
    Span(Cell),
}

/// Where a table is going to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// The terminal's width in cells; `None` in a pipe or file, where nothing is shortened.
    pub width: Option<usize>,
    /// Whether styles are printed.
    pub color: bool,
}

/// The table as text, every line ending in a line feed and none in blanks.
///
/// On a terminal no line is wider than [`Medium::width`]. Widths are counted as terminals count them: two cells for a wide
/// character, none for a combining one.
pub fn render(columns: &[Column], lines: &[Line], medium: Medium) -> String {
    let headings: Vec<Cell> =
        columns.iter().map(|column| Cell::new(column.heading).styled(Style::new().bold())).collect();
    let rows = || {
        let cells = lines.iter().filter_map(|line| if let Line::Row(cells) = line { Some(cells) } else { None });
        std::iter::once(&headings).chain(cells)
    };
    let available = medium.width.unwrap_or(usize::MAX);
    let shown = fit::fit(&widths(columns, lines), columns, available);
    let mut drawn = draw(&shown, columns, rows(), medium.color);
    let mut out = drawn.next().unwrap_or_default();
    for line in lines {
        match line {
            Line::Row(_) => out.push_str(&drawn.next().unwrap_or_default()),
            Line::Span(cell) => push_span(&mut out, cell, medium),
        }
    }
    out
}

/// The headings of the columns that a table of these `lines` leaves out on `medium`.
pub fn left_out(columns: &[Column], lines: &[Line], medium: Medium) -> Vec<&'static str> {
    let shown = fit::fit(&widths(columns, lines), columns, medium.width.unwrap_or(usize::MAX));
    let is_shown = |at: usize| shown.iter().any(|(place, _)| *place == at);
    columns.iter().enumerate().filter(|(at, _)| !is_shown(*at)).map(|(_, column)| column.heading).collect()
}

/// The cells that each column takes when nothing is shortened.
fn widths(columns: &[Column], lines: &[Line]) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| width(column.heading)).collect();
    for line in lines {
        let Line::Row(cells) = line else { continue };
        for (widest, cell) in widths.iter_mut().zip(cells) {
            *widest = cell.width.max(*widest);
        }
    }
    widths
}

/// One text as a line of its own, shortened to the medium.
pub fn push_span(out: &mut String, cell: &Cell, medium: Medium) {
    let width = cell.width.min(medium.width.unwrap_or(usize::MAX));
    let column = Column { heading: "", align: Align::Left, shrink: Shrink::Never };
    out.extend(draw(&[(0, width)], &[column], std::iter::once(std::slice::from_ref(cell)), medium.color));
}

/// One line for each row, with the `shown` columns at their widths.
fn draw<'a, R: AsRef<[Cell]> + ?Sized + 'a>(
    shown: &[(usize, usize)],
    columns: &[Column],
    rows: impl Iterator<Item = &'a R>,
    color: bool,
) -> impl Iterator<Item = String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    // No text holds it, so texts are cut where the column ends and not between words.
    table.set_truncation_indicator(ELLIPSIS).set_delimiter('\0');
    table.style_text_only();
    if color {
        // What the caller decided counts, whatever the environment says.
        crossterm::style::force_color_output(true);
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for cells in rows {
        let cells = shown
            .iter()
            .filter_map(|(at, width)| Some(cells.as_ref().get(*at)?.drawn(columns.get(*at)?.align, *width)));
        let mut row = Row::from(cells.collect::<Vec<_>>());
        row.max_height(1);
        table.add_row(row);
    }
    let last = shown.len().saturating_sub(1);
    for (at, (column, (_, width))) in table.column_iter_mut().zip(shown).enumerate() {
        let gap = if at == last { 0 } else { GAP };
        // comfy-table knows no column without width: one that only indents is a part of its gap.
        let (cells, gap) = match u16::try_from(*width).unwrap_or(u16::MAX - gap) {
            0 => (1, gap.saturating_sub(1)),
            cells => (cells, gap),
        };
        column
            .set_padding((0, gap))
            .set_constraint(ColumnConstraint::Absolute(Width::Fixed(cells.saturating_add(gap))));
    }
    let lines: Vec<String> = table.lines().map(|line| format!("{}\n", line.trim_end_matches(' '))).collect();
    lines.into_iter()
}

impl Cell {
    /// In a column of `width` cells.
    fn drawn(&self, align: Align, width: usize) -> comfy_table::Cell {
        // comfy-table puts a wide character into a column of one cell, which makes it two.
        let text = if width < 2 && self.width > width { ELLIPSIS } else { &self.text };
        let alignment = if align == Align::Left { CellAlignment::Left } else { CellAlignment::Right };
        let mut cell = comfy_table::Cell::new(text).set_alignment(alignment);
        if let Some(color) = self.style.get_fg_color().and_then(color) {
            cell = cell.fg(color);
        }
        for (effect, attribute) in [(Effects::BOLD, Attribute::Bold), (Effects::DIMMED, Attribute::Dim)] {
            if self.style.get_effects().contains(effect) {
                cell = cell.add_attribute(attribute);
            }
        }
        cell
    }
}

/// The terminal's own eight colours, which its user chose. Others are not used.
fn color(color: anstyle::Color) -> Option<Color> {
    let anstyle::Color::Ansi(color) = color else { return None };
    Some(match color {
        AnsiColor::Red => Color::DarkRed,
        AnsiColor::Green => Color::DarkGreen,
        AnsiColor::Yellow => Color::DarkYellow,
        AnsiColor::Blue => Color::DarkBlue,
        AnsiColor::Magenta => Color::DarkMagenta,
        AnsiColor::Cyan => Color::DarkCyan,
        _ => return None,
    })
}

/// The cells that a sanitised text takes on a terminal.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

#[cfg(test)]
mod tests;
