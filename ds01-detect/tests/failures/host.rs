//! A sample host, before and after something changed on it: what Docker, NVML and `/proc` tell when they are sound.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use docker_rig::fake_daemon::Containers;
use nvml_standin::{Gpu, MigInstance, Process, Scenario};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The first GPU.
pub(crate) const FIRST_GPU: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
/// The second. Some processes hold both.
pub(crate) const SECOND_GPU: &str = "GPU-bbbbbbbb-1111-4000-8000-000000000000";
/// The third, partitioned.
const MIG_GPU: &str = "GPU-cccccccc-2222-4000-8000-000000000000";
const MIG_INSTANCE: &str = "MIG-dddddddd-3333-4000-8000-000000000000";

/// Waits on [`SECOND_GPU`] since the second moment.
pub(crate) const PENDING: u32 = 3001;
/// Ends when the host changes.
pub(crate) const LEAVER: u32 = 2001;
/// Comes when the host changes.
pub(crate) const NEWCOMER: u32 = 2004;

/// The three moments at which the host is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// All but the process that is to be pending.
    First,
    /// With it.
    Second,
    /// A container and a process are gone, others are new.
    Changed,
}

/// A running container with a GPU, a stopped one, and one that makes way for another.
pub(crate) fn containers(moment: Moment, odd_state: Option<&str>) -> Containers {
    let third = if moment == Moment::Changed { 4 } else { 3 };
    [(1, "running"), (2, odd_state.unwrap_or("exited")), (third, "running")]
        .into_iter()
        .fold(Containers::new("1.41", "1.12"), |all, (number, state)| container(all, number, state))
}

pub(crate) fn container(containers: Containers, number: u32, state: &str) -> Containers {
    let id = container_id(number);
    let running = state == "running";
    let entry = json!({
        "Id": id, "Names": [format!("/c{number}")], "Image": "busybox", "ImageID": "sha256:0", "Created": 1_700_000_000,
        "Labels": { "ds01.user": "ann" }, "State": state, "Status": if running { "Up 3 seconds" } else { "" },
    });
    let requests = json!([{ "Driver": "", "DeviceIDs": ["0"], "Capabilities": [["gpu"]] }]);
    let details = json!({
        "Id": id,
        "State": { "Status": state, "Pid": if running { 1000 + number } else { 0 }, "StartedAt": "2026-01-02T03:04:05.6Z" },
        "Config": { "Env": ["A=b"] },
        "HostConfig": { "Runtime": "runc", "DeviceRequests": if number == 1 { requests } else { Value::Null } },
        "Mounts": [],
    });
    containers.with(&id, entry.to_string(), details.to_string())
}

/// The full id of the `number`th container. Its first twelve digits, by which it is known, are those of the number.
pub(crate) fn container_id(number: u32) -> String {
    format!("{number:012x}{:052x}", 0)
}

/// Its GPUs.
pub(crate) fn gpus(moment: Moment) -> Scenario {
    let changing = match moment {
        Moment::Changed => NEWCOMER,
        _ => LEAVER,
    };
    let sound = Gpu::new(FIRST_GPU, 81_920)
        .process(Process::new(1001, 4000))
        .process(Process::new(2003, 300))
        .process(Process::with_unavailable_memory(2005))
        .process(Process::new(changing, 100));
    let mut other = Gpu::new(SECOND_GPU, 81_920)
        .process(Process::new(1001, 5000))
        .process(Process::new(2002, 200))
        .process(Process::new(2003, 301));
    if moment != Moment::First {
        other = other.process(Process::new(PENDING, 900));
    }
    let instance = MigInstance::new(0, MIG_INSTANCE, 1, 9_728).process(Process::new(2006, 600));
    Scenario::default().gpu(sound).gpu(other).gpu(Gpu::new(MIG_GPU, 81_920).instance(instance))
}

/// Its `/proc`, made by hand and open to everyone.
pub(crate) struct ProcRoot(TempDir);

impl ProcRoot {
    pub(crate) fn new(moment: Moment) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        root.write("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n");
        root.write("sys/kernel/hostname", "gpu01\n");
        root.write("sys/kernel/random/boot_id", "4cf8b3e6-5f0d-4d5e-9a52-0e4d7c1c2a10\n");
        let session = "/user.slice/user-4001.slice/session-3.scope";
        root.process(1, "/init.scope");
        for number in [1, 3, 4] {
            root.process(1000 + number, &format!("/system.slice/docker-{}.scope", container_id(number)));
        }
        for pid in [2002, 2003, 2006, PENDING, if moment == Moment::Changed { NEWCOMER } else { LEAVER }] {
            root.process(pid, session);
        }
        root.process(2005, &format!("/machine.slice/libpod-{}.scope", container_id(99)));
        root
    }

    /// Without the files that name the host: as when nothing is mounted there.
    pub(crate) fn unreadable() -> Self {
        let root = Self::new(Moment::Second);
        fs::remove_dir_all(root.path().join("sys")).unwrap();
        root
    }

    /// With a FIFO in a file's place: whoever reads it waits for ever.
    pub(crate) fn hanging() -> Self {
        let root = Self::new(Moment::Second);
        let file = root.path().join("sys/kernel/random/boot_id");
        fs::remove_file(&file).unwrap();
        make_fifo(&file);
        root
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn process(&self, pid: u32, cgroup: &str) {
        self.process_of(4001, pid, cgroup);
    }

    /// A process of this user's.
    pub(crate) fn process_of(&self, uid: u32, pid: u32, cgroup: &str) {
        let zeros = " 0".repeat(30);
        let ones = " 1".repeat(18);
        self.write(&format!("{pid}/stat"), format!("{pid} (python) S{ones} {pid}{zeros}\n"));
        self.write(
            &format!("{pid}/status"),
            format!("Name:\tpython\nTgid:\t{pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"),
        );
        self.write(&format!("{pid}/cgroup"), format!("0::{cgroup}\n"));
        self.write(&format!("{pid}/cmdline"), format!("python\0train-{pid}.py\0"));
        self.write(&format!("{pid}/loginuid"), uid.to_string());
        symlink("/usr/bin/python3.11", self.path().join(format!("{pid}/exe"))).unwrap();
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

/// Makes a FIFO that everyone may read.
pub(crate) fn make_fifo(path: &Path) {
    use rustix::fs::{CWD, Mode, mkfifoat};
    mkfifoat(CWD, path, Mode::from_raw_mode(0o644)).unwrap();
}
