//! The program on a real Docker daemon and a real NVML library: the rig and the stand-in. Each test is a story of some
//! containers, and says which events and notices it leaves, and what the daemon was asked to do.
//!
//! The daemon is shared by tests that run side by side: each names its own containers on the command line, so that no
//! other is touched.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod at_once;
mod demand;
mod engines;
mod exempt;
mod failures;
mod gaps;
mod gpus;
mod grace;
mod hostile;
mod idle;
mod in_between;
mod keep_alive;
mod kept;
mod living;
mod living_now;
mod looked_first;
mod namespace;
mod private;
mod proxy;
mod pty;
mod reaper;
mod removal;
mod replayed;
mod stopping;
mod story;
mod told;
mod traces;
mod usage;
mod whole_host;
mod witness;
