//! Several programs write to one event log at the same time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use ds01_core::model::EngineName;
use std::{
    env, fs,
    process::{Child, Command, Stdio},
};

use ds01_core::{
    detect::Origin,
    event::{Details, Event, EventLog, MAX_LINE_BYTES},
};
use serde_json::Value;

const WRITERS: usize = 8;
const EVENTS: usize = 10_000;

/// Every so many events one is too long for a line.
const OVERSIZED_EVERY: usize = 97;

/// Set where this test runs as one of the writers: its number, and the log.
const WRITER: &str = "DS01_TEST_WRITER";
const LOG: &str = "DS01_TEST_LOG";

#[test]
fn eight_processes_write_eighty_thousand_whole_lines() {
    if let (Ok(writer), Some(log)) = (env::var(WRITER), env::var_os(LOG)) {
        return write(writer.parse().unwrap(), &EventLog::new(log, "ds01-detect"));
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("events.jsonl");
    let writers: Vec<Child> = (0..WRITERS)
        .map(|writer| {
            let mut command = Command::new(env::current_exe().unwrap());
            command.args(["--exact", "eight_processes_write_eighty_thousand_whole_lines"]);
            command.env(WRITER, writer.to_string()).env(LOG, &log).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }

    let bytes = fs::read(&log).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'));
    let lines: Vec<&[u8]> = bytes[..bytes.len() - 1].split(|byte| *byte == b'\n').collect();
    let mut next = [0; WRITERS];
    let mut truncated = 0;
    for line in &lines {
        assert!(line.len() < MAX_LINE_BYTES, "{} bytes", line.len());
        let event: Value =
            serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e}: {:?}", String::from_utf8_lossy(line)));
        let (writer, number) = event["details"]["name"].as_str().unwrap().split_once('-').unwrap();
        let writer: usize = writer.parse().unwrap();
        assert_eq!(number.parse(), Ok(next[writer]), "each writer's events are there in its order, once each");
        assert_eq!(event["truncated"] == true, is_oversized(next[writer]));
        truncated += usize::from(event["truncated"] == true);
        next[writer] += 1;
    }
    assert_eq!(next, [EVENTS; WRITERS]);
    assert_eq!(lines.len(), WRITERS * EVENTS);
    assert!(truncated > WRITERS * EVENTS / OVERSIZED_EVERY);
}

/// What one writer does: scans of no, one and many events, among them some that are too long.
fn write(writer: usize, log: &EventLog) {
    let mut number = 0;
    for size in (0..=40).cycle() {
        let end = (number + size).min(EVENTS);
        let events: Vec<Event> = (number..end).map(|number| event(writer, number)).collect();
        log.append(&events).unwrap();
        number = end;
        if number == EVENTS {
            return;
        }
    }
}

fn event(writer: usize, number: usize) -> Event {
    let image = if is_oversized(number) { "é".repeat(9_000) } else { "x".repeat(number % 1_500) };
    let details = Details::ContainerDiscovered {
        container_id: "ab".repeat(32).parse().unwrap(),
        name: format!("{writer}-{number}"),
        origin: Origin::RawDocker,
        has_gpu: None,
        image,
    };
    Event {
        engine: EngineName::DOCKER,
        timestamp: "2026-03-02T12:00:00Z".parse().unwrap(),
        user: Some("ann".to_owned()),
        details,
    }
}

fn is_oversized(number: usize) -> bool {
    number.is_multiple_of(OVERSIZED_EVERY)
}
