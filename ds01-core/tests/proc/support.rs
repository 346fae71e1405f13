//! What the tests share: a proc root made by hand, children that end with the test, the check for root.

use std::{
    fs,
    io::Read,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::{
    fs::{CWD, Mode, mkfifoat},
    process::geteuid,
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};
use tempfile::TempDir;

use ds01_core::source::proc::ProcFs;

/// The user that processes of another uid run as; `nobody` on most systems.
pub(crate) const OTHER_UID: u32 = 65534;

/// A proc root in a folder of its own, with a boot time, a host and process 1.
pub(crate) struct Root {
    dir: TempDir,
}

impl Root {
    pub(crate) const BOOT_TIME: i64 = 1_700_000_000;

    pub(crate) fn new() -> Self {
        let root = Self { dir: tempfile::tempdir().unwrap() };
        root.write("stat", format!("cpu  1 2 3\nbtime {}\nprocesses 9\n", Self::BOOT_TIME));
        root.write("sys/kernel/hostname", "gpu01\n");
        root.write("sys/kernel/random/boot_id", "4cf8b3e6-5f0d-4d5e-9a52-0e4d7c1c2a10\n");
        root.write("passwd", "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n");
        root.add(1, 5, 0);
        root
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn proc_fs(&self) -> ProcFs {
        ProcFs::new(self.path()).with_passwd(self.path().join("passwd"))
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A process with every file that is read of one.
    pub(crate) fn add(&self, pid: u32, start_ticks: u64, uid: u32) {
        self.write(&format!("{pid}/stat"), stat(pid, "python", start_ticks));
        self.write(&format!("{pid}/status"), format!("Name:\tpython\nTgid:\t{pid}\nUid:\t7\t{uid}\t7\t7\n"));
        self.write(&format!("{pid}/cgroup"), "0::/user.slice/user-1000.slice/session-3.scope\n");
        self.write(&format!("{pid}/cmdline"), "python\0train.py\0");
        self.write(&format!("{pid}/loginuid"), "1000");
        symlink("/usr/bin/python3.11", self.path().join(format!("{pid}/exe"))).unwrap();
    }

    /// Puts a pipe in a file's place: whoever reads it waits until somebody writes.
    pub(crate) fn pipe(&self, file: &str) -> PathBuf {
        let path = self.path().join(file);
        fs::remove_file(&path).unwrap();
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        path
    }
}

/// The text of a `/proc/PID/stat`.
pub(crate) fn stat(pid: u32, comm: &str, start_ticks: u64) -> String {
    format!("{pid} ({comm}) S{} {start_ticks}{}\n", " 1".repeat(18), " 0".repeat(30))
}

/// A child that is killed, and waited for, when the test is done with it.
pub(crate) struct Guarded(pub(crate) Child);

impl Guarded {
    /// Starts `command`, which must print something as soon as it runs: before that, its `/proc` shows a program half
    /// replaced. Its input stays open, and empty.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
        child.0.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It fails only for a child that has ended, and has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the test can become another user. Continuous integration runs as root, and skips nothing.
pub(crate) fn is_root(test: &str) -> bool {
    let root = geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "{test} needs root");
    if !root {
        eprintln!("skipped: {test} needs root");
    }
    root
}

/// Makes this thread, and no other, one of [`OTHER_UID`] without privilege. There is no way back.
pub(crate) fn become_other_user() {
    let (uid, gid) = (rustix::fs::Uid::from_raw(OTHER_UID), rustix::fs::Gid::from_raw(OTHER_UID));
    set_thread_groups(&[]).unwrap();
    set_thread_res_gid(gid, gid, gid).unwrap();
    set_thread_res_uid(uid, uid, uid).unwrap();
}
