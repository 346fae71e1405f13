//! `ds01-idle deliver` as systemd starts it, and killed at any instant. Hooks have to be root's, so this takes root.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use ds01_core::outbox::{About, Ended, Entry, Outbox, SCHEMA_VERSION};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::script::script;

struct Host {
    dir: TempDir,
    outbox: Outbox,
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root() || {
        println!("skipped: this takes root");
        false
    }
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
            path
        };
        make("state-notify");
        let (outbox, results) = (make("state-notify/outbox"), make("state-notify/results"));
        let outbox = Outbox { dir: outbox, results, hooks: make("etc/notify.d"), trusted: 0 };
        Self { dir, outbox }
    }

    fn put(&self, n: usize) {
        let entry = Entry {
            schema_version: SCHEMA_VERSION.to_owned(),
            id: format!("{n:013}-abababababab-warning"),
            time: Timestamp::now(),
            severity: "warning".to_owned(),
            user: Some("alice".to_owned()),
            address: None,
            container: About { name: "train".to_owned(), id: "ab".repeat(32), r#type: "docker".to_owned() },
            subject: "subject".to_owned(),
            text: "text\n".to_owned(),
            stop_in_seconds: None,
            check: 1,
            hooks: vec!["mail".to_owned()],
            reported: Vec::new(),
        };
        self.outbox.put(&entry).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
        let arg = |path: &Path| path.display().to_string();
        command.args(["deliver", "--state-dir", &arg(&self.path("state"))]);
        command.args(["--config", &arg(&self.path("etc/resource-limits.yaml"))]);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The ids that the hook was given, as often as it was.
    fn given(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("given")).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }
}

#[test]
fn it_ends_when_all_is_delivered() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    script(&host.outbox.hooks.join("mail"), &format!("echo \"$DS01_ID\" >>{}", host.path("given").display()));
    (0..3).for_each(|n| host.put(n));
    assert!(host.start().wait().unwrap().success());
    assert_eq!(host.given().len(), 3);
    assert!(host.start().wait().unwrap().success());
    assert_eq!(host.given().len(), 3, "each once");
    assert_eq!(host.outbox.news(Timestamp::now()).0.len(), 3);
}

/// Kills it again and again. What was being delivered at that instant waits for a minute; so the test lets it pass, by the
/// notes that are kept of it. Each notice arrives, and none more often than it was killed.
#[test]
fn killed_at_any_instant_it_loses_nothing() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    script(
        &host.outbox.hooks.join("mail"),
        &format!("echo \"$DS01_ID\" >>{}; sleep 0.02", host.path("given").display()),
    );
    (0..20).for_each(|n| host.put(n));
    let mut kills = 0;
    for life in (5..200).step_by(13) {
        let mut child = host.start();
        thread::sleep(Duration::from_millis(life));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let news = host.outbox.news(Timestamp::now()).0;
        assert!(news.iter().all(|one| one.ended == Ended::Delivered("done".to_owned())));
        for entry in fs::read_dir(&host.outbox.results).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            if text.contains("\"pending\"") {
                fs::write(&path, text.replace(&year(), "2020-")).unwrap();
            }
        }
    }
    assert!(host.start().wait().unwrap().success());
    let mut given = host.given();
    assert!(given.len() <= 20 + kills, "{} times", given.len());
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 20);
    assert_eq!(host.outbox.news(Timestamp::now()).0.len(), 20);
}

fn year() -> String {
    format!("{}-", Timestamp::now().strftime("%Y"))
}

/// As `ds01-notify`, it can read notices and say what became of them, and a hook can write nothing else.
#[test]
fn as_nobody_it_does_its_work_and_can_change_nothing_of_roots() {
    const NOBODY: u32 = 65_534;
    if !is_root() {
        return;
    }
    let host = Host::new();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for path in [host.path(""), host.path("etc"), host.path("state-notify"), host.outbox.hooks.clone()] {
        mode(&path, 0o755);
    }
    chown(&host.outbox.dir, None, Some(NOBODY)).unwrap();
    mode(&host.outbox.dir, 0o2750);
    chown(&host.outbox.results, Some(NOBODY), Some(NOBODY)).unwrap();
    let dir = host.outbox.dir.display().to_string();
    let hooks = host.outbox.hooks.display().to_string();
    let tries =
        format!("for f in {dir}/x {dir}/*.json {hooks}/x {hooks}/mail; do echo >>$f && echo wrote $f; done; id -u");
    script(&host.outbox.hooks.join("mail"), &format!("{{ {tries}; }} 2>/dev/null"));
    host.put(1);
    let program = host.path("ds01-idle");
    fs::copy(env!("CARGO_BIN_EXE_ds01-idle"), &program).unwrap();
    let mut command = Command::new(program);
    command.args(["deliver", "--state-dir", &host.path("state").display().to_string()]);
    command.args(["--config", &host.path("etc/resource-limits.yaml").display().to_string()]);
    let output = command.env_clear().uid(NOBODY).gid(NOBODY).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let news = host.outbox.news(Timestamp::now()).0;
    assert_eq!(news[0].ended, Ended::Delivered(NOBODY.to_string()), "it wrote nothing before");
    let result = fs::read_dir(&host.outbox.results).unwrap().map(|entry| entry.unwrap().metadata().unwrap().uid());
    assert!(result.into_iter().all(|uid| uid == NOBODY));
}
