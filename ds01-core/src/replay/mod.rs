//! The live rules, run over the past: who would have been warned and stopped under a policy.
//!
//! The journal holds what checks saw and what they were told. [`Replay`] makes their decisions again, by the same
//! [`Plan::make`](crate::idle::Plan::make) and the same memory, with whatever policy it is given. Where that is the one that was
//! in force, it comes to what the reaper did.
//!
//! # What the past can't tell
//!
//! - What a container that was really stopped would have done had it run on.
//! - Whether a keep-alive file lay there at a moment at which no check looked for one.
//! - Whether a user would have answered a warning that he never got.
//! - Where nobody looked, whether anybody worked.

mod judged;
mod stop;

pub use judged::Replay;
pub use stop::{Cause, Replayed, Stop, Warned};

use jiff::{Timestamp, civil::Date};

use crate::{
    idle::{Journal, journal::day_of},
    store::StoreError,
};

/// Runs several policies over what the journal holds up to `until`; all of it, as idle time may have begun long before what is
/// asked about. It is read once.
///
/// # Errors
///
/// When the journal could not be read.
pub fn replay(journal: &Journal, until: Timestamp, replays: &mut [Replay<'_>]) -> Result<(), StoreError> {
    let days: Vec<Date> = journal.days()?.into_iter().filter(|day| *day <= day_of(until)).collect();
    journal.records(&days, |record| {
        if record.at() <= until {
            replays.iter_mut().for_each(|replay| replay.take(&record));
        }
    })
}
