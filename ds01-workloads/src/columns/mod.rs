//! The columns: what each one is called, what it shows of a row, and how it sorts. One file each.

mod age;
mod cpu;
mod gpu_mem;
mod gpus;
mod id;
mod image;
mod kind;
mod memory;
mod name;
mod status;
mod user;

use std::cmp::Ordering;

use ds01_core::table::{self, Align, Cell, Shrink};

use crate::row::Row;

/// What is shown where a fact does not apply or could not be had.
const NONE: &str = "-";

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

/// All columns, from left to right.
pub(crate) const COLUMNS: [&Column; 11] = [
    &kind::COLUMN,
    &user::COLUMN,
    &gpus::COLUMN,
    &status::COLUMN,
    &age::COLUMN,
    &name::COLUMN,
    &id::COLUMN,
    &image::COLUMN,
    &cpu::COLUMN,
    &memory::COLUMN,
    &gpu_mem::COLUMN,
];

impl Column {
    /// The column of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        COLUMNS.into_iter().find(|column| column.name == name)
    }

    /// Whether it is the owner's, which the headings of `--by-user` say already.
    pub(crate) fn is_user(&self) -> bool {
        self.name == user::COLUMN.name
    }
}

/// A column of words.
const fn words(heading: &'static str, shrink: Shrink) -> table::Column {
    table::Column { heading, align: Align::Left, shrink }
}

/// A column of figures.
const fn figures(heading: &'static str) -> table::Column {
    table::Column { heading, align: Align::Right, shrink: Shrink::Never }
}
