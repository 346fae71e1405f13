//! STATUS: Docker's word for a container's state.

use anstyle::AnsiColor;
use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};
use crate::{fleet::EMPTY, row::Type};

pub(super) const COLUMN: Column = Column {
    name: "status",
    layout: words("STATUS", Shrink::Optional(6)),
    wide: false,
    measured: false,
    about: "Docker's word for the state of a container. A host process is running; new, with --live, is one that a \
            second scan has not confirmed. Where somebody asked to keep an idle container, until when; `ds01-idle` shows \
            who, and why. With --fleet, was-running is what a host said before its scans went stale; of a host itself: \
            silent, stale, failed (a source of it), or empty (nothing runs there).",
    cell: |row| {
        let cell = Cell::new(&row.status);
        // A host without workloads is no reason to worry.
        let worries = row.kind == Type::Host && row.status != EMPTY;
        if worries { cell.styled(AnsiColor::Red.on_default()) } else { cell }
    },
    compare: |a, b| a.status.cmp(&b.status),
};
