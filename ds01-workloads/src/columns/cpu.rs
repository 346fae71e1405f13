//! CPU%: CPU time it uses at the moment.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, NONE, figures, largest_first};
use crate::row::Row;

pub(super) const COLUMN: Column = Column {
    name: "cpu",
    layout: figures("CPU%", Shrink::Optional(3)),
    wide: true,
    measured: true,
    about: "CPU time used just now, in percent of one core: 250 is two and a half cores. Of a process in steps of about \
            7 %. - where it could not be read.",
    cell: |row| Cell::new(&percent(row).map_or_else(|| NONE.to_owned(), |percent| format!("{percent:.1}"))),
    compare: |a, b| largest_first(percent(a), percent(b)),
};

fn percent(row: &Row) -> Option<f64> {
    row.usage.as_ref()?.cpu_percent.known().copied()
}
