//! `/proc` and the user database.
//!
//! Everything is read below a root path, so that a container can read its host's `/proc` and a test one of its own.
//! Formats are parsed in `parse`, `group`, `cgroup`, `belongs` and `claims`, which do no I/O; this file reads, and says what could not be read.

mod belongs;
mod cgroup;
mod claims;
mod container;
mod group;
mod group_owner;
mod health_check;
mod host_path;
mod named;
mod parse;
mod slice;
mod terminals;
mod users;

use std::{
    fs::{self, File},
    io::{self, Read},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use jiff::Timestamp;
use rustix::{io::Errno, param::clock_ticks_per_second};

#[cfg(feature = "fakes")]
pub(super) use self::belongs::of_path;
use self::{
    belongs::belongings,
    cgroup::{containers_of, users_group},
    claims::Claims,
    group::places,
    slice::user_slice_of,
    users::Users,
};
use super::{FailureKind, ProcessError, ProcessSource, SourceError, SourceName};
use crate::model::{
    Belonging, ContainerActivity, ContainerId, ContainerLife, Host, Process, Reading, Unknown, UnknownKind, UsersGroup,
};

/// The most that is read of any file, in bytes. A `/proc/PID/cgroup` with the longest paths the kernel allows fits in it.
const FILE_LIMIT: usize = 64 * 1024;

/// The most that is read of an environment, in bytes: those of clusters are long.
const ENVIRON_LIMIT: usize = 256 * 1024;

/// Processes from a mounted proc, and users from the name service.
///
/// Reading `/proc/PID/cmdline` reads the process's own memory, and can hang where that memory is on a dead network or
/// FUSE mount: callers give a scan a deadline and abandon the thread.
///
/// # What hides
///
/// A proc mounted with `hidepid` shows other users' processes to root and one group only, and a hidden process looks like
/// one that ended. Where process 1 is out of sight, a process that is not to be seen is therefore
/// [`ProcessError::Unreadable`], not [`ProcessError::Gone`]. A proc root made by hand needs a folder `1` for the same
/// reason.
pub struct ProcFs {
    root: PathBuf,
    sys: PathBuf,
    subuid: PathBuf,
    users: Users,
    boot_time: OnceLock<i64>,
}

impl ProcFs {
    /// The proc mounted at `root`, usually `/proc`. Nothing is read yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            sys: PathBuf::from("/sys"),
            subuid: PathBuf::from("/etc/subuid"),
            users: Users::name_service(),
            boot_time: OnceLock::new(),
        }
    }

    /// Takes control groups from below another `/sys`.
    #[must_use]
    pub fn with_sys(self, sys: impl Into<PathBuf>) -> Self {
        Self { sys: sys.into(), ..self }
    }

    /// Takes user names from a file in the format of `/etc/passwd`, not from this host's name service: for a proc root
    /// that another host filled.
    #[must_use]
    pub fn with_passwd(self, file: impl Into<PathBuf>) -> Self {
        Self { users: Users::passwd_file(file.into()), ..self }
    }

    /// The boot in seconds since the epoch. Read once, so that a clock set during a scan moves no process against another.
    fn boot_time(&self, pid: u32) -> Result<i64, ProcessError> {
        if let Some(seconds) = self.boot_time.get() {
            return Ok(*seconds);
        }
        let path = self.root.join("stat");
        let bytes = read(&path, FILE_LIMIT).map_err(|error| unreadable(pid, &path, error))?;
        let seconds = parse::boot_time(&bytes).ok_or_else(|| unreadable(pid, &path, "no `btime` in it"))?;
        Ok(*self.boot_time.get_or_init(|| seconds))
    }

    fn started_at(&self, pid: u32, start_ticks: u64) -> Result<Timestamp, ProcessError> {
        let since_boot = i64::try_from(start_ticks / clock_ticks_per_second()).ok();
        let boot_time = self.boot_time(pid)?;
        since_boot
            .and_then(|seconds| Timestamp::from_second(boot_time.checked_add(seconds)?).ok())
            .ok_or_else(|| unreadable(pid, &self.root.join("stat"), format!("btime {boot_time} is no time near ours")))
    }

    fn folder(&self, pid: u32) -> Folder<'_> {
        Folder { root: &self.root, pid, path: self.root.join(pid.to_string()) }
    }

    fn read_host(&self, file: &str) -> Result<String, SourceError> {
        let path = self.root.join(file);
        let failed = |kind, detail: String| SourceError::failed(SourceName::Proc, kind, detail);
        let bytes = read(&path, FILE_LIMIT).map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound => FailureKind::Missing,
                io::ErrorKind::PermissionDenied => FailureKind::Denied,
                _ => FailureKind::Erred,
            };
            failed(kind, format!("{}: {error}", path.display()))
        })?;
        match String::from_utf8_lossy(&bytes).trim() {
            "" => Err(failed(FailureKind::Nonsense, format!("{}: empty", path.display()))),
            text => Ok(text.to_owned()),
        }
    }
}

impl ProcessSource for ProcFs {
    fn host(&self) -> Result<Host, SourceError> {
        Ok(Host { name: self.read_host("sys/kernel/hostname")?, boot_id: self.read_host("sys/kernel/random/boot_id")? })
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        let folder = self.folder(pid);
        let stat = folder.required("stat", parse::stat)?;
        let status = folder.required("status", parse::status)?;
        if status.tgid != pid {
            // A thread's id. The process that had it is gone.
            return Err(ProcessError::Gone { pid });
        }
        let Belongs { user_slice, containers, users_group, belongs_to } = folder.belongs(&self.sys);
        let process = Process {
            pid,
            start_ticks: stat.start_ticks,
            started_at: self.started_at(pid, stat.start_ticks)?,
            uid: status.effective_uid,
            login_uid: folder.login_uid(),
            comm: stat.comm,
            exe: folder.exe(),
            cmdline: folder.cmdline(),
            user_slice,
            containers,
            users_group,
            belongs_to,
        };
        // A process that ended in between leaves fields unread; one that reused its pid fills them with its own.
        if folder.required("stat", parse::stat)?.start_ticks != process.start_ticks {
            return Err(ProcessError::Gone { pid });
        }
        Ok(process)
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        let stat = self.folder(pid).required("stat", parse::stat)?;
        if stat.ended { Err(ProcessError::Gone { pid }) } else { Ok(stat.start_ticks) }
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        container::activity(self, life)
    }

    fn cpu_time(&self, life: &ContainerLife) -> Reading<Duration> {
        container::cpu_time(self, life)
    }

    fn disk_bytes(&self, life: &ContainerLife) -> Reading<u64> {
        container::disk_bytes(self, life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        host_path::exists(&self.root, path)
    }

    fn directory_owner(&self, path: &str) -> Reading<Option<u32>> {
        host_path::directory_owner(&self.root, path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.users.name(uid)
    }

    fn user_id(&self, name: &str) -> Reading<u32> {
        self.users.id(name)
    }

    fn subordinate_ids(&self, uid: u32) -> Vec<RangeInclusive<u32>> {
        let bytes = read(&self.subuid, FILE_LIMIT).unwrap_or_default();
        slice::subordinate(&String::from_utf8_lossy(&bytes), uid, self.user_name(uid).known().map(String::as_str))
    }
}

/// What a process's control groups tell of it.
pub(in crate::source) struct Belongs {
    pub(in crate::source) user_slice: Reading<Option<u32>>,
    pub(in crate::source) containers: Reading<Vec<ContainerId>>,
    pub(in crate::source) users_group: Option<UsersGroup>,
    pub(in crate::source) belongs_to: Vec<Belonging>,
}

/// One `/proc/PID`.
struct Folder<'a> {
    root: &'a Path,
    pid: u32,
    path: PathBuf,
}

impl Folder<'_> {
    /// A file without which there is no process.
    fn required<T>(&self, file: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, ProcessError> {
        let path = self.path.join(file);
        match read(&path, FILE_LIMIT) {
            Ok(bytes) => parse(&bytes).ok_or_else(|| unreadable(self.pid, &path, format!("not a process's {file}"))),
            Err(error) if is_absent(&error) => Err(self.unseen()),
            Err(error) => Err(unreadable(self.pid, &path, error)),
        }
    }

    fn unseen(&self) -> ProcessError {
        if self.root.join("1").exists() {
            return ProcessError::Gone { pid: self.pid };
        }
        unreadable(self.pid, &self.path, "not to be seen: gone, or hidden from this user (hidepid)")
    }

    fn cmdline(&self) -> Reading<String> {
        self.optional("cmdline", |path| read(path, parse::CMDLINE_LIMIT + 1)).map(|bytes| parse::cmdline(&bytes))
    }

    /// Where it runs, and what that says. The environment and the mounts of who runs in a container of the host's are not read.
    fn belongs(&self, sys: &Path) -> Belongs {
        let text = match self.text("cgroup") {
            Reading::Known(text) => text,
            Reading::Unknown(why) => {
                let user_slice = why.clone().into();
                return Belongs { user_slice, containers: why.into(), users_group: None, belongs_to: Vec::new() };
            }
        };
        let places = places(&text, |controllers, parts| group_owner::owners(sys, controllers, parts));
        let containers = containers_of(&places);
        let claims = if containers.is_empty() { self.claims() } else { Claims::default() };
        let belongs_to = belongings(&places, claims).into_iter();
        Belongs {
            user_slice: Reading::Known(user_slice_of(&text)),
            users_group: users_group(&places),
            belongs_to: belongs_to.map(|one| named::with_names(self.root, one)).collect(),
            containers: Reading::Known(containers),
        }
    }

    /// What it says of itself, as far as that can be read: who may not read it learns less, and nothing wrong.
    fn claims(&self) -> Claims {
        let environ = read(&self.path.join("environ"), ENVIRON_LIMIT).unwrap_or_default();
        let mounts = read(&self.path.join("mountinfo"), FILE_LIMIT).unwrap_or_default();
        Claims::of_environment(&environ).with_mounts(&String::from_utf8_lossy(&mounts))
    }

    /// Kernel threads have no program, and a process that ended has none any more.
    fn exe(&self) -> Reading<String> {
        let target = match self.optional("exe", |path| fs::read_link(path)) {
            Reading::Known(target) => target,
            Reading::Unknown(why) => return why.into(),
        };
        parse::exe_name(&target).map_or_else(|| self.nonsense("exe", target.display()), Reading::Known)
    }

    fn login_uid(&self) -> Reading<Option<u32>> {
        match self.text("loginuid") {
            Reading::Known(text) => {
                parse::login_uid(text.as_bytes()).map_or_else(|| self.nonsense("loginuid", &text), Reading::Known)
            }
            Reading::Unknown(why) => why.into(),
        }
    }

    fn text(&self, file: &str) -> Reading<String> {
        self.optional(file, |path| read(path, FILE_LIMIT)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn optional<T>(&self, file: &str, read: impl FnOnce(&Path) -> io::Result<T>) -> Reading<T> {
        let path = self.path.join(file);
        read(&path).map_or_else(
            |error| {
                let kind = match error.kind() {
                    io::ErrorKind::PermissionDenied => UnknownKind::Denied,
                    // The process is still there, or nobody would hear of this: the kernel has no such file for it.
                    _ if is_absent(&error) => UnknownKind::NotSupported,
                    _ => UnknownKind::Failed,
                };
                Unknown::new(kind, format!("{}: {error}", path.display())).into()
            },
            Reading::Known,
        )
    }

    fn nonsense<T>(&self, file: &str, content: impl std::fmt::Display) -> Reading<T> {
        let detail = format!("{}: unexpected content: {content}", self.path.join(file).display());
        Unknown::new(UnknownKind::Failed, detail).into()
    }
}

/// The first `limit` bytes of a file.
fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `ENOENT` before a file of a process is opened, `ESRCH` once it is.
fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

fn unreadable(pid: u32, path: &Path, detail: impl ToString) -> ProcessError {
    ProcessError::Unreadable { pid, path: path.display().to_string(), detail: detail.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[b'a'; 100]).unwrap();
        assert_eq!(read(file.path(), 10).unwrap(), [b'a'; 10]);
        assert_eq!(read(file.path(), 1000).unwrap().len(), 100);
    }
}
