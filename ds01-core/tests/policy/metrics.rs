//! `metrics`: what Prometheus is told.

use ds01_core::policy::{Identities, parse};

fn loaded(text: &str) -> Result<ds01_core::policy::Loaded, ds01_core::policy::BadPolicy> {
    parse(&super::one_file(format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\n{text}")))
}

#[test]
fn names_leave_the_host_as_it_is_written() {
    for (text, identities) in [
        ("", Identities::Full),
        ("metrics: {}", Identities::Full),
        ("metrics: {identities: full}", Identities::Full),
        ("metrics: {identities: hashed}", Identities::Hashed),
        ("metrics: {identities: none}", Identities::None),
        // A word in quotes is the same word.
        ("metrics: {identities: \"none\"}", Identities::None),
    ] {
        assert_eq!(loaded(text).unwrap().policy.metrics.identities, identities, "{text}");
    }
}

#[test]
fn what_can_not_be_meant_is_said() {
    for text in ["metrics: {identities: all}", "metrics: {identities: no}", "metrics: {identities: null}"] {
        let error = loaded(text).unwrap_err().to_string();
        assert!(error.contains("`none` or `hashed` or `full`"), "{text}: {error}");
    }
    let warnings = loaded("metrics: {identity: none}").unwrap().warnings;
    assert!(warnings[0].to_string().contains("identity"), "{warnings:?}");
}
