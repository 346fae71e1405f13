//! What came of one look at the fleet.

use jiff::Timestamp;

use super::host::Host;

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// When; ages are counted to it.
    pub(crate) at: Timestamp,
    /// By name.
    pub(crate) hosts: Vec<Host>,
    /// How: `prometheus`, `ssh` or `demo`.
    pub(crate) from: &'static str,
    /// What to say about it. Foreign text.
    pub(crate) said: Vec<String>,
}

/// Why nothing was seen. The text says what happened, where, and what to do.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Nobody could be asked.
    Unreachable(String),
    /// Somebody answers, and knows no host.
    NoHost(String),
}
