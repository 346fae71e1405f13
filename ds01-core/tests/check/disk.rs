//! A disk that is full, or can't be written to: a tiny file system in a mount namespace of the test's own.

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use docker_rig::namespace::mount;

use crate::{
    bench::{Bench, POLICY, trainer},
    meddling::Engine,
};

/// Whether this is the test of that name inside its namespace. Outside it is run again there.
fn inside(test: &str) -> bool {
    docker_rig::namespace::inside(test, || {
        let root = rustix::process::geteuid().is_root();
        assert!(root || env::var_os("CI").is_none(), "mounting needs root");
        if !root {
            eprintln!("skipped: mounting needs root");
        }
        root
    })
}

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

/// One whose state is on a tiny disk, at the check that stops it.
fn bench() -> Bench {
    let bench = Bench::new(POLICY, &[trainer("train", 501)]);
    mount_tiny_disk(&bench.state_dir);
    bench.up_to_the_stop();
    bench
}

#[test]
fn on_a_full_disk_nobody_is_touched() {
    if !inside("disk::on_a_full_disk_nobody_is_touched") {
        return;
    }
    let bench = bench();
    let state = fs::read(bench.state_dir.join("idle-state.json")).unwrap();
    let filler = fill(&bench.state_dir);
    for _ in 0..2 {
        let error = bench.try_check().unwrap_err().to_string();
        assert!(error.contains("No space left") || error.contains("bytes fit"), "{error}");
        assert!(error.contains(bench.state_dir.to_str().unwrap()), "names no file: {error}");
        assert_eq!((bench.host.orders(), bench.notices().len()), (vec![], 1));
        assert_eq!(bench.told(), ["idle_warning train"]);
        assert_eq!(fs::read(bench.state_dir.join("idle-state.json")).unwrap(), state);
    }
    fs::remove_file(filler).unwrap();
    bench.check();
    assert_eq!(bench.stopped(), ["train"]);
    let unfinished = fs::read_dir(&bench.state_dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(unfinished.count(), 0);
}

#[test]
fn a_directory_that_cannot_be_written_to_stops_the_check() {
    if !inside("disk::a_directory_that_cannot_be_written_to_stops_the_check") {
        return;
    }
    let bench = bench();
    mount(&["-o", "remount,ro"], &bench.state_dir);
    let error = bench.try_check().unwrap_err().to_string();
    assert!(error.contains("Read-only file system"), "{error}");
    assert_eq!((bench.host.orders(), bench.notices().len()), (vec![], 1));
    mount(&["-o", "remount,rw"], &bench.state_dir);
    bench.check();
    assert_eq!(bench.stopped(), ["train"]);
}

/// What was begun had been written down: it is told again, which is better than not at all, and not done again.
#[test]
fn a_disk_that_fills_up_during_a_stop_loses_nothing() {
    if !inside("disk::a_disk_that_fills_up_during_a_stop_loses_nothing") {
        return;
    }
    let mut bench = bench();
    let engine = Engine::of(&mut bench);
    let disk = bench.state_dir.clone();
    engine.then(move |_| drop(fill(&disk)));
    let error = bench.try_check().unwrap_err().to_string();
    assert!(error.contains("No space left"), "{error}");
    assert_eq!(bench.stopped(), ["train"]);
    assert!(bench.told().contains(&"idle_kill train".to_owned()));

    fs::remove_file(bench.state_dir.join("filler")).unwrap();
    (0..3).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.stopped(), ["train"]);
    assert!(bench.told().iter().filter(|told| *told == "idle_kill train").count() <= 2, "{:?}", bench.told());
}

#[test]
fn a_full_event_log_stops_nothing() {
    if !inside("disk::a_full_event_log_stops_nothing") {
        return;
    }
    let mut bench = Bench::new(POLICY, &[trainer("train", 501)]);
    let logs = bench.dir().join("logs");
    mount_tiny_disk(&logs);
    bench.events_file = logs.join("events.jsonl");
    bench.up_to_the_stop();
    fs::write(&bench.events_file, "").unwrap();
    fill(&logs);
    bench.check();
    assert_eq!(bench.stopped(), ["train"]);
    assert_eq!(bench.notices().len(), 2);
}
