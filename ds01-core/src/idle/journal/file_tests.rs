use std::{fs, io::Write, os::unix::fs::PermissionsExt, thread};

use jiff::SignedDuration;

use super::*;
use crate::{
    idle::{
        journal::{CheckMade, Deed, Gone, ProcessSeen, What},
        test_support::{id, noon, seen},
    },
    model::{Demand, KeepAlive},
};

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
        let Some(Record::Seen(seen)) = Record::parse(line) else { return true };
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
fn days_beyond_what_is_kept_are_deleted_and_nothing_else() {
    let (dir, journal) = journal();
    journal.append(&[at(-15 * 24, 1), at(-14 * 24, 2), at(0, 3), at(48, 4)]).unwrap();
    fs::write(dir.path().join("activity/notes.txt"), "").unwrap();
    fs::write(dir.path().join("activity/2026-1-1.jsonl"), "").unwrap();
    journal.forget_old(noon(), Retention::default(), |_| true).unwrap();
    let kept = ["2026-02-16.jsonl", "2026-03-02.jsonl", "2026-03-04.jsonl", "2026-1-1.jsonl", "notes.txt"];
    assert_eq!(files(&dir), kept);
    journal.forget_old(noon() + SignedDuration::from_hours(48), Retention::default(), |_| false).unwrap();
    assert_eq!(files(&dir), kept, "what does not stand in the ledger stays");
    // Of too many bytes the oldest days go, packed or not, and never the running one.
    journal.pack(noon(), PATIENCE).unwrap();
    let bytes = |day: &str| journal.bytes_of(day.parse().unwrap()).unwrap();
    let all = bytes("2026-02-16") + bytes("2026-03-02") + bytes("2026-03-04");
    journal.forget_old(noon(), Retention { days: 14, bytes: Some(all) }, |_| true).unwrap();
    assert_eq!(journal.days().unwrap().len(), 3);
    journal.forget_old(noon(), Retention { days: 14, bytes: Some(all - 1) }, |_| true).unwrap();
    assert_eq!(journal.days().unwrap(), [day_of(noon()), "2026-03-04".parse().unwrap()]);
    journal.forget_old(noon(), Retention { days: 14, bytes: Some(1) }, |_| true).unwrap();
    assert_eq!(journal.days().unwrap(), [day_of(noon()), "2026-03-04".parse().unwrap()]);
}

const PATIENCE: Duration = Duration::from_secs(5);

/// All lines, by their seconds.
fn all(journal: &Journal) -> Vec<u64> {
    let mut found = Vec::new();
    journal.records(&journal.days().unwrap(), |record| found.push(record.boot().1 / 1000)).unwrap();
    found
}

#[test]
fn days_that_are_over_are_packed_and_read_as_before() {
    let (dir, journal) = journal();
    let lines: Vec<Observation> = (0..3_000).map(|n| at(-24, 100 + n)).collect();
    journal.append(&lines).unwrap();
    journal.append(&[at(0, 5_000), at(0, 5_030)]).unwrap();
    let (before, bytes) = (all(&journal), journal.bytes_of(day_of(lines[0].at)).unwrap());
    journal.pack(noon(), PATIENCE).unwrap();
    assert_eq!(files(&dir), ["2026-03-01.jsonl.zst", "2026-03-02.jsonl", "pack.lock"]);
    assert_eq!(all(&journal), before);
    assert!(journal.bytes_of(day_of(lines[0].at)).unwrap() * 10 < bytes);
    assert_eq!(seconds(&journal.since("boot-1", 3_098_000, 9).unwrap().observations), [3_098, 3_099, 5_000, 5_030]);
    assert_eq!(journal.last_of(&lines[0].container_id, 10).unwrap().unwrap().boot_ms, 5_030_000);

    // Late lines of a day that is packed already.
    journal.append(&[at(-24, 3_100)]).unwrap();
    assert_eq!(files(&dir), ["2026-03-01.jsonl", "2026-03-01.jsonl.zst", "2026-03-02.jsonl", "pack.lock"]);
    let with_late = all(&journal);
    assert_eq!(with_late.len(), before.len() + 1);
    journal.pack(noon(), PATIENCE).unwrap();
    journal.pack(noon(), PATIENCE).unwrap();
    assert_eq!(files(&dir), ["2026-03-01.jsonl.zst", "2026-03-02.jsonl", "pack.lock"]);
    assert_eq!(all(&journal), with_late);
}

/// A run of packing can be killed when the lines are put aside, and when they are packed and not removed yet: at the first
/// packing of a day, and at a later one.
#[test]
fn a_run_that_was_killed_halfway_has_lost_and_doubled_nothing() {
    for times in 1..3 {
        for packed_already in [false, true] {
            let (dir, journal) = journal();
            for n in 1..times {
                journal.append(&[at(-24, 10 * n), at(-24, 10 * n + 5)]).unwrap();
                journal.pack(noon(), PATIENCE).unwrap();
            }
            journal.append(&[at(-24, 100), at(-24, 130)]).unwrap();
            let path = dir.path().join("activity/2026-03-01.jsonl");
            let aside = dir.path().join("activity/2026-03-01.jsonl.packing");
            let plain = fs::read(&path).unwrap();
            if packed_already {
                journal.pack(noon(), PATIENCE).unwrap();
                fs::write(&aside, &plain).unwrap();
            } else {
                fs::rename(&path, &aside).unwrap();
            }
            // Meanwhile, more is written.
            journal.append(&[at(-24, 160)]).unwrap();
            let expected: Vec<u64> = (1..times).flat_map(|n| [10 * n, 10 * n + 5]).chain([100, 130, 160]).collect();
            assert_eq!(all(&journal), expected);
            assert_eq!(seconds(&journal.since("boot-1", 0, 99).unwrap().observations), expected);
            journal.pack(noon(), PATIENCE).unwrap();
            assert_eq!(files(&dir), ["2026-03-01.jsonl.zst", "pack.lock"]);
            assert_eq!(all(&journal), expected);
        }
    }
}

#[test]
fn a_packed_day_that_is_torn_costs_itself_alone() {
    let (dir, journal) = journal();
    journal.append(&[at(-48, 50), at(-24, 100), at(0, 200)]).unwrap();
    journal.pack(noon(), PATIENCE).unwrap();
    let torn = dir.path().join("activity/2026-03-01.jsonl.zst");
    let whole = fs::read(&torn).unwrap();
    fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(all(&journal), [50, 200]);
    assert_eq!(seconds(&journal.since("boot-1", 0, 99).unwrap().observations), [50, 200]);
    // What is written late begins it anew.
    journal.append(&[at(-24, 130)]).unwrap();
    journal.pack(noon(), PATIENCE).unwrap();
    assert_eq!(all(&journal), [50, 130, 200]);
    assert!(files(&dir).iter().any(|name| name.starts_with("2026-03-01.jsonl.zst.corrupt-")), "{:?}", files(&dir));
}

#[test]
fn nobody_writes_into_a_file_that_is_being_packed() {
    let (_dir, journal) = journal();
    thread::scope(|scope| {
        let packing = scope.spawn(|| (0..50).for_each(|_| journal.pack(noon(), PATIENCE).unwrap()));
        for n in 0..500 {
            journal.append(&[at(-24, n)]).unwrap();
        }
        packing.join().unwrap();
    });
    journal.pack(noon(), PATIENCE).unwrap();
    assert_eq!(all(&journal), (0..500).collect::<Vec<_>>());
}

#[test]
fn lines_of_all_kinds_come_back_and_those_of_other_versions_do_not() {
    let (dir, journal) = journal();
    let (boot_id, boot_ms) = ("boot-1".to_owned(), 130_000);
    let process = ProcessSeen {
        at: noon(),
        boot_id: boot_id.clone(),
        boot_ms,
        pid: 7,
        start_ticks: 100,
        user: "ann".to_owned(),
        program: "python3".to_owned(),
        held_ms: 30_000,
        gpus: seen(1).gpus,
    };
    let gone = Gone { at: noon(), boot_id: boot_id.clone(), boot_ms, ids: vec![id()] };
    let check = CheckMade {
        at: noon(),
        boot_id,
        boot_ms,
        check: 3,
        demand: Some(Demand { assigned: 1, total: 2 }),
        keep_alive: [(id(), KeepAlive::File(noon()))].into(),
        asked: Vec::new(),
        told: vec![id()],
        done: [(id(), Deed { what: What::StoppedIdle, done: true })].into(),
        partial: false,
    };
    let first = at(0, 100);
    journal
        .append_all(&[
            RecordRef::Seen(&first),
            RecordRef::Process(&process),
            RecordRef::Gone(&gone),
            RecordRef::Check(&check),
        ])
        .unwrap();
    let path = dir.path().join("activity/2026-03-02.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(r#"{"v":2,"seen":{"at""#), "{text}");
    // A line of version 1, one of a later version, and one of a kind that is not known.
    let old = serde_json::to_string(&at(0, 160)).unwrap();
    let later = text.lines().next().unwrap().replace("\"v\":2", "\"v\":3");
    text.push_str(&format!("{old}\n{later}\n{{\"v\":2,\"dreamt\":{{}}}}\n"));
    fs::write(&path, text).unwrap();
    let mut found = Vec::new();
    journal.records(&[day_of(noon())], |record| found.push(record)).unwrap();
    let expected = [
        Record::Seen(first),
        Record::Process(process),
        Record::Gone(gone),
        Record::Check(check),
        Record::Seen(at(0, 160)),
    ];
    assert_eq!(found, expected);
}
