//! `ds01-idle notify --test USER`, on terminals and a host of the test's own.

use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use docker_rig::namespace::{inside, mount};
use portable_pty::{MasterPty, PtyPair, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::script::{script, words};

/// Users whom every host has.
const DAEMON: u32 = 1;
const BIN: u32 = 2;

fn as_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "mounting: needs root");
    root
}

struct Host(TempDir);

impl Host {
    /// Within a namespace of the test's own: with terminals that nobody else has.
    fn new() -> Self {
        mount(&["-t", "devpts", "-o", "newinstance,gid=5,mode=620,ptmxmode=666", "devpts"], Path::new("/dev/pts"));
        if fs::symlink_metadata("/dev/ptmx").unwrap().file_type().is_file() {
            mount(&["--bind", "/dev/pts/ptmx"], Path::new("/dev/ptmx"));
        }
        let host = Self(tempfile::tempdir().unwrap());
        for (name, mode) in [
            ("state", 0o750),
            ("state-notify", 0o755),
            ("state-notify/outbox", 0o750),
            ("state-notify/results", 0o750),
            ("state-notices", 0o711),
            ("etc", 0o755),
            ("etc/notify.d", 0o755),
        ] {
            fs::create_dir(host.path(name)).unwrap();
            fs::set_permissions(host.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        host.set_policy("");
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn set_policy(&self, notify: &str) {
        let policy = self.path("etc/resource-limits.yaml");
        fs::write(&policy, format!("defaults: {{idle_timeout: 30m}}\nnotify: {{{notify}}}\n")).unwrap();
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn hook(&self, text: &str) {
        script(&self.path("etc/notify.d/mail"), text);
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
        command.env_clear().arg(subcommand).arg("--config").arg(self.path("etc/resource-limits.yaml"));
        command.arg("--state-dir").arg(self.path("state"));
        command
    }

    /// Tries, while hooks are run as `ds01-notify.service` runs them.
    fn tries(&self, more: &[&str]) -> Tried {
        let mut command = self.command("notify");
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut tries = command.spawn().unwrap();
        let deliver = || self.command("deliver").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut delivers = deliver();
        while tries.try_wait().unwrap().is_none() {
            if delivers.try_wait().unwrap().is_some() {
                delivers = deliver();
            }
            thread::sleep(Duration::from_millis(20));
        }
        // It would go on for as long as something is to be tried again.
        delivers.kill().unwrap();
        delivers.wait().unwrap();
        Tried::from(&tries.wait_with_output().unwrap())
    }

    fn in_outbox(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("state-notify/outbox")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

struct Tried {
    said: String,
    errors: String,
    code: Option<i32>,
}

impl From<&Output> for Tried {
    fn from(output: &Output) -> Self {
        Self { said: words(&output.stdout), errors: words(&output.stderr), code: output.status.code() }
    }
}

/// A terminal of somebody's, and where it is.
fn terminal(owner: u32) -> (PtyPair, String) {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let path = pair.master.tty_name().unwrap();
    chown(&path, Some(owner), None).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    let name = path.display().to_string();
    (pair, name)
}

/// What a terminal was given, once nobody else has it open.
fn given((pair, _): (PtyPair, String)) -> String {
    drop(pair.slave);
    let mut text = Vec::new();
    let mut reader = MasterPty::try_clone_reader(&*pair.master).unwrap();
    // The end is an error where nobody has it open any more.
    let _ = reader.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn each_way_is_tried_and_says_what_came_of_it() {
    if !inside("tried::each_way_is_tried_and_says_what_came_of_it", as_root) {
        return;
    }
    let host = Host::new();
    host.set_policy("users: {daemon: {address: d@x.org}}");
    host.hook("echo \"$DS01_ADDRESS $DS01_SEVERITY $DS01_CONTAINER\"; cat >&2");
    let (own, others) = (terminal(DAEMON), terminal(BIN));
    let tried = host.tries(&["--test", "daemon"]);
    let login = host.path(&format!("state-notices/{DAEMON}"));
    let expected = [
        format!("terminals: told daemon at {}", own.1),
        "hooks: put up for daemon: mail".to_owned(),
        format!("login: put up for daemon: {}", login.display()),
        "wall: not used: nobody else is told without --wall".to_owned(),
        "hook:mail: told daemon at d@x.org information".to_owned(),
    ];
    let mut said: Vec<&str> = tried.said.lines().collect();
    said.sort_unstable();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!((said, tried.code), (expected, Some(0)), "{}", tried.errors);
    assert_eq!((host.in_outbox(), fs::metadata(&login).unwrap().uid()), (vec![], DAEMON));
    let text = given(own);
    assert!(text.contains("| TEST OF NOTICES ") && text.contains("| For: daemon, on "), "{text}");
    assert_eq!(text.matches("TEST OF NOTICES").count(), 1);
    assert_eq!(given(others), "", "nobody else is disturbed");

    let others = terminal(BIN);
    let tried = host.tries(&["--test", "daemon", "--wall"]);
    assert!(tried.said.contains(&format!("wall: told everybody else at {}", others.1)), "{}", tried.said);
    assert!(tried.said.contains("terminals: daemon is at no terminal"), "{}", tried.said);
    assert_eq!(given(others), text);
}

#[test]
fn what_arrives_nowhere_is_a_failure_and_is_not_tried_on() {
    if !inside("tried::what_arrives_nowhere_is_a_failure_and_is_not_tried_on", as_root) {
        return;
    }
    let host = Host::new();
    let none = host.tries(&["--test", "daemon"]);
    let why = format!("hooks: not used: there is no program in {}", host.path("etc/notify.d").display());
    assert!(none.said.contains(&why) && none.said.contains("daemon is at no terminal"), "{}", none.said);
    assert_eq!(none.code, Some(1), "what waits for a login has not arrived");

    host.hook("echo no route; exit 3");
    let failed = host.tries(&["--test", "daemon"]);
    assert!(failed.said.contains("hook:mail: failed: exit status: 3: no route"), "{}", failed.said);
    assert_eq!((failed.code, host.in_outbox()), (Some(1), vec![]));

    // Nobody runs hooks.
    let unheard = Tried::from(&host.command("notify").args(["--test", "daemon", "--wait", "0s"]).output().unwrap());
    assert!(unheard.said.contains("hook:mail: no answer within 0s; see systemctl status"), "{}", unheard.said);
    assert_eq!((unheard.code, host.in_outbox()), (Some(1), vec![]));

    host.set_policy(
        "users: {daemon: {quiet: true}}, channels: {warning: [terminals], stop: [], removal: [], information: []}",
    );
    let own = terminal(DAEMON);
    let quiet = host.tries(&["--test", "daemon"]);
    assert!(
        quiet.said.contains("terminals: not used: nothing is written to terminals for this user"),
        "{}",
        quiet.said
    );
    assert!(quiet.said.contains("hooks: not used: no notice takes this way"), "{}", quiet.said);
    assert_eq!((quiet.code, given(own)), (Some(1), String::new()));
}

#[test]
fn a_name_that_nobody_has_is_said_plainly() {
    if !inside("tried::a_name_that_nobody_has_is_said_plainly", as_root) {
        return;
    }
    let host = Host::new();
    host.hook("exit 0");
    let tried = host.tries(&["--test", "\u{1b}[2Jmal\u{202e}lory\n"]);
    let plain = |text: &str| text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}'));
    assert!(plain(&tried.said) && plain(&tried.errors), "{} {}", tried.said, tried.errors);
    assert!(tried.errors.contains(r"this host knows no user \x1b[2Jmal"), "{}", tried.errors);
    assert!(tried.said.contains("login: ") && tried.said.contains("this host knows no user of that name"));
    assert_eq!(tried.code, Some(0), "a hook can know him");
}

#[test]
fn nobody_but_root_may() {
    if !as_root() {
        return;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups", env!("CARGO_BIN_EXE_ds01-idle"), "notify", "--test", "root"]);
    let tried = Tried::from(&command.output().unwrap());
    assert!(tried.errors.contains("only root can write to other users' terminals; run: sudo"), "{}", tried.errors);
    assert_eq!(tried.code, Some(1));
}
