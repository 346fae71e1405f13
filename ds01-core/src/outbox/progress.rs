//! How far one hook is with one notice: a file that the deliverer writes, and that root reads without trusting it.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Entry, SCHEMA_VERSION},
    foreign,
};
use crate::text::sanitize;

/// The most bytes of such a file.
const MAX_BYTES: u64 = 8 * 1024;

/// The most characters that are kept of what a hook says.
const LONGEST: usize = 300;

/// After its first failure, a hook waits so long, then twice as long each time, as shipped.
pub const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// But no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What a hook made of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It is tried again.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    schema_version: String,
    id: String,
    hook: String,
    pub(super) result: State,
    /// How often it was tried.
    pub(super) attempts: u32,
    /// When it is tried again.
    pub(super) not_before: Timestamp,
    /// Where it arrived, in the hook's words.
    #[serde(default)]
    pub(super) r#where: String,
    /// Why it did not.
    #[serde(default)]
    pub(super) why: String,
}

impl Progress {
    pub(super) fn new(entry: &Entry, hook: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            id: entry.id.clone(),
            hook: hook.to_owned(),
            result: State::Pending,
            attempts: 0,
            not_before: entry.time,
            r#where: String::new(),
            why: String::new(),
        }
    }

    pub(super) fn file_name(id: &str, hook: &str) -> String {
        format!("{id}.{hook}")
    }

    /// The id of the notice that a file is about.
    pub(super) fn id_of(file_name: &str) -> Option<&str> {
        Some(file_name.rsplit_once('.')?.0)
    }

    pub(super) fn name(&self) -> String {
        Self::file_name(&self.id, &self.hook)
    }

    /// Reads what is written of this notice and this hook. `None` for anything else.
    pub(super) fn parse(entry: &Entry, hook: &str, bytes: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(bytes).ok()?;
        let own = read.schema_version == SCHEMA_VERSION && read.id == entry.id && read.hook == hook;
        own.then(|| Self { r#where: bounded(&read.r#where), why: bounded(&read.why), ..read })
    }

    /// Reads it from a directory of somebody who is not trusted.
    pub(super) fn read_foreign(dir: &Path, entry: &Entry, hook: &str) -> Option<Self> {
        Self::parse(entry, hook, &foreign::read(dir, &Self::file_name(&entry.id, hook), MAX_BYTES)?)
    }

    /// How long to wait after so many failures, the first of which is followed by `first`.
    pub(super) fn pause(attempts: u32, first: Duration) -> Duration {
        first.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
    }

    /// Whether it is to be tried now. A clock that was set back lets nothing wait for longer than a pause, and nothing wait that
    /// was never tried.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let is_later = self.not_before > now && self.not_before <= now + LONGEST_PAUSE;
        self.result == State::Pending && (self.attempts == 0 || !is_later)
    }
}

/// What a hook says, safe and short.
pub(super) fn bounded(text: &str) -> String {
    let clean = sanitize(text.trim());
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &clean[..end]),
        None => clean.into_owned(),
    }
}
