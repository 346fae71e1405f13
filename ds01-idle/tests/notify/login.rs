//! What a user sees when he logs in.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use tempfile::TempDir;

use crate::script::{shipped, words};

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

    /// What `sh -i` shows that reads the snippet, and whether it goes on afterwards.
    fn log_in(&self, options: &str) -> String {
        let snippet = shipped("profile.d/ds01-notices.sh");
        let mut command = Command::new("sh");
        command.args([options, "-c", &format!(". {}; echo \"went on $-\" >&2; echo went on", snippet.display())]);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.0.path().join("home"));
        let output = command.env("DS01_NOTICES_DIR", self.0.path().join("notices")).output().unwrap();
        assert!(output.status.success());
        let said = words(&output.stdout);
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
