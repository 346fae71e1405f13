//! Checks that are killed at any instant: the state stays whole, nobody is stopped twice or unwarned, and no notice and no
//! event is lost of a stop that happened.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod fake;
mod log;
mod notices;
mod proc_root;
mod real;
mod reaper;
mod trial;
