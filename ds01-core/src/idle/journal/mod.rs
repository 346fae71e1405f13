//! What was seen, written down and read again: one look at the host, and the file that keeps what looks saw. This room
//! touches the machine.

mod file;
mod life;
mod look;
mod packed;
mod pipeline;
mod record;

pub use crate::model::day_of;
pub(crate) use file::DISORDER_MS;
pub use file::{DIR_NAME, Journal, Recent};
pub(crate) use life::lives_of_all;
pub use life::{Gone, Life};
pub use look::Look;
pub(crate) use look::{ask_gpus, life_of};
pub use record::{CheckMade, Deed, ProcessSeen, Record, RecordRef, VERSION, What};
