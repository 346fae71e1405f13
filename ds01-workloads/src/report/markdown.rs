//! The report for wikis and issues: a table as GitHub reads it.

use ds01_core::text::sanitize;

use super::{
    figures::FIGURES,
    sums::{Report, Sums},
    table::{figure, text, title},
};

/// The table, with what is to be known of it below.
pub(super) fn text_of(report: &Report, notes: &[String]) -> String {
    let fields = || report.by.fields().iter().filter_map(|field| field.heading);
    let headings: Vec<String> = fields().chain(FIGURES.iter().map(|one| one.heading)).map(ToOwned::to_owned).collect();
    let rule: Vec<String> = fields().map(|_| ":--").chain(FIGURES.iter().map(|_| "--:")).map(ToOwned::to_owned).collect();
    let figures = |sums: &Sums| FIGURES.iter().map(|one| figure(one, sums, report.whole_ms)).collect::<Vec<_>>();
    let mut rows = vec![headings, rule];
    for line in &report.lines {
        let shown = report.by.fields().iter().zip(&line.key.texts).filter(|(field, _)| field.heading.is_some());
        rows.push(shown.map(|(_, name)| safe(text(name.as_deref()))).chain(figures(&line.sums)).collect());
    }
    let blank = fields().skip(1).map(|_| String::new());
    let bold = |text: String| format!("**{text}**");
    rows.push(
        std::iter::once(bold("total".to_owned())).chain(blank).chain(figures(&report.total).into_iter().map(bold)).collect(),
    );
    let mut out: String = rows.into_iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    for line in std::iter::once(&title(report)).chain(notes) {
        out.push_str(&format!("\n{}.\n", sanitize(line)));
    }
    out
}

/// A name as it is. What could be markup, a mention or a link is put as code, in which nothing is anything but itself.
fn safe(name: &str) -> String {
    let name = sanitize(name);
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | ' ' | ':');
    if name.chars().all(is_plain) && name.matches(':').count() < 2 && name.contains(char::is_alphanumeric) {
        return name.into_owned();
    }
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A blank on each side is taken away again, and keeps the name's own marks from the fence.
    format!("{fence} {} {fence}", name.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_neither_markup_nor_a_cell_more() {
        for (name, shown) in [
            ("alice", "alice"),
            ("3:0", "3:0"),
            ("alice._.thesis", "` alice._.thesis `"),
            ("a|b", "` a\\|b `"),
            ("<script>", "` <script> `"),
            ("@all", "` @all `"),
            ("``x`", "``` ``x` ```"),
            (":smile:", "` :smile: `"),
            ("two\nlines", "` two\\nlines `"),
        ] {
            assert_eq!(safe(name), shown, "{name:?}");
        }
    }
}
