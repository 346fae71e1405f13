//! The picture of the sample host, as each medium gets it.

use clap::Parser;
use ds01_core::table::{Medium, width};
use jiff::tz::TimeZone;

use super::{
    args::TimelineArgs,
    run::{Failure, html, picture},
};
use crate::{
    cli::{Cli, Task},
    past::Past,
};

fn args(arguments: &[&str]) -> TimelineArgs {
    let fixed = ["ds01-workloads", "timeline", "--demo", "--now", "2026-03-02T14:30:00Z"];
    match Cli::try_parse_from([&fixed, arguments].concat()).unwrap().task() {
        Task::Timeline(args) => args,
        task => panic!("{task:?}"),
    }
}

fn zone() -> TimeZone {
    TimeZone::posix("CET-1").unwrap()
}

fn made<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn shown(arguments: &[&str], width: Option<usize>, color: bool) -> String {
    let past = Past::open(&args(arguments).past).unwrap();
    shown_of(&past, arguments, width, color)
}

fn shown_of(past: &Past, arguments: &[&str], width: Option<usize>, color: bool) -> String {
    made(picture(&args(arguments), past, &zone(), Medium { width, color }))
}

#[test]
fn the_picture_fits_terminals_of_all_widths_and_a_pipe() {
    for (name, width, color) in [
        ("80", Some(80), false),
        ("200", Some(200), false),
        ("piped", None, false),
        ("80_in_colour", Some(80), true),
        ("200_in_colour", Some(200), true),
    ] {
        insta::assert_snapshot!(format!("by_gpu_{name}"), shown(&[], width, color).replace('\x1b', "ESC"));
    }
    insta::assert_snapshot!("by_user_80", shown(&["--by", "user", "--since", "9d"], Some(80), false));
    let past = Past::open(&args(&[]).past).unwrap();
    for by in ["gpu", "user"] {
        for available in (30..260).step_by(23) {
            let text = shown_of(&past, &["--by", by], Some(available), false);
            assert!(text.lines().all(|line| width(line) <= available), "by {by} at {available}:\n{text}");
        }
    }
}

#[test]
fn a_row_says_who_worked_who_idled_and_what_the_reaper_did() {
    let text = shown(&["--since", "24h"], Some(100), false);
    let row = |label: &str| text.lines().find(|line| line.starts_with(label)).unwrap_or_default().to_owned();
    // One worked, idled, was warned and stopped; then came another.
    let first = row("0 ");
    let at = |c: char| first.find(c).unwrap_or_else(|| panic!("{c} in {first}"));
    assert!(at('M') < at('m') && at('m') < at('!') && at('!') < at('×') && at('×') < at('A'), "{first}");
    assert!(!first.contains('a'), "who always works is always large");
    assert!(row("3:1 ").contains("??????"), "what nobody could tell is no idle time");
    assert_eq!(text.lines().filter(|line| line.starts_with("      ")).count(), 2, "held by two at once, in two lines");
}

#[test]
fn the_page_holds_all_of_it_and_nothing_from_elsewhere() {
    let args = args(&["--html", "-"]);
    let past = Past::open(&args.past).unwrap();
    let page = made(html(&args, &past, &zone()));
    for part in [
        "Who had which GPU of gpu-lab-01",
        "2026-03-01 15:30 to 2026-03-02 15:30",
        "maria: maria._.segment",
        "maria._.segment of maria (ds01-managed)\nGPU 0, Sun 1 15:30 to Sun 1 19:30\n4.0 h held: work 1.7 h, idle 2.3 h; the GPU used for 1.4 h",
        "stopped: idle: maria._.segment of maria",
        "GPU-hours by user, 2026-03-01 to 2026-03-02 (days in UTC)",
        "GPU-hours by GPU",
        "GPU-hours by day",
        "default-src 'none'",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    for part in
        ["<script", "http:", "https:", "url(//", "@import", "<img", "<iframe", "onload", "onerror", "javascript:"]
    {
        assert!(!page.to_lowercase().contains(part), "{part}");
    }
}

#[test]
fn a_span_that_ends_before_it_begins_is_refused() {
    let args = args(&["--since", "1h", "--until", "2h"]);
    let past = Past::open(&args.past).unwrap();
    let result = picture(&args, &past, &zone(), Medium { width: None, color: false });
    assert!(matches!(result, Err(Failure::Usage(_))));
}

/// What the documentation shows, as the program prints it.
#[test]
fn the_documentation_shows_what_is_printed() {
    let docs = include_str!("../../../docs/accounting.md").replace("\n    ", "\n");
    let args = args(&[]);
    let past = Past::open(&args.past).unwrap();
    let text = made(picture(&args, &past, &TimeZone::UTC, Medium { width: None, color: false }));
    assert!(docs.contains(&text), "{text}");
}
