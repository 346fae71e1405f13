use super::*;
use crate::tests::{host, inventory, process};

#[test]
fn plain_text_is_laid_out_as_the_detector_writes_it() {
    let host = host();
    assert_eq!(to_json(&host).unwrap().as_bytes(), host.to_json().unwrap());
}

#[test]
fn what_acts_on_a_terminal_is_escaped_and_nothing_else() {
    let host = inventory(vec![], vec![process(1, "ünï训", "a\u{202e}b\u{e0041}c\u{7f}\u{9b}", &[])]);
    let text = to_json(&host).unwrap();
    assert!(text.contains(r#""cmdline": "a\u202eb\udb40\udc41c\u007f\u009b""#), "{text}");
    assert!(text.contains(r#""user": "ünï训""#));
    assert_eq!(Inventory::from_json(text.as_bytes()), Ok(host));
}
