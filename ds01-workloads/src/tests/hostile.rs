//! Users' text reaches no terminal unescaped, and no JSON changed.

use ds01_core::detect::{Inventory, inventory::UnresolvedGpu};

use super::{container, gpu_uuid, inventory, options, process, shown};
use crate::warnings::warnings;

/// Escape sequences, a title, carriage return, tab, line feed, NUL, C1, bidi override, invisible and tag characters.
const HOSTILE: &str = "\x1b[2J\x1b]0;pwned\x07\r\t\n\0\u{9b}31m\u{202e}txt\u{200b}\u{e0041}\u{fffd}";

fn host() -> Inventory {
    let nasty = container("nasty", |c| {
        c.name = HOSTILE.to_owned();
        c.image = HOSTILE.to_owned();
        c.user = HOSTILE.to_owned();
        c.has_gpu = Some(true);
        c.gpus = vec![HOSTILE.to_owned()];
        c.gpus_unresolved = vec![UnresolvedGpu { device: HOSTILE.to_owned(), reason: HOSTILE.to_owned() }];
        c.status = HOSTILE.to_owned().into();
    });
    let mut bare = process(8, HOSTILE, HOSTILE, &[HOSTILE, &gpu_uuid(0)]);
    bare.cmdline = None;
    inventory(vec![nasty], vec![process(7, HOSTILE, HOSTILE, &[HOSTILE]), bare])
}

#[track_caller]
fn assert_harmless(text: &str) {
    for c in text.chars().filter(|c| *c != '\n') {
        let hidden = c.is_control() || "\u{202e}\u{200b}\u{e0041}".contains(c);
        assert!(!hidden, "{c:?} in {text:?}");
    }
}

#[test]
fn tables_show_it_escaped_and_keep_a_row_a_line() {
    let host = host();
    for arguments in [&[][..], &["--wide"], &["--by-user"], &["--watch"], &["--by-user", "--wide", "--watch"]] {
        for width in [Some(60), Some(200), None] {
            let text = shown(&host, arguments, width, false);
            assert_harmless(&text);
            let headings = if arguments.contains(&"--by-user") { 1 } else { 0 };
            let is_row = |line: &&str| !line.starts_with("no room for ") && !line.contains(" ago: ");
            assert_eq!(text.lines().take_while(is_row).count(), 4 + headings, "{text}");
            // With colour, what remains is our own.
            let colored = shown(&host, arguments, width, true);
            for sequence in colored.split('\x1b').skip(1) {
                let (sequence, _) = sequence.split_once('m').unwrap();
                assert!(["[0", "[1", "[2", "[39", "[38;5;2", "[38;5;3", "[38;5;5"].contains(&sequence), "{sequence:?}");
            }
        }
    }
}

#[test]
fn json_is_harmless_and_intact() {
    let host = host();
    let text = String::from_utf8(host.to_json().unwrap()).unwrap();
    assert_harmless(&text);
    assert_eq!(Inventory::from_json(text.as_bytes()), Ok(host));
}

#[test]
fn the_reason_of_a_failed_source_is_text_too() {
    let mut host = host();
    host.gpus[0].problem = Some(HOSTILE.to_owned());
    let said = warnings(&host, super::now());
    assert_eq!(said.len(), 1);
    // Whoever prints it makes it safe: it must not have become several lines by then.
    assert_harmless(&ds01_core::text::sanitize(&said[0]));
    assert_eq!(options(&[]).format, crate::format::Format::Table { wide: false });
}
