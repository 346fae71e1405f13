//! IMAGE: what a container was made from.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, NONE, words};

pub(super) const COLUMN: Column = Column {
    name: "image",
    layout: words("IMAGE", Shrink::Spare { least: 10, rank: 8 }),
    wide: true,
    measured: false,
    about: "The image of the container. A host process has none; container:ID says that it runs in a container that \
            this host's Docker does not list (of Kubernetes or Podman).",
    cell: |row| Cell::new(row.image.as_deref().unwrap_or(NONE)),
    compare: |a, b| a.image.is_none().cmp(&b.image.is_none()).then_with(|| a.image.cmp(&b.image)),
};
