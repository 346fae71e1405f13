//! The program as it is run: in a pipe, and on a terminal.

#![allow(clippy::panic, clippy::unwrap_used, reason = "clippy knows #[test] functions, not their helpers")]

mod cli;
mod common;
mod pty;
mod terminal;
