//! Breaking text into lines.

use super::{Medium, width};

/// `text` behind `lead`, broken at blanks so that lines take at most `most` cells, further lines indented as far as the
/// first. A word that is longer than a line stands on one of its own.
pub fn wrapped(lead: &str, text: &str, most: usize) -> String {
    hung(lead, width(lead), text, most)
}

/// As [`wrapped`], with further lines indented only a little where they would not fit behind the lead.
pub fn wrapped_anyhow(lead: &str, text: &str, most: usize) -> String {
    /// Less than most leads, and more than lines that begin something.
    const LITTLE: usize = 6;
    let text_behind_lead = wrapped(lead, text, most);
    if width(lead) <= LITTLE || text_behind_lead.lines().all(|line| width(line) <= most) {
        return text_behind_lead;
    }
    hung(lead, LITTLE, text, most)
}

fn hung(lead: &str, indent: usize, text: &str, most: usize) -> String {
    let mut out = String::from(lead);
    let mut used = width(lead);
    for (at, word) in text.split_whitespace().enumerate() {
        let gap = usize::from(at > 0);
        // A word before it may be of no width: a mark that joins the character before.
        if (at > 0 || used > indent) && used + gap + width(word) > most {
            out.truncate(out.trim_end_matches(' ').len());
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
        assert_eq!(wrapped("", "\u{73d} bb", 2), "\u{73d}\nbb\n", "a mark of no width is a word");
    }

    #[test]
    fn where_lines_do_not_fit_behind_their_lead_they_begin_further_left() {
        let lead = "  grace period  ";
        assert_eq!(wrapped_anyhow(lead, "it has run", 22), "  grace period  it has\n                run\n");
        assert_eq!(
            wrapped_anyhow(lead, "it has run for hours", 19),
            "  grace period  it\n      has run for\n      hours\n"
        );
        assert_eq!(wrapped_anyhow(lead, "nothing", 18), "  grace period\n      nothing\n");
        assert_eq!(wrapped_anyhow("  ", "nothing", 3), "  nothing\n");
    }
}
