use std::path::PathBuf;

use clap::ColorChoice;
use ds01_core::table::{Medium, width};

use super::*;
use crate::{
    cli::Policies,
    point::Point,
    replay::story::{Story, at, instant},
};

const LONG: &str =
    "defaults: {idle_timeout: 2h, max_runtime: 48h}\npolicies: {grace_period: 0s, high_demand_threshold: null}\n";
const SHORT: &str = "defaults: {idle_timeout: 40m, max_runtime: 9h}\n\
    container_types: {compose: {idle_timeout: null, max_runtime: 9h}}\npolicies: {grace_period: 0s}\n";

/// Three hours of the day without a timer, and twenty minutes without anything.
fn with_gaps() -> Story {
    let mut story = Story::new();
    story.checked = vec![(0, at(13, 1)), (at(16, 0), 1440)];
    story.dark = vec![(at(17, 20), at(17, 40))];
    story
}

fn request(story: &Story, policies: Policies) -> ReplayRequest {
    ReplayRequest {
        policies,
        since: Point::At(instant(at(8, 0))),
        until: None,
        state_dir: story.state_dir(),
        json: false,
        color: ColorChoice::Never,
    }
}

/// What is printed on a terminal of so many columns, or into a pipe.
fn printed(request: &ReplayRequest, width: Option<usize>) -> String {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let answered = answer(request, instant(at(18, 30)), zone, Medium { width, color: false });
    String::from_utf8(answered.unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

#[track_caller]
fn snapshots(name: &str, story: &Story, request: &ReplayRequest) {
    let dir = story.state_dir().parent().unwrap().display().to_string();
    for (medium, most) in [("80", Some(80)), ("200", Some(200)), ("piped", None)] {
        let text = printed(request, most);
        // The folder has a name of its own in each run, which a line can be broken at.
        let plain = text.replace(&dir, "[dir]");
        for line in plain.lines().filter(|_| most.is_some()) {
            assert!(width(line) <= most.unwrap(), "{line}");
        }
        insta::assert_snapshot!(format!("{name}_{medium}"), plain);
    }
}

/// The policy in force, by which the day was lived through.
fn lived(story: Story) -> (Story, PathBuf) {
    let in_force = story.policy("long.yaml", LONG);
    story.live(&in_force);
    (story, in_force)
}

#[test]
fn the_policy_in_force_comes_to_what_the_reaper_did() {
    let (story, in_force) = lived(Story::new());
    let request = request(&story, Policies::InForce(in_force));
    let text = printed(&request, None);
    assert!(text.contains("4 stops the same, at the same check\n"), "{text}");
    assert!(!text.contains("the policy decides otherwise"), "{text}");
    snapshots("in_force", &story, &request);
}

#[test]
fn another_policy_beside_the_one_in_force() {
    let (story, in_force) = lived(with_gaps());
    let new = story.policy("short.yaml", SHORT);
    snapshots("new", &story, &request(&story, Policies::New { new, in_force }));
}

#[test]
fn what_a_laxer_policy_would_not_have_stopped() {
    let (story, old) = lived(Story::new());
    let new = story.policy("lax.yaml", &LONG.replace("2h", "5h"));
    snapshots("compared", &story, &request(&story, Policies::Compare { old, new: new.clone() }));
    // Held against the reaper, each stop that it does not make is explained.
    snapshots("laxer_in_force", &story, &request(&story, Policies::InForce(new)));
}

#[test]
fn as_data() {
    let (story, in_force) = lived(with_gaps());
    let new = story.policy("short.yaml", SHORT);
    let mut request = request(&story, Policies::New { new, in_force });
    request.json = true;
    let text = printed(&request, None);
    let dir = story.state_dir().parent().unwrap().display().to_string();
    insta::assert_snapshot!("as_data", text.replace(&dir, "[dir]"));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        json["policies"][0]["stops"].as_array().unwrap().len() as u64,
        json["policies"][0]["idle_stops"].as_u64().unwrap() + json["policies"][0]["runtime_stops"].as_u64().unwrap()
    );
}

#[test]
fn what_is_not_in_the_journal_is_said() {
    let (story, in_force) = lived(Story::new());
    let mut request = request(&story, Policies::InForce(in_force));
    let zone = || TimeZone::UTC;
    let fails = |request: &ReplayRequest| {
        let medium = Medium { width: None, color: false };
        answer(request, instant(at(18, 30)), zone(), medium).unwrap_err().to_string()
    };
    request.since = Point::At(instant(at(20, 0)));
    assert_eq!(fails(&request), "--until is not later than --since");
    request.until = Some(Point::At(instant(at(21, 0))));
    assert_eq!(
        fails(&request),
        "the journal holds nothing from 2026-03-02 20:00 to 2026-03-02 21:00; up to then it goes from 2026-03-02 08:00 to \
         2026-03-02 18:00"
    );
    request.since = Point::At(instant(at(0, 0)));
    request.until = Some(Point::At(instant(at(1, 0))));
    assert!(fails(&request).ends_with("; it has no line from before then"), "{}", fails(&request));
    request.state_dir = story.state_dir().join("none");
    assert!(fails(&request).starts_with("there is no activity journal in /"), "{}", fails(&request));
}
