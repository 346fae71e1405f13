//! STATUS: Docker's word for a container's state.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};

pub(super) const COLUMN: Column = Column {
    name: "status",
    layout: words("STATUS", Shrink::Optional(6)),
    wide: false,
    measured: false,
    about: "Docker's word for the state of a container. A host process is running; new, with --live, is one that a \
            second scan has not confirmed. Where somebody asked to keep an idle container, until when; `ds01-idle` shows \
            who, and why.",
    cell: |row| Cell::new(&row.status),
    compare: |a, b| a.status.cmp(&b.status),
};
