//! `notify`: how people are told, and whether that has to have arrived.

use super::{
    reader::{Entry, Reader},
    schema,
    yaml::Node,
};

/// How people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Whether everybody who is logged in is told, beside the owner.
    pub wall: bool,
    /// Whether those are written to who let nobody write to their terminals (`mesg n`).
    pub despite_mesg: bool,
    /// What has to have arrived before somebody is stopped for idleness.
    pub require_delivery: RequireDelivery,
}

/// What has to have arrived before somebody is stopped for idleness: his warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequireDelivery {
    /// Nothing: it was sent.
    #[default]
    None,
    /// On any channel that reaches its owner.
    Any,
}

impl Default for Notify {
    fn default() -> Self {
        Self { wall: true, despite_mesg: false, require_delivery: RequireDelivery::None }
    }
}

const KEYS: [&str; 3] = ["wall", "despite_mesg", "require_delivery"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Notify {
    let mut notify = Notify::default();
    for entry in reader.entries(node, "`notify`") {
        match entry.key {
            "wall" => notify.wall = flag(reader, entry).unwrap_or(notify.wall),
            "despite_mesg" => notify.despite_mesg = flag(reader, entry).unwrap_or(notify.despite_mesg),
            "require_delivery" => match reader.scalar(entry).map(|given| given.text.trim()) {
                Some("none") => notify.require_delivery = RequireDelivery::None,
                Some("any") => notify.require_delivery = RequireDelivery::Any,
                Some(_) => reader.error(entry.at, "`require_delivery` is none of its values", "write `none` or `any`"),
                None => {}
            },
            _ => reader.unknown_key(entry, "`notify`", || schema::hint(entry.key, KEYS.into_iter())),
        }
    }
    notify
}

fn flag(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<bool> {
    match reader.scalar(entry)?.text.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => {
            reader.error(entry.at, format!("`{}` is neither on nor off", entry.key), "write `true` or `false`");
            None
        }
    }
}
