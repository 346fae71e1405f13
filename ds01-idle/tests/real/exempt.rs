//! Whom idleness does not concern.

use std::time::Duration;

use docker_rig::BUSYBOX;

use crate::{
    proxy::{Proxy, Then},
    reaper::POLICY,
    story::{Story, runs},
    told::{STOP, STOPPED, WARNING, sorted, unboxed},
};

/// The time at this hour of the story.
fn hour(hour: u64) -> Duration {
    Duration::from_secs(3600 * hour)
}

#[test]
fn a_dev_container_goes_for_its_run_time_alone() {
    let Some(story) = Story::begin() else { return };
    let options = ["--label=devcontainer.local_folder=/home/ann/thesis"];
    let dev = story.sitter("dev", &options);
    story.checks([2, 6, 10, 14, 18, 22, 26]);
    story.check(hour(134));
    assert_eq!((story.events(), story.notices(), story.done_to(&dev)), (vec![], vec![], vec![]));
    // 80 % of 168 hours are 134 hours and 24 minutes.
    story.check(hour(135) + Duration::from_secs(15));
    let minute = Duration::from_secs(60);
    story.check(hour(168) - minute);
    assert_eq!((story.events().as_slice(), story.done_to(&dev)), (&["runtime_warning dev".to_owned()][..], vec![]));
    story.check(hour(168) + minute);
    assert_eq!(story.events(), ["runtime_warning dev", "runtime_kill dev", "gpu_released dev"]);
    assert_eq!(story.notices(), ["GPU CONTAINER NEARS ITS MAXIMUM RUN TIME: dev".to_owned(), format!("{STOP}: dev")]);
    assert_eq!(story.done_to(&dev), STOPPED);

    let told: Vec<String> = story.reaper.notices().iter().map(|notice| unboxed(notice).join("\n")).collect();
    let filters = [(r"\b5d15h\S*", "5d15h[n]"), (r"\b7d\S*,", "7d[n],"), (r"\b1d8h\S*|\b1d9h\S*", "1d9h[n]")];
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!(story.plain(&told.join("\n\n")));
    });
}

#[test]
fn the_platforms_own_are_left_alone() {
    let Some(story) = Story::begin() else { return };
    let by_name = story.sitter("infra", &[]);
    let by_label = story.sitter("infra", &["--label=my.own=yes"]);
    let monitoring = story.sitter("infra", &["--label=ds01.monitoring=true"]);
    let idle = story.idle_beside();
    let own = by_name.name();
    // Whoever would like to pass for it finds its name taken.
    let taken = story.rig.client().args(["create", "--name", own, BUSYBOX, "true"]).output().unwrap();
    assert!(String::from_utf8_lossy(&taken.stderr).contains("already in use"), "{taken:?}");
    let monitoring_policy =
        format!("monitoring: {{infrastructure_containers: [{own}], infrastructure_label: my.own}}\n");
    story.reaper.set_policy(&format!("{POLICY}{monitoring_policy}"));
    story.shows_that_only_idle_goes(&idle, &[&by_name, &by_label, &monitoring]);
}

#[test]
fn one_without_a_gpu_is_never_touched() {
    let Some(story) = Story::begin() else { return };
    let (plain, idle) = (story.run("plain", &[], &[]), story.idle_beside());
    story.shows_that_only_idle_goes(&idle, &[&plain]);
    // Not even for its run time.
    story.check(hour(50));
    story.check(hour(100));
    assert_eq!((story.done_to(&plain), story.events().len()), (vec![], 3));
}

/// Its details can't be read, from some moment on or ever: it was about to be stopped, and is not.
#[test]
fn one_of_unknown_origin_is_never_touched() {
    let Some(mut story) = Story::begin() else { return };
    let (broken, breaks, idle) = (story.sitter("broken", &[]), story.sitter("breaks", &[]), story.idle_beside());
    let refuse_always = format!("/containers/{}/json", broken.id());
    let proxy = Proxy::new(story.rig.socket(), move |request| match request.ends_with(&refuse_always) {
        true => Then::Refuse(500, "layer does not exist"),
        false => Then::Forward,
    });
    story.behind(proxy.socket());
    story.checks([2, 6, 10]);
    assert_eq!(sorted(story.events()), ["idle_warning breaks", "idle_warning idle"]);
    let refuse_both = [&broken, &breaks].map(|container| format!("/containers/{}/json", container.id()));
    let proxy =
        Proxy::new(story.rig.socket(), move |request| match refuse_both.iter().any(|path| request.ends_with(path)) {
            true => Then::Refuse(500, "layer does not exist"),
            false => Then::Forward,
        });
    story.behind(proxy.socket());
    story.checks([14, 18, 22]);
    assert_eq!(story.events()[2..], ["idle_kill idle", "gpu_released idle"]);
    let told = [format!("{STOP}: idle"), format!("{WARNING}: breaks"), format!("{WARNING}: idle")];
    assert_eq!(sorted(story.notices()), told);
    assert_eq!(story.done_to(&idle), STOPPED);
    for lives in [&broken, &breaks] {
        assert_eq!((story.done_to(lives), runs(lives)), (vec![], true));
    }
}

#[test]
fn an_exempt_owner_is_told_once() {
    let Some(story) = Story::begin() else { return };
    story.reaper.put_beside(
        "lifecycle-exemptions.yaml",
        "\
exemptions:
  - {username: ann, exempt_from: [idle_timeout], reason: thesis, approved_by: h.baker, expires_on: 9999-12-31}
  - {username: bob, exempt_from: [idle_timeout], reason: course, approved_by: h.baker, expires_on: 2001-01-01}
",
    );
    let (ann, bob) =
        (story.sitter("of-ann", &["--label=ds01.user=ann"]), story.sitter("of-bob", &["--label=ds01.user=bob"]));
    story.checks([2, 6, 10, 14, 18, 22, 26]);
    let of_bob = ["idle_warning of-bob", "idle_kill of-bob", "gpu_released of-bob"];
    assert_eq!(story.events_about("of-ann"), ["exempt of-ann"]);
    assert_eq!(story.events_about("of-bob"), of_bob);
    assert_eq!(story.events().len(), 4);
    let exempt = "GPU CONTAINER OVER ITS LIMIT: EXEMPT: of-ann".to_owned();
    assert_eq!(sorted(story.notices()), [format!("{STOP}: of-bob"), exempt, format!("{WARNING}: of-bob")]);
    assert_eq!((story.done_to(&ann), runs(&ann)), (vec![], true));
    assert_eq!(story.done_to(&bob), STOPPED);
}
