//! The forms of the output, and what is said to whoever guesses.

use std::time::Duration;

use crate::common::{State, ds01, on, outcome};

const FRESH: Duration = Duration::from_secs(5);

fn printed(arguments: &[&str]) -> String {
    let state = State::new(&["thesis", "web"], FRESH);
    let (stdout, stderr, code) = outcome(on(&state, arguments));
    assert_eq!((stderr.as_str(), code), ("", 0), "{arguments:?}");
    stdout
}

#[test]
fn each_form_prints_what_scripts_expect_of_it() {
    assert_eq!(printed(&["-o", "name"]), "thesis\nweb\n");
    let ids = printed(&["-q"]);
    assert!(ids.lines().count() == 2 && ids.lines().all(|id| id.len() == 12), "{ids}");
    assert_eq!(printed(&["--no-headers", "--columns", "name,user"]), "thesis  alice\nweb     alice\n");
    let state = State::new(&["thesis"], FRESH);
    assert_eq!(outcome(on(&state, &["-o", "json"])), outcome(on(&state, &["--json"])));
    let custom = ["-o", "custom-columns=WHO:.user,WHAT:.name,NO:.nothing"];
    assert_eq!(printed(&custom), "WHO    WHAT    NO\nalice  thesis  <none>\nalice  web     <none>\n");
    assert_eq!(printed(&[&custom[..], &["--no-headers"]].concat()), "alice  thesis  <none>\nalice  web     <none>\n");
    assert!(printed(&["-o", "wide"]).starts_with("TYPE        USER   GPU(S)  STATUS   AGE  NAME    ID "));
    let yaml = printed(&["-o", "yaml"]);
    assert!(yaml.starts_with("schema_version: '1'\n") && yaml.contains("  name: thesis\n"), "{yaml}");
}

#[test]
fn what_can_not_be_is_a_usage_error_that_says_what_can() {
    for (arguments, said) in [
        (&["-o", "xml"][..], "wide, json, yaml, name, custom-columns="),
        (&["-o", "custom-columns=NAME"], "HEADING:.field was expected"),
        (&["--columns", "owner"], "possible values: host, type, user, gpus"),
        (&["--watch", "-o", "json"], "--watch draws the table"),
        (&["-q", "-o", "name"], "cannot be used with"),
        (&["--users"], "'--user'"),
        (&["gpu0"], "--gpu 0 shows what has this GPU"),
        (&["compose"], "--type compose"),
        (&["alice"], "--user alice"),
        (&["events", "--type", "kill"], "idle_kill"),
    ] {
        let (stdout, stderr, code) = outcome(ds01(arguments));
        assert_eq!((stdout.as_str(), code), ("", 2), "{arguments:?}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}
