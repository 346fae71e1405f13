use super::*;
use crate::{
    detect::UserSource,
    idle::test_support::{facts, policy},
};

const LIMITS: &str = "defaults: {idle_timeout: 30m, max_runtime: 24h}\n";

fn monitoring(text: &str) -> Monitoring {
    policy(&format!("{LIMITS}{text}")).monitoring
}

fn labelled(labels: &[(&str, &str)]) -> ContainerFacts {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ContainerFacts { labels, ..facts() }
}

fn dev(name: &str, labels: &[(&str, &str)]) -> ContainerFacts {
    ContainerFacts { name: name.to_owned(), origin: Origin::DevContainer, ..labelled(labels) }
}

fn why(facts: &ContainerFacts, text: &str) -> Option<String> {
    infrastructure(facts, &monitoring(text)).map(|why| why.to_string())
}

#[test]
fn all_labels_count_until_the_policy_says_which() {
    let (protected, watching) = (labelled(&[("ds01.protected", "")]), labelled(&[("ds01.monitoring", "true")]));
    for text in ["", "monitoring: {trust_labels: [ds01.protected, ds01.monitoring]}"] {
        assert_eq!(why(&protected, text).as_deref(), Some("label ds01.protected"));
        assert_eq!(why(&watching, text).as_deref(), Some("label ds01.monitoring"));
    }
    let one = "monitoring: {trust_labels: [ds01.monitoring]}";
    assert_eq!((why(&protected, one), why(&watching, one).is_some()), (None, true));
    let none = "monitoring: {trust_labels: []}";
    assert_eq!((why(&protected, none), why(&watching, none)), (None, None));
    let own = "monitoring: {trust_labels: [my.own], infrastructure_label: my.own}";
    assert_eq!((why(&labelled(&[("my.own", "1")]), own).is_some(), why(&protected, own)), (true, None));
}

#[test]
fn what_the_policy_names_counts_without_a_label() {
    let plain = facts();
    let none = "trust_labels: []";
    let named = format!("monitoring: {{{none}, infrastructure_containers: [train]}}");
    assert_eq!(why(&plain, &named).as_deref(), Some("name train"));
    let with = |image: &str| ContainerFacts { image: image.to_owned(), ..facts() };
    let image = format!("monitoring: {{{none}, infrastructure_images: [\"lab:5000/watch\", \"exporter:1\"]}}");
    for (text, ours) in [
        ("lab:5000/watch", true),
        ("lab:5000/watch:2.1", true),
        ("lab:5000/watch@sha256:1", true),
        ("exporter:1", true),
        ("exporter:11", false),
        ("exporter", false),
        ("lab:5000/watchdog", false),
        ("lab:5000/watch:2/evil", false),
    ] {
        assert_eq!(why(&with(text), &image).is_some(), ours, "{text}");
    }
    let user = format!("monitoring: {{{none}, infrastructure_users: [alice]}}");
    let runs_as = |user_source| ContainerFacts { user_source, ..facts() };
    assert_eq!(why(&runs_as(UserSource::ProcessUid), &user).as_deref(), Some("owner alice"));
    assert_eq!(why(&runs_as(UserSource::LabelDs01), &user), None, "her name on a label is nobody's word");
}

#[test]
fn a_dev_container_by_what_does_not_count_is_a_plain_one() {
    let by_label = dev("ide", &[("devcontainer.local_folder", "/home/alice/x")]);
    let by_name = dev("vsc-thesis", &[]);
    let both = dev("vsc-thesis", &[("devcontainer.config_file", "x")]);
    let of_compose = dev("ide", &[("devcontainer.x", ""), (COMPOSE_LABEL, "p")]);
    let types = |text: &str| {
        [&by_label, &by_name, &both, &of_compose].map(|facts| type_that_counts(facts, &monitoring(text)).as_str())
    };
    assert_eq!(types(""), ["devcontainer"; 4]);
    assert_eq!(types("monitoring: {trust_labels: [vsc-*]}"), ["docker", "devcontainer", "docker", "compose"]);
    assert_eq!(
        types("monitoring: {trust_labels: [devcontainer.*]}"),
        ["devcontainer", "docker", "devcontainer", "devcontainer"]
    );
    assert_eq!(types("monitoring: {trust_labels: []}"), ["docker", "docker", "docker", "compose"]);
    assert_eq!(type_that_counts(&facts(), &monitoring("monitoring: {trust_labels: []}")).as_str(), "docker");
}
