//! ENGINE: which container engine holds it.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, NONE, words};
use crate::row::Row;

pub(super) const COLUMN: Column = Column {
    name: "engine",
    layout: words("ENGINE", Shrink::Optional(1)),
    wide: true,
    measured: false,
    about: "docker, podman, or another engine that holds the container; docker:1001 is a daemon of the user with this id. \
            Without --columns, only where there is another than Docker.",
    cell: |row| Cell::new(row.engine.as_ref().map_or(NONE, |engine| engine.as_str())),
    compare: |a, b| (a.engine.is_none(), &a.engine).cmp(&(b.engine.is_none(), &b.engine)),
};

/// Whether another engine than Docker holds any.
pub(super) fn says_anything<'a>(rows: impl IntoIterator<Item = &'a Row>) -> bool {
    rows.into_iter().any(|row| row.engine.as_ref().is_some_and(|engine| !engine.is_docker()))
}
