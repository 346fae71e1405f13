//! Users' text as the value of a label.

use crate::text::sanitize;

/// The most characters of a label's value.
pub const LONGEST_LABEL: usize = 128;

/// What ends a text that was cut.
const CUT: char = '…';

/// Text that nobody has to fear: one line, with everything escaped that misleads, and not too long. What was longer ends in `…`.
pub(super) fn label(text: &str) -> String {
    // What is cut away need not be escaped before.
    let begin = text.char_indices().nth(LONGEST_LABEL + 1).map_or(text, |(end, _)| &text[..end]);
    let clean = sanitize(begin);
    match clean.char_indices().nth(LONGEST_LABEL) {
        None => clean.into_owned(),
        Some(_) => clean.chars().take(LONGEST_LABEL - 1).chain([CUT]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_one_short_line() {
        assert_eq!(label("train"), "train");
        assert_eq!(label("a\nb\u{202e}\u{1b}[2J"), "a\\nb\\u{202e}\\x1b[2J");
        assert_eq!(label(&"x".repeat(LONGEST_LABEL)), "x".repeat(LONGEST_LABEL));
        for long in ["x".repeat(4096), "\u{202e}".repeat(4096), "训".repeat(4096)] {
            let cut = label(&long);
            assert_eq!(cut.chars().count(), LONGEST_LABEL);
            assert!(cut.ends_with(CUT));
        }
        assert_eq!(label(&String::from_utf8_lossy(b"a\xff")), "a\u{fffd}", "what was no UTF-8 shows that");
    }
}
