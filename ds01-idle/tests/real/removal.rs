//! Containers that do not run: what is removed, when, and what stays.

use docker_rig::{Container, Rig, wait_until};

use crate::{
    reaper::{POLICY, Run},
    story::{DEADLINE, Story},
    told::{STOP, STOPPED, WARNING, sorted, strings},
};

const MANAGED: &str = "--label=ds01.managed=true";
const REMOVAL_WARNING: &str = "GPU CONTAINER WILL BE REMOVED";
const REMOVAL: &str = "GPU CONTAINER IS BEING REMOVED";

/// A volume of a test's own, which the container that uses it may not outlive it.
struct Volume<'a> {
    rig: &'a Rig,
    name: String,
}

impl<'a> Volume<'a> {
    fn new(rig: &'a Rig) -> Self {
        let name = Rig::unique_name("ds01-data");
        rig.docker(&["volume", "create", &name]);
        Self { rig, name }
    }

    /// The one that Docker made for a container.
    fn anonymous(rig: &'a Rig, container: &Container) -> Self {
        let name = container.inspect("{{range .Mounts}}{{if ne .Destination \"/data\"}}{{.Name}}{{end}}{{end}}");
        assert!(!name.is_empty());
        Self { rig, name }
    }

    fn is_there(&self) -> bool {
        self.rig.docker(&["volume", "ls", "--quiet"]).lines().any(|name| name == self.name)
    }
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let _ = self.rig.client().args(["volume", "rm", "--force", &self.name]).output();
    }
}

fn is_there(story: &Story, container: &Container) -> bool {
    story.rig.docker(&["ps", "--all", "--quiet", "--no-trunc"]).contains(container.id())
}

/// Docker removes it when it ends, and its unnamed volumes with it: nobody may read that they stay.
#[test]
fn one_that_was_made_with_rm_goes_with_its_unnamed_volumes_as_its_notices_say() {
    let Some(story) = Story::begin() else { return };
    let named = Volume::new(&story.rig);
    let mount = format!("--volume={}:/data", named.name);
    let brief = story.sitter("brief", &["--rm", "--label=ds01.user=ann", &mount, "--volume=/scratch"]);
    let unnamed = Volume::anonymous(&story.rig, &brief);
    story.checks([2, 6, 10]);
    let explained = Run::of(story.command("explain", 10).arg(brief.name())).ends_with(0).stdout();
    assert!(explained.contains("started with --rm: when it stops, Docker removes it"), "{explained}");
    story.check(14);
    assert_eq!(story.events(), ["idle_warning brief", "idle_kill brief", "gpu_released brief"]);
    assert_eq!(story.notices(), [format!("{WARNING}: brief"), format!("{STOP}: brief")]);
    for told in story.told_about("brief") {
        assert!(told.contains("when it stops, Docker removes it, with its unnamed volumes and everything that is stored only inside it"), "{told}");
        assert!(!told.contains("Safe:"), "{told}");
    }
    wait_until("Docker removes it", DEADLINE, || !is_there(&story, &brief) && !unnamed.is_there());
    assert!(named.is_there());
    assert_eq!(story.done_to(&brief)[..3], STOPPED);
}

fn removed(kind: &str, alias: &str) -> Vec<String> {
    vec![format!("removal_warning {alias}"), format!("{kind} {alias}"), format!("gpu_released {alias}")]
}

#[test]
fn a_managed_container_that_its_user_stopped_is_held_then_removed_and_its_volumes_stay() {
    let Some(story) = Story::begin() else { return };
    let named = Volume::new(&story.rig);
    let mount = format!("--volume={}:/data", named.name);
    let managed = story.sitter("managed", &[MANAGED, "--label=ds01.user=ann", &mount, "--volume=/scratch"]);
    let anonymous = Volume::anonymous(&story.rig, &managed);
    // Somebody else's: a check has somebody to look at when the other one is gone.
    let raw = story.create("raw", &[]);
    story.check(2);
    managed.docker(&["stop"]);
    // The hold of 15 minutes begins when a check first sees that it ended.
    story.checks([3, 10]);
    assert_eq!((story.events(), story.notices(), is_there(&story, &managed)), (vec![], vec![], true));
    // After four fifths of it its owner is warned, three minutes ahead at least.
    story.checks([16, 18]);
    assert_eq!((story.events(), is_there(&story, &managed)), (strings(&["removal_warning managed"]), true));
    assert_eq!(story.notices(), [format!("{REMOVAL_WARNING}: managed")]);
    let explained = Run::of(story.command("explain", 18).arg(managed.name())).ends_with(0).stdout();
    assert!(explained.contains("of its removal at ") && explained.contains("It will be removed in "), "{explained}");
    story.check(20);
    assert_eq!(story.events(), removed("container_removed", "managed"));
    assert_eq!(story.notices()[1..], [format!("{REMOVAL}: managed")]);
    assert!(!is_there(&story, &managed));
    assert_eq!(story.done_to(&managed), ["kill 15", "die 0", "stop", "destroy"]);
    assert!(named.is_there() && anonymous.is_there());

    story.check(40);
    assert_eq!((story.events().len(), is_there(&story, &raw)), (3, true), "{:?}", story.events());
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(story.told_about("managed").join("\n"));
    });
}

#[test]
fn one_that_was_started_again_in_time_is_not_removed() {
    let Some(story) = Story::begin() else { return };
    let managed = story.sitter("managed", &[MANAGED]);
    story.check(2);
    managed.docker(&["stop"]);
    story.checks([3, 10, 16]);
    assert_eq!(story.events(), ["removal_warning managed"]);
    managed.docker(&["start"]);
    managed.docker(&["stop"]);
    // Its hold begins anew: another life has ended.
    story.checks([20, 30]);
    assert_eq!((story.events().len(), is_there(&story, &managed)), (1, true));
    let idle = story.idle_beside();
    story.checks([33, 37]);
    assert_eq!(story.events()[1..], removed("container_removed", "managed"));
    assert!(!is_there(&story, &managed));
    drop(idle);
}

/// Stopped for idleness it is held for as long as stopped containers are, which is longer here.
#[test]
fn a_managed_container_that_was_stopped_for_idleness_is_held_then_removed() {
    let Some(story) = Story::begin() else { return };
    let (managed, raw) = (story.sitter("managed", &[MANAGED]), story.idle_beside());
    story.checks([2, 6, 10, 14]);
    // The GPU of a managed container is free once it is removed.
    assert_eq!(story.events_about("managed"), ["idle_warning managed", "idle_kill managed"]);
    assert_eq!(story.events_about("idle"), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    story.checks([18, 34]);
    assert_eq!((story.events().len(), is_there(&story, &managed)), (5, true));
    story.checks([43, 46]);
    assert_eq!((story.events().len(), is_there(&story, &managed)), (6, true));
    story.check(49);
    assert_eq!(story.events()[5..], removed("container_removed", "managed"));
    assert!(!is_there(&story, &managed));
    assert_eq!(story.done_to(&managed), [&strings(&STOPPED)[..], &strings(&["destroy"])].concat());
    // The other one was made by nobody who said that it is ephemeral.
    story.check(100);
    assert_eq!((is_there(&story, &raw), story.done_to(&raw), story.events().len()), (true, strings(&STOPPED), 8));
    let told = [
        (REMOVAL, "managed"),
        (STOP, "idle"),
        (STOP, "managed"),
        (REMOVAL_WARNING, "managed"),
        (WARNING, "idle"),
        (WARNING, "managed"),
    ];
    assert_eq!(sorted(story.notices()), told.map(|(title, alias)| format!("{title}: {alias}")));
}

/// What becomes of three containers that do not run, and of one without a GPU, under this setting.
fn under(remove_stopped: &str) -> Option<(Story, [Container; 4])> {
    let story = Story::begin()?;
    let policies = format!("policies: {{remove_stopped: {remove_stopped}, ");
    story.reaper.set_policy(&POLICY.replace("policies: {", &policies));
    let without_gpu = story.run("plain", &[MANAGED], &[]);
    let cast = [story.create("created", &[MANAGED]), story.create("raw", &[]), story.sitter("ended", &[]), without_gpu];
    for container in &cast[2..] {
        container.docker(&["stop"]);
    }
    // 15 minutes for those that ended, and 30 for those that were never started.
    story.checks([2, 13]);
    assert_eq!(story.events(), [""; 0]);
    story.checks([15, 19, 25, 27, 31, 33, 60]);
    Some((story, cast))
}

#[test]
fn managed_is_the_least_that_is_removed() {
    let Some((story, [created, raw, ended, plain])) = under("managed") else { return };
    assert_eq!(story.events(), removed("created_cleanup", "created"));
    assert_eq!(story.notices(), [format!("{REMOVAL_WARNING}: created"), format!("{REMOVAL}: created")]);
    let there = [&created, &raw, &ended, &plain].map(|container| is_there(&story, container));
    assert_eq!(there, [false, true, true, true]);
}

#[test]
fn never_is_never() {
    let Some((story, cast)) = under("never") else { return };
    assert_eq!((story.events(), story.notices()), (vec![], vec![]));
    assert_eq!(cast.each_ref().map(|container| is_there(&story, container)), [true; 4]);
}

#[test]
fn always_is_all_that_have_a_gpu() {
    let Some((story, [created, raw, ended, plain])) = under("always") else { return };
    assert_eq!(story.events()[..3], removed("container_removed", "ended"));
    let cleanup = [removed("created_cleanup", "created"), removed("created_cleanup", "raw")].concat();
    assert_eq!(sorted(story.events()[3..].to_vec()), sorted(cleanup));
    let told =
        [REMOVAL, REMOVAL_WARNING].map(|title| ["created", "ended", "raw"].map(|alias| format!("{title}: {alias}")));
    assert_eq!(sorted(story.notices()), told.concat());
    let there = [&created, &raw, &ended, &plain].map(|container| is_there(&story, container));
    assert_eq!(there, [false, false, false, true]);
}
