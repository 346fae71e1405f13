//! The files that make a policy, as bytes.

use std::{collections::BTreeMap, path::PathBuf};

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its path, as diagnostics and provenance name it.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files that make a policy, as bytes: so that anything that has bytes can ask what they would mean.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// `resource-limits.yaml`.
    pub policy: Document,
    /// `user-overrides.yaml` beside it.
    pub overrides: Option<Document>,
    /// `lifecycle-exemptions.yaml` beside it.
    pub exemptions: Option<Document>,
    /// `groups/NAME.members` beside it, by NAME.
    pub members: BTreeMap<String, Document>,
}
