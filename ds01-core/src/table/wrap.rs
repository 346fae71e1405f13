//! Breaking text into lines.

use super::{Medium, width};

/// `text` behind `lead`, broken at blanks so that lines take at most `most` cells, further lines indented as far as the
/// first. A word that is longer than a line stands on one of its own.
pub fn wrapped(lead: &str, text: &str, most: usize) -> String {
    let indent = width(lead);
    let mut out = String::from(lead);
    let mut used = indent;
    for (at, word) in text.split_whitespace().enumerate() {
        if at > 0 && used + 1 + width(word) > most {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        } else if at > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width(word);
    }
    out.push('\n');
    out
}

/// Text as lines that fit `medium`.
pub fn broken(text: &str, medium: Medium) -> Vec<String> {
    wrapped("", text, medium.width.unwrap_or(usize::MAX)).lines().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_full_as_they_may_be() {
        assert_eq!(wrapped("a: ", "bb cc dd eeeeeeeeee f", 8), "a: bb cc\n   dd\n   eeeeeeeeee\n   f\n");
        assert_eq!(wrapped("", "训练 训练", 9), "训练 训练\n");
        assert_eq!(wrapped("", "训练 训练", 8), "训练\n训练\n");
        assert_eq!(wrapped("a", "", 8), "a\n");
    }
}
