//! Checks from end to end on a host in memory: real lock, state, journal and event log; every door a fake.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod blind;
mod cadence;
mod changed;
mod demand;
mod disk;
mod interrupted;
mod kept;
mod meddling;
mod named;
mod removal;
mod state_file;
mod stops;
mod story;
mod suspicions;
mod told;
mod waits;
