//! The reaper's mind: stories and properties over whole histories.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod energy;
mod host;
mod look_back;
mod properties;
mod stories;
mod suspicions;
mod whole;
mod whole_properties;
