//! `journal`: how much of the past is kept.

use ds01_core::policy::{Retention, parse};

fn loaded(text: &str) -> Result<ds01_core::policy::Loaded, ds01_core::policy::BadPolicy> {
    parse(&super::one_file(format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\n{text}")))
}

#[test]
fn days_and_bytes_are_read() {
    let retention = |text: &str| loaded(text).unwrap().policy.journal;
    assert_eq!(retention("journal: {}"), Retention { days: 14, bytes: Some(1 << 30) });
    assert_eq!(retention("journal: {keep_days: 60, max_bytes: null}"), Retention { days: 60, bytes: None });
    assert_eq!(retention("journal: {max_bytes: 5000000}"), Retention { days: 14, bytes: Some(5_000_000) });
}

#[test]
fn what_can_not_be_meant_is_said() {
    for (text, message) in [
        ("journal: {keep_days: 0}", "is out of range"),
        ("journal: {keep_days: 1.5}", "is not a whole number"),
        ("journal: {keep_days: null}", "null stands where a number is needed"),
        ("journal: {max_bytes: 100}", "is out of range"),
        ("journal: {max_bytes: 1GiB}", "is not a number"),
    ] {
        let error = loaded(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_warned_about() {
    let warnings = loaded("journal: {kept_days: 3}").unwrap().warnings;
    assert!(warnings[0].to_string().contains("kept_days"), "{warnings:?}");
}
