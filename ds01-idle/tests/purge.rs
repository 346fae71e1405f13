//! Purging the package where a user has mounted something in a directory of ds01's.

use std::{fs, path::Path, process::Command};

use docker_rig::namespace::{inside, mount};

/// Mounting needs root, which continuous integration has.
fn as_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "mounting: needs root");
    root
}

#[test]
fn a_mount_of_a_users_is_not_emptied_and_ends_nothing() {
    if !inside("a_mount_of_a_users_is_not_emptied_and_ends_nothing", as_root) {
        return;
    }
    // What the script is to remove, and nothing of this host.
    for dir in ["/etc", "/var/lib", "/var/log", "/run"] {
        mount(&["-t", "tmpfs", "tmpfs"], Path::new(dir));
    }
    let (theirs, request) = (Path::new("/var/lib/ds01-keep/mine"), Path::new("/var/lib/ds01/keep/1"));
    for dir in [theirs, request.parent().unwrap(), Path::new("/var/log/ds01"), Path::new("/var/lib/ds01-notices")] {
        fs::create_dir_all(dir).unwrap();
    }
    mount(&["-t", "tmpfs", "tmpfs"], theirs);
    for file in [theirs.join("thesis"), request.to_owned(), "/var/log/ds01/events.jsonl".into()] {
        fs::write(file, "").unwrap();
    }
    let purge = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/deploy/purge-state");
    assert!(Command::new("sh").arg(purge).status().unwrap().success());
    assert!(theirs.join("thesis").exists());
    for gone in ["/var/lib/ds01", "/var/log/ds01", "/var/lib/ds01-notices"] {
        assert!(!Path::new(gone).exists(), "{gone}");
    }
}
