//! The report for spreadsheets: RFC 4180, a line for each line of the report and none for the total.

use std::io;

use csv::{Terminator, WriterBuilder};
use ds01_core::{detect::UNKNOWN_USER, text::sanitize};

use super::{figures::FIGURES, sums::Report};

/// What makes a spreadsheet take a cell for a formula. The last four are the wide forms of the first.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// The file.
pub(super) fn bytes(report: &Report) -> io::Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let fields = report.by.fields();
    let headings = fields.iter().map(|field| field.machine).chain(FIGURES.iter().map(|figure| figure.machine));
    writer.write_record(headings)?;
    for line in &report.lines {
        let names = line.key.texts.iter().map(|name| name_cell(name.as_deref().unwrap_or(UNKNOWN_USER)));
        let figures = FIGURES.iter().map(|figure| {
            // Nothing is known of what has no figure.
            (figure.value)(&line.sums, report.whole_ms).map_or_else(String::new, |value| value.exact().to_string())
        });
        writer.write_record(names.chain(figures))?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// A name that no spreadsheet takes for a formula.
fn name_cell(name: &str) -> String {
    let neutral = if name.starts_with(FORMULA) { "'" } else { "" };
    format!("{neutral}{}", sanitize(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        for (name, cell) in [
            ("alice", "alice"),
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(name_cell(name), cell, "{name:?}");
        }
    }
}
