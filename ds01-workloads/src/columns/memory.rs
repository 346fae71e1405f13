//! MEMORY: the host's memory that it uses at the moment.

use ds01_core::{
    table::{Cell, Shrink},
    units,
};

use super::column::{Column, NONE, figures, largest_first};
use crate::row::Row;

pub(super) const COLUMN: Column = Column {
    name: "memory",
    layout: figures("MEMORY", Shrink::Optional(5)),
    wide: true,
    measured: true,
    about: "Memory of the host in use just now: of a container without file cache, as docker stats counts; of a process \
            its resident set. - where it could not be read.",
    cell: |row| Cell::new(&bytes(row).map_or_else(|| NONE.to_owned(), units::bytes)),
    compare: |a, b| largest_first(bytes(a), bytes(b)),
};

fn bytes(row: &Row) -> Option<u64> {
    row.usage.as_ref()?.memory_bytes.known().copied()
}
