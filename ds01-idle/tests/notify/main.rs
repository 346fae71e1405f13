//! The shipped hooks, the snippet for logins, and the deliverer as a program: on a fake mail system and a loopback server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod deliverer;
mod login;
mod mail;
#[path = "../real/pty.rs"]
mod pty;
mod script;
mod tried;
mod webhook;
