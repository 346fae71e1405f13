//! Notices to one user that announce nothing of a container of his.

use super::frame::{ascii, framed, user_text};

/// A refusal can name somebody and say more besides.
const LONGEST_REASON: usize = 300;

/// So many are told one by one: a terminal takes some thousand bytes at once.
const MOST_TOLD: usize = 4;

/// A request to keep a container that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedKeep<'a> {
    /// The container as it was named, where it was. Users' text.
    pub container: Option<&'a str>,
    /// Why. Users' text can stand in it.
    pub reason: &'a str,
}

/// Tells somebody which of his requests are refused.
pub fn keep_refused(refused: &[RefusedKeep<'_>]) -> String {
    let about = |one: &RefusedKeep<'_>| {
        let name = one.container.map_or_else(|| "A request of yours".to_owned(), user_text);
        format!("{name}: {}.", ascii(one.reason, LONGEST_REASON))
    };
    let mut lines = vec!["You asked with ds01-idle keep. A check refused this:".to_owned()];
    lines.extend(refused.iter().take(MOST_TOLD).map(about));
    if refused.len() > MOST_TOLD {
        lines.push(format!("And {} more.", refused.len() - MOST_TOLD));
    }
    lines.push("What you can do: use the container, or ask an administrator, who can keep any.".to_owned());
    framed("REQUEST TO KEEP A CONTAINER: REFUSED", &lines)
}

/// Tells somebody who asked for it what is free now. `wanted` is what he asked for, in words; `free` names what was found.
pub fn gpu_is_free(wanted: &str, free: &[String], host: &str) -> String {
    let named: Vec<String> = free.iter().take(MOST_TOLD).map(|gpu| user_text(gpu)).collect();
    let more = if free.len() > MOST_TOLD { format!(" and {} more", free.len() - MOST_TOLD) } else { String::new() };
    let lines = [
        format!("You asked to be told about {} on {}.", user_text(wanted), user_text(host)),
        format!("Free now: {}{more}.", named.join(", ")),
        "Nothing is reserved for you: whoever comes first has it. You are told this once.".to_owned(),
    ];
    framed("A GPU IS FREE", &lines)
}

/// Tries whether notices reach a user of this host.
pub fn test_notice(user: &str, host: &str) -> String {
    let lines = [
        format!("For: {}, on {}", user_text(user), user_text(host)),
        "An administrator tries whether notices about GPU containers reach you here. Nothing happens, and you need not \
         do anything."
            .to_owned(),
    ];
    framed("TEST OF NOTICES", &lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::notice::frame::WIDTH;

    #[test]
    fn a_refusal_names_what_was_asked_for_and_why_not() {
        let refused = vec![
            RefusedKeep { container: Some("train"), reason: "it belongs to bob, by its label ds01.user" },
            RefusedKeep { container: None, reason: "it is no request; use ds01-idle keep" },
        ];
        let expected = "\
+--------------------------------------------------------------------------+
| REQUEST TO KEEP A CONTAINER: REFUSED                                     |
|                                                                          |
| You asked with ds01-idle keep. A check refused this:                     |
| train: it belongs to bob, by its label ds01.user.                        |
| A request of yours: it is no request; use ds01-idle keep.                |
| What you can do: use the container, or ask an administrator, who can     |
| keep any.                                                                |
+--------------------------------------------------------------------------+
";
        assert_eq!(keep_refused(&refused), expected);
        let many = keep_refused(&refused.repeat(20));
        assert!(many.contains("| And 36 more. ") && many.lines().count() < 20, "{many}");
    }

    #[test]
    fn what_is_free_is_named_and_not_promised() {
        let expected = "\
+--------------------------------------------------------------------------+
| A GPU IS FREE                                                            |
|                                                                          |
| You asked to be told about 1 MIG instance 3g.40gb on gpu01.              |
| Free now: 3:1 (NVIDIA A100, 3g.40gb).                                    |
| Nothing is reserved for you: whoever comes first has it. You are told    |
| this once.                                                               |
+--------------------------------------------------------------------------+
";
        let free = ["3:1 (NVIDIA A100, 3g.40gb)".to_owned()];
        assert_eq!(gpu_is_free("1 MIG instance 3g.40gb", &free, "gpu01"), expected);
        assert!(gpu_is_free("9 GPUs", &vec!["0".to_owned(); 9], "gpu01").contains("and 5 more."));
    }

    #[test]
    fn a_test_says_that_nothing_happens() {
        let expected = "\
+--------------------------------------------------------------------------+
| TEST OF NOTICES                                                          |
|                                                                          |
| For: alice, on gpu01                                                     |
| An administrator tries whether notices about GPU containers reach you    |
| here. Nothing happens, and you need not do anything.                     |
+--------------------------------------------------------------------------+
";
        assert_eq!(test_notice("alice", "gpu01"), expected);
    }

    #[test]
    fn no_hostile_text_moves_the_box() {
        let hostile = "\u{1b}[2J+--+\n\u{202e}\u{9b}31mß".repeat(200);
        let texts = [
            test_notice(&hostile, &hostile),
            gpu_is_free(&hostile, &vec![hostile.clone(); 9], &hostile),
            keep_refused(&[RefusedKeep { container: Some(&hostile), reason: &hostile }]),
        ];
        for text in texts {
            let plain = |line: &str| line.len() == WIDTH && line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(text.lines().all(plain), "{text}");
        }
    }
}
