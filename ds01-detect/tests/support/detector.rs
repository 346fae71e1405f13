//! `ds01-detect` with everything that it reads and writes pinned.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The program with a state directory of its own, which is removed with this.
pub(crate) struct Detector {
    dir: TempDir,
    flags: Vec<(&'static str, PathBuf)>,
}

impl Detector {
    /// On this host's `/proc`. Docker is where its default socket is, and NVML what the system's loader finds, unless the
    /// methods below name them.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), flags: Vec::new() }
    }

    /// With the daemon behind this socket.
    pub(crate) fn docker(self, socket: &Path) -> Self {
        let mut address = PathBuf::from("unix://").into_os_string();
        address.push(socket);
        self.flag("--docker-host", &address)
    }

    /// With another engine of this name behind this socket.
    pub(crate) fn engine(self, name: &str, socket: &Path) -> Self {
        let address = format!("{name}=unix://{}", socket.display());
        self.flag("--engine", &address)
    }

    /// With this NVML library.
    pub(crate) fn nvml(self, library: &Path) -> Self {
        self.flag("--nvml-library", library)
    }

    /// With this in place of `/proc`.
    pub(crate) fn proc_root(self, root: &Path) -> Self {
        self.flag("--proc-root", root)
    }

    /// With this in place of `/sys`.
    #[allow(dead_code, reason = "not all tests that share this need it")]
    pub(crate) fn sys_root(self, root: &Path) -> Self {
        self.flag("--sys-root", root)
    }

    fn flag(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        // Each is given once, but for engines.
        self.flags.retain(|(given, _)| *given != name || name == "--engine");
        self.flags.push((name, PathBuf::from(value.as_ref())));
        self
    }

    /// The state directory.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The event log.
    pub(crate) fn events_file(&self) -> PathBuf {
        self.dir.path().join("events.jsonl")
    }

    /// The program with these flags, ready for more. Nothing of the caller's environment reaches it but `PATH`.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.arg("--state-dir").arg(self.state_dir()).arg("--events-file").arg(self.events_file());
        for (name, value) in &self.flags {
            command.arg(name).arg(value);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs it with these arguments besides, to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run(self.command().args(args).output().unwrap())
    }

    /// The inventory that the last run saved, as any reader finds it.
    pub(crate) fn inventory(&self) -> Value {
        let path = self.state_dir().join("workload-inventory.json");
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// All events so far, in the order of the log.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.events_file()).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line of the log is cut: {text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }
}

/// How one run ended.
pub(crate) struct Run(Output);

impl Run {
    /// The exit code; `None` when a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    /// What it said.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The same run, which must have ended with this code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}", self.stderr());
        self
    }
}
