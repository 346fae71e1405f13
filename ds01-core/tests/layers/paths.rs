//! The paths that a file's text names, each with its line: from `use` lines, braces unfolded, and from the code.

/// A path's parts, and the line that it stands on.
pub(crate) type Named = (Vec<String>, usize);

/// All paths that begin with `crate`, `super` or `self`. Comments and strings are no code, nor is what stands behind
/// `#[cfg(test)]`.
pub(crate) fn paths(text: &str) -> Vec<Named> {
    let code = without_tests(&without_comments(text));
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = next_root(rest) {
        let before = code.len() - rest.len() + at;
        let line = code[..before].matches('\n').count() + 1;
        let used = tree(&rest[at..], &[], line, &mut found);
        rest = &rest[at + used.max(1)..];
    }
    found
}

/// Where the next path begins.
fn next_root(text: &str) -> Option<usize> {
    let begins = |root: &str| {
        let word = |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '$'));
        text.match_indices(root).map(|(at, _)| at).find(word)
    };
    ["crate::", "super::", "self::"].into_iter().filter_map(begins).min()
}

/// Reads one path or tree of paths; how many bytes it was.
fn tree(text: &str, before: &[String], line: usize, found: &mut Vec<Named>) -> usize {
    let mut parts = before.to_vec();
    let mut at = 0;
    loop {
        let here = line + text[..at].matches('\n').count();
        if text[at..].starts_with('{') {
            at += 1;
            while let Some(c) = text[at..].chars().next() {
                match c {
                    '}' => return at + 1,
                    c if c.is_whitespace() || c == ',' => at += c.len_utf8(),
                    _ => {
                        let here = line + text[..at].matches('\n').count();
                        let used = tree(&text[at..], &parts, here, found);
                        // `as name` and the like.
                        at += used.max(1);
                        at += text[at..].find([',', '}', '{', '\n']).unwrap_or(0);
                    }
                }
            }
            return at;
        }
        let word: String = text[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '*')).collect();
        at += word.len();
        if !word.is_empty() {
            parts.push(word);
        }
        match text[at..].strip_prefix("::") {
            Some(rest) if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '*' | '{')) => at += 2,
            _ => {
                found.push((parts, here));
                return at;
            }
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect::<Vec<_>>().join("\n")
}

/// A file's own tests stand at its end.
fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn braces_are_unfolded() {
    let text =
        "use crate::{\n    a::{self, B},\n    c::D as E,\n};\nfn f() -> super::g::H { crate::i() }\n// crate::not\n";
    let found: Vec<String> =
        paths(text).into_iter().map(|(parts, line)| format!("{line} {}", parts.join("::"))).collect();
    assert_eq!(found, ["2 crate::a::self", "2 crate::a::B", "3 crate::c::D", "5 super::g::H", "5 crate::i"]);
}
