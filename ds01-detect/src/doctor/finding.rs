//! What one check came to.

use std::path::Path;

use serde::Serialize;

/// How good or bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Not to be judged here: the host has no such thing, or what it depends on did not answer.
    Skipped,
    /// It works, with less sight or at a price.
    Warning,
    /// Something does not work, or is not safe.
    Failed,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What one check came to. Its texts may quote others' words: they are made safe where they are printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check's name, one word.
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    /// What is there, and what that means.
    pub(crate) found: String,
    /// The command that mends it, or shows more of it where no command does. None of them stops anything that runs.
    pub(crate) command: Option<String>,
}

impl Finding {
    pub(crate) fn new(check: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { check, verdict, found: found.into(), command: None }
    }

    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, found)
    }

    pub(crate) fn skipped(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, found)
    }

    pub(crate) fn warning(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, found)
    }

    pub(crate) fn failed(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, found)
    }

    /// With the command that mends it.
    #[must_use]
    pub(crate) fn mend(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }

    /// With the command that mends it, if there is one.
    #[must_use]
    pub(crate) fn mend_if(self, command: Option<String>) -> Self {
        Self { command, ..self }
    }
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_path_for_one_word() {
        for (path, word) in [
            ("/var/lib/ds01", "/var/lib/ds01"),
            ("/srv/a b", "'/srv/a b'"),
            ("/srv/$(reboot)", "'/srv/$(reboot)'"),
            ("/srv/it's", r"'/srv/it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
