//! Findings as a table with what to run below it, and as JSON.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    json,
    table::{Align, Cell, Column, Line, Medium, Shrink, push_span, render, width},
    text::sanitize,
};
use jiff::Timestamp;
use serde::Serialize;

use super::finding::{Finding, Verdict};

/// The version of the JSON.
const SCHEMA_VERSION: &str = "1";
/// A finding is not broken into lines narrower than this: the terminal breaks them better.
const LEAST_FOUND: usize = 24;
/// Blanks between columns, as the table has them.
const GAP: usize = 2;

/// The verdicts in the order of a summary, each with its plural.
const VERDICTS: [(Verdict, &str); 4] =
    [(Verdict::Ok, "ok"), (Verdict::Warning, "warnings"), (Verdict::Failed, "failed"), (Verdict::Skipped, "skipped")];

/// The table, a summary, and the commands. On a terminal a long finding goes over several lines; in a pipe each is one.
pub(super) fn table(findings: &[Finding], medium: Medium) -> String {
    let column = |heading, shrink| Column { heading, align: Align::Left, shrink };
    let columns =
        [column("CHECK", Shrink::Never), column("VERDICT", Shrink::Never), column("FOUND", Shrink::First(LEAST_FOUND))];
    let widest =
        |heading: &str, texts: &mut dyn Iterator<Item = &str>| texts.map(width).max().unwrap_or(0).max(width(heading));
    let taken = widest("CHECK", &mut findings.iter().map(|finding| finding.check))
        + widest("VERDICT", &mut findings.iter().map(|finding| finding.verdict.as_str()))
        + 2 * GAP;
    let most = medium.width.map_or(usize::MAX, |width| width.saturating_sub(taken).max(LEAST_FOUND));
    let mut lines = Vec::new();
    for finding in findings {
        let style = style(finding.verdict);
        let verdict = Cell::new(finding.verdict.as_str()).styled(style);
        let mut first = Some((Cell::new(finding.check), verdict));
        for text in broken(&sanitize(&finding.found), most) {
            let (check, verdict) = first.take().unwrap_or_else(|| (Cell::new(""), Cell::new("")));
            lines.push(Line::Row(vec![check, verdict, Cell::new(&text)]));
        }
    }
    let mut out = render(&columns, &lines, medium);
    out.push('\n');
    push_span(&mut out, &Cell::new(&summary(findings)), medium);
    push_commands(&mut out, findings);
    out
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ok => AnsiColor::Green.on_default(),
        Verdict::Warning => AnsiColor::Yellow.on_default(),
        Verdict::Failed => AnsiColor::Red.on_default().bold(),
        Verdict::Skipped => Style::new().dimmed(),
    }
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let parts: Vec<String> = VERDICTS
        .iter()
        .filter_map(|(verdict, plural)| match count(*verdict) {
            0 => None,
            1 => Some(format!("1 {}", verdict.as_str())),
            number => Some(format!("{number} {plural}")),
        })
        .collect();
    format!("{} checks: {}", findings.len(), parts.join(", "))
}

/// The commands, whole whatever the width: they are there to be copied. The same one is told once.
fn push_commands(out: &mut String, findings: &[Finding]) {
    let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
    for finding in findings {
        let Some(command) = finding.command.as_deref() else { continue };
        match told.iter_mut().find(|(known, _)| *known == command) {
            Some((_, checks)) => checks.push(finding.check),
            None => told.push((command, vec![finding.check])),
        }
    }
    if told.is_empty() {
        return;
    }
    out.push_str("\nWhat to run:\n");
    for (command, checks) in told {
        out.push_str(&format!("  {}  # {}\n", sanitize(command), checks.join(", ")));
    }
}

/// A text in lines of at most `most` cells, broken at blanks, and within a word that is longer than a line.
fn broken(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let wide = width(word);
        let blank = usize::from(used > 0);
        if used > 0 && used + blank + wide > most {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            push_last(&mut lines, ' ');
            used += 1;
        }
        for c in word.chars() {
            let cells = width(c.encode_utf8(&mut [0; 4]));
            if used > 0 && used + cells > most {
                lines.push(String::new());
                used = 0;
            }
            push_last(&mut lines, c);
            used += cells;
        }
    }
    lines
}

fn push_last(lines: &mut [String], c: char) {
    if let Some(line) = lines.last_mut() {
        line.push(c);
    }
}

/// The document of `--json`.
///
/// ```json
/// {
///   "schema_version": "1",
///   "time": "2026-03-02T12:00:00Z",
///   "checks": [
///     {"check": "gpus", "verdict": "ok", "found": "2 GPUs can be read", "command": null}
///   ]
/// }
/// ```
///
/// `verdict` is `ok`, `warning`, `failed` or `skipped`; `command` is what mends it, or shows more of it, or null.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    time: Timestamp,
    checks: &'a [Finding],
}

/// The same as JSON.
pub(super) fn json(findings: &[Finding], time: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
    json::pretty(&Document { schema_version: SCHEMA_VERSION, time, checks: findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_full_as_they_may_be() {
        assert_eq!(broken("bb cc dd", 5), ["bb cc", "dd"]);
        assert_eq!(broken("a /var/lib/ds01 b", 8), ["a", "/var/lib", "/ds01 b"]);
        assert_eq!(broken("训练 训练", 5), ["训练", "训练"]);
        assert_eq!(broken("", 5), [""]);
        assert_eq!(broken("one two", usize::MAX), ["one two"]);
    }

    #[test]
    fn a_hostile_text_stays_one_line_in_a_pipe() {
        let hostile = "GPU\u{1b}[2J\n0 lost\u{202e}";
        let findings = [
            Finding::failed("gpus", hostile).mend(hostile),
            Finding::ok("notices", "alice: 2 terminals").mend(hostile),
        ];
        let table = table(&findings, Medium { width: None, color: false });
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table}");
        assert_eq!(table.lines().count(), 8, "{table}");
        assert!(table.contains("# gpus, notices\n"), "{table}");
    }

    #[test]
    fn no_line_of_the_table_is_wider_than_the_terminal() {
        let findings =
            [Finding::warning("persistence-mode", "off on GPU 0: each scan wakes /a/very/long/path".repeat(9))];
        for columns in [50, 80, 200] {
            let table = table(&findings, Medium { width: Some(columns), color: false });
            assert!(table.lines().all(|line| width(line) <= columns), "{table}");
            assert!(!table.contains('…'), "nothing is cut: {table}");
        }
    }
}
