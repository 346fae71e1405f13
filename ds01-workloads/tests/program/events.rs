//! `events`: the log for people.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ds01_core::{
    event::{Details, Event, EventLog},
    model::ContainerId,
};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::common::{ds01, outcome};

struct Log {
    dir: TempDir,
}

impl Log {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("events.jsonl")
    }

    /// Writes an event of a container that was warned so many minutes ago.
    fn warn(&self, name: &str, minutes_ago: i64) {
        let id: ContainerId = "ab".repeat(32).parse().unwrap();
        let details = Details::IdleWarning {
            container: name.to_owned(),
            container_id: id,
            container_type: "docker",
            idle_seconds: 1440,
            idle_duration: "24m".to_owned(),
            evidence: "GPU 0 %".to_owned(),
            gpus: Vec::new(),
            stop_in_seconds: 360,
        };
        let timestamp = Timestamp::now() - jiff::SignedDuration::from_mins(minutes_ago);
        let event =
            Event { timestamp, user: Some("alice".to_owned()), engine: ds01_core::model::EngineName::DOCKER, details };
        EventLog::new(self.path(), "ds01-idle").append(&[event]).unwrap();
    }

    fn events(&self, arguments: &[&str]) -> Command {
        let mut command = ds01(&["events", "--events-file", self.path().to_str().unwrap()]);
        command.args(arguments);
        command
    }

    fn printed(&self, arguments: &[&str]) -> Vec<String> {
        let (stdout, stderr, code) = outcome(self.events(arguments));
        assert_eq!(code, 0, "{stderr}");
        // Without the time.
        stdout.lines().map(|line| line.get(21..).unwrap_or_default().to_owned()).collect()
    }
}

fn warned(name: &str) -> String {
    format!("{name} of alice: warned: idle for 24m (GPU 0 %), stop in 6m")
}

#[test]
fn events_are_told_in_words_oldest_first_through_a_rotation_and_damage() {
    let log = Log::new();
    log.warn("old", 3_000);
    log.warn("first", 90);
    fs::rename(log.path(), rotated(&log.path())).unwrap();
    log.warn("second", 30);
    File::options().append(true).open(log.path()).unwrap().write_all(b"{\"torn\n").unwrap();
    log.warn("third", 1);
    assert_eq!(log.printed(&[]), ["first", "second", "third"].map(warned));
    assert_eq!(log.printed(&["--since", "1h"]), ["second", "third"].map(warned));
    assert_eq!(log.printed(&["--container", "second"]), [warned("second")]);
    assert_eq!(log.printed(&["--container", "abab", "--user", "alice", "--type", "idle_warning"]).len(), 3);
    assert_eq!(log.printed(&["--type", "maintenance"]).len(), 3);
    let (stdout, stderr, code) = outcome(log.events(&["--user", "bob"]));
    assert_eq!((stdout.as_str(), code), ("", 0));
    assert!(stderr.contains("no such event in the last 1d"), "{stderr}");
    let (raw, ..) = outcome(log.events(&["--json", "--since", "10m"]));
    assert_eq!(raw, fs::read_to_string(log.path()).unwrap().lines().last().unwrap().to_owned() + "\n");
}

fn rotated(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.1", path.display()))
}

#[test]
fn followed_it_tells_each_event_as_it_comes_and_ends_with_its_reader() {
    let log = Log::new();
    log.warn("before", 1);
    let mut child = log.events(&["--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.trim_end().get(21..).unwrap_or_default().to_owned()
    };
    assert_eq!(next(), warned("before"));
    log.warn("while", 0);
    assert_eq!(next(), warned("while"));
    fs::rename(log.path(), rotated(&log.path())).unwrap();
    log.warn("after", 0);
    assert_eq!(next(), warned("after"));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn without_a_log_it_says_who_writes_it() {
    let log = Log::new();
    let (stdout, stderr, code) = outcome(log.events(&[]));
    assert_eq!((stdout.as_str(), code), ("", 3));
    assert!(stderr.contains("no event log yet: ") && stderr.contains("ds01-workload-detector.timer"), "{stderr}");
}
