//! `journal`: how much of the past is kept.

use super::{
    reader::{Entry, Reader},
    schema, value,
    value::{Given, Wrong},
    yaml::Node,
};

/// How much of the activity journal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days before today.
    pub days: u64,
    /// Bytes of all its files; the oldest days go first, and the running day stays. `None` is no limit.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 14, bytes: Some(1 << 30) }
    }
}

const KEYS: [&str; 2] = ["keep_days", "max_bytes"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Retention {
    let mut retention = Retention::default();
    for entry in reader.entries(node, "`journal`") {
        match entry.key {
            "keep_days" => retention.days = read_value(reader, entry, value::days).unwrap_or(retention.days),
            "max_bytes" => retention.bytes = read_value(reader, entry, value::disk).unwrap_or(retention.bytes),
            _ => reader.unknown_key(entry, "`journal`", || schema::hint(entry.key, KEYS.into_iter())),
        }
    }
    retention
}

fn read_value<T>(
    reader: &mut Reader<'_>,
    entry: Entry<'_>,
    of: impl FnOnce(&Given<'_>) -> Result<T, Wrong>,
) -> Option<T> {
    let given = reader.scalar(entry)?;
    match of(&given) {
        Ok(value) => Some(value),
        Err(wrong) => {
            reader.error(entry.at, wrong.message, wrong.help);
            None
        }
    }
}
