//! A folder for every rule and every mistake, each with what is expected of it in `expected.snap`.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use ds01_core::policy::{ContainerType, Level, Loaded, parse};
use jiff::{Timestamp, tz::TimeZone};

use super::{folder, root};

fn folders(kind: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root().join("fixtures/policy").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn compare(folder: &Path, found: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("expected", found));
}

/// The users and types that the first line of a valid fixture asks about.
fn questions(text: &str) -> Vec<(String, ContainerType)> {
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap();
    first
        .strip_prefix("# resolve: ")
        .expect("the first line says what to resolve")
        .split(", ")
        .map(|question| {
            let (user, kind) = question.split_once(' ').unwrap();
            (user.to_owned(), ContainerType::from_name(kind).unwrap())
        })
        .collect()
}

fn describe(Loaded { policy, warnings, .. }: &Loaded, text: &str) -> String {
    let mut said = String::new();
    for warning in warnings {
        writeln!(said, "{warning}").unwrap();
    }
    let now: Timestamp = "2026-06-30T12:00:00Z".parse().unwrap();
    for (user, kind) in questions(text) {
        let resolved = policy.resolve(Some(&user), kind);
        let group = &resolved.group;
        let place = group.place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
        writeln!(said, "{user}, {kind}: group {} ({}{place})", group.value, group.level.kind()).unwrap();
        for row in resolved.rows().iter().filter(|row| row.level != Level::BuiltIn) {
            let place = row.place.as_ref().unwrap();
            writeln!(said, "  {} = {} ({} at {place})", row.name, row.value, row.level).unwrap();
        }
        for (exemption, holds) in policy.exemptions_of(&user, now, &TimeZone::UTC) {
            let from: Vec<_> = exemption.exempt_from.iter().map(|from| from.as_str()).collect();
            let state = if holds { "exempt" } else { "no longer exempt" };
            writeln!(said, "  {state} from {}, until {}: {:?}", from.join(", "), exemption.expires, exemption.reason)
                .unwrap();
        }
    }
    if text.contains("monitoring:\n  ") {
        writeln!(said, "{:#?}", policy.monitoring).unwrap();
    }
    said
}

#[test]
fn valid_policies_mean_what_is_expected() {
    let folders = folders("valid");
    assert!(folders.len() >= 25, "{}", folders.len());
    for path in folders {
        let files = folder(&path);
        let loaded = parse(&files).unwrap_or_else(|bad| panic!("{} is valid:\n{bad}", path.display()));
        compare(&path, &describe(&loaded, std::str::from_utf8(&files.policy.bytes).unwrap()));
    }
}

#[test]
fn invalid_policies_are_refused_with_the_expected_words() {
    let folders = folders("invalid");
    assert!(folders.len() >= 40, "{}", folders.len());
    for path in folders {
        let Err(bad) = parse(&folder(&path)) else { panic!("{} is not valid", path.display()) };
        let said = bad.to_string();
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
        compare(&path, &said);
    }
}
