//! `ds01-detect roll-up`: whatever ends a run, no hour is lost and none is counted twice.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use docker_rig::namespace;
use ds01_core::{
    detect::{Origin, UserSource},
    idle::{
        GpuFigure, GpuMeasure, Journal, Observation, ProcessActivity,
        journal::{Life, Record, RecordRef},
    },
    ledger::{DayIs, Ledger, Row, Usage},
    model::{ContainerStatus, Reading},
    policy::Policy,
    store::Store,
};
use jiff::{Timestamp, ToSpan, civil::Date};

/// Days of the journal.
const DAYS: i64 = 6;

const CONTAINERS: u64 = 3;

/// So long is waited for another run.
const PATIENCE: Duration = Duration::from_secs(30);

/// From one look to the next, in seconds.
const LOOK: i64 = 240;

/// Kills, unless a longer trial says how many.
const KILLS: u32 = 25;

fn begin() -> Timestamp {
    "2026-03-01T00:00:30Z".parse().unwrap()
}

/// A state directory with a journal of some days: each container works every other hour.
struct Host {
    dir: PathBuf,
    _temp: Option<tempfile::TempDir>,
}

impl Host {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        Self::within(temp.path().to_owned(), Some(temp))
    }

    fn within(dir: PathBuf, temp: Option<tempfile::TempDir>) -> Self {
        let host = Self { dir, _temp: temp };
        host.write(0..DAYS * 86_400 / LOOK);
        host
    }

    /// A copy in a directory of its own.
    fn copy(&self) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let host = Self { dir: temp.path().to_owned(), _temp: Some(temp) };
        for name in ["activity", "ledger"] {
            let Ok(entries) = fs::read_dir(self.dir.join(name)) else { continue };
            fs::create_dir(host.dir.join(name)).unwrap();
            for entry in entries.map(Result::unwrap) {
                fs::copy(entry.path(), host.dir.join(name).join(entry.file_name())).unwrap();
            }
        }
        host
    }

    fn store(&self) -> Store {
        Store::open(&self.dir).unwrap()
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.store()).unwrap()
    }

    fn write(&self, looks: std::ops::Range<i64>) {
        let journal = self.journal();
        let mut records = Vec::new();
        for look in looks {
            let at = begin() + (look * LOOK).seconds();
            for n in 0..CONTAINERS {
                let hour = look * LOOK / 3600;
                let works = (u64::try_from(hour).unwrap() + n).is_multiple_of(2);
                if look == 0 {
                    records.push(Record::Life(life(n, at)));
                }
                records.push(Record::Seen(seen(n, at, look, works)));
            }
        }
        let records: Vec<RecordRef<'_>> = records.iter().map(Record::as_ref).collect();
        journal.append_all(&records).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        // What is kept would leave none of these days.
        let config = self.dir.join("policy.yaml");
        if !config.exists() {
            fs::write(&config, "defaults: {idle_timeout: 30m, max_runtime: 24h}\njournal: {keep_days: 3660}\n")
                .unwrap();
        }
        command.arg("roll-up").arg("--state-dir").arg(&self.dir).arg("--config").arg(config);
        command
    }

    fn roll_up(&self) -> Output {
        self.command().output().unwrap()
    }

    /// All rows; what is torn fails.
    fn rows(&self) -> Vec<Row> {
        if !self.dir.join("ledger").exists() {
            return Vec::new();
        }
        let (first, last) = ("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap());
        Ledger::open(&self.store()).unwrap().rows(first, last).unwrap().0
    }

    /// The looks that the journal has, and how often.
    fn looks(&self) -> BTreeMap<(String, u64), u64> {
        let (journal, mut looks) = (self.journal(), BTreeMap::new());
        let days = journal.days().unwrap();
        journal
            .records(&days, |record| {
                if let Record::Seen(seen) = record {
                    *looks.entry((seen.name, seen.boot_ms)).or_insert(0) += 1;
                }
            })
            .unwrap();
        looks
    }
}

fn id(n: u64) -> ds01_core::model::ContainerId {
    format!("{n:012x}{}", "0".repeat(52)).parse().unwrap()
}

fn life(n: u64, at: Timestamp) -> Life {
    Life {
        engine: ds01_core::model::EngineName::DOCKER,
        at,
        boot_id: "boot".to_owned(),
        boot_ms: 1_000_000,
        container_id: id(n),
        name: format!("job-{n}"),
        user: Some(format!("user{n}")),
        user_source: UserSource::LabelDs01,
        origin: Origin::RawDocker,
        image: "pytorch".to_owned(),
        has_gpu: Some(true),
        gpus: vec!["GPU-0".to_owned()],
        status: ContainerStatus::Running,
        started_at: Some(begin()),
        began_boot_ms: Some(1_000_000),
        stop_timeout_seconds: None,
        auto_remove: false,
        problem: None,
        labels: BTreeMap::new(),
    }
}

fn seen(n: u64, at: Timestamp, look: i64, works: bool) -> Observation {
    let look = u64::try_from(look).unwrap();
    let length_ms = u64::try_from(LOOK).unwrap() * 1000;
    let percent = if works { 80.0 } else { 0.0 };
    Observation {
        at,
        boot_id: "boot".to_owned(),
        boot_ms: 1_000_000 + look * length_ms,
        container_id: id(n),
        name: format!("job-{n}"),
        started_at: begin(),
        held_ms: Some(if look == 0 { 0 } else { length_ms }),
        gpus: vec![GpuMeasure {
            gpu: "GPU-0".to_owned(),
            figure: GpuFigure::OwnProcesses { percent },
            context: Some(true),
            energy: None,
            shared_energy: None,
            covered_ms: Some(length_ms),
            used_ms: Some(if works { length_ms * 4 / 5 } else { 0 }),
        }],
        cpu_us: Reading::Known(look * 1_000),
        cpu_burst: None,
        net_bytes: Reading::Known(0),
        activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
    }
}

/// What a whole run makes of it.
fn reference(host: &Host) -> Vec<Row> {
    let copy = host.copy();
    let output = copy.roll_up();
    assert!(output.status.success(), "{output:?}");
    let rows = copy.rows();
    let held: u64 = rows.iter().map(Row::held_ms).sum();
    let share: u64 = rows.iter().map(|row| row.share_ms).sum();
    // From the first look to the last one.
    let span = u64::try_from((DAYS * 86_400 / LOOK - 1) * LOOK * 1000).unwrap();
    assert_eq!((held, share), (CONTAINERS * span, span));
    rows
}

/// A number below `most`, another one at each call.
fn random(most: u128) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    let mixed = now.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C3F_1B2D_4E6B);
    u64::try_from((mixed >> 64) % most.max(1)).unwrap()
}

#[test]
fn killed_at_any_instant_it_loses_and_doubles_no_hour() {
    let host = Host::new();
    let (expected, looks) = (reference(&host), host.looks());
    let kills: u32 = env::var("DS01_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let begun = Instant::now();
    assert!(host.copy().roll_up().status.success());
    // Any instant up to this one is as good as another; it shrinks while too few runs are killed.
    let mut span = begun.elapsed();
    let (mut killed, mut halfway) = (0, 0);
    while killed < kills {
        let host = host.copy();
        let mut child = host.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_nanos(random(span.as_nanos())));
        child.kill().unwrap();
        if child.wait().unwrap().code().is_some() {
            span = span.mul_f64(0.95);
            continue;
        }
        killed += 1;
        let days = |rows: &[Row]| rows.iter().map(|row| row.day).collect::<BTreeSet<Date>>();
        let rows = host.rows();
        halfway += u32::from(!rows.is_empty() && rows.len() < expected.len());
        // Whatever is there is whole, day by day.
        assert!(rows.iter().all(|row| expected.contains(row)), "{rows:?}");
        assert_eq!(rows.len(), expected.iter().filter(|row| days(&rows).contains(&row.day)).count());
        assert_eq!(host.looks(), looks, "none is lost, and none is there twice");
        let output = host.roll_up();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(host.rows(), expected);
        assert_eq!(host.looks(), looks, "packed anew, none is there twice");
    }
    eprintln!("{killed} runs were killed, {halfway} of them after some of the days");
}

#[test]
fn a_clock_that_was_ahead_or_behind_costs_no_hour() {
    let host = Host::new();
    let (expected, policy) = (reference(&host), Policy::built_in());
    let days = expected.iter().map(|row| row.day).collect::<BTreeSet<Date>>().len();
    let ledger = Ledger::open(&host.store()).unwrap();
    let roll_up = |now: Timestamp| ledger.roll_up(&host.journal(), &policy, now, PATIENCE).unwrap();
    // Some lines of 1970 and of next year, and roll-ups at wrong times before the true one.
    let lines = fs::read_to_string(host.dir.join("activity/2026-03-02.jsonl")).unwrap();
    let stray = |day: &str| {
        let lines = lines.replace("2026-03-02", day).replace(r#""boot_id":"boot""#, &format!(r#""boot_id":"{day}""#));
        fs::write(host.dir.join(format!("activity/{day}.jsonl")), lines)
    };
    stray("1970-01-01").unwrap();
    stray("2027-02-01").unwrap();
    roll_up("2027-03-01T00:00:00Z".parse().unwrap());
    let now = Timestamp::now().max(begin() + (30 * 24).hours());
    assert!(roll_up(now) >= days, "they were taken for over when it was not time");
    for day in ["1970-01-01", "2027-02-01"] {
        let _ = fs::remove_file(host.dir.join(format!("activity/{day}.jsonl")));
        let _ = fs::remove_file(host.dir.join(format!("activity/{day}.jsonl.zst")));
    }
    roll_up(now + 1.hour());
    let rows: Vec<Row> = host.rows();
    let held = |rows: &[Row]| rows.iter().map(Row::held_ms).sum::<u64>();
    assert_eq!(held(&rows), held(&expected));
}

#[test]
fn days_without_a_line_are_not_recorded_and_not_free() {
    let host = Host::new();
    assert!(host.roll_up().status.success());
    let (policy, now) = (Policy::built_in(), begin() + ((DAYS + 5) * 24).hours());
    let day = |day: &str| day.parse::<Date>().unwrap();
    let usage = Usage::between(&host.store(), &policy, day("2026-02-25"), day("2026-03-10"), now).unwrap();
    let recorded = usage.days.iter().filter(|(_, is)| **is != DayIs::NotRecorded).map(|(day, _)| day.day());
    assert_eq!(recorded.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(usage.rows.iter().map(Row::held_ms).sum::<u64>(), host.rows().iter().map(Row::held_ms).sum::<u64>());
}

/// The lines of a day that is not over, and of its first minutes after midnight, are not all there is of it.
#[test]
fn a_night_is_settled_when_looks_have_gone_on() {
    let host = Host::new();
    let policy = Policy::built_in();
    let ledger = Ledger::open(&host.store()).unwrap();
    let roll_up = |now: &str| ledger.roll_up(&host.journal(), &policy, now.parse().unwrap(), PATIENCE).unwrap();
    roll_up("2026-03-03T00:10:00Z");
    assert_eq!(roll_up("2026-03-03T00:20:00Z"), 1, "the night before may have more to tell");
    assert_eq!(roll_up("2026-03-03T01:10:00Z"), 1);
    assert_eq!(roll_up("2026-03-03T02:10:00Z"), 0);
}

#[test]
fn two_at_once_do_it_once() {
    let host = Host::new();
    let expected = reference(&host);
    let children: Vec<_> = (0..4).map(|_| host.command().stderr(Stdio::piped()).spawn().unwrap()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(host.rows(), expected);
    assert!(host.looks().values().all(|times| *times == 1));
}

#[test]
fn what_comes_to_light_later_is_added_up_anew() {
    let host = Host::new();
    let expected = reference(&host);
    // A day is missing: it was held, and nobody looked.
    let without = host.copy();
    fs::remove_file(without.dir.join("activity/2026-03-03.jsonl")).unwrap();
    assert!(without.roll_up().status.success());
    let rows = without.rows();
    assert_eq!(rows.iter().map(Row::held_ms).sum::<u64>(), expected.iter().map(Row::held_ms).sum::<u64>());
    let of_day: Vec<&Row> = rows.iter().filter(|row| row.day.day() == 3).collect();
    assert_eq!(of_day.len(), 3);
    assert!(of_day.iter().all(|row| row.spent.unobserved_ms == 86_400_000), "{of_day:?}");
    // It is found again.
    fs::copy(host.dir.join("activity/2026-03-03.jsonl"), without.dir.join("activity/2026-03-03.jsonl")).unwrap();
    assert!(without.roll_up().status.success());
    let rows = without.rows();
    let found: Vec<&Row> = rows.iter().filter(|row| row.day.day() == 3).collect();
    assert!(found.iter().all(|row| row.spent.unobserved_ms < 480_000), "{found:?}");
}

#[test]
fn a_torn_month_is_set_aside_and_made_anew_and_one_of_another_version_is_left_alone() {
    let host = Host::new();
    let expected = reference(&host);
    assert!(host.roll_up().status.success());
    let month = host.dir.join("ledger/2026-03.jsonl.zst");
    let whole = fs::read(&month).unwrap();
    fs::write(&month, &whole[..whole.len() / 2]).unwrap();
    let output = host.roll_up();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("2026-03.jsonl.zst") && said.contains("set aside as"), "{said}");
    assert_eq!(host.rows(), expected);

    let other = zstd_of("{\"v\":2,\"days\":{}}\n");
    fs::write(&month, &other).unwrap();
    let output = host.roll_up();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("written by another version"), "{said}");
    assert_eq!(fs::read(&month).unwrap(), other);
}

/// Packed by the system's own tool, which reads what these programs write, too.
fn zstd_of(text: &str) -> Vec<u8> {
    let temp = tempfile::tempdir().unwrap();
    let plain = temp.path().join("plain");
    fs::write(&plain, text).unwrap();
    let output = Command::new("zstd").args(["--quiet", "--stdout"]).arg(&plain).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn the_systems_own_tool_reads_journal_and_ledger() {
    let host = Host::new();
    assert!(host.roll_up().status.success());
    let lines = |path: &Path| {
        let output = Command::new("zstd").args(["--decompress", "--quiet", "--stdout"]).arg(path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout.iter().filter(|byte| **byte == b'\n').count()
    };
    assert_eq!(lines(&host.dir.join("activity/2026-03-02.jsonl.zst")), 3 * 360);
    assert!(lines(&host.dir.join("ledger/2026-03.jsonl.zst")) > 10);
}

#[test]
fn a_full_disk_loses_no_hour() {
    if !namespace::inside("a_full_disk_loses_no_hour", || {
        let root = rustix::process::geteuid().is_root();
        assert!(root || env::var_os("CI").is_none(), "mounting needs root");
        root
    }) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let disk = temp.path().join("state");
    fs::create_dir(&disk).unwrap();
    namespace::mount(&["-t", "tmpfs", "-o", "size=32m,mode=755", "tmpfs"], &disk);
    let host = Host::within(disk.clone(), None);
    let (expected, looks) = (reference(&host), host.looks());
    host.command();
    let filler = disk.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
    let output = host.roll_up();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("No space left on device"), "{said}");
    assert_eq!(host.looks(), looks);
    drop(file);
    fs::remove_file(&filler).unwrap();
    let output = host.roll_up();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((host.rows(), host.looks()), (expected, looks));
}
