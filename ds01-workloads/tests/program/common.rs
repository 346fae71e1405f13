//! What the tests of the program share: state directories, and the program in a pinned environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use ds01_core::{
    detect::{
        Inventory, Origin, UserSource,
        inventory::{ContainerEntry, Extra, FILE_NAME},
    },
    model::{ContainerId, ContainerStatus},
};
use jiff::Timestamp;
use tempfile::TempDir;

/// The program under test.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_ds01-workloads")
}

/// The program with nothing of the tester's environment.
pub(crate) fn ds01(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.env_clear().stdin(Stdio::null()).args(arguments);
    command
}

/// The same on a state directory.
pub(crate) fn on(state: &State, arguments: &[&str]) -> Command {
    let mut command = ds01(arguments);
    command.arg("--state-dir").arg(state.path());
    command
}

/// Standard output, standard error and exit code.
pub(crate) fn outcome(mut command: Command) -> (String, String, i32) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// A directory with an inventory in it.
pub(crate) struct State(TempDir);

impl State {
    /// One without an inventory.
    pub(crate) fn empty() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// One with an inventory, scanned `age` ago, of a running container for each name.
    pub(crate) fn new(names: &[&str], age: Duration) -> Self {
        let state = Self::empty();
        state.save(&inventory(names, age));
        state
    }

    /// Replaces the inventory, as the detector does.
    pub(crate) fn save(&self, inventory: &Inventory) {
        self.write(&inventory.to_json().unwrap());
    }

    /// Replaces the inventory's bytes.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let new = self.path().join("new");
        fs::write(&new, bytes).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join(FILE_NAME)
    }
}

/// An inventory, scanned `age` ago, of a running container for each name.
pub(crate) fn inventory(names: &[&str], age: Duration) -> Inventory {
    let entries = (0..).zip(names).map(|(n, name)| container(n, name));
    Inventory {
        last_scan: Some(Timestamp::now() - age),
        containers: entries.map(|entry| (entry.id.clone(), entry)).collect(),
        ..Inventory::empty()
    }
}

/// A running container, a day old.
fn container(number: u64, name: &str) -> ContainerEntry {
    let full_id: ContainerId = format!("{number:012x}{}", "0".repeat(52)).parse().unwrap();
    let time = Timestamp::now() - Duration::from_secs(86_400 * 12);
    ContainerEntry {
        engine: ds01_core::model::EngineName::DOCKER,
        id: full_id.short().to_owned(),
        full_id,
        name: name.to_owned(),
        origin: Origin::RawDocker,
        user: "alice".to_owned(),
        user_source: UserSource::LabelDs01,
        has_gpu: Some(false),
        gpu_access: None,
        gpu_devices: Vec::new(),
        gpus: Vec::new(),
        gpus_unresolved: Vec::new(),
        status: ContainerStatus::Running,
        image: "busybox:latest".to_owned(),
        created_at: time,
        started_at: Some(time),
        pid: None,
        gpu_processes: Some(Vec::new()),
        gpu_memory_mb: Some(0),
        infrastructure: None,
        detected_at: time,
        detected_labels: Default::default(),
        problem: None,
        stale: false,
        config: None,
        pid_start_ticks: None,
        main_uid: None,
        user_uid: None,
        user_remembered: None,
        extra: Extra::new(),
    }
}
