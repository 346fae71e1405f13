//! What the doctor said, and how two of its answers differ.

use std::{collections::BTreeMap, process::Output};

use serde_json::Value;

/// One answer of `doctor --json`.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) code: Option<i32>,
    pub(crate) rows: BTreeMap<String, Row>,
}

/// One finding, with what differs from run to run made the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) verdict: String,
    pub(crate) found: String,
    pub(crate) command: Option<String>,
}

/// What is expected of one row: its check, its verdict, a part of what was found, and the command.
pub(crate) type Expected = (&'static str, &'static str, &'static str, Option<&'static str>);

impl Diagnosis {
    /// Reads the answer. `dir` is the host's own, which stands as `[dir]`.
    pub(crate) fn read(output: &Output, dir: &str) -> Self {
        let said = String::from_utf8_lossy(&output.stderr);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        let text = |value: &Value| value.as_str().map(|text| aged(&text.replace(dir, "[dir]")));
        let row = |finding: &Value| Row {
            verdict: text(&finding["verdict"]).unwrap(),
            found: text(&finding["found"]).unwrap(),
            command: text(&finding["command"]),
        };
        let findings = document["checks"].as_array().unwrap();
        let rows = findings.iter().map(|finding| (text(&finding["check"]).unwrap(), row(finding))).collect();
        let diagnosis = Self { code: output.status.code(), rows };
        let failed = diagnosis.rows.values().any(|row| row.verdict == "failed");
        assert_eq!(diagnosis.code, Some(i32::from(failed)), "{diagnosis:#?}");
        diagnosis
    }

    /// The row of a check.
    pub(crate) fn row(&self, check: &str) -> &Row {
        self.rows.get(check).unwrap_or_else(|| panic!("no {check}"))
    }

    /// Exactly these rows are others than in `sound`, and they say this.
    #[track_caller]
    pub(crate) fn differs(&self, what: &str, sound: &Self, expected: &[Expected]) {
        let changed: Vec<&str> =
            self.rows.iter().filter(|(check, row)| sound.row(check) != *row).map(|(check, _)| check.as_str()).collect();
        let mut named: Vec<&str> = expected.iter().map(|(check, ..)| *check).collect();
        named.sort_unstable();
        assert_eq!(changed, named, "{what}: {self:#?}");
        for (check, verdict, says, command) in expected {
            let row = self.row(check);
            assert_eq!((row.verdict.as_str(), row.command.as_deref()), (*verdict, *command), "{what}: {row:#?}");
            assert!(row.found.contains(says), "{what}: {row:#?}");
        }
    }
}

/// A text with each span that is told to a second as `[age]`: a machine may be slow.
fn aged(text: &str) -> String {
    let is_span = |word: &str| {
        let digits = word.strip_suffix('s').map(|word| word.replacen('m', "", 1)).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let word = |word: &str| {
        let bare = word.trim_matches(['(', ')', '.', ':', ';', ',']);
        if is_span(bare) { word.replace(bare, "[age]") } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
