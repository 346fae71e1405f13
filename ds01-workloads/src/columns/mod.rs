//! The columns: what each one is called, what it shows of a row, and how it sorts. One file each.

mod age;
mod column;
mod cpu;
mod engine;
mod gpu_mem;
mod gpus;
mod id;
mod image;
mod kind;
mod memory;
mod name;
mod status;
mod user;

pub(crate) use column::Column;

/// All columns, from left to right.
pub(crate) const COLUMNS: [&Column; 12] = [
    &kind::COLUMN,
    &user::COLUMN,
    &gpus::COLUMN,
    &status::COLUMN,
    &age::COLUMN,
    &name::COLUMN,
    &id::COLUMN,
    &engine::COLUMN,
    &image::COLUMN,
    &cpu::COLUMN,
    &memory::COLUMN,
    &gpu_mem::COLUMN,
];

impl Column {
    /// The column of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        COLUMNS.into_iter().find(|column| column.name == name)
    }

    /// Whether it is the engine's, which tells nothing where Docker is the only one.
    pub(crate) fn is_engine(&self) -> bool {
        self.name == engine::COLUMN.name
    }

    /// Whether it is the owner's, which the headings of `--by-user` say already.
    pub(crate) fn is_user(&self) -> bool {
        self.name == user::COLUMN.name
    }
}
