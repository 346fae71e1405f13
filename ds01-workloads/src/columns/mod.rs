//! The columns: what each one is called, what it shows of a row, and how it sorts. One file each.

mod age;
mod belongs_to;
mod column;
mod cpu;
mod engine;
mod gpu_mem;
mod gpus;
mod host;
mod id;
mod image;
mod kind;
mod memory;
mod name;
mod status;
mod user;

use ds01_core::table::Shrink;

pub(crate) use column::Column;

use crate::row::Row;

/// All columns, from left to right.
pub(crate) const COLUMNS: [&Column; 14] = [
    &host::COLUMN,
    &kind::COLUMN,
    &user::COLUMN,
    &gpus::COLUMN,
    &status::COLUMN,
    &age::COLUMN,
    &name::COLUMN,
    &id::COLUMN,
    &engine::COLUMN,
    &image::COLUMN,
    &belongs_to::COLUMN,
    &cpu::COLUMN,
    &memory::COLUMN,
    &gpu_mem::COLUMN,
];

impl Column {
    /// The column of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        COLUMNS.into_iter().find(|column| column.name == name)
    }

    /// How it gives way in the table of a fleet.
    pub(crate) fn in_fleet(&self) -> Shrink {
        match self.layout.shrink {
            _ if self.name == status::COLUMN.name => Shrink::Never,
            Shrink::Optional(rank) if rank <= 1 => Shrink::Optional(2 - rank),
            shrink => shrink,
        }
    }

    /// Whether it is the host's, which one host alone has no need of.
    pub(crate) fn is_host(&self) -> bool {
        self.name == host::COLUMN.name
    }

    /// Whether it is what a process belongs to, which not everybody is told.
    pub(crate) fn is_belonging(&self) -> bool {
        self.name == belongs_to::COLUMN.name
    }

    /// Whether it tells anything of these rows that is not said already, so that it is shown unasked.
    pub(crate) fn is_wanted<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> bool {
        match self.name {
            _ if self.is_belonging() => belongs_to::says_anything(rows),
            name if name == engine::COLUMN.name => engine::says_anything(rows),
            _ => true,
        }
    }

    /// Whether it is the owner's, which the headings of `--by-user` say already.
    pub(crate) fn is_user(&self) -> bool {
        self.name == user::COLUMN.name
    }
}
