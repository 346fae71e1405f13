//! `ds01-idle` with everything that it reads and writes pinned.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The policy of most stories: whoever is idle from minute 2 on is warned at minute 10 and stopped at minute 14, when there
/// are checks at 2, 6, 10 and 14.
pub(crate) const POLICY: &str = "\
defaults: {idle_timeout: 9m, max_runtime: 24h, gpu_hold_after_stop: 15m, container_hold_after_stop: 30m}
groups: {student: {}}
container_types:
  devcontainer: {idle_timeout: null, max_runtime: 168h}
  docker: {idle_timeout: 9m, max_runtime: 48h}
  unknown: {idle_timeout: 9m, max_runtime: 24h}
policies: {grace_period: 1m, sigterm_grace_seconds: 2, high_demand_threshold: null}
";

/// The program with state, log and policy of its own, which are removed with this.
pub(crate) struct Reaper {
    dir: TempDir,
    socket: PathBuf,
    library: PathBuf,
}

impl Reaper {
    /// On this host's `/proc`, with the daemon behind this socket and this NVML library.
    pub(crate) fn new(socket: &Path, library: &Path) -> Self {
        let reaper = Self { dir: tempfile::tempdir().unwrap(), socket: socket.to_owned(), library: library.to_owned() };
        fs::create_dir_all(reaper.notices_dir()).unwrap();
        fs::create_dir(reaper.dir.path().join("etc")).unwrap();
        reaper.set_policy(POLICY);
        // Tells nobody, and keeps what it was given. The program gives it no environment.
        let script = format!("#!/bin/sh\nexec /bin/cat >{}/$(/bin/date +%s.%N).$$\n", reaper.notices_dir().display());
        fs::write(reaper.wall(), script).unwrap();
        fs::set_permissions(reaper.wall(), Permissions::from_mode(0o755)).unwrap();
        reaper
    }

    /// The daemon is reached through this socket from now on.
    pub(crate) fn docker(&mut self, socket: &Path) {
        self.socket = socket.to_owned();
    }

    /// The address that `--docker-host` and `DOCKER_HOST` take.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    pub(crate) fn set_policy(&self, text: &str) {
        self.put_beside("resource-limits.yaml", text);
    }

    /// A file beside the policy.
    pub(crate) fn put_beside(&self, name: &str, text: &str) {
        let path = self.policy().with_file_name(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }

    pub(crate) fn policy(&self) -> PathBuf {
        self.dir.path().join("etc/resource-limits.yaml")
    }

    /// Where the sampler writes to, if the story has one.
    pub(crate) fn samples_dir(&self) -> PathBuf {
        self.dir.path().join("samples")
    }

    /// Where users ask to keep containers, if the story makes it.
    pub(crate) fn keep_dir(&self) -> PathBuf {
        self.dir.path().join("keep")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.state_dir().join("idle-state.json")
    }

    /// Where events are logged, and what stands in for terminals.
    pub(crate) fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub(crate) fn events_file(&self) -> PathBuf {
        self.log_dir().join("events.jsonl")
    }

    pub(crate) fn wall(&self) -> PathBuf {
        self.dir.path().join("wall")
    }

    fn notices_dir(&self) -> PathBuf {
        self.log_dir().join("notices")
    }

    /// The program with nothing of the caller's environment, and no argument.
    pub(crate) fn bare() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-idle"));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// One of its commands with all paths but the daemon's named, ready for more arguments.
    pub(crate) fn without_docker(&self, subcommand: &str) -> Command {
        let mut command = Self::bare();
        command.arg(subcommand).arg("--config").arg(self.policy()).arg("--nvml-library").arg(&self.library);
        command.arg("--state-dir").arg(self.state_dir()).arg("--events-file").arg(self.events_file());
        command.arg("--samples-dir").arg(self.samples_dir()).arg("--keep-dir").arg(self.keep_dir());
        if subcommand == "run" {
            command.arg("--wall").arg(self.wall());
        }
        command
    }

    /// One of its commands with all paths named, ready for more arguments.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = self.without_docker(subcommand);
        command.args(["--docker-host", &self.address()]);
        command
    }

    /// All events so far, in the order of the log, but for those about the notices.
    pub(crate) fn events(&self) -> Vec<Value> {
        let of_notice = |event: &Value| event["event_type"].as_str().is_some_and(|kind| kind.starts_with("notice."));
        self.all_events().into_iter().filter(|event| !of_notice(event)).collect()
    }

    /// All events so far.
    pub(crate) fn all_events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.events_file()).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line of the log is cut: {text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// All notices so far, in the order in which they were told.
    pub(crate) fn notices(&self) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(self.notices_dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    /// All that it remembers was in another boot.
    pub(crate) fn was_in_another_boot(&self) {
        const OTHER: &str = "00000000-0000-4000-8000-000000000000";
        let this = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let activity = fs::read_dir(self.state_dir().join("activity")).unwrap().map(|entry| entry.unwrap().path());
        for file in activity.chain([self.state_file()]) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains(this.trim()), "{text}");
            fs::write(file, text.replace(this.trim(), OTHER)).unwrap();
        }
    }

    /// What it remembers.
    pub(crate) fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.state_file()).unwrap()).unwrap()
    }
}

/// How one run ended.
#[derive(Debug)]
pub(crate) struct Run(Output);

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self(command.output().unwrap())
    }

    /// The exit code; `None` when a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// The same run, which must have ended with this code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}", self.stderr());
        self
    }
}
