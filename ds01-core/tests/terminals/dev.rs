//! Pseudo-terminals of a test's own.

use std::{
    fs::{self, File},
    io::Read,
    os::{
        fd::OwnedFd,
        unix::fs::{PermissionsExt, chown},
    },
    path::{Path, PathBuf},
};

use docker_rig::namespace::mount;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{AtFlags, Mode, OFlags, Timestamps},
    pty,
    time::Timespec,
};

/// Mounting needs root, which continuous integration has.
pub(crate) fn as_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "mounting: needs root");
    root
}

/// A directory of devices with pseudo-terminals of its own.
pub(crate) struct Dev {
    dir: tempfile::TempDir,
}

impl Dev {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pts = dir.path().join("pts");
        fs::create_dir(&pts).unwrap();
        mount(&["-t", "devpts", "-o", "newinstance,gid=5,mode=620,ptmxmode=666", "devpts"], &pts);
        Self { dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A terminal of this user's, with this mode.
    pub(crate) fn terminal(&self, owner: u32, mode: u32) -> Screen {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let master = rustix::fs::open(self.path().join("pts/ptmx"), flags, Mode::empty()).unwrap();
        pty::unlockpt(&master).unwrap();
        let name = pty::ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let path = self.path().join("pts").join(name.rsplit('/').next().unwrap());
        chown(&path, Some(owner), None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        // Somebody has it open: without that it has hung up.
        let slave = rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        Screen { master, slave, path }
    }
}

pub(crate) struct Screen {
    pub(crate) master: OwnedFd,
    slave: OwnedFd,
    pub(crate) path: PathBuf,
}

impl Screen {
    pub(crate) fn name(&self) -> String {
        format!("/dev/pts/{}", self.path.file_name().unwrap().to_str().unwrap())
    }

    /// Somebody typed at it so many seconds from now.
    pub(crate) fn was_typed_at(&self, seconds: i64) {
        let at = Timespec { tv_sec: jiff::Timestamp::now().as_second() + seconds, tv_nsec: 0 };
        let as_it_is = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
        let times = Timestamps { last_access: at, last_modification: as_it_is };
        rustix::fs::utimensat(rustix::fs::CWD, &self.path, &times, AtFlags::empty()).unwrap();
    }

    /// Its user stops it (Ctrl-S). The kernel takes that in when it likes.
    pub(crate) fn stop(&self) {
        rustix::io::write(&self.master, b"\x13").unwrap();
        let takes_some = || {
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut [PollFd::new(&self.slave, PollFlags::OUT)], Some(&now)).unwrap() > 0
        };
        while takes_some() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// What it was given so far.
    pub(crate) fn given(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = File::from(self.master.try_clone().unwrap()).read_to_end(&mut bytes);
        bytes
    }

    /// The same as text.
    pub(crate) fn shows(&self) -> String {
        String::from_utf8(self.given()).unwrap()
    }
}
