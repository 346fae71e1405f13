//! Tables on a terminal that may be too narrow for them, and in a pipe that never is.
//!
//! Table crates fit a table by wrapping cells over several lines, which breaks `grep` and the eye alike. Here a row is
//! always one line: named columns are shortened first, and then whole columns are left out, from the right.

use std::fmt::Write;

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use crate::text::sanitize;

mod fit;

/// Blanks between columns.
const GAP: usize = 2;

/// The mark at the end of a text that was cut.
const ELLIPSIS: char = '…';

/// How a column gives way when the terminal is too narrow, in the order of these variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrink {
    /// Shortened before any other, down to this width.
    First(usize),
    /// Shortened when that was not enough, down to this width: users' text must not push out what stands beside it.
    Second(usize),
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
    let mut widths: Vec<usize> = columns.iter().map(|column| width(column.heading)).collect();
    for line in lines {
        if let Line::Row(cells) = line {
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = cell.width.max(*widest);
            }
        }
    }
    if let Some(available) = medium.width {
        fit::fit(&mut widths, columns, available);
    }
    let mut out = String::with_capacity((lines.len() + 1) * (widths.iter().sum::<usize>() + widths.len() * GAP));
    let headings: Vec<Cell> =
        columns.iter().map(|column| Cell::new(column.heading).styled(Style::new().bold())).collect();
    push_row(&mut out, columns, &widths, &headings, medium.color);
    for line in lines {
        match line {
            Line::Row(cells) => push_row(&mut out, columns, &widths, cells, medium.color),
            Line::Span(cell) => push_span(&mut out, cell, medium),
        }
    }
    out
}

/// One text as a line of its own, shortened to the medium.
pub fn push_span(out: &mut String, cell: &Cell, medium: Medium) {
    push_cell(out, cell, medium.width.unwrap_or(usize::MAX), medium.color);
    out.push('\n');
}

fn push_row(out: &mut String, columns: &[Column], widths: &[usize], cells: &[Cell], color: bool) {
    let mut owed = 0;
    for ((column, &column_width), cell) in columns.iter().zip(widths).zip(cells) {
        let blank = column_width.saturating_sub(cell.width);
        if column.align == Align::Right {
            owed += blank;
        }
        // Blanks are written only before a text, so that no line ends in them.
        if !cell.text.is_empty() {
            out.extend(std::iter::repeat_n(' ', std::mem::take(&mut owed)));
        }
        let printed = push_cell(out, cell, column_width, color);
        owed += GAP + if column.align == Align::Left { column_width - printed } else { 0 };
    }
    out.push('\n');
}

/// Writes a cell, cut to `most` terminal cells, and returns how many it took.
fn push_cell(out: &mut String, cell: &Cell, most: usize, color: bool) -> usize {
    let styled = color && cell.style != Style::new() && !cell.text.is_empty();
    if styled {
        let _ = write!(out, "{}", cell.style);
    }
    let printed = if cell.width <= most {
        out.push_str(&cell.text);
        cell.width
    } else {
        push_cut(out, &cell.text, most)
    };
    if styled {
        let _ = write!(out, "{:#}", cell.style);
    }
    printed
}

/// Writes as much of `text` as leaves room for the mark that something is missing.
fn push_cut(out: &mut String, text: &str, most: usize) -> usize {
    let Some(room) = most.checked_sub(1) else { return 0 };
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > room {
            break;
        }
        used += wide;
        out.push(c);
    }
    out.push(ELLIPSIS);
    used + 1
}

/// The cells that a sanitised text takes on a terminal, counted character by character as terminals do.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(|c| c.width().unwrap_or(0)).sum() }
}

#[cfg(test)]
mod tests;
