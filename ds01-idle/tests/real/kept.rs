//! Containers that their owners ask to keep, by the kernel's word of who runs what.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::PathBuf,
};

use docker_rig::Container;

use crate::{
    reaper::{Reaper, Run},
    story::{Story, runs},
    told::{STOPPED, WARNING},
};

/// Users whom every host has, and who own no container of another test.
const DAEMON: u32 = 1;
const BIN: u32 = 2;

fn begin() -> Option<Story> {
    let story = Story::begin()?;
    fs::create_dir(story.reaper.keep_dir()).unwrap();
    fs::set_permissions(story.reaper.keep_dir(), Permissions::from_mode(0o1733)).unwrap();
    fs::create_dir(notices_dir(&story)).unwrap();
    Some(story)
}

/// Where users find their notices when they log in.
fn notices_dir(story: &Story) -> PathBuf {
    story.reaper.state_dir().with_file_name("state-notices")
}

/// What a user is shown when he logs in, in one line.
fn shown_at_login(story: &Story, uid: u32) -> String {
    let text = fs::read_to_string(notices_dir(story).join(uid.to_string())).unwrap_or_default();
    text.lines().map(|line| line.trim_matches(['|', ' '])).collect::<Vec<_>>().join(" ")
}

fn files(story: &Story) -> BTreeSet<PathBuf> {
    fs::read_dir(story.reaper.keep_dir()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Asks as root, and moves the file to where whoever is to have asked would have left it: no other user can enter a test's
/// directory.
fn asks(story: &Story, uid: u32, container: &Container, more: &[&str]) {
    let mut command = Reaper::bare();
    command.args(["keep", container.name()]).args(more).arg("--keep-dir").arg(story.reaper.keep_dir());
    Run::of(command.arg("--state-dir").arg(story.reaper.state_dir())).ends_with(0);
    for entry in fs::read_dir(story.reaper.state_dir().join("keep")).unwrap() {
        let (from, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        let to = story.reaper.keep_dir().join(name);
        fs::rename(from, &to).unwrap();
        chown(&to, Some(uid), None).unwrap();
    }
}

#[test]
fn as_whom_its_main_process_runs_keeps_it_and_nobody_else_does() {
    let Some(story) = begin() else { return };
    let user = format!("--user={DAEMON}");
    let labelled = ["--label=ds01.user=daemon"];
    let (kept, others, named) =
        (story.sitter("kept", &[&user]), story.sitter("others", &[&user]), story.sitter("named", &labelled));
    // As managed containers are, with a workspace that is nobody's home.
    let workspace = tempfile::tempdir().unwrap();
    chown(workspace.path(), Some(DAEMON), None).unwrap();
    let mount = format!("--volume={}:/workspace", workspace.path().display());
    let mounted = story.sitter("mounted", &[labelled[0], &mount]);
    story.checks([2, 6, 10]);
    let told = story.told_about("kept");
    let ask = "run ds01-idle keep kept 8h on the host";
    assert!(told[0].starts_with(WARNING) && told[0].contains(ask), "{told:?}");

    asks(&story, DAEMON, &kept, &["8h", "--why", "overnight\u{1b}[2J run"]);
    asks(&story, BIN, &others, &[]);
    asks(&story, DAEMON, &named, &[]);
    asks(&story, DAEMON, &mounted, &[]);
    story.checks([14, 18, 22]);
    for kept in [&kept, &mounted] {
        assert_eq!((story.done_to(kept), runs(kept)), (vec![], true));
    }
    for refused in [&others, &named] {
        assert_eq!(story.done_to(refused), STOPPED);
    }
    assert!(files(&story).is_empty());
    assert_eq!(story.events_about("kept"), ["idle_warning kept", "kept kept"]);
    assert_eq!(story.events_about("others")[..2], ["idle_warning others", "keep_refused others"]);
    assert_eq!(story.events_about("named")[..2], ["idle_warning named", "keep_refused named"]);

    // Who is refused hears of it, and nobody else does.
    let refusal = |what: &str| {
        format!("REQUEST TO KEEP A CONTAINER: REFUSED  You asked with ds01-idle keep. A check refused this: {what}")
    };
    let told = shown_at_login(&story, BIN);
    assert!(
        told.contains(&refusal(&format!("{}: it belongs to daemon, by its process uid.", others.name()))),
        "{told}"
    );
    let told = shown_at_login(&story, DAEMON);
    let why = format!(
        "{}: only its label ds01.user says that it is theirs: its main process does not run as them, and no",
        named.name()
    );
    assert!(told.contains(&refusal(&why)) && told.matches("REFUSED").count() == 1, "{told}");

    let status = Run::of(&mut story.command("status", 22)).ends_with(0).stdout();
    assert!(status.contains("kept by daemon until "), "{status}");
    assert!(status.contains(": overnight\\x1b[2J run"), "{status}");
    let explained = Run::of(story.command("explain", 22).arg(kept.name())).ends_with(0).stdout();
    assert!(explained.contains("Nothing happens: it is kept by daemon until "), "{explained}");

    // What is left counts on after a reboot.
    story.reaper.was_in_another_boot();
    story.check(26);
    let left_ms = story.reaper.state()["kept"][kept.id()]["left_ms"].as_u64().unwrap();
    assert!(left_ms > 7 * 3_600_000 && left_ms < 8 * 3_600_000, "{left_ms}");
}
