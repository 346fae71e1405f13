//! The file by which somebody keeps a container.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What Docker's path stat told of the keep-alive file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepAlive {
    /// There is none.
    Absent,
    /// A regular file, last written at this time on the wall clock.
    File(Timestamp),
    /// A symbolic link, which could lead to a file that somebody else writes.
    Link,
    /// A directory.
    Directory,
    /// A FIFO, a socket or a device.
    Other,
    /// It could not be looked up, and this is why.
    Unreadable(String),
}
