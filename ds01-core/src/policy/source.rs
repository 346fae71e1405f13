//! One file's text, with its lines.

use std::{path::Path, sync::Arc};

use super::{
    diagnostic::{Diagnostic, Excerpt, Findings, Position, Severity},
    document::Document,
    level::Place,
    yaml,
};

/// A file that is text.
pub(crate) struct Source<'a> {
    pub(crate) file: Arc<Path>,
    pub(crate) text: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Source<'a> {
    /// Decodes a file. `None`, with the reason reported, when it is no text.
    pub(crate) fn decode(document: &'a Document, found: &mut Findings) -> Option<Self> {
        let Document { path, bytes } = document;
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let error = |message: &str, help: &str| Diagnostic::about_file(Severity::Error, path, message, help);
        let diagnostic = match std::str::from_utf8(bytes) {
            _ if bytes.len() > yaml::MAX_BYTES => error(
                &format!("the file has more than {} bytes, which is the most that is read", yaml::MAX_BYTES),
                "this is not a policy file, or something wrote into it: restore it from a copy",
            ),
            Ok(text) => return Some(Self { file: Arc::from(path.as_path()), text, lines: split_lines(text) }),
            Err(_) if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) => {
                error("the file is UTF-16", "save it as UTF-8")
            }
            Err(fault) => {
                let sound = String::from_utf8_lossy(&bytes[..fault.valid_up_to()]);
                let lines = split_lines(&sound);
                let last = lines.last().copied().unwrap_or_default();
                let at = Position { line: number(lines.len()), column: number(last.chars().count() + 1) };
                let excerpt = Some(Excerpt::around(last, at.column));
                Diagnostic { at: Some(at), excerpt, ..error("a byte here is not UTF-8", "save the file as UTF-8") }
            }
        };
        found.push(diagnostic);
        None
    }

    /// A line of this file.
    pub(crate) fn place(&self, line: u32) -> Place {
        Place { file: Arc::clone(&self.file), line }
    }

    /// The lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u32, &'a str)> {
        self.lines.iter().enumerate().map(|(index, line)| (number(index + 1), *line))
    }

    fn line(&self, line: u32) -> Option<&'a str> {
        self.lines.get(usize::try_from(line).ok()?.checked_sub(1)?).copied()
    }

    /// A finding at a position.
    pub(crate) fn diagnostic(&self, severity: Severity, at: Position, message: String, help: String) -> Diagnostic {
        let excerpt = self.line(at.line).map(|line| Excerpt::around(line, at.column));
        Diagnostic { severity, file: self.file.to_path_buf(), at: Some(at), excerpt, message, help: Some(help) }
    }

    /// Where `name` stands in a line; the line's start if it is spelled in another way there.
    pub(crate) fn find(&self, name: &str, line: u32) -> Position {
        let text = self.line(line).unwrap_or_default();
        let before = text.find(name).map_or(0, |start| text[..start].chars().count());
        Position { line, column: number(before + 1) }
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Lines as YAML has them: ended by LF, CR LF or CR.
fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        rest = rest[end..].strip_prefix("\r\n").unwrap_or(&rest[end + 1..]);
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_in_yaml() {
        assert_eq!(split_lines("a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
        assert_eq!(split_lines(""), [""]);
        assert_eq!(split_lines("\r\n\n"), ["", "", ""]);
    }
}
