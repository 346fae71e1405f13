//! What is remembered from one check to the next: plain data, and the form it has in `idle-state.json`. Pure.

mod confirm;
mod kept;
mod memory;
mod standing;
mod stopping;
mod track;
mod waiting;

pub use kept::Kept;
pub use memory::{CheckMark, FILE_NAME, IdleState, LONGEST_PAUSE, SCHEMA_VERSION, StateError};
pub use standing::Standing;
pub use stopping::{StopCause, Stopping};
pub use track::{FRESH, Interval, LATE_NOTICE, LONGEST_INTERVAL, Track, Warning};
pub use waiting::Waiting;
