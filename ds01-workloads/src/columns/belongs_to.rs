//! BELONGS TO: the job, pod, instance, session or unit of a process of the host.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, NONE, words};
use crate::row::Row;

pub(super) const COLUMN: Column = Column {
    name: "belongs-to",
    layout: words("BELONGS TO", Shrink::Spare { least: 14, rank: 9 }),
    wide: true,
    measured: false,
    about: "What a host process belongs to: slurm-job, pod, incus, lxd, lxc, container, apptainer, enroot, session, \
            user-unit or unit, with its name. A name with a question mark is what the process itself says, which \
            proves nothing. --wide leaves the column out where no process belongs to anything.",
    cell: |row| Cell::new(&text(row)),
    compare: |a, b| (text(a) == NONE, text(a)).cmp(&(text(b) == NONE, text(b))),
};

fn text(row: &Row) -> String {
    if row.belongs_to.is_empty() {
        return NONE.to_owned();
    }
    row.belongs_to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether it has anything to say of any row.
pub(super) fn says_anything<'a>(rows: impl IntoIterator<Item = &'a Row>) -> bool {
    rows.into_iter().any(|row| !row.belongs_to.is_empty())
}
