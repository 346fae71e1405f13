//! The program as it is run: in a pipe, on a terminal, on a real daemon.

#![allow(clippy::panic, clippy::unwrap_used, reason = "clippy knows #[test] functions, not their helpers")]

mod browser;
mod cdp;
mod cli;
mod common;
mod docker;
mod events;
mod everybody;
mod fleet;
mod formats;
mod journal;
mod past;
mod pty;
mod terminal;
mod waiting;
