//! GPU MEM: memory held on all its GPUs together.

use ds01_core::{
    table::{Cell, Shrink},
    units,
};

use super::column::{Column, NONE, figures, largest_first};
use crate::row::Row;

pub(super) const COLUMN: Column = Column {
    name: "gpu-mem",
    layout: figures("GPU MEM", Shrink::Optional(4)),
    wide: true,
    measured: false,
    about: "Memory held on all its GPUs together at the last scan. - where it has no GPU or does not run, or the driver does not \
            say (as it may under MIG).",
    cell: |row| Cell::new(&megabytes(row).map_or_else(|| NONE.to_owned(), units::mib)),
    compare: |a, b| largest_first(megabytes(a), megabytes(b)),
};

/// Nothing for what has no GPU or does not run: a zero would say that it could hold some.
fn megabytes(row: &Row) -> Option<u64> {
    row.gpu_memory_mb.filter(|_| row.running && row.gpus.may_use())
}
