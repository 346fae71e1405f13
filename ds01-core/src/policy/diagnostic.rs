//! What is wrong with a policy, where, and what to write instead.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::text::sanitize;

/// A place in a file, both counted from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy is not used.
    Error,
    /// The policy is used, and probably does not say what its author meant.
    Warning,
}

/// One finding in one of the policy's files.
///
/// Its [`Display`](fmt::Display) form has several lines and is safe to print: names, place and fault on the first, then
/// the line itself with a mark under the place, then what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// The place in it. `None` where the whole file is meant, such as one that can't be read.
    pub at: Option<Position>,
    /// The line at that place, as it is in the file, or the part of it around the place.
    pub excerpt: Option<Excerpt>,
    /// What is wrong. May quote the file: sanitise it before it meets a terminal.
    pub message: String,
    /// What to do about it, as a sentence without a full stop.
    pub help: Option<String>,
}

/// A line of a file, or the part of a long one around a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The characters before the place.
    pub before: String,
    /// Those from the place on.
    pub after: String,
}

impl Excerpt {
    /// The most characters that are kept of a line.
    const WIDTH: usize = 120;

    /// Cuts `line` around `column`, which is counted from 1 and may lie behind its end.
    pub(crate) fn around(line: &str, column: u32) -> Self {
        let before = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
        let kept = if before > Self::WIDTH / 2 { Self::WIDTH / 4 } else { before };
        Self {
            before: line.chars().skip(before - kept).take(kept).collect(),
            after: line.chars().skip(before).take(Self::WIDTH - kept).collect(),
        }
    }
}

impl Diagnostic {
    /// A finding about a whole file.
    pub(crate) fn about_file(
        severity: Severity,
        file: impl Into<PathBuf>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let (file, message) = (file.into(), message.into());
        Self { severity, file, at: None, excerpt: None, message, help: Some(help.into()) }
    }
}

/// What was found so far. A file can have more faults than anybody reads: beyond a bound they are only counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// The most errors, and the most warnings, that are kept.
    const KEPT: usize = 200;

    /// Whether another finding of this kind would only be counted.
    pub(crate) fn full(&self, severity: Severity) -> bool {
        self.seen(severity) >= Self::KEPT
    }

    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        let severity = diagnostic.severity;
        clip(&mut diagnostic.message);
        diagnostic.help.iter_mut().for_each(clip);
        if !self.full(severity) {
            self.list.push(diagnostic);
        }
        self.count(severity);
    }

    /// Counts a finding that is not kept.
    pub(crate) fn count(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
    }

    pub(crate) fn seen(&self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
        }
    }

    /// The findings, by file and place, with a last word about `file` on those that were only counted.
    pub(crate) fn finish(mut self, file: &Path) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
        let more = self.errors + self.warnings - self.list.len();
        if more > 0 {
            let message = format!("{more} more findings are not shown");
            self.list.push(Diagnostic::about_file(Severity::Warning, file, message, "correct these, then look again"));
        }
        self.list
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}", sanitize(&self.file.display().to_string()))?;
        if let Some(at) = self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        write!(f, ": {severity}: {}", sanitize(&self.message))?;
        if let (Some(at), Some(excerpt)) = (self.at, &self.excerpt) {
            let (before, after) = (shown(&excerpt.before), shown(&excerpt.after));
            write!(f, "\n{:>5} | {before}{after}\n      | {}^", at.line, " ".repeat(before.chars().count()))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n      = {}", sanitize(help))?;
        }
        Ok(())
    }
}

/// Cuts a text that quotes more of a file than anybody reads.
fn clip(text: &mut String) {
    const LONGEST: usize = 400;
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str(" ...");
    }
}

/// A piece of a line, a tab as one blank and all else that misleads as escapes.
fn shown(piece: &str) -> String {
    sanitize(&piece.replace('\t', " ")).into_owned()
}

/// A policy that can't be used, with everything that was found in its files, warnings included.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadPolicy {
    /// What was found, in the order of files and lines. At least one is an error.
    pub found: Vec<Diagnostic>,
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.found.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadPolicy {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32, source_line: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: "limits.yaml".into(),
            at: Some(Position { line, column }),
            excerpt: Some(Excerpt::around(source_line, column)),
            message: "`30` has no unit".to_owned(),
            help: Some("write `30m`".to_owned()),
        }
    }

    #[test]
    fn the_mark_stands_under_the_place() {
        assert_eq!(
            at(12, 17, "  idle_timeout: 30").to_string(),
            "limits.yaml:12:17: error: `30` has no unit\n   12 |   idle_timeout: 30\n      |                 ^\n      = write `30m`"
        );
    }

    #[test]
    fn escapes_before_the_place_move_the_mark_along() {
        let shown = at(1, 4, "\u{1b}: 30").to_string();
        assert!(shown.contains("\n    1 | \\x1b: 30\n      |       ^"), "{shown}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}30{}", "a".repeat(5_000), "b".repeat(5_000));
        let shown = at(1, 5_001, &line).to_string();
        assert!(shown.contains("a30b") && shown.lines().all(|line| line.len() < 140), "{shown}");
    }

    #[test]
    fn a_place_behind_the_end_of_the_line_is_no_trouble() {
        assert!(at(1, u32::MAX, "short").to_string().ends_with('`'));
    }
}
