//! `ds01-idle run` with everything that it reads and writes pinned.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use ds01_core::idle::IdleState;
use tempfile::TempDir;

use crate::notices::Notices;

/// The program with directories of its own, which are removed with this.
pub(crate) struct Reaper {
    dir: TempDir,
    args: Vec<String>,
    pub(crate) notices: Notices,
}

impl Reaper {
    /// With this policy and these arguments besides.
    pub(crate) fn new(policy: &str, args: &[String]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("resource-limits.yaml"), policy).unwrap();
        let notices = Notices::new(dir.path());
        Self { notices, args: args.to_vec(), dir }
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn events_file(&self) -> PathBuf {
        self.dir.path().join("events.jsonl")
    }

    /// Starts a check so many seconds later than now, by both clocks, and kills it after `life`. How it ended.
    pub(crate) fn run(&self, later: u64, life: Option<Duration>) -> ExitStatus {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        let path = |path: &Path| path.display().to_string();
        command.args(["run", "--shift-clocks", &format!("{later},{later}"), "--wall", &path(self.notices.script())]);
        command.args(["--config", &path(&self.dir.path().join("resource-limits.yaml"))]);
        command.args(["--state-dir", &path(&self.state_dir()), "--events-file", &path(&self.events_file())]);
        command.args(["--keep-dir", &path(&self.dir.path().join("keep"))]);
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::null());
        if life.is_some() {
            command.stderr(Stdio::null());
        }
        let mut child = command.spawn().unwrap();
        if let Some(life) = life {
            thread::sleep(life);
            child.kill().unwrap();
        }
        child.wait().unwrap()
    }

    /// The state that was saved last; `None` before the first.
    pub(crate) fn state(&self) -> Option<IdleState> {
        let bytes = fs::read(self.state_dir().join("idle-state.json")).ok()?;
        Some(IdleState::from_json(&bytes).unwrap_or_else(|error| panic!("the state is {error}")))
    }
}
