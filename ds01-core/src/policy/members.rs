//! Members files: `groups/NAME.members`, one user name a line.

use super::{diagnostic::Position, reader::Reader, settings::Located};

/// The longest user name that is read, in bytes: what Linux and directory servers allow at most.
const LONGEST_NAME: usize = 256;

/// The names of a members file. Blank lines and comments (`#` at the start of a line, or behind a blank) say nothing.
pub(crate) fn members(reader: &mut Reader<'_>) -> Vec<Located<String>> {
    let mut members = Vec::new();
    for (number, line) in reader.lines() {
        let content =
            line.find('#').filter(|&at| line[..at].ends_with([' ', '\t']) || at == 0).map_or(line, |at| &line[..at]);
        let name = content.trim();
        if name.is_empty() {
            continue;
        }
        let column = content.len() - content.trim_start().len() + 1;
        let at = Position { line: number, column: u32::try_from(column).unwrap_or(u32::MAX) };
        if let Some((fault, help)) = fault(name) {
            reader.error(at, fault, help);
        } else {
            members.push(Located::new(name.to_owned(), &reader.file, number));
        }
    }
    members
}

/// What keeps a text from being a user name, and what to write.
pub(crate) fn fault(name: &str) -> Option<(String, &'static str)> {
    if name.chars().any(char::is_control) {
        Some((format!("`{name}` has a control character in it"), "remove the character"))
    } else if name.len() > LONGEST_NAME {
        Some((format!("this name has {} bytes", name.len()), "write one user name a line"))
    } else if name.starts_with("- ") || name.starts_with(['"', '\'', '[']) {
        Some((format!("`{name}` is written as in YAML"), "write the name alone, without dash, quotes or brackets"))
    } else if name.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '/')) {
        Some((format!("`{name}` is not one user name"), "write one user name a line, a comment behind ` #`"))
    } else {
        None
    }
}
