//! `ds01-detect sample` on the NVML stand-in: what it writes, and what becomes of it in trouble.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

#[path = "../support/gpus.rs"]
mod gpus;
mod killed;
mod run;
mod troubles;
mod watched;
