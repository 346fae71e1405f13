//! HOST: which host of the fleet it is on.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, NONE, words};
use crate::fleet::by_name;

pub(super) const COLUMN: Column = Column {
    name: "host",
    layout: words("HOST", Shrink::Second(8)),
    wide: false,
    measured: false,
    about: "With --fleet: the host, by its name in Prometheus or in the list of hosts.",
    cell: |row| Cell::new(if row.host.is_empty() { NONE } else { &row.host }),
    compare: |a, b| by_name(&a.host, &b.host),
};
