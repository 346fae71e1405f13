//! `report` and `timeline`: the past, from a journal.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::{
    common::{State, ds01, on, outcome, program},
    journal::{Held, NOW, SECRET, held, state},
    pty::Pty,
};

/// Names that would act somewhere: on a terminal, in a spreadsheet, in a page, in Markdown.
pub(crate) const HOSTILE: [&str; 6] = [
    "\x1b[2J\x1b]0;pwned\x07",
    "=HYPERLINK(\"http://evil.example\")",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "a|b`c\u{202e}",
    "</svg></title><b onclick=alert(3)>",
];

/// Two users on two GPUs, one of them with a program of its own.
fn usual() -> State {
    let program = Held { user: Some("ben"), name: "python3", gpu: 1, from: 6, idle: 2, is_container: false };
    state(&[held("alice", "thesis", 0, 10, 4), program])
}

pub(crate) fn hostile() -> State {
    let all: Vec<Held<'_>> =
        HOSTILE.iter().enumerate().map(|(number, name)| held(name, name, number % 2, 8, 2)).collect();
    state(&all)
}

fn past(state: &State, arguments: &[&str]) -> Command {
    let mut command = on(state, arguments);
    command.args(["--now", NOW]).env("TZ", "CET-1");
    command
}

fn printed(state: &State, arguments: &[&str]) -> String {
    let (stdout, stderr, code) = outcome(past(state, arguments));
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

#[test]
fn a_report_is_whole_in_a_pipe() {
    let state = usual();
    insta::assert_snapshot!(printed(&state, &["report", "--since", "2026-03-02"]), @r"
    USER   HELD   SHARE  USED  EFFIC.  WORK  IDLE  UNKNOWN  UNSEEN  GIVEN BACK  STOPS  ENERGY
    alice  10.0   62.5%   4.8     48%   6.0   4.0      0.0     0.0         0.0      0       -
    ben     6.0   37.5%   3.2     53%   4.0   2.0      0.0     0.0         0.0      0       -
    total  16.0  100.0%   8.0     50%  10.0   6.0      0.0     0.0         0.0      0       -
    not over yet: 2026-03-02
    GPU-hours by user, 2026-03-02 (days in UTC)
    ");
    insta::assert_snapshot!(printed(&state, &["report", "--since", "2026-03-02", "--by", "gpu"]), @r"
    GPU    MODEL  HELD   SHARE  USED  EFFIC.  WORK  IDLE  UNKNOWN  UNSEEN  GIVEN BACK  STOPS  ENERGY
    0      L40S   10.0   62.5%   4.8     48%   6.0   4.0      0.0     0.0         0.0      0       -
    1      L40S    6.0   37.5%   3.2     53%   4.0   2.0      0.0     0.0         0.0      0       -
    total         16.0  100.0%   8.0     50%  10.0   6.0      0.0     0.0         0.0      0       -
    not over yet: 2026-03-02
    GPU-hours by GPU, 2026-03-02 (days in UTC)
    ");
    assert_eq!(
        printed(&state, &["report", "--since", "2026-03-02", "--by", "workload", "--format", "csv"]),
        "workload,user,type,held_hours,share_percent,used_hours,efficiency_percent,work_hours,idle_hours,unknown_hours,\
         unobserved_hours,given_back_hours,stops,energy_kwh\r\n\
         thesis,alice,raw-docker,10,62.5,4.8,48,6,4,0,0,0,0,\r\n\
         python3,ben,host-process,6,37.5,3.2,53.333333,4,2,0,0,0,0,\r\n"
    );
}

#[test]
fn a_timeline_is_as_wide_as_always_in_a_pipe() {
    insta::assert_snapshot!(printed(&usual(), &["timeline", "--since", "12h"]), @r"
    GPU     ╷04:00         ╷06:00         ╷08:00         ╷10:00         ╷12:00        ╷14:00        WORK
    0       ·          AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaaaaaaaa!aaaaaaa   50%
    1       ·              ·              ·          BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBbbbbbbbbbbbbbbb   33%

    A alice 10.0h, idle 4.0h  B ben 6.0h, idle 2.0h
    ABC at work   abc held and idle   ? not known   ! warned
    2026-03-02 03:30 to 2026-03-02 15:30 CET; a column is 8m5s
    ");
    insta::assert_snapshot!(printed(&usual(), &["timeline", "--since", "2026-03-02T06:00", "--by", "user"]), @r"
    USER   ╷06:00  ╷07:00   ╷08:00   ╷09:00   ╷10:00   ╷11:00   ╷12:00  ╷13:00   ╷14:00             HELD
    alice  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaa!aaaaaaaa     9.5h
    ben    ·       ·        ·        ·   BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBbbbbbbbbbbbbbbbbbb     6.0h

    A alice 9.5h, idle 4.0h  B ben 6.0h, idle 2.0h
    ABC at work   abc held and idle   ? not known   ! warned
    2026-03-02 06:00 to 2026-03-02 15:30 CET; a column is 6m47s
    ");
}

#[test]
fn a_timeline_fits_its_terminal_and_is_coloured_there() {
    let state = usual();
    let dir = state.path().to_str().unwrap();
    for (columns, colored) in [(80, true), (200, true), (80, false)] {
        let set = if colored { "" } else { "NO_COLOR=1" };
        let command = format!("{set} TZ=CET-1 exec {} timeline --state-dir {dir} --now {NOW}", program());
        let mut pty = Pty::start_program("/bin/sh", &["-c", &command], (columns, 20));
        assert_eq!(pty.wait().code, 0);
        let output = pty.output();
        assert_eq!(output.contains('\x1b'), colored);
        pty.look(|screen, _| {
            let rows: Vec<String> = screen.rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
            assert!(rows[0].starts_with("GPU") && rows[0].ends_with("WORK"), "{rows:?}");
            assert_eq!(rows[0].chars().count(), usize::from(columns), "{rows:?}");
            let (work, idle) = if colored { ("▆▆▆", "▂▂▂") } else { ("AAA", "aaa") };
            assert!(rows[1].starts_with('0') && rows[1].contains(work) && rows[1].contains(idle), "{rows:?}");
            assert!(rows[2].starts_with('1'), "no row was wrapped: {rows:?}");
            assert!(rows[1].contains('!'), "the warning is marked: {rows:?}");
        });
    }
}

#[test]
fn no_name_acts_and_no_command_line_is_shown_anywhere() {
    let state = hostile();
    for arguments in [
        &["report", "--by", "workload"][..],
        &["report", "--by", "workload", "--format", "csv"],
        &["report", "--by", "workload", "--format", "json"],
        &["report", "--by", "workload", "--format", "markdown"],
        &["timeline"],
        &["timeline", "--by", "user"],
        &["timeline", "--html", "-"],
        &["timeline", "--by", "user", "--html", "-"],
    ] {
        let text = printed(&state, arguments);
        let acts = |c: char| c.is_control() && !"\n\r".contains(c) || c == '\u{202e}';
        assert!(!text.contains(acts), "{arguments:?}: {text}");
        assert!(!text.contains(SECRET) && !text.contains("s3cr3t"), "{arguments:?}: {text}");
    }
    let csv = printed(&state, &["report", "--by", "workload", "--format", "csv"]);
    assert!(csv.contains("\r\n\"'=HYPERLINK(\"\"http://evil.example\"\")\","), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), 1 + HOSTILE.len());
    let page = printed(&state, &["timeline", "--html", "-"]);
    for part in ["<script", "<img", "<b onclick", "</title><b"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "and it is there as text");
}

#[test]
fn the_page_is_written_where_it_was_asked_for() {
    let state = usual();
    let file = state.path().join("page.html");
    let (stdout, stderr, code) = outcome(past(&state, &["timeline", "--html", file.to_str().unwrap()]));
    assert_eq!((stdout.as_str(), stderr.as_str(), code), ("", "", 0));
    let page = fs::read_to_string(&file).unwrap();
    assert_eq!(page, printed(&state, &["timeline", "--html", "-"]));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let open = State::empty();
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = open.path().join("page.html");
    let (_, stderr, code) = outcome(past(&state, &["timeline", "--html", refused.to_str().unwrap()]));
    assert_eq!(code, 1);
    assert!(stderr.contains("the page was not written: ") && stderr.contains("--html - > FILE"), "{stderr}");
    assert!(!refused.exists());
}

#[test]
fn without_a_past_it_says_who_writes_it() {
    for command in ["report", "timeline"] {
        let (stdout, stderr, code) = outcome(ds01(&[command, "--state-dir", "/nonexistent/ds01"]));
        assert_eq!((stdout.as_str(), code), ("", 3));
        assert!(
            stderr.contains("nothing is recorded yet: ") && stderr.contains("ds01-workload-detector.timer"),
            "{stderr}"
        );
    }
    let state = State::new(&[], std::time::Duration::ZERO);
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let text = printed(&state, &["report"]);
    assert!(text.contains("nothing is recorded") && text.contains("not recorded, so nobody knows"), "{text}");
    let text = printed(&state, &["timeline"]);
    assert!(text.contains(": not recorded"), "{text}");
    let (_, stderr, code) = outcome(ds01(&["timeline", "--demo", "--since", "1h", "--until", "2h"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("the span ends before it begins"), "{stderr}");
}

#[test]
fn a_policy_says_who_is_in_which_group() {
    let state = usual();
    let (config, groups) = (state.path().join("limits.yaml"), state.path().join("groups"));
    fs::write(&config, "groups: {student: {max_runtime: 24h}}\n").unwrap();
    fs::create_dir(&groups).unwrap();
    fs::write(groups.join("student.members"), "alice\n").unwrap();
    let config = config.to_str().unwrap();
    let text = printed(&state, &["report", "--by", "group", "--config", config]);
    assert!(text.lines().any(|line| line.starts_with("student ") && line.contains(" 10.0 ")), "{text}");
    fs::write(config, "groups: 7\n").unwrap();
    let (_, stderr, code) = outcome(past(&state, &["report", "--config", config]));
    assert_eq!(code, 1);
    assert!(stderr.contains("limits.yaml:1"), "{stderr}");
}
