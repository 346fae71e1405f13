//! Files by which users keep their containers. They come into containers by `docker cp` and by mounts, as nothing is ever
//! run in there.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, SystemTime},
};

use docker_rig::Container;
use tempfile::TempDir;

use crate::{
    reaper::Run,
    story::{Story, runs},
    told::{STOP, STOPPED, WARNING},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A folder for `/workspace`.
struct Workspace(TempDir);

impl Workspace {
    /// With what `make` makes at the path that it is given.
    fn with(make: impl FnOnce(&Path)) -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        fs::create_dir(workspace.path()).unwrap();
        make(&workspace.keep_alive());
        workspace
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("workspace")
    }

    fn keep_alive(&self) -> std::path::PathBuf {
        self.path().join(".keep-alive")
    }

    /// What mounts it into a container.
    fn option(&self) -> String {
        format!("--volume={}:/workspace", self.path().display())
    }

    fn copy_into(&self, story: &Story, container: &Container) {
        story.rig.docker(&["cp", self.path().to_str().unwrap(), &format!("{}:/", container.id())]);
    }
}

/// A file that was last written then.
fn written(at: SystemTime) -> impl FnOnce(&Path) {
    move |path| File::create(path).unwrap().set_modified(at).unwrap()
}

/// What was done to it but for the copying.
fn done_to(story: &Story, container: &Container) -> Vec<String> {
    let mut done = story.done_to(container);
    done.retain(|action| action != "extract-to-dir");
    done
}

#[test]
fn a_fresh_file_holds_and_no_other_thing_at_its_path() {
    let Some(story) = Story::begin() else { return };
    let now = SystemTime::now();
    let cases: [(&str, Workspace, &str); 4] = [
        ("old", Workspace::with(written(now - Duration::from_secs(25 * 3600))), "it is too old; touch it again"),
        ("tomorrow", Workspace::with(written(now + DAY)), "it is dated in the future; touch it again"),
        ("link", Workspace::with(|path| symlink("/bin/busybox", path).unwrap()), "it is a symbolic link;"),
        ("directory", Workspace::with(|path| fs::create_dir(path).unwrap()), "it is a directory;"),
    ];
    let fresh = story.sitter("fresh", &[]);
    Workspace::with(written(now)).copy_into(&story, &fresh);
    let on_mount = Workspace::with(written(now));
    let mounted = story.sitter("mounted", &[&on_mount.option()]);
    let going: Vec<(&str, Container, &str)> = cases
        .into_iter()
        .map(|(alias, workspace, why)| {
            let container = story.sitter(alias, &[]);
            workspace.copy_into(&story, &container);
            (alias, container, why)
        })
        .collect();

    story.checks([2, 6, 10, 14, 18]);
    for kept in [&fresh, &mounted] {
        assert_eq!((done_to(&story, kept), runs(kept)), (vec![], true));
    }
    assert_eq!(story.events().len(), 3 * going.len(), "{:?}", story.events());
    assert_eq!(story.notices().len(), 2 * going.len(), "{:?}", story.notices());
    for (alias, container, why) in going {
        let events = ["idle_warning", "idle_kill", "gpu_released"].map(|kind| format!("{kind} {alias}"));
        assert_eq!(story.events_about(alias), events);
        assert_eq!(done_to(&story, &container), STOPPED, "{alias}");
        let told = story.told_about(alias);
        assert!(told[0].starts_with(WARNING) && told[1].starts_with(STOP), "{told:?}");
        let refused = format!("Its keep-alive file does not count: {why}");
        assert!(told[0].contains(&refused), "{told:?}");
    }
}

/// Docker would make the source anew, as a directory of root's, when it is asked what lies in the container.
#[test]
fn once_the_source_of_a_mount_is_gone_it_waits_and_nothing_appears_on_the_host() {
    let Some(story) = Story::begin() else { return };
    let host = tempfile::tempdir().unwrap();
    let data = host.path().join("data");
    fs::create_dir(&data).unwrap();
    let mounted = story.sitter("mounted", &[&format!("--volume={}:/data", data.display())]);
    fs::remove_dir(&data).unwrap();
    story.checks([2, 6, 10, 14, 18, 22]);
    let explained = Run::of(story.command("explain", 22).arg(mounted.name())).ends_with(0).stdout();
    assert_eq!((story.done_to(&mounted), runs(&mounted)), (vec![], true));
    assert!(!data.exists(), "it was made anew");
    let why = format!("; its bind mount's source {} is gone from the host", data.display());
    assert!(explained.contains(&why), "{explained}");
    // Whoever puts it back is stopped like anybody else.
    fs::create_dir(&data).unwrap();
    story.checks([26, 30, 34]);
    assert_eq!(story.done_to(&mounted), STOPPED);
}

#[test]
fn it_holds_for_a_day_and_then_there_is_a_warning_first() {
    let Some(story) = Story::begin() else { return };
    let kept = story.sitter("kept", &[]);
    Workspace::with(written(SystemTime::now())).copy_into(&story, &kept);
    story.checks([2, 6, 10, 14, 18]);
    story.check(24 * 60 - 2);
    assert_eq!((story.events(), done_to(&story, &kept)), (vec![], vec![]));
    // What nobody looked at in between is no idle time. It was idle for long enough before.
    let after = 24 * 60 + 2;
    story.checks([after, after + 4]);
    assert_eq!((story.events(), done_to(&story, &kept)), (vec!["idle_warning kept".to_owned()], vec![]));
    story.checks([after + 8, after + 12, after + 16]);
    assert_eq!(story.events(), ["idle_warning kept", "idle_kill kept", "gpu_released kept"]);
    assert_eq!(done_to(&story, &kept), STOPPED);
}

#[test]
fn touched_after_the_warning_it_holds_and_the_next_stop_is_announced_again() {
    let Some(story) = Story::begin() else { return };
    let workspace = Workspace::with(written(SystemTime::now() - 2 * DAY));
    let warned = story.sitter("warned", &[&workspace.option()]);
    story.checks([2, 6, 10]);
    assert_eq!(story.events(), ["idle_warning warned"]);
    written(SystemTime::now())(&workspace.keep_alive());
    story.checks([14, 18, 22]);
    assert_eq!((story.events().len(), story.done_to(&warned)), (1, vec![]));
    fs::remove_file(workspace.keep_alive()).unwrap();
    story.check(26);
    assert_eq!(story.events(), ["idle_warning warned", "idle_warning warned"]);
    assert_eq!((story.done_to(&warned), runs(&warned)), (vec![], true));
    story.checks([30, 34]);
    let events = ["idle_warning warned", "idle_warning warned", "idle_kill warned", "gpu_released warned"];
    assert_eq!(story.events(), events);
    assert_eq!(story.notices(), [WARNING, WARNING, STOP].map(|title| format!("{title}: warned")));
    assert_eq!(story.done_to(&warned), STOPPED);
}
