//! A `/proc` and the control groups in `/sys`, made by hand, of containers that do nothing.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

pub(crate) struct ProcRoot(TempDir);

impl ProcRoot {
    pub(crate) fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        root.write("proc/stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n");
        root.write("proc/sys/kernel/hostname", "gpu01\n");
        root.write("proc/sys/kernel/random/boot_id", "4cf8b3e6-5f0d-4d5e-9a52-0e4d7c1c2a10\n");
        root.process(1, "/init.scope");
        root
    }

    pub(crate) fn proc(&self) -> PathBuf {
        self.0.path().join("proc")
    }

    pub(crate) fn sys(&self) -> PathBuf {
        self.0.path().join("sys")
    }

    /// A container that runs, with this main process.
    pub(crate) fn add(&self, id: &str, pid: u32) {
        let cgroup = format!("/system.slice/docker-{id}.scope");
        self.process(pid, &cgroup);
        self.write(&format!("sys/fs/cgroup{cgroup}/cpu.stat"), "usage_usec 12345\n");
        self.write(&format!("sys/fs/cgroup{cgroup}/cgroup.procs"), format!("{pid}\n"));
    }

    /// What is left of it when it has ended.
    pub(crate) fn remove(&self, id: &str, pid: u32) {
        fs::remove_dir_all(self.proc().join(pid.to_string())).unwrap();
        fs::remove_dir_all(self.sys().join(format!("fs/cgroup/system.slice/docker-{id}.scope"))).unwrap();
    }

    fn process(&self, pid: u32, cgroup: &str) {
        let zeros = " 0".repeat(30);
        let ones = " 1".repeat(18);
        self.write(&format!("proc/{pid}/stat"), format!("{pid} (python) S{ones} {pid}{zeros}\n"));
        let status = format!("Name:\tpython\nTgid:\t{pid}\nUid:\t4001\t4001\t4001\t4001\n");
        self.write(&format!("proc/{pid}/status"), status);
        self.write(&format!("proc/{pid}/cgroup"), format!("0::{cgroup}\n"));
        self.write(&format!("proc/{pid}/cmdline"), "python\0");
        self.write(&format!("proc/{pid}/loginuid"), "4001");
        symlink("/usr/bin/python3.11", self.proc().join(format!("{pid}/exe"))).unwrap();
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path: &Path = &self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
