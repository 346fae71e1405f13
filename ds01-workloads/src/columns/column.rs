//! What a column is, and what columns share.

use std::cmp::Ordering;

use ds01_core::table::{self, Align, Cell, Shrink};

use crate::row::Row;

/// What is shown where a fact does not apply or could not be had.
pub(super) const NONE: &str = "-";

/// One column of the table.
#[derive(Debug)]
pub(crate) struct Column {
    /// For `--sort`.
    pub(crate) name: &'static str,
    /// What stands above it, and how it gives way on a narrow terminal.
    pub(crate) layout: table::Column,
    /// Whether only `--wide` shows it.
    pub(crate) wide: bool,
    /// Whether it needs the rows' CPU and memory to be measured.
    pub(crate) measured: bool,
    /// What `--info` says of it.
    pub(crate) about: &'static str,
    /// What it shows of a row.
    pub(crate) cell: fn(&Row) -> Cell,
    /// Its order for `--sort`: words by alphabet, figures with the largest first.
    pub(crate) compare: fn(&Row, &Row) -> Ordering,
}

/// A column of words.
pub(super) const fn words(heading: &'static str, shrink: Shrink) -> table::Column {
    table::Column { heading, align: Align::Left, shrink }
}

/// A column of figures.
pub(super) const fn figures(heading: &'static str, shrink: Shrink) -> table::Column {
    table::Column { heading, align: Align::Right, shrink }
}

/// The largest first, and what is unknown last: whoever sorts by a figure looks for the biggest.
pub(super) fn largest_first<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
