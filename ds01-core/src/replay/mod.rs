//! The live rules, run over the past: who would have been warned and stopped under a policy.
//!
//! The journal holds what checks saw and what they were told. [`replay`] makes their decisions again, by the same
//! [`Plan::make`](crate::idle::Plan::make) and the same memory, with whatever policies it is given. Where one of them is that
//! which was in force, it comes to what the reaper did.
//!
//! # What the past can't tell
//!
//! - What a container that was really stopped would have done had it run on.
//! - Whether a keep-alive file lay there at a moment at which no check looked for one.
//! - Whether a user would have answered a warning that he never got.
//! - Whether a warning that is only supposed would have reached its user: a policy that waits for that is taken to be answered.
//! - Where nobody looked, whether anybody worked.
//! - Which policy was in force.

mod after;
mod compare;
mod judged;
mod moment;
mod past;
mod really;
mod setting;
mod stop;
mod timer;
mod why;

pub use compare::{Compared, Difference, compare};
pub use moment::Window;
pub use past::{Past, Replays};
pub use really::{RealStop, Really};
pub use setting::{Differs, differing};
pub use stop::{Again, Cause, End, EndedBy, Missed, Replayed, Stop, Warned};
pub use why::Why;

use jiff::civil::Date;

use crate::{
    idle::{Journal, journal::day_of},
    policy::Policy,
    store::StoreError,
};

/// Runs several policies over what the journal holds up to the window's end; all of it, as idle time may have begun long before
/// what is asked about. It is read once.
///
/// # Errors
///
/// When the journal could not be read.
pub fn replay(journal: &Journal, window: &Window, policies: &[&Policy]) -> Result<Past, StoreError> {
    let days: Vec<Date> = journal.days()?.into_iter().filter(|day| *day <= day_of(window.until)).collect();
    let mut replays = Replays::new(window, policies);
    journal.records(&days, |record| replays.take(record))?;
    Ok(replays.finish())
}

#[cfg(test)]
mod tests;
