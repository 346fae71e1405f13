//! The report of the sample host, as each medium gets it.

use clap::Parser;
use ds01_core::table::{Medium, width};

use super::{
    args::ReportArgs,
    run::{Failure, printed},
};
use crate::{
    cli::{Cli, Task},
    past::Past,
};

fn args(arguments: &[&str]) -> ReportArgs {
    let fixed = ["ds01-workloads", "report", "--demo", "--now", "2026-03-02T14:30:00Z"];
    match Cli::try_parse_from([&fixed, arguments].concat()).unwrap().task() {
        Task::Report(args) => args,
        task => panic!("{task:?}"),
    }
}

fn shown(arguments: &[&str], width: Option<usize>, color: bool) -> String {
    let args = args(arguments);
    let past = Past::open(&args.past).unwrap();
    shown_of(&past, arguments, width, color)
}

fn shown_of(past: &Past, arguments: &[&str], width: Option<usize>, color: bool) -> String {
    match printed(&args(arguments), past, Medium { width, color }) {
        Ok(printed) => String::from_utf8(printed.bytes).unwrap(),
        Err(Failure::Past(error)) => panic!("{error}"),
        Err(Failure::Usage(error)) => panic!("{error}"),
        Err(Failure::Output(error)) => panic!("{error}"),
    }
}

#[test]
fn a_span_that_can_not_be_is_refused() {
    for (arguments, words) in [
        (&["--since", "2026-02-25", "--until", "2026-02-20"][..], "ends before it begins"),
        (&["--month", "2027-05"], "still to come"),
        (&["--since", "2026-03-03"], "still to come"),
    ] {
        let args = args(arguments);
        let past = Past::open(&args.past).unwrap();
        match printed(&args, &past, Medium { width: None, color: false }) {
            Err(Failure::Usage(error)) => assert!(error.contains(words), "{error}"),
            _ => panic!("{arguments:?}"),
        }
    }
}

#[test]
fn the_table_fits_terminals_of_all_widths_and_is_whole_in_a_pipe() {
    for (name, width) in [("80", Some(80)), ("120", Some(120)), ("200", Some(200)), ("piped", None)] {
        insta::assert_snapshot!(format!("by_user_{name}"), shown(&["--since", "7d"], width, false));
    }
    insta::assert_snapshot!("by_gpu_80", shown(&["--since", "7d", "--by", "gpu"], Some(80), false));
    insta::assert_snapshot!("by_workload_80", shown(&["--since", "7d", "--by", "workload"], Some(80), false));
    insta::assert_snapshot!("by_day_200", shown(&["--since", "9d", "--by", "day"], Some(200), false));
    insta::assert_snapshot!(
        "by_group_200_in_colour",
        shown(&["--by", "group"], Some(200), true).replace('\x1b', "ESC")
    );
    let past = Past::open(&args(&[]).past).unwrap();
    for by in ["user", "group", "workload", "gpu", "day", "type"] {
        for available in (20..240).step_by(19) {
            let text = shown_of(&past, &["--by", by], Some(available), false);
            assert!(text.lines().all(|line| width(line) <= available), "by {by} at {available}:\n{text}");
            // What is the point of it stays.
            assert!(available < 60 || ["HELD", "USED", "IDLE"].iter().all(|heading| text.contains(heading)), "{text}");
        }
    }
}

#[test]
fn files_have_exact_figures_with_their_units() {
    insta::assert_snapshot!(
        "csv",
        shown(&["--by", "workload", "--format", "csv"], None, false).replace("\r\n", "CRLF\n")
    );
    insta::assert_snapshot!("json", shown(&["--by", "gpu", "--format", "json", "--month", "2026-02"], None, false));
    insta::assert_snapshot!("markdown", shown(&["--by", "workload", "--format", "markdown"], None, false));
}

#[test]
fn shares_are_those_of_all_and_whoever_is_asked_for_is_told_alone() {
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&shown(&[arguments, &["--format", "json", "--since", "7d"]].concat(), None, false))
            .unwrap()
    };
    let (all, one) = (json(&[]), json(&["--user", "alice"]));
    let rows = all["rows"].as_array().unwrap();
    let sum = |of: &str| rows.iter().map(|row| row[of].as_f64().unwrap_or(0.0)).sum::<f64>();
    assert!((sum("share_percent") - 100.0).abs() < 0.001);
    for row in rows.iter().chain([&all["total"]]) {
        let hours = |name: &str| row[format!("{name}_hours")].as_f64().unwrap_or(0.0);
        let parts = hours("work") + hours("idle") + hours("unknown") + hours("unobserved");
        assert!((hours("held") - parts).abs() < 0.000_01, "held is all of it: {row}");
    }
    let alice = rows.iter().find(|row| row["user"] == "alice").unwrap();
    assert_eq!(one["rows"], serde_json::json!([alice]));
    assert_eq!(one["total"]["share_percent"], alice["share_percent"]);
    let unknown = json(&["--user", "unknown"]);
    assert_eq!(unknown["rows"][0]["user"], serde_json::Value::Null);
    assert_eq!(unknown["rows"][0]["used_hours"], serde_json::Value::Null, "nothing was measured, which is not 0");
    // Held by several at once, a GPU is held for as long as anybody held it.
    assert!(sum("held_hours") > 500.0);
}

#[test]
fn nobody_at_all_is_said_and_nothing_known_is_not_nobody() {
    insta::assert_snapshot!(shown(&["--month", "2025-12"], Some(80), false), @r"
    USER  HELD  SHARE  USED  EFFIC.  WORK  IDLE  UNKNOWN  UNSEEN  GIVEN BACK  ENERGY
    nothing is recorded
    no room for STOPS
    not recorded, so nobody knows who held what: 2025-12-01 to 2025-12-31
    GPU-hours by user, 2025-12-01 to 2025-12-31 (days in UTC)
    ");
    let recorded = shown(&["--since", "1d", "--user", "nobody-such"], None, false);
    assert!(recorded.contains("\nnobody held a GPU\n"), "{recorded}");
}

#[test]
fn spans_that_can_not_be_are_usage_errors() {
    for (arguments, said) in [
        (&["--month", "2026-13"][..], "a month was expected, as in 2026-03"),
        (&["--month", "2026-03", "--since", "7d"], "cannot be used with"),
        (&["--since", "2026-03-01T14:00"], "hours are kept by day: give the day alone, 2026-03-01"),
        (&["--by", "container"], "possible values"),
    ] {
        let error = Cli::try_parse_from([&["ds01-workloads", "report"], arguments].concat()).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// What the documentation shows, as the program prints it.
#[test]
fn the_documentation_shows_what_is_printed() {
    let docs = include_str!("../../../docs/accounting.md").replace("\n    ", "\n");
    assert!(docs.contains(&shown(&["--since", "7d"], None, false)));
}
