//! What happens between a check's decision and its stop.

use std::sync::atomic::{AtomicUsize, Ordering};

use docker_rig::{Container, Rig};

use crate::{
    proxy::{Proxy, Then},
    story::{Story, main_pid, runs},
    told::{WARNING, strings},
};

/// Lets something happen just before the daemon is asked about the container the second time in a check: for the last
/// look before its stop.
fn before_the_last_look(story: &Story, container: &Container, what: impl Fn() + Send + Sync + 'static) -> Proxy {
    let inspect = format!("/containers/{}/json", container.id());
    let asked = AtomicUsize::new(0);
    Proxy::new(story.rig.socket(), move |request| {
        if request.ends_with(&inspect) && asked.fetch_add(1, Ordering::SeqCst) == 1 {
            what();
        }
        Then::Forward
    })
}

/// Lets something happen just before the daemon is asked to stop the container.
fn before_the_stop(story: &Story, container: &Container, what: impl Fn() + Send + Sync + 'static) -> Proxy {
    let stop = format!("/containers/{}/stop", container.id());
    Proxy::new(story.rig.socket(), move |request| {
        if request.contains(&stop) {
            what();
        }
        Then::Forward
    })
}

/// A container that was warned, and is stopped at minute 14 if nothing happens.
fn warned() -> Option<(Story, Container)> {
    let story = Story::begin()?;
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    assert_eq!(story.events(), ["idle_warning idle"]);
    Some((story, idle))
}

/// Nothing but the warning was logged or told.
fn nothing_more(story: &Story) {
    assert_eq!(story.events(), ["idle_warning idle"]);
    assert_eq!(story.notices(), [format!("{WARNING}: idle")]);
}

/// Removes the container, and gives its name to another one that waits for it.
fn replace(rig: &Rig, (id, name): (&str, &str), by: &str) {
    rig.docker(&["rm", "--force", id]);
    rig.docker(&["rename", by, name]);
}

#[test]
fn another_container_has_got_its_name() {
    let Some((mut story, idle)) = warned() else { return };
    let other = story.sitter("other", &[]);
    let (rig, id, name, by) = (story.rig.clone(), idle.id().to_owned(), idle.name().to_owned(), other.id().to_owned());
    let proxy = before_the_last_look(&story, &idle, move || replace(&rig, (&id, &name), &by));
    story.behind(proxy.socket());
    let said = story.check(14).stderr();
    assert!(said.contains("left alone after all: it is gone"), "{said}");
    assert_eq!(other.inspect("{{.Name}}"), format!("/{}", idle.name()));
    assert_eq!((story.done_to(&other), runs(&other)), (strings(&["rename"]), true));
    nothing_more(&story);
    assert!(!proxy.seen().iter().any(|request| request.starts_with("POST")), "{:?}", proxy.seen());
}

/// So late that the stop is under way: it names the id, and so finds nobody.
#[test]
fn another_container_has_got_its_name_at_the_last_moment() {
    let Some((mut story, idle)) = warned() else { return };
    let other = story.sitter("other", &[]);
    let (rig, id, name, by) = (story.rig.clone(), idle.id().to_owned(), idle.name().to_owned(), other.id().to_owned());
    let proxy = before_the_stop(&story, &idle, move || replace(&rig, (&id, &name), &by));
    story.behind(proxy.socket());
    story.check(14);
    assert_eq!((story.done_to(&other), runs(&other)), (strings(&["rename"]), true));
    let posted: Vec<String> = proxy.seen().into_iter().filter(|request| request.starts_with("POST")).collect();
    assert!(posted.len() == 1 && posted[0].contains(idle.id()), "{posted:?}");
}

#[test]
fn it_has_been_started_anew() {
    let Some((mut story, idle)) = warned() else { return };
    let (rig, id) = (story.rig.clone(), idle.id().to_owned());
    let proxy = before_the_last_look(&story, &idle, move || drop(rig.docker(&["restart", "--time", "0", &id])));
    story.behind(proxy.socket());
    let said = story.check(14).stderr();
    assert!(said.contains("left alone after all: it was started anew"), "{said}");
    assert_eq!((story.done_to(&idle).last().map(String::as_str), runs(&idle)), (Some("restart"), true));
    nothing_more(&story);
}

#[test]
fn it_has_begun_to_work() {
    let Some((mut story, idle)) = warned() else { return };
    let (gpus, gpu, pid) = (story.gpus.clone(), story.gpu(0), main_pid(&idle));
    let proxy = before_the_last_look(&story, &idle, move || gpus.work(&gpu, pid, 60));
    story.behind(proxy.socket());
    let said = story.check(14).stderr();
    assert!(said.contains("left alone after all: not idle: it works on a GPU"), "{said}");
    assert_eq!((story.done_to(&idle), runs(&idle)), (vec![], true));
    nothing_more(&story);

    // What the last look saw is work for the next check too, though it has ended by then: all begins anew.
    story.gpus.leave(main_pid(&idle));
    story.checks([18]);
    nothing_more(&story);
    story.checks([22, 26]);
    assert_eq!(story.events(), ["idle_warning idle", "idle_warning idle"]);
    assert_eq!(story.done_to(&idle), [""; 0]);
}

#[test]
fn it_is_kept_since_a_moment_ago() {
    let Some((mut story, idle)) = warned() else { return };
    let dir = tempfile::tempdir().unwrap();
    let workspace = dir.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    let (rig, id) = (story.rig.clone(), idle.id().to_owned());
    let proxy = before_the_last_look(&story, &idle, move || {
        std::fs::write(workspace.join(".keep-alive"), "").unwrap();
        rig.docker(&["cp", workspace.to_str().unwrap(), &format!("{id}:/")]);
    });
    story.behind(proxy.socket());
    let said = story.check(14).stderr();
    assert!(said.contains("left alone after all: a keep-alive file holds"), "{said}");
    assert_eq!((story.done_to(&idle), runs(&idle)), (strings(&["extract-to-dir"]), true));
    nothing_more(&story);
}

#[test]
fn it_has_ended_by_itself() {
    let Some((mut story, idle)) = warned() else { return };
    let (rig, id) = (story.rig.clone(), idle.id().to_owned());
    let proxy = before_the_last_look(&story, &idle, move || drop(rig.docker(&["stop", &id])));
    story.behind(proxy.socket());
    let said = story.check(14).stderr();
    assert!(said.contains("left alone after all: it does not run any more"), "{said}");
    nothing_more(&story);
    assert!(!proxy.seen().iter().any(|request| request.starts_with("POST")), "{:?}", proxy.seen());
}
