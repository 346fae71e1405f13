//! A host on which everything is as it should be, until a test breaks it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use docker_rig::{
    Rig,
    fake_daemon::{Answer, Containers, FakeDaemon},
};
use nvml_standin::{Gpu, Install, MigInstance, Scenario, scenario_path};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{diagnosis::Diagnosis, units::Units};

const A: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const B: &str = "GPU-bbbbbbbb-0000-4000-8000-000000000000";
const MIG: &str = "MIG-aaaaaaaa-0000-4000-8000-000000000000";
/// The major number of NVIDIA's devices.
const NVIDIA: u32 = 195;
/// A sample of then is no older than any that the doctor can meet, however slow the machine.
const AHEAD: u64 = 3600;
/// Long enough for any answer on a busy machine.
const PATIENT: &str = "60";

/// A host, all of it below one directory but for Docker's socket.
pub(crate) struct Host {
    dir: TempDir,
    pub(crate) socket: PathBuf,
    pub(crate) gpus: Scenario,
    /// Those of `--deadline`, and what a test adds.
    pub(crate) flags: Vec<String>,
    pub(crate) wrapper: Vec<String>,
    _daemon: Option<FakeDaemon>,
}

/// What a sound daemon answers.
pub(crate) fn daemon_answer(request: &str) -> Answer {
    const INFO: &str = r#"{"DefaultRuntime":"runc","Runtimes":{"runc":{},"nvidia":{}},"CgroupDriver":"systemd",
        "CgroupVersion":"2"}"#;
    match request {
        "/version" | "/v1.41/version" => {
            Answer::Json(r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#.to_owned())
        }
        "/v1.41/info" => Answer::Json(INFO.to_owned()),
        other => Containers::new("1.41", "1.12").with_state(1, "running").answer(other),
    }
}

impl Host {
    /// With a fake daemon.
    pub(crate) fn new() -> Self {
        let daemon = FakeDaemon::start(daemon_answer).unwrap();
        let socket = daemon.socket().to_owned();
        fs::set_permissions(socket.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        Self::behind(&socket, Some(daemon))
    }

    /// With the rig's daemon; `None` without a rig.
    pub(crate) fn on_rig() -> Option<Self> {
        Rig::from_env().map(|rig| Self::behind(rig.socket(), None))
    }

    fn behind(socket: &Path, daemon: Option<FakeDaemon>) -> Self {
        let dir = tempfile::Builder::new().prefix("ds01-doctor-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let gpu = |uuid| Gpu { persistence_mode: Some(true), ..Gpu::new(uuid, 81_920) };
        let gpus = Scenario::default().gpu(gpu(A)).gpu(gpu(B).instance(MigInstance::new(0, MIG, 1, 9_728)));
        let flags = ["--deadline", PATIENT].map(str::to_owned).to_vec();
        let host = Self { dir, socket: socket.to_owned(), gpus, flags, wrapper: Vec::new(), _daemon: daemon };
        host.fill();
        host
    }

    fn fill(&self) {
        for dir in
            ["state", "log", "nvml", "proc/1", "sys/fs/cgroup", "sys/module/nvidia", "dev/char", "dev/nvidia-caps"]
        {
            fs::create_dir_all(self.path(dir)).unwrap();
        }
        // The group that may use Docker may read what ds01 keeps.
        let readers = fs::metadata(&self.socket).unwrap().gid();
        for dir in ["state", "log"] {
            chown(self.path(dir), None, Some(readers)).unwrap();
            self.mode(dir, if readers == 0 { 0o750 } else { 0o2750 });
        }
        Install::default().into_dir(&self.path("nvml")).unwrap();
        self.driver_tells(&self.gpus);
        for (file, content) in [
            ("proc/stat", "btime 1700000000\n"),
            ("proc/sys/kernel/hostname", "gpu01\n"),
            ("proc/sys/kernel/random/boot_id", "4cf8b3e6-5f0d-4d5e-9a52-0e4d7c1c2a10\n"),
            ("proc/1/loginuid", "4294967295"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
            ("sys/module/nvidia/version", "550.54.15\n"),
            ("sys/bus/pci/devices/0000:17:00.0/vendor", "0x10de\n"),
            ("sys/bus/pci/devices/0000:17:00.0/class", "0x030200\n"),
            ("etc/resource-limits.yaml", "defaults: {idle_timeout: 30m, max_runtime: 24h}\n"),
            ("etc/notify.d/mail", "#!/bin/sh\n"),
        ] {
            self.write(file, content);
        }
        for (path, mode) in
            [("etc", 0o755), ("etc/notify.d", 0o755), ("etc/notify.d/mail", 0o755), ("etc/resource-limits.yaml", 0o644)]
        {
            self.mode(path, mode);
        }
        for (minor, name) in [(0, "nvidia0"), (1, "nvidia1"), (255, "nvidiactl"), (7, "nvidia-caps/nvidia-cap1")] {
            let device = makedev(NVIDIA, minor);
            mknodat(CWD, self.path("dev").join(name), FileType::CharacterDevice, Mode::from(0o666), device).unwrap();
            symlink(format!("../{name}"), self.path("dev/char").join(format!("{NVIDIA}:{minor}"))).unwrap();
        }
        symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doctor/systemctl"), self.path("systemctl")).unwrap();
        self.systemd_tells(&Units::sound());
        let scanned = self.command("").output().unwrap();
        assert!(scanned.status.success(), "{}", String::from_utf8_lossy(&scanned.stderr));
        self.sample(AHEAD);
    }

    /// Samples once, by a clock that is so many seconds ahead.
    pub(crate) fn sample(&self, ahead: u64) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        let path = |name: &str| self.path(name);
        command.args(["sample", "--looks", "1", "--shift-clocks", &format!("{ahead},{ahead}")]);
        command.arg("--samples-dir").arg(path("samples")).arg("--state-dir").arg(path("state"));
        command.arg("--nvml-library").arg(path("nvml/libnvidia-ml.so.1"));
        command.arg("--proc-root").arg(path("proc")).arg("--sys-root").arg(path("sys"));
        let sampled = command.output().unwrap();
        assert!(sampled.status.success(), "{}", String::from_utf8_lossy(&sampled.stderr));
    }

    /// The program with this host's paths: a scan, or with `doctor` that.
    fn command(&self, subcommand: &str) -> Command {
        let mut words = self.wrapper.clone();
        words.push(env!("CARGO_BIN_EXE_ds01-detect").to_owned());
        words.extend((!subcommand.is_empty()).then(|| subcommand.to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        command.args(self.paths()).args(&self.flags);
        command
    }

    /// The flags that lead to this host.
    pub(crate) fn paths(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let flags = [
            ("--state-dir", path("state")),
            ("--events-file", path("log/events.jsonl")),
            ("--docker-host", format!("unix://{}", self.socket.display())),
            ("--nvml-library", path("nvml/libnvidia-ml.so.1")),
            ("--proc-root", path("proc")),
            ("--sys-root", path("sys")),
            ("--samples-dir", path("samples")),
        ];
        flags.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// The flags of the doctor alone.
    pub(crate) fn doctors_paths(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let config = path("etc/resource-limits.yaml");
        let flags = [("--dev-root", path("dev")), ("--systemctl", path("systemctl")), ("--config", config)];
        flags.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// The doctor with these flags besides, to its end.
    pub(crate) fn doctor(&self, flags: &[&str]) -> Output {
        self.command("doctor").args(self.doctors_paths()).args(flags).output().unwrap()
    }

    pub(crate) fn diagnosis(&self) -> Diagnosis {
        Diagnosis::read(&self.doctor(&["--json"]), self.dir.path().to_str().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Puts what was at a path beside it, and a link in its place.
    pub(crate) fn link(&self, name: &str) {
        let (path, target) = (self.path(name), self.path(&format!("{name}.target")));
        fs::rename(&path, &target).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn driver_tells(&self, gpus: &Scenario) {
        gpus.write_to(&scenario_path(&self.path("nvml/libnvidia-ml.so.1"))).unwrap();
    }

    pub(crate) fn systemd_tells(&self, units: &Units) {
        self.write("systemctl.stdout", units.text());
    }

    /// Changes the inventory as a scan would have written it.
    pub(crate) fn inventory(&self, change: impl FnOnce(&mut Value)) {
        let path = self.path("state/workload-inventory.json");
        let mut inventory = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut inventory);
        fs::write(path, inventory.to_string()).unwrap();
    }

    /// Behind another daemon from now on.
    pub(crate) fn daemon(&mut self, behave: impl Fn(&str) -> Answer + Send + Sync + 'static) {
        let daemon = FakeDaemon::start(behave).unwrap();
        self.socket = daemon.socket().to_owned();
        self._daemon = Some(daemon);
    }

    /// Behind a daemon that says this of itself.
    pub(crate) fn daemon_informs(&mut self, field: &'static str, value: &'static str) {
        self.daemon(move |request| match (request, daemon_answer(request)) {
            ("/v1.41/info", Answer::Json(info)) => {
                let mut info: Value = serde_json::from_str(&info).unwrap();
                info[field] = json!(value);
                Answer::Json(info.to_string())
            }
            (_, answer) => answer,
        });
    }
}
