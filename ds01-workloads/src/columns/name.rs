//! NAME: a container's name, or a process's command line.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};

pub(super) const COLUMN: Column = Column {
    name: "name",
    layout: words("NAME", Shrink::Key { wanted: 20, least: 10 }),
    wide: false,
    measured: false,
    about: "The name of the container, or the command line of the process; [python3] is a process of which only the \
            program's name could be read.",
    cell: |row| Cell::new(&row.name),
    compare: |a, b| a.name.cmp(&b.name),
};
