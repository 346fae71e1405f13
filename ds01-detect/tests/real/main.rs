//! The program on a real Docker daemon and a real NVML library: the rig and the stand-in.
//!
//! The daemon is shared by tests that run side by side: each looks at its own containers only.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod amd;
mod child;
mod engines;
mod host;
mod life;
mod processes;
mod proxy;
mod public;
mod restart;
#[path = "../support/mod.rs"]
mod support;
mod tables;
