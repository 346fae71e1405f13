//! GPU(S): which GPUs it has, and whether it uses them.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};

pub(super) const COLUMN: Column = Column {
    name: "gpus",
    layout: words("GPU(S)", Shrink::Second(8)),
    wide: false,
    measured: false,
    about: "0 is GPU 0, 0:1 is MIG instance 1 of GPU 0, all is every GPU of the host; a short UUID is a GPU that the \
            last scan did not see. (0) was given GPU 0 and holds no context on it; 0? may hold one, which could not be \
            told; 7! asked for 7, which is no GPU of this host. 0=4.2GiB is a host process with its memory on GPU 0. \
            ? has a GPU, nobody knows which, or might have one. - has none.",
    cell: |row| Cell::new(&row.gpus.text()),
    compare: |a, b| a.gpus.compare(&b.gpus),
};
