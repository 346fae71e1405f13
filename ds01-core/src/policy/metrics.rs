//! `metrics`: what the metrics file tells of people.

use super::{reader::Reader, schema, value, value::Identities, yaml::Node};

/// What the metrics file tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// What it tells of people.
    pub identities: Identities,
}

const KEYS: [&str; 1] = ["identities"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Metrics {
    let mut metrics = Metrics::default();
    for entry in reader.entries(node, "`metrics`") {
        if entry.key != "identities" {
            reader.unknown_key(entry, "`metrics`", || schema::hint(entry.key, KEYS.into_iter()));
            continue;
        }
        let Some(given) = reader.scalar(entry) else { continue };
        match value::identities(&given) {
            Ok(identities) => metrics.identities = identities,
            Err(wrong) => reader.error(entry.at, wrong.message, wrong.help),
        }
    }
    metrics
}
