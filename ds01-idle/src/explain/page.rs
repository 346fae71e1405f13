//! The page that an explanation is written on: headings and lines, broken to fit the terminal.

use std::fmt::Write;

use anstyle::Style;
use ds01_core::table::{Medium, wrapped_anyhow};

/// Text in the making.
pub(super) struct Page {
    medium: Medium,
    out: String,
}

impl Page {
    pub(super) fn new(medium: Medium) -> Self {
        Self { medium, out: String::new() }
    }

    /// A sentence that stands out.
    pub(super) fn head(&mut self, text: &str) {
        self.broken("", text, true);
    }

    /// A line below a head.
    pub(super) fn line(&mut self, text: &str) {
        self.broken("  ", text, false);
    }

    /// A line below a head whose further lines begin where `text` does. The lead keeps its blanks.
    pub(super) fn item(&mut self, lead: &str, text: &str) {
        self.broken(&format!("  {lead}"), text, false);
    }

    /// As [`item`](Self::item), standing out.
    pub(super) fn strong_item(&mut self, lead: &str, text: &str) {
        self.broken(&format!("  {lead}"), text, true);
    }

    pub(super) fn gap(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    fn broken(&mut self, lead: &str, text: &str, strong: bool) {
        let bold = if strong && self.medium.color { Style::new().bold() } else { Style::new() };
        for line in wrapped_anyhow(lead, text, self.medium.width.unwrap_or(usize::MAX)).lines() {
            // Writing to a String cannot fail.
            let _ = writeln!(self.out, "{bold}{}{bold:#}", line.trim_end());
        }
    }
}
