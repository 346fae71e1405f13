use super::*;
use crate::tests::{container, gpu_uuid, inventory, looked, options, process};

fn frame(rows: &[&str], last: Option<Frame>) -> Frame {
    let containers = rows.iter().map(|name| container(name, |_| {})).collect();
    let picture = looked(&inventory(containers, vec![]), &options(&["--watch"]));
    Frame::of(Ok(picture), last, None)
}

fn lines(frame: &Frame) -> Vec<String> {
    let text = frame.plain(&options(&["--watch"]), Medium { width: None, color: false });
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn what_appeared_and_what_left_is_marked_for_one_draw() {
    let first = frame(&["a", "b"], None);
    assert_eq!(lines(&first)[1..3], ["raw-docker unknown - running 1h a", "raw-docker unknown - running 1h b"]);
    let second = frame(&["b", "c"], Some(first));
    assert_eq!(
        lines(&second)[1..],
        [
            "- raw-docker unknown - running 1h a",
            "raw-docker unknown - running 1h b",
            "+ raw-docker unknown - running 1h c",
            "12s ago: 2 containers, 0 with GPU, 0 host GPU processes",
        ]
    );
    let third = frame(&["b", "c"], Some(second));
    assert_eq!(lines(&third)[1..3], ["raw-docker unknown - running 1h b", "raw-docker unknown - running 1h c"]);
    assert_eq!(lines(&third).len(), 4);
}

#[test]
fn a_reused_pid_left_and_appeared() {
    let at = |start_ticks: u64, last| {
        let mut entry = process(7, "al", "x", &[&gpu_uuid(0)]);
        entry.start_ticks = start_ticks;
        Frame::of(Ok(looked(&inventory(vec![], vec![entry]), &options(&["--watch"]))), last, None)
    };
    let second = at(2, Some(at(1, None)));
    assert_eq!(lines(&second).iter().filter(|line| line.starts_with(['+', '-'])).count(), 2);
}

#[test]
fn a_look_that_failed_is_said_and_forgets_nothing() {
    let first = frame(&["a"], None);
    let failed = Frame::of(Err("no inventory yet: \x1b[2J".to_owned()), Some(first), None);
    assert_eq!(lines(&failed), [r"no inventory yet: \x1b[2J"]);
    let after = frame(&["b"], Some(failed));
    assert!(lines(&after)[1].starts_with("- "));
    assert!(lines(&after)[2].starts_with("+ "));
}

#[test]
fn a_message_is_broken_into_lines_and_keeps_its_end() {
    let failed = Frame::of(Err("one two three four\nsee `this`".to_owned()), None, None);
    let text = failed.plain(&options(&["--watch"]), Medium { width: Some(10), color: false });
    assert_eq!(text, "one two\nthree four\nsee `this`\n");
}

#[test]
fn what_does_not_fit_is_cut_before_the_last_line() {
    let text = "head\nrow 1\nrow 2\nrow 3\nlast\n";
    assert_eq!(cut(text, 6), ["head", "row 1", "row 2", "row 3", "last"]);
    assert_eq!(cut(text, 5), ["head", "row 1", "...", "last"]);
    assert_eq!(cut(text, 4), ["head", "...", "last"]);
    assert_eq!(cut(text, 3), ["...", "last"]);
    assert_eq!(cut(text, 2), ["last"]);
    assert_eq!(cut(text, 0), ["last"]);
    assert!(cut("", 10).is_empty());
}
