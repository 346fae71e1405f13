//! What a user sees when he logs in.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    pty::on_terminal,
    script::{shipped, words},
};

struct User(TempDir);

const NOTICES: &str =
    "notice 100 open 2026-03-02 12:00 UTC\n| first $(id) \\n |\nnotice 101 past 2026-03-02 12:05 UTC\n| second |\n";

impl User {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("notices")).unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        Self(dir)
    }

    fn notices(&self, text: &str) {
        let me = fs::metadata(self.0.path()).unwrap().uid();
        fs::write(self.0.path().join("notices").join(me.to_string()), text).unwrap();
    }

    fn shell(&self, options: &str) -> Command {
        let snippet = shipped("profile.d/ds01-notices.sh");
        let mut command = Command::new("sh");
        command.args([options, "-c", &format!(". {}; echo went on", snippet.display())]);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.0.path().join("home"));
        command.env("DS01_NOTICES_DIR", self.0.path().join("notices"));
        command
    }

    /// What `sh -i` shows that reads the snippet, and whether it goes on afterwards.
    fn log_in(&self, options: &str) -> String {
        let (said, code) = on_terminal(&self.shell(options), 80);
        assert_eq!(code, 0, "{said}");
        let said = said.trim_end();
        said.strip_suffix("went on").unwrap_or_else(|| panic!("it ended the login: {said}")).trim().to_owned()
    }
}

const FIRST: &str = "GPU containers, 2026-03-02 12:00 UTC:\n| first $(id) \\n |";
const SECOND: &str = "GPU containers, 2026-03-02 12:05 UTC:\n| second |";

#[test]
fn what_is_to_come_is_shown_each_time_and_the_rest_once() {
    let user = User::new();
    assert_eq!(user.log_in("-i"), "");
    user.notices(NOTICES);
    assert_eq!(user.log_in("-i"), format!("{FIRST}\n\n{SECOND}"));
    assert_eq!(user.log_in("-i"), FIRST);
    user.notices(&format!("{}notice 102 past 2026-03-03 09:00 UTC\n| third |\n", NOTICES.replace("open", "past")));
    assert_eq!(user.log_in("-i"), "GPU containers, 2026-03-03 09:00 UTC:\n| third |");
    assert_eq!(user.log_in("-i"), "");
}

#[test]
fn who_has_no_terminal_or_wants_none_of_it_is_shown_nothing() {
    let user = User::new();
    user.notices(NOTICES);
    assert_eq!(user.log_in("-u"), "");
    fs::write(user.0.path().join("home/.hushlogin"), "").unwrap();
    assert_eq!(user.log_in("-i"), "");
}

/// A script that reads a user's environment with `bash -ic` sees it in his place.
#[test]
fn what_nobody_saw_is_not_remembered_as_seen() {
    let user = User::new();
    user.notices(NOTICES);
    let output = user.shell("-i").output().unwrap();
    assert_eq!(words(&output.stdout), "went on");
    assert_eq!(user.log_in("-i"), format!("{FIRST}\n\n{SECOND}"));
}

/// Root, with the HOME of a user who wrote a link there.
#[test]
fn no_link_of_a_users_is_followed() {
    let user = User::new();
    user.notices(NOTICES);
    let state = user.0.path().join("home/.local/state");
    let _ = user.log_in("-i");
    let seen = fs::read_dir(&state).unwrap().next().unwrap().unwrap().path();
    let target = user.0.path().join("target");
    fs::write(&target, "0").unwrap();
    fs::remove_file(&seen).unwrap();
    symlink(&target, &seen).unwrap();
    let _ = user.log_in("-i");
    assert_eq!(fs::read_to_string(&target).unwrap(), "0");

    fs::remove_file(&seen).unwrap();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for theirs in [&state, &user.0.path().join("home")] {
        chown(theirs, Some(4_001), None).unwrap();
        assert_eq!(user.log_in("-i"), format!("{FIRST}\n\n{SECOND}"));
        assert!(!seen.exists(), "{}", theirs.display());
        chown(theirs, Some(0), None).unwrap();
    }
    let _ = user.log_in("-iC");
    assert!(seen.exists());
    fs::write(&seen, "1").unwrap();
    let _ = user.log_in("-iC");
    assert_eq!(fs::read_to_string(&seen).unwrap(), "101\n", "though the shell overwrites nothing");
}

#[test]
fn nothing_ends_a_login() {
    let user = User::new();
    user.notices(NOTICES);
    for options in ["-ie", "-iu", "-ieu"] {
        let _ = user.log_in(options);
    }
    // No home to remember in: it is shown again.
    let user = User::new();
    user.notices(NOTICES);
    fs::remove_dir(user.0.path().join("home")).unwrap();
    fs::write(user.0.path().join("home"), "").unwrap();
    assert_eq!(user.log_in("-ie"), user.log_in("-ie"));
    for text in ["notice\n", "notice x y\n", "notice 99999999999999999999 open x\n| a |\n", "| no head |\n", "\0\n", ""]
    {
        user.notices(text);
        let _ = user.log_in("-ieu");
    }
    // And what its user made of what is remembered.
    let user = User::new();
    user.notices(NOTICES);
    let _ = user.log_in("-i");
    let state = user.0.path().join("home/.local/state");
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        fs::write(&path, "; reboot").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(user.log_in("-ieu"), format!("{FIRST}\n\n{SECOND}"));
}
