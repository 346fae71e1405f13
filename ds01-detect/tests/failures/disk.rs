//! A full disk: a tiny file system in a mount namespace of the test's own.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    doors::World,
    namespace::{inside, mount},
    support::Detector,
};

/// Makes this directory a file system of 64 KiB.
fn mount_tiny_disk(dir: &Path) {
    fs::create_dir(dir).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs"], dir);
}

/// A file that takes all the space that is left.
fn fill(disk: &Path) -> PathBuf {
    let filler = disk.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    filler
}

#[test]
fn a_full_disk_leaves_the_old_inventory() {
    if !inside("disk::a_full_disk_leaves_the_old_inventory") {
        return;
    }
    let world = World::new();
    let detector = Detector::new();
    let state_dir = detector.state_dir();
    mount_tiny_disk(&state_dir);
    let scan = |moment: &str| world.sound(moment).scan(&detector);
    scan("first").ends_with(0);
    let file = state_dir.join("workload-inventory.json");
    let old = fs::read(&file).unwrap();
    let events = detector.events().len();

    let filler = fill(&state_dir);
    let said = scan("changed").ends_with(1).stderr();
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains(file.parent().unwrap().to_str().unwrap()), "names no file: {said}");
    assert_eq!(fs::read(&file).unwrap(), old);
    let names: Vec<_> = fs::read_dir(&state_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // The inventory, its lock, the activity journal's directory, and what fills the disk.
    assert_eq!(names.len(), 4, "the unfinished file is not left behind: {names:?}");
    let told_once = detector.events().len();
    assert!(told_once > events);

    // With space again, the same is told again: an event may be repeated, and is never lost.
    fs::remove_file(filler).unwrap();
    scan("changed").ends_with(0);
    assert_ne!(fs::read(&file).unwrap(), old);
    assert_eq!(detector.events().len(), 2 * told_once - events);
}

#[test]
fn a_full_event_log_stops_nothing() {
    if !inside("disk::a_full_event_log_stops_nothing") {
        return;
    }
    let world = World::new();
    let detector = Detector::new();
    let log = detector.events_file();
    let disk = log.with_file_name("tiny");
    mount_tiny_disk(&disk);
    for file in [&log, &disk.join("log")] {
        File::create(file).unwrap();
    }
    mount(&["--bind", disk.join("log").to_str().unwrap()], &log);
    let scan = |moment: &str| world.sound(moment).scan(&detector).ends_with(0).stderr();
    scan("first");
    let filler = fill(&disk);
    // The log's last page is used up too, but for a few bytes: a part of a line would fit.
    let free = 4096 - fs::metadata(&log).unwrap().len() % 4096;
    let mut end = File::options().append(true).open(&log).unwrap();
    end.write_all(&[vec![b' '; usize::try_from(free).unwrap() - 11], b"\n".to_vec()].concat()).unwrap();

    let said = scan("changed");
    assert!(said.contains("events are not logged") && said.contains(log.to_str().unwrap()), "{said}");
    assert!(detector.inventory()["containers"].as_object().unwrap().contains_key("000000000004"));

    // The line that could not be finished does not spoil the next one.
    fs::remove_file(filler).unwrap();
    scan("first");
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.ends_with('\n'));
    let unreadable = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_err();
    let torn: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).filter(unreadable).collect();
    assert!(torn.len() <= 1, "{torn:?}");
    assert!(text.lines().last().is_some_and(|line| line.contains("container_exited")), "{text}");
}
