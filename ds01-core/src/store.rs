//! Files that root keeps where others look: a directory of its own, a lock, whole replacement, whole lines.
//!
//! All work is done relative to one open directory that belongs to the caller and that nobody else can write to, and no
//! name within it is followed when it is a link. So nobody can make root read, write or replace a file elsewhere, not even
//! by swapping the directory between a check and its use. (The crates for atomic files work from a path each time, which is
//! why this is our own.)

mod lines;
mod read_back;

pub use lines::Lines;
pub(crate) use read_back::read_back;

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rustix::{
    fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, Uid},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use crate::deadline::within;

/// For files: owner reads and writes, group reads. Command lines can hold secrets.
const FILE_MODE: Mode = Mode::from_raw_mode(0o640);
/// For files that are for everybody to read.
const PUBLIC_MODE: Mode = Mode::from_raw_mode(0o644);
/// For files that somebody else is given: he alone reads.
const PRIVATE_MODE: Mode = Mode::from_raw_mode(0o400);
/// For secrets, and for locks: whoever can read a file can lock it, and so keep every later run waiting.
const LOCK_MODE: Mode = Mode::from_raw_mode(0o600);
/// For directories that this program has to make.
const DIR_MODE: Mode = Mode::from_raw_mode(0o750);
/// For directories that others may pass through.
const PASS_MODE: Mode = Mode::from_raw_mode(0o711);
/// A directory, and not by way of a link.
const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Larger files than this are nothing that this program wrote.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// What stands in the names of temporary files.
const TEMPORARY: &str = ".tmp-";

/// A directory that only its owner writes to.
#[derive(Debug)]
pub struct Store {
    dir: OwnedFd,
    path: PathBuf,
}

/// A lock held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What went wrong with which file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("can't {action} {path}: {error}")]
    Io {
        /// What was to be done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// It is not safe to use.
    #[error("{path}: {why}")]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Another run holds the lock, and did not let go in time.
    #[error("{path} is locked by another run, which did not release it within {}", crate::units::duration(*.waited))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
}

impl Store {
    /// Opens the directory, and makes it (mode 0750) when it is missing and its parent is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsafe`] when it is a link, belongs to somebody else than the caller or root, or when its group or
    /// others can write to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        match fs::mkdir(path, DIR_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(io_error("make directory", path, error)),
        }
        Self::open_existing(path)
    }

    /// As [`open`](Self::open), for a directory that has to be there already.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and when it is missing.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::checked(fs::open(path, DIR_FLAGS, Mode::empty()), path)
    }

    /// Opens a directory in this one, and makes it when it is missing: in this one, whatever its path leads to by now.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_within(&self, name: &str) -> Result<Self, StoreError> {
        match fs::mkdirat(&self.dir, name, DIR_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.error("make directory", name, error)),
        }
        self.open_existing_within(name)
    }

    /// As [`open_within`](Self::open_within), for a directory that has to be there already.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and when it is missing.
    pub fn open_existing_within(&self, name: &str) -> Result<Self, StoreError> {
        Self::checked(fs::openat(&self.dir, name, DIR_FLAGS, Mode::empty()), &self.path_of(name))
    }

    /// As [`open_within`](Self::open_within), of a directory that everybody can pass through and nobody but its owner can list:
    /// for files that are each somebody's.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_to_pass(&self, name: &str) -> Result<Self, StoreError> {
        let store = self.open_within(name)?;
        fs::fchmod(&store.dir, PASS_MODE).map_err(|error| self.error("set the mode of", name, error))?;
        Ok(store)
    }

    fn checked(opened: rustix::io::Result<OwnedFd>, path: &Path) -> Result<Self, StoreError> {
        let dir = opened.map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => {
                unsafe_path(path, "this is no directory, and a link is not followed; name a directory".to_owned())
            }
            _ => io_error("open directory", path, error),
        })?;
        let stat = fs::fstat(&dir).map_err(|error| io_error("look at", path, error))?;
        let me = rustix::process::geteuid().as_raw();
        if stat.st_uid != 0 && stat.st_uid != me {
            let why = format!("this directory belongs to user id {}; it has to belong to root or to you", stat.st_uid);
            return Err(unsafe_path(path, why));
        }
        if stat.st_mode & 0o022 != 0 {
            let why = format!(
                "others than its owner can write to this directory (mode {:04o}); run: chmod go-w {}",
                stat.st_mode & 0o7777,
                path.display()
            );
            return Err(unsafe_path(path, why));
        }
        Ok(Self { dir, path: path.to_owned() })
    }

    /// Where a file of this directory is.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Takes the lock `name`, and waits up to `limit` for another run to let go of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when it did not.
    pub fn lock(&self, name: &str, limit: Duration) -> Result<Lock, StoreError> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        let file = self.open_file_with(name, flags, LOCK_MODE, "open lock")?;
        // One made by an older version may be open to the group.
        fs::fchmod(&file, LOCK_MODE).map_err(|error| self.error("set the mode of", name, error))?;
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(self.error("lock", name, error)),
        }
        match within("lock", limit, move || file.lock().map(|()| file)) {
            Ok(Ok(file)) => Ok(Lock { _file: file }),
            Ok(Err(error)) => Err(self.error("lock", name, error)),
            Err(_) => Err(StoreError::Locked { path: self.path_of(name), waited: limit }),
        }
    }

    /// The content of a file; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When it is not a regular file, or could not be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = self.open_to_read(name)? else { return Ok(None) };
        let length = file.metadata().map_or(0, |metadata| metadata.len().min(MAX_FILE_BYTES));
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| self.error("read", name, error))?;
        Ok(Some(bytes))
    }

    /// The names in the directory, in no order; those that are not UTF-8 are not this program's, and are left out.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        let list = || -> Result<Vec<String>, Errno> {
            let mut names = Vec::new();
            for entry in fs::Dir::read_from(&self.dir)? {
                names.extend(entry?.file_name().to_str().ok().map(ToOwned::to_owned));
            }
            Ok(names)
        };
        list().map_err(|error| io_error("list directory", &self.path, error))
    }

    /// Opens a file for reading, for whoever needs a part of it; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When it is not a regular file, or could not be opened.
    pub fn open_to_read(&self, name: &str) -> Result<Option<File>, StoreError> {
        match self.open_file(name, OFlags::RDONLY, "open") {
            Ok(file) => Ok(Some(file)),
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// When it could not be removed.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        match fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error("remove", name, error)),
        }
    }

    /// Replaces a file as a whole: a reader, and a crash at any instant, finds the old content or the new.
    ///
    /// # Errors
    ///
    /// When anything failed, the old file is as it was; but for a failure to flush the directory, after which it is the new
    /// one, and a crash may bring the old one back.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.replace_as(name, bytes, FILE_MODE, None)
    }

    /// As [`replace`](Self::replace), with a file that everybody can read who can enter the directory.
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace).
    pub fn replace_public(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.replace_as(name, bytes, PUBLIC_MODE, None)
    }

    /// As [`replace`](Self::replace), with a file that nobody but its owner, root, can read: for secrets.
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace).
    pub fn replace_secret(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.replace_as(name, bytes, LOCK_MODE, None)
    }

    /// As [`replace`](Self::replace), with a file that belongs to user id `owner`, who alone can read it. It is written before
    /// it is his; he can do with it what he likes, so it is never read back.
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace).
    pub fn replace_for(&self, owner: u32, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.replace_as(name, bytes, PRIVATE_MODE, Some(Uid::from_raw(owner)))
    }

    fn replace_as(&self, name: &str, bytes: &[u8], mode: Mode, owner: Option<Uid>) -> Result<(), StoreError> {
        let temporary = self.temporary_name(name)?;
        let written = self.write_new(&temporary, bytes, mode, owner).and_then(|()| {
            fs::renameat(&self.dir, &*temporary, &self.dir, name).map_err(|error| self.error("replace", name, error))
        });
        if written.is_err() {
            // What could not be finished is of no use; that it may not even be removable is not the news.
            let _ = fs::unlinkat(&self.dir, &*temporary, AtFlags::empty());
        }
        written?;
        fs::fsync(&self.dir).map_err(|error| self.error("flush the directory of", name, error))
    }

    /// Renames a file within the directory, over one that has the new name. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// When it could not be renamed.
    pub fn rename(&self, name: &str, new: &str) -> Result<(), StoreError> {
        match fs::renameat(&self.dir, name, &self.dir, new) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error("rename", name, error)),
        }
    }

    /// Renames a file that is of no use to `NAME.corrupt-TIME`, never over another file, and returns the new path.
    ///
    /// # Errors
    ///
    /// When it could not be renamed.
    pub fn set_aside(&self, name: &str, now: Timestamp) -> Result<PathBuf, StoreError> {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ");
        let mut aside = format!("{name}.corrupt-{stamp}");
        for n in 2.. {
            match fs::renameat_with(&self.dir, name, &self.dir, &*aside, RenameFlags::NOREPLACE) {
                Ok(()) => break,
                Err(Errno::EXIST) => aside = format!("{name}.corrupt-{stamp}-{n}"),
                Err(error) => return Err(self.error("set aside", name, error)),
            }
        }
        Ok(self.path_of(&aside))
    }

    /// Removes what a killed run left of its [`replace`](Self::replace) of `name`. Only while the lock is held: another
    /// run's file in the making looks the same.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed, or one could not be removed.
    pub fn remove_leftovers(&self, name: &str) -> Result<(), StoreError> {
        let prefix = temporary_prefix(name);
        self.names()?.iter().filter(|other| other.starts_with(&prefix)).try_for_each(|leftover| self.remove(leftover))
    }

    /// The same, of every file in the directory.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed, or one could not be removed.
    pub fn remove_all_leftovers(&self) -> Result<(), StoreError> {
        let is_one = |name: &&String| name.starts_with('.') && name.contains(TEMPORARY);
        self.names()?.iter().filter(is_one).try_for_each(|leftover| self.remove(leftover))
    }

    /// Opens a file of lines for appending, and makes it (mode 0640) when it is missing.
    ///
    /// # Errors
    ///
    /// When it is not a regular file, or has a second name somewhere else (a hard link).
    pub fn open_lines(&self, name: &str) -> Result<Lines, StoreError> {
        let file = self.open_file(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE, "open")?;
        Ok(Lines::new(file, self.path_of(name)))
    }

    fn write_new(&self, name: &str, bytes: &[u8], mode: Mode, owner: Option<Uid>) -> Result<(), StoreError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = self.open_file_with(name, flags, LOCK_MODE, "make")?;
        // Whatever the umask of whoever ran this: a group that could read the old file can read the new one.
        fs::fchmod(&file, mode).map_err(|error| self.error("set the mode of", name, error))?;
        file.write_all(bytes).map_err(|error| self.error("write", name, error))?;
        if owner.is_some() {
            fs::fchown(&file, owner, None).map_err(|error| self.error("give to its user", name, error))?;
        }
        file.sync_all().map_err(|error| self.error("flush", name, error))
    }

    fn open_file(&self, name: &str, flags: OFlags, action: &'static str) -> Result<File, StoreError> {
        self.open_file_with(name, flags, FILE_MODE, action)
    }

    fn open_file_with(&self, name: &str, flags: OFlags, mode: Mode, action: &'static str) -> Result<File, StoreError> {
        // NONBLOCK, or a FIFO planted here would hold the program up before it can be told from a file.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = fs::openat(&self.dir, name, flags, mode).map_err(|error| match error {
            Errno::LOOP => {
                unsafe_path(&self.path_of(name), "this is a link, and not followed; move it away".to_owned())
            }
            _ => self.error(action, name, error),
        })?;
        let stat = fs::fstat(&file).map_err(|error| self.error("look at", name, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(unsafe_path(&self.path_of(name), "this is not a regular file; move it away".to_owned()));
        }
        if stat.st_nlink > 1 {
            let why = "this file has a second name (a hard link); move it away".to_owned();
            return Err(unsafe_path(&self.path_of(name), why));
        }
        Ok(File::from(file))
    }

    fn temporary_name(&self, name: &str) -> Result<String, StoreError> {
        let mut random = [0; 8];
        getrandom(&mut random, GetRandomFlags::empty()).map_err(|error| self.error("name a file for", name, error))?;
        Ok(format!("{}{:016x}", temporary_prefix(name), u64::from_ne_bytes(random)))
    }

    fn error(&self, action: &'static str, name: &str, error: impl Into<io::Error>) -> StoreError {
        io_error(action, &self.path_of(name), error)
    }
}

/// Temporary files are hidden, and recognised as leftovers by this.
fn temporary_prefix(name: &str) -> String {
    format!(".{name}{TEMPORARY}")
}

fn io_error(action: &'static str, path: &Path, error: impl Into<io::Error>) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), error: error.into() }
}

fn unsafe_path(path: &Path, why: String) -> StoreError {
    StoreError::Unsafe { path: path.to_owned(), why }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
