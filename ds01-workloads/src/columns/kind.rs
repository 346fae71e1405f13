//! TYPE: where a container comes from, or that it is a process of the host. Its colour is its category's.

use anstyle::{AnsiColor, Style};
use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};
use crate::row::Category;

pub(super) const COLUMN: Column = Column {
    name: "type",
    layout: words("TYPE", Shrink::Optional(0)),
    wide: false,
    measured: false,
    about: "ds01-managed (green); devcontainer, compose, raw-docker, or unknown where the details could not be read \
            (yellow); host-process (magenta), which runs outside the listed containers.",
    cell: |row| Cell::new(row.kind.as_str()).styled(style(row.kind.category())),
    compare: |a, b| a.kind.cmp(&b.kind),
};

fn style(category: Category) -> Style {
    match category {
        Category::Managed => AnsiColor::Green,
        Category::Unmanaged => AnsiColor::Yellow,
        Category::Host => AnsiColor::Magenta,
    }
    .on_default()
}
