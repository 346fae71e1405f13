//! The report for wikis and issues: a table as GitHub reads it.

use ds01_core::text::sanitize;

use super::sheet::Sheet;

/// The table, with what is to be known of it below.
pub(super) fn text_of(sheet: &Sheet, notes: &[String]) -> String {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (names, figures) = (sheet.names.len(), sheet.figures.len());
    let mut rows = vec![
        texts(&[&sheet.names[..], &sheet.figures[..]].concat()),
        [vec![":--"; names], vec!["--:"; figures]].concat().into_iter().map(ToOwned::to_owned).collect(),
    ];
    let named = |names: &[String]| names.iter().map(|name| safe(name)).collect::<Vec<_>>();
    rows.extend(sheet.rows.iter().map(|row| [named(&row.names), row.figures.clone()].concat()));
    let bold = |text: &str| if text.is_empty() { String::new() } else { format!("**{text}**") };
    let total = std::iter::once("total").chain(std::iter::repeat("")).take(names);
    rows.push(total.chain(sheet.total.iter().map(String::as_str)).map(bold).collect());
    let mut out: String = rows.into_iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    for line in std::iter::once(&sheet.title).chain(notes) {
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
