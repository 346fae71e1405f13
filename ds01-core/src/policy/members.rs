//! Members files: `groups/NAME.members`, one user name a line.

use super::{diagnostic::Position, reader::Reader, settings::Located, user_name::fault, value::Wrong};

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
        match fault(name) {
            Some(Wrong { message, .. }) => {
                let help = "write one user name a line, without dash, quotes and commas; a comment begins with ` #`";
                reader.error(at, message, help);
            }
            None => members.push(Located { value: name.to_owned(), place: reader.place(number) }),
        }
    }
    members
}
