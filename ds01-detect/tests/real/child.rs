//! Processes of this host that a test starts, and a `/proc` made by hand.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use docker_rig::wait_until;
use tempfile::TempDir;

use crate::host::DEADLINE;

/// A process that is killed, and waited for, when the test is done with it.
pub(crate) struct Child(process::Child);

impl Child {
    /// Starts `command`, and waits until it runs the program of this name: a command may begin as another one.
    pub(crate) fn start(command: &mut Command, program: &str) -> Self {
        // A pipe that nobody writes to: a program that reads it waits.
        let child = Self(command.stdin(Stdio::piped()).spawn().unwrap());
        let exe = PathBuf::from(format!("/proc/{}/exe", child.pid()));
        let runs = || fs::read_link(&exe).is_ok_and(|target| target.file_name().is_some_and(|name| name == program));
        wait_until(program, DEADLINE, runs);
        child
    }

    /// One that sleeps, as a user without privilege.
    pub(crate) fn sleeper_of(uid: u32, program: &Path) -> Self {
        let name = program.file_name().unwrap().to_str().unwrap();
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={uid}")).arg("--clear-groups");
        Self::start(command.arg(program).arg("100000"), name)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It fails only for one that has ended, and has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process in a cgroup named like a container's, of an engine that nobody knows.
pub(crate) struct ForeignContainer {
    child: Option<Child>,
    cgroup: PathBuf,
    id: String,
}

impl ForeignContainer {
    pub(crate) fn with(child: Child) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = (u64::from(process::id()) << 32) | u64::from(NUMBER.fetch_add(1, Ordering::Relaxed));
        let id = format!("{number:064x}");
        Self::named(&id.clone(), child, id, None)
    }

    /// A process of this user in a cgroup of his own, below a directory that root gave him, named like that container's.
    pub(crate) fn forged(child: Child, id: &str, uid: u32) -> Self {
        Self::named(&format!("docker-{id}.scope"), child, id.to_owned(), Some(uid))
    }

    fn named(name: &str, child: Child, id: String, owner: Option<u32>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Of hybrid hosts, of hosts with version 2, and of hosts with version 1 and systemd.
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/systemd"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.procs").exists()).unwrap();
        let above = root.join(format!("ds01-test-{}-{number}", process::id()));
        fs::create_dir(&above).unwrap();
        let foreign = Self { child: Some(child), cgroup: above.join(name), id };
        chown(&above, owner, owner).unwrap();
        fs::create_dir(&foreign.cgroup).unwrap();
        chown(&foreign.cgroup, owner, owner).unwrap();
        fs::write(foreign.cgroup.join("cgroup.procs"), foreign.pid().to_string()).unwrap();
        foreign
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::pid).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for ForeignContainer {
    fn drop(&mut self) {
        // A cgroup can be removed once it is empty.
        drop(self.child.take());
        let _ = fs::remove_dir(&self.cgroup);
        let _ = fs::remove_dir(self.cgroup.parent().unwrap());
    }
}

/// A `/proc` in a folder of its own, of this host and this boot, that shows process 1 alone.
pub(crate) struct ProcRoot(TempDir);

impl ProcRoot {
    pub(crate) fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        for file in ["stat", "sys/kernel/hostname", "sys/kernel/random/boot_id"] {
            root.write(file, fs::read(Path::new("/proc").join(file)).unwrap());
        }
        root.put(1, 0, 1, b"init\0");
        root
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A process of this pid, user, start and command line, in place of the one that had the pid.
    pub(crate) fn put(&self, pid: u32, uid: u32, start_ticks: u64, cmdline: &[u8]) {
        let (before, after) = (" 1".repeat(18), " 0".repeat(30));
        self.write(&format!("{pid}/stat"), format!("{pid} (python) S{before} {start_ticks}{after}\n"));
        self.write(
            &format!("{pid}/status"),
            format!("Name:\tpython\nTgid:\t{pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"),
        );
        self.write(&format!("{pid}/cgroup"), "0::/user.slice\n");
        self.write(&format!("{pid}/loginuid"), uid.to_string());
        self.write(&format!("{pid}/cmdline"), cmdline);
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
