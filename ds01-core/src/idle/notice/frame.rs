//! The form of a notice: a ruled box of plain text.
//!
//! It is ASCII, whatever characters the names in it have. A broadcast reaches terminals of all kinds, and a name must neither
//! forge a line nor shift the box.

use std::fmt::Write;

use crate::text::sanitize;

/// The width of a notice in characters, its frame included.
pub const WIDTH: usize = 76;

/// The longest that a user's text gets in a notice.
pub(super) const LONGEST_TEXT: usize = 100;

/// A title and paragraphs, all in ASCII, in a box.
pub(super) fn framed(title: &str, paragraphs: &[String]) -> String {
    let inner = WIDTH - 4;
    let rule = format!("+{}+\n", "-".repeat(WIDTH - 2));
    let mut text = rule.clone();
    let mut line = |content: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {content:<inner$} |");
    };
    line(title);
    line("");
    for paragraph in paragraphs {
        wrap(paragraph, inner).iter().for_each(|part| line(part));
    }
    text + &rule
}

/// A user's text, in ASCII and of bounded length.
pub(super) fn user_text(text: &str) -> String {
    ascii(text, LONGEST_TEXT)
}

/// A text with users' text in it, in ASCII and at most a little longer than `longest`.
pub(super) fn ascii(text: &str, longest: usize) -> String {
    let mut plain = String::new();
    for c in sanitize(text).chars() {
        if plain.len() >= longest {
            plain.push_str("...");
            break;
        }
        if c.is_ascii() {
            plain.push(c);
        } else {
            plain.extend(c.escape_unicode());
        }
    }
    plain
}

/// Breaks ASCII text into lines of at most `width` characters, between words where that is possible.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        while let Some(line) = lines.last_mut() {
            let space = usize::from(!line.is_empty());
            if line.len() + space + word.len() <= width {
                line.push_str(&" "[..space]);
                line.push_str(word);
                break;
            }
            if line.is_empty() {
                let (head, tail) = word.split_at(width);
                line.push_str(head);
                word = tail;
            }
            lines.push(String::new());
        }
    }
    lines
}
