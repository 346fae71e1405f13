//! ID: what `docker` and `kill` know it by.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};

pub(super) const COLUMN: Column = Column {
    name: "id",
    layout: words("ID", Shrink::Optional(7)),
    wide: true,
    measured: false,
    about: "The container id as docker ps shows it, or the pid.",
    cell: |row| Cell::new(&row.id),
    // Pids by number, container ids by digits.
    compare: |a, b| {
        (a.id.parse::<u32>().is_err(), a.id.len(), &a.id).cmp(&(b.id.parse::<u32>().is_err(), b.id.len(), &b.id))
    },
};
