//! Who used what: the hours of each GPU, from the journal.
//!
//! ```text
//! journal -> Accounts -> pieces: one workload's time on one GPU between two looks, and what it was spent on
//! pieces of a day -> roll -> rows: day, workload, GPU -> ledger/YYYY-MM.jsonl.zst
//! ```
//!
//! # What holds
//!
//! - Held time is work, idle, unknown and unobserved time, to the millisecond.
//! - The shares of all workloads in a GPU add up to the time for which anybody held it.
//! - A day can be rolled up any number of times, and comes to the same while its lines are there.

mod accounts;
mod months;
mod piece;
mod roll;
mod row;
mod running;
mod shares;
mod usage;
mod workload;

pub use crate::model::begin_of;
pub use crate::model::{GpuTime, IdleTime};
pub use accounts::Accounts;
pub use months::{DIR_NAME, Ledger, Rolled};
pub use piece::{Piece, Spent};
pub use roll::{Roll, roll_day};
pub use row::Row;
pub use running::Running;
pub use usage::{DayIs, Happened, History, Usage, history};
pub use workload::{HostProcess, Kind, Workload};
