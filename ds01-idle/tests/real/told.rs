//! What stories tell, and how it is compared.

/// The lines of a notice without its frame, which has to be whole: plain text of one width.
pub(crate) fn unboxed(notice: &str) -> Vec<String> {
    assert!(notice.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{notice:?}");
    let lines: Vec<&str> = notice.lines().collect();
    let rule = format!("+{}+", "-".repeat(74));
    let [first, inner @ .., last] = &lines[..] else { panic!("{notice}") };
    assert_eq!((*first, *last), (rule.as_str(), rule.as_str()), "{notice}");
    let inside = |line: &&str| {
        assert_eq!(line.len(), 76, "{notice}");
        line.strip_prefix("| ").unwrap().strip_suffix(" |").unwrap().trim_end().to_owned()
    };
    inner.iter().map(inside).collect()
}

/// What is done to a container that ends when it is told to.
pub(crate) const STOPPED: [&str; 3] = ["kill 15", "die 0", "stop"];

/// The titles of notices.
pub(crate) const WARNING: &str = "IDLE GPU CONTAINER: WILL BE STOPPED";
pub(crate) const STOP: &str = "GPU CONTAINER IS BEING STOPPED";

/// For comparing where an order means nothing: that in which a check comes to containers.
pub(crate) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// For comparing with what a story tells.
pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}
