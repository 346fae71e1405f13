//! AGE: how long ago its present life began.

use ds01_core::{
    table::{Align, Cell, Shrink},
    units,
};

use super::column::{Column, NONE};

pub(super) const COLUMN: Column = Column {
    name: "age",
    layout: ds01_core::table::Column { heading: "AGE", align: Align::Left, shrink: Shrink::Optional(1) },
    wide: false,
    measured: false,
    about: "Since it was started, or made when it never was. A restart begins anew.",
    cell: |row| Cell::new(&row.age.map_or_else(|| NONE.to_owned(), units::duration)),
    compare: |a, b| b.age.cmp(&a.age),
};
