//! What was seen, written down and read again: one look at the host, and the file that keeps what looks saw. This room
//! touches the machine.

mod file;
mod look;

pub(crate) use file::DISORDER_MS;
pub use file::{DIR_NAME, Journal, KEPT_DAYS, Recent};
pub use look::Look;
pub(crate) use look::ask_gpus;
