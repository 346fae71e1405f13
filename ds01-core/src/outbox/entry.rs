//! A notice in the outbox.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Written into every file.
pub const SCHEMA_VERSION: &str = "1";

/// The most bytes of one file. It is handed to hooks through a pipe, which takes as much without waiting.
pub(super) const MAX_BYTES: usize = 32 * 1024;

const ENDING: &str = ".json";

/// A notice, and which hooks are to have it. Hooks get it as it is here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of this form.
    pub schema_version: String,
    /// Digits, small letters and `-`: the name of its file.
    pub id: String,
    /// When it was written.
    pub time: Timestamp,
    /// warning, stop, removal or information.
    pub severity: String,
    /// The container's owner. Users' text.
    pub user: Option<String>,
    /// His address, where the policy has one.
    pub address: Option<String>,
    /// The container.
    pub container: About,
    /// One line, in ASCII.
    pub subject: String,
    /// The notice: lines of ASCII.
    pub text: String,
    /// After how many seconds what it announces comes.
    pub stop_in_seconds: Option<u64>,
    /// The number of the check that wrote it.
    pub check: u64,
    /// The hooks that are to have it.
    pub hooks: Vec<String>,
    /// Of these, those whose results are known and logged.
    #[serde(default)]
    pub reported: Vec<String>,
}

/// The container of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name. Users' text.
    pub name: String,
    /// The full id.
    pub id: String,
    /// Its type in the policy.
    pub r#type: String,
}

impl Entry {
    /// The id of a notice: in the order of time, and the same for the same notice.
    pub fn id_of(time: Timestamp, container: &str, severity: &str) -> String {
        format!("{:013}-{container}-{severity}", time.as_millisecond().max(0))
    }

    /// How long ago it was written; not at all, by a clock that was set back. Its time can be any that a file can hold, the last
    /// one that there is among them: nothing can be added to that.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        now.duration_since(self.time).try_into().unwrap_or_default()
    }

    pub(super) fn file_name(&self) -> String {
        Self::name_of(&self.id)
    }

    pub(super) fn name_of(id: &str) -> String {
        format!("{id}{ENDING}")
    }

    /// Whether a file of the outbox is a notice.
    pub(super) fn is_name(name: &str) -> bool {
        name.ends_with(ENDING) && !name.starts_with('.')
    }

    /// Reads the file `name`.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if entry.schema_version != SCHEMA_VERSION {
            return Err(format!("schema_version is {}", entry.schema_version));
        }
        if entry.file_name() != name || !entry.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(format!("its id is {:?}", entry.id));
        }
        Ok(entry)
    }

    /// The hooks whose results are not known yet.
    pub(super) fn open_hooks(&self) -> impl Iterator<Item = &String> {
        self.hooks.iter().filter(|hook| !self.reported.contains(hook))
    }
}
