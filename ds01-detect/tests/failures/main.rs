//! The program where something is wrong: with a source, the disk, a file, another run, or what it was told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod cells;
mod command_line;
mod damaged;
mod disk;
mod doors;
mod engines;
mod gone;
mod host;
mod killed;
mod matrix;
mod names;
mod namespace;
mod paths;
mod public;
#[path = "../support/mod.rs"]
mod support;
mod together;
mod users_daemon;

/// Whether the test can become another user, mount, and so on. Continuous integration runs as root, and skips nothing.
fn as_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "{what}: needs root");
    if !root {
        eprintln!("skipped, for it needs root: {what}");
    }
    root
}
