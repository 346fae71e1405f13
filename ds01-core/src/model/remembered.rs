//! What is not told any more, and is remembered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That a fact is remembered, because nobody tells it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The last scan at which it was told.
    pub as_of: Timestamp,
    /// What was told instead. Users' text.
    pub why: String,
}
