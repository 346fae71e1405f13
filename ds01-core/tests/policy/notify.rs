//! How people are told, as the policy says it.

use ds01_core::policy::{Recipient, RequireDelivery, Way, parse};

use super::one_file;

const LIMITS: &str = "defaults: {idle_timeout: 30m, max_runtime: 24h}\n";

fn loaded(text: &str) -> Result<ds01_core::policy::Loaded, String> {
    parse(&one_file(format!("{LIMITS}{text}"))).map_err(|bad| bad.to_string())
}

fn warnings(text: &str) -> usize {
    loaded(text).unwrap().warnings.len()
}

#[test]
fn what_is_not_said_is_as_shipped_and_what_is_said_holds() {
    let notify = loaded("notify: {channels: {warning: ['hook:mail', login], stop: []}}").unwrap().policy.notify;
    assert_eq!(notify.channels.warning, [Way::Hook("mail".to_owned()), Way::Login]);
    assert_eq!(notify.channels.stop, []);
    assert_eq!(notify.channels.removal, [Way::Terminals, Way::Wall, Way::Hooks, Way::Login]);
    assert_eq!(notify.channels.information, [Way::Terminals, Way::Wall, Way::Login]);
}

#[test]
fn users_are_found_by_any_form_of_their_names() {
    let text = "notify: {users: {h.baker@uni.example: {address: h@x.org, quiet: true}, bob: {}}}";
    let notify = loaded(text).unwrap().policy.notify;
    let baker = Recipient { address: Some("h@x.org".to_owned()), quiet: true };
    assert_eq!([notify.recipient("h_baker"), notify.recipient("h.baker@uni.example")], [baker.clone(), baker]);
    assert_eq!([notify.recipient("bob"), notify.recipient("eve")], [Recipient::default(), Recipient::default()]);
}

#[test]
fn what_can_not_be_meant_is_refused_with_words() {
    for (text, words) in [
        ("notify: {channels: {warning: [pigeon]}}", "`pigeon` is no channel"),
        ("notify: {channels: {warning: ['hook:../x']}}", "`hook:../x` is no channel"),
        ("notify: {require_delivery: [login]}", "`login` never tells"),
        ("notify: {require_delivery: [wall]}", "`wall` never tells"),
        ("notify: {require_delivery: []}", "names no channel"),
        ("notify: {require_delivery: perhaps}", "none of its values"),
        ("notify: {users: {alice: {address: '-oQ/tmp x'}}}", "no single address"),
        // The mail hook would not take it.
        ("notify: {users: {alice: {address: 'alice+{x}@x.org'}}}", "no single address"),
        ("notify: {users: {alice: {quiet: often}}}", "neither on nor off"),
    ] {
        let error = loaded(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_delivery_that_can_not_come_is_warned_of() {
    assert_eq!(warnings("notify: {require_delivery: any}"), 0);
    assert_eq!(warnings("notify: {require_delivery: any, channels: {warning: [login, wall]}}"), 1);
    assert_eq!(warnings("notify: {channels: {warning: [terminals]}, require_delivery: ['hook:mail']}"), 1);
    assert_eq!(warnings("notify: {channels: {warning: [hooks]}, require_delivery: ['hook:mail']}"), 0);
    assert_eq!(warnings("notify: {channels: {warning: ['hook:a']}, require_delivery: [hooks]}"), 0);
}

#[test]
fn so_it_is_for_those_who_want_nothing_at_their_terminals() {
    let of = |rest: &str| warnings(&format!("notify: {{users: {{alice: {{quiet: true}}, bob: {{}}}}, {rest}}}"));
    assert_eq!(of("require_delivery: [terminals]"), 1);
    assert_eq!(of("require_delivery: any, channels: {warning: [terminals, login]}"), 1);
    assert_eq!(of("require_delivery: any, channels: {warning: [login]}"), 1, "nobody's can arrive, which is said once");
    assert_eq!(of("require_delivery: any"), 0, "by a hook");
    assert_eq!(of("require_delivery: none, channels: {warning: [terminals]}"), 0);
}

#[test]
fn one_of_the_channels_named_is_enough() {
    let required = |text: &str| loaded(text).unwrap().policy.notify.require_delivery;
    let met = |required: &RequireDelivery, confirmed: &[&str]| {
        required.is_met(&confirmed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    assert!(met(&RequireDelivery::None, &[]));
    let any = required("notify: {require_delivery: any}");
    assert_eq!([met(&any, &[]), met(&any, &["terminals"]), met(&any, &["hook:x"])], [false, true, true]);
    let mail = required("notify: {require_delivery: ['hook:mail', terminals]}");
    assert_eq!([met(&mail, &["hook:webhook"]), met(&mail, &["hook:mail"])], [false, true]);
    let hooks = required("notify: {require_delivery: [hooks]}");
    assert_eq!([met(&hooks, &["terminals"]), met(&hooks, &["hook:webhook"])], [false, true]);
}
