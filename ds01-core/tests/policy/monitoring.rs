//! `monitoring`: what is left alone, and what counts of what the makers of containers wrote.

use ds01_core::policy::{Monitoring, parse};

fn loaded(text: &str) -> Result<ds01_core::policy::Loaded, ds01_core::policy::BadPolicy> {
    parse(&super::one_file(format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\n{text}")))
}

fn monitoring(text: &str) -> Monitoring {
    loaded(text).unwrap().policy.monitoring
}

#[test]
fn all_labels_are_trusted_until_a_list_says_which() {
    let all = ["ds01.protected", "ds01.monitoring", "devcontainer.*", "vsc-*"];
    let trusted = |text: &str| all.map(|label| monitoring(text).trusts(label));
    assert_eq!(trusted(""), [true; 4]);
    assert_eq!(trusted("monitoring: {infrastructure_containers: [x]}"), [true; 4]);
    assert_eq!(trusted("monitoring: {trust_labels: []}"), [false; 4]);
    assert_eq!(trusted("monitoring: {trust_labels: [vsc-*, ds01.protected]}"), [true, false, false, true]);
    let own = monitoring("monitoring: {trust_labels: [my.own], infrastructure_label: my.own}");
    assert_eq!((own.trusts("my.own"), own.trusts("ds01.protected")), (true, false), "in any order");
}

#[test]
fn a_label_that_exempts_nobody_is_an_error() {
    for (text, message) in [
        ("monitoring: {trust_labels: [ds01.protcted]}", "`ds01.protcted` in `trust_labels` exempts nobody"),
        ("monitoring: {trust_labels: [ds01.protected], infrastructure_label: my.own}", "exempts nobody"),
        ("monitoring: {trust_labels: [devcontainer]}", "`devcontainer.*`"),
        // Nobody is stopped because a line was left empty.
        ("monitoring: {trust_labels: }", "`trust_labels` has no value"),
        ("monitoring: {trust_labels: null}", "write `[]` to trust none"),
        ("monitoring: {trust_labels: ds01.protected}", "a list"),
    ] {
        let error = loaded(text).unwrap_err();
        let said = error.found.iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains(message), "{text}: {said}");
    }
    let warnings = loaded("monitoring: {trust_label: []}").unwrap().warnings;
    assert!(warnings[0].to_string().contains("trust_labels"), "{warnings:?}");
}

#[test]
fn images_and_users_are_lists_of_names() {
    let named = monitoring("monitoring: {infrastructure_images: [\"lab/x:1\"], infrastructure_users: [ops, 007]}");
    assert_eq!(named.infrastructure_images, ["lab/x:1"]);
    assert_eq!(named.infrastructure_users, ["ops", "007"]);
}
