//! Where the past comes from: ledger and journal of the state directory, or those of the built-in sample host.

mod args;
mod devices;
mod failure;
mod moment;
mod open;
mod sample;

pub(crate) use args::PastArgs;
pub(crate) use devices::Device;
pub(crate) use failure::NoPast;
pub(crate) use moment::{Moment, days};
pub(crate) use open::{Past, Used};
