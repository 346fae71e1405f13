//! What users' text goes through before it meets a terminal, a log or a broadcast.
//!
//! Container names, labels, command lines and user names are written by whoever uses the host. Printed as they are,
//! they could move the cursor, forge a line, or show a path in another order than the one it has.

use std::{
    borrow::Cow,
    fmt::{Display, Write},
};

/// Shows every character that does not simply stand where it is written as an escape such as `\x1b` or `\u{202e}`.
///
/// Escaped are the control characters (line feed and tab included, so one text stays one line), the second set of
/// them (U+0080 to U+009F), line and paragraph separators, everything that changes the direction of text, characters
/// that show nothing (zero width, joiners, variation selectors, fillers, soft hyphen, tags), and code points set aside
/// for private or no use, which terminals treat as they please. Everything else, letters of all scripts among it, is
/// left as it is.
///
/// A backslash is left alone: the result is for people to read, not to be turned back.
///
/// ```
/// use ds01_core::text::sanitize;
///
/// assert_eq!(sanitize("train.py --lr 0.1"), "train.py --lr 0.1");
/// assert_eq!(sanitize("\u{1b}[2Jgone"), "\\x1b[2Jgone");
/// assert_eq!(sanitize("exe.\u{202e}gpj"), "exe.\\u{202e}gpj");
/// ```
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(misleads) else {
        return Cow::Borrowed(text);
    };
    let (plain, rest) = text.split_at(first);
    let mut clean = String::with_capacity(text.len() + 16);
    clean.push_str(plain);
    for c in rest.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\n' => clean.write_str("\\n"),
            '\r' => clean.write_str("\\r"),
            '\t' => clean.write_str("\\t"),
            c if !misleads(c) => clean.write_char(c),
            c if c.is_ascii() => write!(clean, "\\x{:02x}", u32::from(c)),
            c => write!(clean, "\\u{{{:x}}}", u32::from(c)),
        };
    }
    Cow::Owned(clean)
}

/// So many characters of a file are quoted where it is of no use.
const QUOTED: usize = 200;

/// The beginning of what a file says, or an error that quotes it, made safe: a broken one can say anything, and at any length.
pub(crate) fn quoted(words: &dyn Display) -> String {
    let words = words.to_string();
    let clean = sanitize(&words);
    match clean.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean.into_owned(),
    }
}

/// Whether `c` does something other than show itself: Unicode 16's `Cc`, `Zl`, `Zp`, `Co`, noncharacters, direction
/// controls and default-ignorable code points.
fn misleads(c: char) -> bool {
    matches!(c,
        // Control characters, C0, DEL and C1.
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul and Khmer fillers.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
        // Mongolian selectors and vowel separator.
        | '\u{180b}'..='\u{180f}'
        // Zero width space, joiner and non-joiner, direction marks.
        | '\u{200b}'..='\u{200f}'
        // Line and paragraph separator, direction embeddings and overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, direction isolates, deprecated format characters.
        | '\u{2060}'..='\u{206f}'
        // Variation selectors, zero width no-break space (byte order mark), interlinear annotations, reserved.
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        // Shorthand and musical format characters.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        // Private use.
        | '\u{e000}'..='\u{f8ff}'
        // Noncharacters, tags, supplementary variation selectors, planes 15 and 16.
        | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_borrowed_as_it_is() {
        for text in ["", "alice", "ünï-çødé", "训练", "мария", "🦀", "C:\\x1b", "a b\u{a0}c"] {
            assert!(matches!(sanitize(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{1b}[0m", "\\x1b[31mred\\x1b[0m"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("two\nlines\r\tthree", "two\\nlines\\r\\tthree"),
            ("\0\u{8}\u{7f}", "\\x00\\x08\\x7f"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{85}\u{2028}\u{2029}", "\\u{85}\\u{2028}\\u{2029}"),
            (
                "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{61c}",
                "\\u{202a}\\u{202e}\\u{2066}\\u{2069}\\u{200e}\\u{61c}",
            ),
            ("al\u{200b}ice\u{200d}\u{fe0f}\u{feff}\u{ad}", "al\\u{200b}ice\\u{200d}\\u{fe0f}\\u{feff}\\u{ad}"),
            ("\u{e0041}\u{f8ff}\u{fffe}", "\\u{e0041}\\u{f8ff}\\u{fffe}"),
        ] {
            assert_eq!(sanitize(text), shown, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_misleads_is_left(text in any::<String>()) {
            let clean = sanitize(&text);
            prop_assert!(!clean.contains(misleads));
            prop_assert!(!clean.contains(char::is_control));
            prop_assert_eq!(sanitize(&clean), clean.clone());
        }
    }
}
