//! What happened, one JSON object a line, for auditors and for other programs.
//!
//! # The format
//!
//! | field | content |
//! |---|---|
//! | `timestamp` | UTC, RFC 3339, with `Z` |
//! | `event_type` | `category.action`, one of [`EVENT_TYPES`] |
//! | `user` | whom it concerns; left out when there is none. Users' text |
//! | `source` | the program that wrote it |
//! | `details` | the fields that [`EVENT_TYPES`] names for this type; one whose value is `null` could not be had |
//! | `schema_version` | [`SCHEMA_VERSION`] |
//! | `truncated` | `true` when text was shortened to fit a line of [`MAX_LINE_BYTES`]; else left out |

mod counts;
mod envelope;
mod log;
mod logged;
mod registry;

pub use counts::{ByWords, Counts};
pub use envelope::{Event, MAX_LINE_BYTES, SCHEMA_VERSION};
pub use log::{EventLog, open_to_read};
pub use logged::{Kind, Logged};
pub use registry::{Details, EVENT_TYPES, EventType, Field};
