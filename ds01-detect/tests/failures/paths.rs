//! Directories and files that others could have put in the program's way; and runs that must not touch any.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    as_root,
    command_line::{assert_shown, shown},
    doors::{World, open_to_all},
    host::make_fifo,
    support::Detector,
};

/// Runs it on a sound host, and compares what it says with the snapshot.
fn assert_says(name: &str, world: &World, detector: &Detector, code: i32) {
    let output = detector.command().args(world.sound("first").flags()).output().unwrap();
    let shown = shown(&output, detector.state_dir().parent().unwrap());
    assert_eq!(output.status.code(), Some(code), "{shown}");
    assert_shown(name, &shown);
}

#[test]
fn a_state_directory_that_others_can_change() {
    let world = World::new();
    let writable = Detector::new();
    fs::create_dir(writable.state_dir()).unwrap();
    fs::set_permissions(writable.state_dir(), fs::Permissions::from_mode(0o770)).unwrap();
    assert_says("state_dir_writable_by_group", &world, &writable, 1);
    assert_eq!(fs::read_dir(writable.state_dir()).unwrap().count(), 0);

    let linked = Detector::new();
    let target = linked.state_dir().with_file_name("elsewhere");
    fs::create_dir(&target).unwrap();
    symlink(&target, linked.state_dir()).unwrap();
    assert_says("state_dir_is_a_link", &world, &linked, 1);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);

    let orphan = Detector::new();
    fs::write(orphan.state_dir(), "a file").unwrap();
    assert_says("state_dir_is_a_file", &world, &orphan, 1);

    if as_root("a directory of another user") {
        let foreign = Detector::new();
        fs::create_dir(foreign.state_dir()).unwrap();
        fs::set_permissions(foreign.state_dir(), fs::Permissions::from_mode(0o755)).unwrap();
        chown(foreign.state_dir(), Some(12_345), None).unwrap();
        assert_says("state_dir_of_another_user", &world, &foreign, 1);
        assert_eq!(fs::read_dir(foreign.state_dir()).unwrap().count(), 0);
    }
}

#[test]
fn an_event_log_that_is_something_else_is_warned_about_and_stops_nothing() {
    let world = World::new();
    let saved = |detector: &Detector| {
        assert_eq!(detector.inventory()["containers"].as_object().unwrap().len(), 3);
    };

    let linked = Detector::new();
    let target = linked.events_file().with_file_name("target");
    fs::write(&target, "precious").unwrap();
    symlink(&target, linked.events_file()).unwrap();
    assert_says("events_file_is_a_link", &world, &linked, 0);
    saved(&linked);
    assert_eq!(fs::read(&target).unwrap(), b"precious");

    let hard = Detector::new();
    let target = hard.events_file().with_file_name("target");
    fs::write(&target, "precious").unwrap();
    fs::hard_link(&target, hard.events_file()).unwrap();
    assert_says("events_file_is_a_hard_link", &world, &hard, 0);
    saved(&hard);
    assert_eq!(fs::read(&target).unwrap(), b"precious");

    let fifo = Detector::new();
    make_fifo(&fifo.events_file());
    assert_says("events_file_is_a_fifo", &world, &fifo, 0);
    saved(&fifo);

    let open = Detector::new();
    open_to_all(open.events_file().parent().unwrap());
    assert_says("events_file_in_a_directory_of_all", &world, &open, 0);
    saved(&open);
    assert!(!open.events_file().exists());
}

#[test]
fn an_inventory_that_is_a_link_is_not_followed() {
    let world = World::new();
    let detector = Detector::new();
    fs::create_dir(detector.state_dir()).unwrap();
    let target = detector.state_dir().with_file_name("target");
    fs::write(&target, "precious").unwrap();
    symlink(&target, detector.state_dir().join("workload-inventory.json")).unwrap();
    assert_says("inventory_is_a_link", &world, &detector, 1);
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = World::new();
    let detector = Detector::new();
    let dir = detector.state_dir().parent().unwrap().to_owned();
    let dry_run = |moment: &str| {
        let output = detector.command().arg("--dry-run").args(world.sound(moment).flags()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let nothing = tree(&dir);
    assert_eq!(dry_run("first")["containers"].as_object().unwrap().len(), 3);
    assert_eq!(tree(&dir), nothing, "where there is no state directory it makes none");

    world.sound("first").scan(&detector).ends_with(0);
    let something = tree(&dir);
    let printed = dry_run("changed");
    assert!(printed["containers"].get("000000000004").is_some());
    assert_eq!(tree(&dir), something);

    fs::write(detector.state_dir().join("workload-inventory.json"), "corrupt").unwrap();
    let corrupt = tree(&dir);
    dry_run("changed");
    assert_eq!(tree(&dir), corrupt, "what is of no use is not set aside either");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let world = World::new();
    let detector = Detector::new();
    let mut command = detector.command();
    command.arg("--dry-run").args(world.sound("first").flags());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_shown("closed_pipe", &shown(&output, detector.state_dir().parent().unwrap()));
}

/// Every file below a directory: its content, mode and time of change.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            all.extend(tree(&path));
        }
        all.insert(path, (content, meta.permissions().mode(), meta.modified().unwrap()));
    }
    all
}
