use std::{fs, io::Write, os::unix::fs::PermissionsExt};

use jiff::SignedDuration;

use super::*;
use crate::idle::test_support::{noon, seen};

fn journal() -> (tempfile::TempDir, Journal) {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(&Store::open(dir.path()).unwrap()).unwrap();
    (dir, journal)
}

fn at(hours: i64, seconds: u64) -> Observation {
    Observation { at: noon() + SignedDuration::from_hours(hours), ..seen(seconds) }
}

fn seconds(observations: &[Observation]) -> Vec<u64> {
    observations.iter().map(|seen| seen.boot_ms / 1000).collect()
}

fn files(dir: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join(DIR_NAME)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_back_by_day_and_by_boot_clock() {
    let (dir, journal) = journal();
    journal.append(&[at(0, 100), at(0, 130), at(24, 160)]).unwrap();
    assert_eq!(files(&dir), ["2026-03-02.jsonl", "2026-03-03.jsonl"]);
    let mode = fs::metadata(dir.path().join("activity/2026-03-02.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(seconds(&journal.since("boot-1", 130_000, 10_000).unwrap().observations), [130, 160]);
    assert_eq!(journal.since("boot-1", 0, 10_000).unwrap().observations[0], at(0, 100));
    assert!(journal.since("boot-2", 0, 10_000).unwrap().observations.is_empty());

    let range = |from: i64, to: i64| {
        let mut found = Vec::new();
        let hour = |hours| noon() + SignedDuration::from_hours(hours);
        journal.for_each(hour(from), hour(to), |seen| found.push(seen)).unwrap();
        seconds(&found)
    };
    assert_eq!(range(0, 0), [100, 130]);
    assert_eq!(range(-48, 48), [100, 130, 160]);
    assert_eq!(range(1, 48), [160]);
}

#[test]
fn torn_and_foreign_lines_are_skipped() {
    let (dir, journal) = journal();
    journal.append(&[at(0, 100)]).unwrap();
    let path = dir.path().join("activity/2026-03-02.jsonl");
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"{\"at\":\"2026-03-02T12:0").unwrap();
    journal.append(&[at(0, 130)]).unwrap();
    file.write_all(b"\xff\xfe\n{}\n[1]\n{\"at\":").unwrap();
    assert_eq!(seconds(&journal.since("boot-1", 0, 10_000).unwrap().observations), [100, 130]);
    let mut found = Vec::new();
    journal.for_each(noon(), noon(), |seen| found.push(seen)).unwrap();
    assert_eq!(seconds(&found), [100, 130]);
}

#[test]
fn only_the_end_of_a_long_day_is_read() {
    let (dir, journal) = journal();
    let all: Vec<Observation> = (0..2_000).map(|n| at(0, 100 + n)).collect();
    journal.append(&all).unwrap();
    assert_eq!(seconds(&journal.since("boot-1", 0, 10_000).unwrap().observations), (100..2_100).collect::<Vec<_>>());

    // Damage at the front would be met by whoever reads it all.
    let path = dir.path().join("activity/2026-03-02.jsonl");
    assert!(fs::metadata(&path).unwrap().len() > 320 * 1024);
    assert_eq!(
        seconds(&journal.since("boot-1", 2_050_000, 10_000).unwrap().observations),
        (2_050..2_100).collect::<Vec<_>>()
    );
    let mut found = 0;
    let mut counted = |line: &[u8]| {
        let Some(seen) = parse(line) else { return true };
        found += 1;
        seen.boot_ms >= 2_050_000
    };
    read_back(&fs::File::open(&path).unwrap(), &mut counted).unwrap();
    assert_eq!(found, 51);
}

#[test]
fn of_more_lines_than_are_asked_for_the_newest_are_read_whatever_their_file() {
    let (_dir, journal) = journal();
    let other = Observation { boot_id: "boot-0".to_owned(), ..at(0, 90) };
    journal.append(&[other, at(0, 100), at(0, 130), at(24, 120), at(24, 160), at(24, 150), at(0, 170)]).unwrap();
    let newest = |most| {
        let Recent { observations, cut } = journal.since("boot-1", 0, most).unwrap();
        (seconds(&observations), cut)
    };
    assert_eq!(newest(6), (vec![100, 120, 130, 150, 160, 170], false));
    assert_eq!(newest(3), (vec![150, 160, 170], true));
    assert_eq!(newest(0), (vec![], true));
}

#[test]
fn lines_a_little_out_of_order_and_clocks_that_were_set_hide_nothing() {
    let (_dir, journal) = journal();
    journal.append(&[at(0, 100), at(24, 130), at(-24, 160), at(0, 200), at(0, 190), at(0, 230)]).unwrap();
    assert_eq!(seconds(&journal.since("boot-1", 195_000, 10_000).unwrap().observations), [200, 230]);
    assert_eq!(seconds(&journal.since("boot-1", 120_000, 10_000).unwrap().observations), [130, 160, 190, 200, 230]);
}

#[test]
fn days_older_than_fourteen_are_deleted_and_nothing_else() {
    let (dir, journal) = journal();
    journal.append(&[at(-15 * 24, 1), at(-14 * 24, 2), at(0, 3), at(48, 4)]).unwrap();
    fs::write(dir.path().join("activity/notes.txt"), "").unwrap();
    fs::write(dir.path().join("activity/2026-1-1.jsonl"), "").unwrap();
    journal.forget_old(noon()).unwrap();
    let kept = ["2026-02-16.jsonl", "2026-03-02.jsonl", "2026-03-04.jsonl", "2026-1-1.jsonl", "notes.txt"];
    assert_eq!(files(&dir), kept);
}
