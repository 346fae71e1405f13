//! `ds01-detect doctor` on hosts of all kinds: a sound one, a bare laptop, and a sound one with each thing broken in turn.
//!
//! The hosts are made by hand around a Docker daemon (a fake one, or the rig's) and the NVML stand-in. Most need root: for
//! device nodes, and for files of other users.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod broken;
mod diagnosis;
mod hangs;
mod host;
mod laptop;
#[path = "../failures/namespace.rs"]
mod namespace;
mod namespaces;
mod other_user;
mod shown;
mod troubles;
mod units;
mod usage;

/// Whether the test can become another user, mount, and so on. Continuous integration runs as root, and skips nothing.
fn as_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "{what}: needs root");
    if !root {
        eprintln!("skipped, for it needs root: {what}");
    }
    root
}
