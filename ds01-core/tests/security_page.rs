//! The page on security says for each thing to protect, and for each attempt, which test tries it. Here: that this test is there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The sections in whose tables each line names its tests.
const SECTIONS: [&str; 2] = ["What there is to protect", "What a user could try"];

/// What the machine is made to do that boots in a container is tried step by step, and not by the functions of a test program.
const STEPS: &str = "fixtures/system-test/src/steps/";

/// A source file, with its path from the top.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Whether a test of this name is in it.
    fn has_test(&self, name: &str) -> bool {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let begins = |line: &str| line.contains(&format!("fn {name}("));
        let Some(at) = lines.iter().position(|line| begins(line)) else { return false };
        let mut above = lines[..at].iter().rev().take_while(|line| !line.is_empty() && !line.ends_with('}'));
        self.path.starts_with(STEPS) || above.any(|line| *line == "#[test]")
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files of ours that Rust is written in.
fn sources() -> Vec<Source> {
    let (top, mut found) = (top(), Vec::new());
    let mut folders: Vec<PathBuf> =
        ["ds01-core", "ds01-detect", "ds01-idle", "ds01-workloads", "fixtures"].map(|name| top.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() && entry.file_name() != "target" {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found
}

/// The cells of each line of the tables in a section, without those of the heads.
fn lines<'a>(page: &'a str, section: &str) -> Vec<Vec<&'a str>> {
    let after = page.split(&format!("\n## {section}\n")).nth(1).unwrap_or_else(|| panic!("there is no {section:?}"));
    let rows = after.split("\n## ").next().unwrap_or_default().lines();
    let cells = |row: &'a str| Some(row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect::<Vec<_>>());
    rows.skip_while(|row| !row.starts_with("|---")).filter_map(cells).collect()
}

/// What stands in code font.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What is wrong with the tests that a page names.
fn faults(page: &str, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for section in SECTIONS {
        let lines = lines(page, section);
        assert!(!lines.is_empty(), "{section}: no table");
        let width = lines[0].len();
        for cells in lines {
            let (what, named) = (cells[0], cells.last().copied().unwrap_or_default());
            if cells.len() != width {
                faults.push(format!("{what}: {} cells, and {width} above", cells.len()));
            }
            if code(named).next().is_none() {
                faults.push(format!("{what}: no test is named"));
            }
            faults.extend(code(named).filter_map(|test| Some(format!("{what}: {}", fault(test, sources)?))));
        }
    }
    faults
}

/// What is wrong with a test that is named, as `end/of/its/file.rs: its_name`.
fn fault(test: &str, sources: &[Source]) -> Option<String> {
    let Some((file, name)) = test.split_once(".rs: ") else { return Some(format!("{test:?} is no file and its test")) };
    let end = format!("/{file}.rs");
    let mut found =
        sources.iter().filter(|source| format!("/{}", source.path).ends_with(&end) && source.has_test(name));
    match (found.next(), found.next()) {
        (None, _) => Some(format!("no file {file}.rs has a test {name}")),
        (Some(one), Some(other)) => {
            Some(format!("{name} is in {} and in {}: name more of the path", one.path, other.path))
        }
        (Some(_), None) => None,
    }
}

#[test]
fn each_line_names_its_tests_and_they_are_there() {
    let page = fs::read_to_string(top().join("docs/security.md")).unwrap();
    let faults = faults(&page, &sources());
    assert!(faults.is_empty(), "docs/security.md:\n{}", faults.join("\n"));
}

#[test]
fn what_is_missing_is_told() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [
        source("a/tests/one.rs", "fn helper() {\n}\n\n/// Why.\n#[test]\nfn holds() {\n}\n"),
        source("b/tests/one.rs", "#[test]\nfn holds() {\n}\n#[test]\nfn alone() {\n}\nfn none() {\n}\n"),
        source(&format!("{STEPS}two.rs"), "pub(crate) fn step(machine: &Machine) {\n}\n"),
    ];
    let [first, second] = SECTIONS;
    let row = |tests: &str| {
        let page = format!("# Page\n\n## {first}\n\n| a | b |\n|---|---|\n| x | `a/tests/one.rs: holds` |\n");
        faults(
            &format!(
                "{page}\n## {second}\n\n| a | b |\n|---|---|\n| x | `one.rs: alone` |\n| attempt | {tests} |\n\n## Rest\n"
            ),
            &sources,
        )
    };
    for good in ["`a/tests/one.rs: holds`", "`one.rs: alone`, `two.rs: step`"] {
        assert_eq!(row(good), [""; 0], "{good}");
    }
    for (bad, says) in [
        ("nobody has tried", "no test is named"),
        ("`one.rs: holds`", "name more of the path"),
        ("`one.rs: alone`, `one.rs: gone`", "no file one.rs has a test gone"),
        ("`one.rs: none`", "no file one.rs has a test none"),
        ("`a/tests/one.rs: alone`", "no file a/tests/one.rs has"),
        ("`three.rs: holds`", "no file three.rs has"),
        ("`holds`", "is no file and its test"),
        ("`one.rs: alone` | `two.rs: step`", "3 cells, and 2 above"),
    ] {
        let told = row(bad).join("\n");
        assert!(told.starts_with("attempt") && told.contains(says), "{bad}: {told}");
    }
}

/// Whoever owns a directory that is made at each boot, and who may write there, is as the page says.
#[test]
fn what_is_made_at_each_boot_is_in_the_table_with_its_owner_and_mode() {
    let page = fs::read_to_string(top().join("docs/security.md")).unwrap();
    let table = lines(&page, SECTIONS[0]);
    let made = fs::read_to_string(top().join("config/deploy/tmpfiles.d/ds01.conf")).unwrap();
    let mut directories = 0;
    for line in made.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["d", path, mode, user, group, ..] = words[..] else { continue };
        directories += 1;
        let row = table.iter().find(|cells| code(cells[0]).any(|one| one == path));
        let row = row.unwrap_or_else(|| panic!("docs/security.md does not know {path}"));
        let said = format!("{user}:{group} {}", mode.trim_start_matches('0'));
        assert_eq!(code(row[1]).next(), Some(said.as_str()), "{path}");
    }
    assert!(directories > 5, "{directories}");
}
