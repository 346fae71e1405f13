//! Requests that users drop for the check: small files in a directory where everybody can create, and nobody but root can list.
//!
//! Anything can lie there. Only the owner of a file says who asks, and names say nothing. No link is followed and no mount is
//! entered, nothing but a regular file with one name is opened, and all is removed in the end. Of one user's files the newest
//! are read, so that nobody's flood is in another's way.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::{
    fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};
use serde::{Deserialize, Serialize};

use crate::{
    model::Wanted,
    store::{Store, StoreError},
};

/// Where users drop requests. Not below the state directory, which users can't enter; and not in `/run`, which a reboot clears.
pub const KEEP_DIR: &str = "/var/lib/ds01-keep";

/// Where root's requests are dropped, in the state directory. A file of root's in [`KEEP_DIR`] says nothing of who put it
/// there: whoever is root in a container makes one in a directory of his own, and moves it.
const ROOT_KEEP_DIR: &str = "keep";

/// Where directories go that have something in them: in the directory of the requests, as nothing else is on its file system for
/// sure.
const ASIDE: &CStr = c".aside";

/// So long a notice is waited for at most.
pub const LONGEST_NOTICE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// So many files of one user are read at one check.
const MOST_OF_ONE: usize = 8;

/// And so many, together, of users who are nobody's owner.
const MOST_OF_STRANGERS: usize = 64;

/// So many refusals are told one by one; the rest are counted.
const MOST_TOLD: usize = 16;

/// Larger files are no request.
const MOST_BYTES: u64 = 4096;

/// So long a request waits for what can't be told, such as while the name service does not answer.
const WAITS_AT_MOST: Duration = Duration::from_secs(3600);

/// An empty file that is younger than this is one that is just being written.
const IN_THE_MAKING: Duration = Duration::from_secs(60);

/// A request as it lies in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The container's name, its id, or the beginning of its id. Of none, where a notice is asked for.
    #[serde(default)]
    pub container: String,
    /// For how long it is to be kept, or how long a notice is waited for.
    pub seconds: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is to be free, where a notice is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wanted>,
}

impl Request {
    /// A request to be told when these are free, within `span`.
    pub fn for_notice(wanted: Wanted, span: Duration) -> Self {
        Self { container: String::new(), seconds: span.as_secs(), why: None, wait: Some(wanted) }
    }
}

/// Drops a request.
///
/// # Errors
///
/// What the system said, as when there is no such directory.
pub fn drop_request(dir: &Path, request: &Request) -> io::Result<()> {
    let path = dir.join(random_name()?);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?);
    // At once: a check that comes in between finds all of it, or an empty file that it leaves.
    let written = serde_json::to_vec(request).map_err(io::Error::from).and_then(|bytes| file.write_all(&bytes));
    let written = written.and_then(|()| file.sync_all());
    if written.is_err() {
        // What could not be written is no request; that it may not be removable either is not the news.
        let _ = fs::unlink(&path);
    }
    written
}

/// Where whoever runs this drops requests: everybody in `public`, and root in the state directory, which only root can write.
///
/// # Errors
///
/// When root's can't be made.
pub fn keep_dir(public: &Path, state_dir: &Path) -> Result<PathBuf, StoreError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(public.to_owned());
    }
    Store::open_existing(state_dir)?.open_within(ROOT_KEEP_DIR)?;
    Ok(root_keep_dir(state_dir))
}

/// Where root's requests are dropped.
pub(super) fn root_keep_dir(state_dir: &Path) -> PathBuf {
    state_dir.join(ROOT_KEEP_DIR)
}

/// What was found of one user's, or of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The owner of the file; `None` for what is told of several owners together.
    pub(super) uid: Option<u32>,
    /// When it was written, by its owner's word.
    pub(super) at: Timestamp,
    /// What is asked, or why it is refused.
    pub(super) request: Result<Request, String>,
    /// Whether it may lie there until the next check, because something can't be told now.
    pub(super) may_wait: bool,
    /// Its file.
    name: Option<CString>,
}

/// What lies there, unread.
#[derive(Debug, Default)]
pub(super) struct Listed {
    by_uid: BTreeMap<u32, BTreeSet<Candidate>>,
    unread: Unread,
    is_cut: bool,
}

impl Listed {
    /// Whether there is nothing to read, or to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.by_uid.is_empty() && self.unread.0.is_empty() && !self.is_cut
    }

    /// Whether there was no time to look at all of it.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// The user ids of those who own something.
#[derive(Debug, Default)]
pub(super) struct Owners {
    pub(super) uids: BTreeSet<u32>,
    /// Whether no id is missing.
    pub(super) are_all: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order in which they were written. What is taken out of it is not removed.
    pub(super) dropped: Vec<Dropped>,
    /// What is removed unread.
    surplus: Vec<CString>,
}

/// The open directory.
#[derive(Debug)]
pub(super) struct Drops {
    dir: OwnedFd,
    path: PathBuf,
}

/// A regular file that may be read.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    written: (i64, i64),
    name: CString,
}

impl Candidate {
    fn of(stat: &Stat, name: CString) -> Self {
        Self { written: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)), name }
    }

    fn at(&self, now: Timestamp) -> Timestamp {
        let nanos = i32::try_from(self.written.1).unwrap_or(0);
        Timestamp::new(self.written.0, nanos).unwrap_or(now)
    }
}

/// What is removed unread: how many of whom, by what was wrong.
#[derive(Debug, Default)]
struct Unread(BTreeMap<(u32, &'static str), u64>);

const NO_FILE: &str = "no regular files, and removed unread";
const FULL: &str = "directories with something in them, and moved to .aside";
const TOO_MANY: &str = "more than are read at one check, and removed unread";

impl Drops {
    /// Opens the directory; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When it is not safe to read: a link, somebody else's, or one in which users can remove each other's files.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, String> {
        let shown = path.display();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match fs::open(path, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(format!("{shown}: {error}")),
        };
        let stat = fs::fstat(&dir).map_err(|error| format!("{shown}: {error}"))?;
        let me = rustix::process::geteuid().as_raw();
        if stat.st_uid != 0 && stat.st_uid != me {
            return Err(format!("{shown} belongs to user id {}, and has to belong to root", stat.st_uid));
        }
        if stat.st_mode & 0o022 != 0 && stat.st_mode & 0o1000 == 0 {
            return Err(format!("in {shown}, users can remove each other's files; run: chmod 1733 {shown}"));
        }
        Ok(Some(Self { dir, path: path.to_owned() }))
    }

    /// What lies there. What is surely no request is out of the way at once. After `limit`, what was not looked at waits for the
    /// next check.
    pub(super) fn list(&self, limit: Duration) -> Result<Listed, String> {
        self.walk(limit, true)
    }

    /// As [`list`](Self::list), and leaves all as it is.
    pub(super) fn peek(&self, limit: Duration) -> Result<Listed, String> {
        self.walk(limit, false)
    }

    fn walk(&self, limit: Duration, tidies: bool) -> Result<Listed, String> {
        let failed = |error: Errno| format!("{}: {error}", self.path.display());
        let end = Instant::now() + limit;
        let mut listed = Listed::default();
        for entry in fs::Dir::read_from(&self.dir).map_err(failed)? {
            if Instant::now() > end {
                listed.is_cut = true;
                break;
            }
            let name = entry.map_err(failed)?.file_name().to_owned();
            if matches!(name.as_bytes(), b"." | b"..") {
                continue;
            }
            let Some(stat) = self.look_at(&name) else { continue };
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                if tidies && !(name.as_c_str() == ASIDE && is_own(&stat)) {
                    self.put_away(&name, &stat, &mut listed.unread);
                }
                continue;
            }
            let files = listed.by_uid.entry(stat.st_uid).or_default();
            files.insert(Candidate::of(&stat, name));
            if files.len() > MOST_OF_ONE
                && let Some(oldest) = files.pop_first()
                && tidies
            {
                listed.unread.count(stat.st_uid, TOO_MANY);
                self.unlink(&oldest.name);
            }
        }
        Ok(listed)
    }

    /// That there was no time to look at all of it.
    pub(super) fn too_many(&self) -> String {
        let path = self.path.display();
        format!(
            "{path} has more in it than a check can look through: nobody is stopped for idleness until it has; \
             ls -ln {path} shows whose it is"
        )
    }

    /// Reads what was listed; it lies there until it is [removed](Self::remove). Of users who are not among `owners`, few files
    /// are read.
    pub(super) fn read(&self, listed: Listed, owners: &Owners, now: Timestamp) -> Found {
        let Listed { by_uid, mut unread, .. } = listed;
        let mut found = Found::default();
        let (of_owners, of_strangers): (Vec<_>, Vec<_>) =
            by_uid.into_iter().partition(|(uid, _)| owners.uids.contains(uid));
        let strangers =
            of_strangers.into_iter().flat_map(|(uid, files)| files.into_iter().map(move |file| (uid, file)));
        for (place, (uid, file)) in strangers.enumerate() {
            if place < MOST_OF_STRANGERS {
                found.dropped.extend(self.open_and_read(file.name, now));
            } else if owners.are_all || !may_wait(file.at(now), now) {
                unread.count(uid, TOO_MANY);
                found.surplus.push(file.name);
            }
        }
        let of_owners = of_owners.into_iter().flat_map(|(_, files)| files);
        found.dropped.extend(of_owners.filter_map(|file| self.open_and_read(file.name, now)));
        found.dropped.sort_by_key(|dropped| dropped.at);
        found.dropped.extend(unread.told(now));
        found
    }

    /// Removes what was read.
    pub(super) fn remove(&self, found: &Found) -> io::Result<()> {
        let mut failed = None;
        for name in found.dropped.iter().filter_map(|dropped| dropped.name.as_ref()).chain(&found.surplus) {
            match fs::unlinkat(&self.dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), |error| Err(io::Error::other(format!("{}: {error}", self.path.display()))))
    }

    /// What lies at a name, without opening it or asking a file system that a user mounted there.
    fn look_at(&self, name: &CString) -> Option<Stat> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat2(&self.dir, name, flags, Mode::empty(), ResolveFlags::NO_XDEV).ok()?;
        fs::fstat(&file).ok()
    }

    /// Links, pipes, sockets and empty directories are removed. What has something in it is not root's to empty: it goes where
    /// no check meets it again.
    fn put_away(&self, name: &CString, stat: &Stat, unread: &mut Unread) {
        let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let flags = if is_dir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        if fs::unlinkat(&self.dir, name, flags).is_ok() {
            unread.count(stat.st_uid, NO_FILE);
        } else if is_dir && self.set_aside(name).is_ok() {
            unread.count(stat.st_uid, FULL);
        }
    }

    fn set_aside(&self, name: &CString) -> rustix::io::Result<()> {
        let aside = self.aside()?;
        fs::renameat_with(&self.dir, name, &aside, random_name()?, RenameFlags::NOREPLACE)
    }

    /// A directory in this one that only root enters: what is moved here stays on its file system.
    fn aside(&self) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::mkdirat(&self.dir, ASIDE, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        let opened = fs::openat2(&self.dir, ASIDE, flags, Mode::empty(), ResolveFlags::NO_XDEV);
        match opened.and_then(|dir| Ok((fs::fstat(&dir)?, dir))) {
            Ok((stat, dir)) if is_own(&stat) => Ok(dir),
            // A user was there first. Under another name it is as all else, and the next check can make its own.
            _ => {
                fs::renameat_with(&self.dir, ASIDE, &self.dir, random_name()?, RenameFlags::NOREPLACE)?;
                Err(Errno::EXIST)
            }
        }
    }

    fn unlink(&self, name: &CString) {
        // One that can't be removed is met again by the next check.
        let _ = fs::unlinkat(&self.dir, name, AtFlags::empty());
    }

    /// `None` for one that is gone, or just being written.
    fn open_and_read(&self, name: CString, now: Timestamp) -> Option<Dropped> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = fs::openat2(&self.dir, &name, flags, Mode::empty(), ResolveFlags::NO_XDEV);
        let file = match opened {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return None,
            Err(error) => return self.unreadable(name, now, &format!("it can't be opened: {error}")),
        };
        let Ok(stat) = fs::fstat(&file) else { return self.unreadable(name, now, "it can't be looked at") };
        let at = Candidate::of(&stat, name.clone()).at(now);
        let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let is_dated_ahead = at > now;
        if stat.st_size == 0 && age < IN_THE_MAKING && !is_dated_ahead {
            return None;
        }
        let (uid, request, may_wait) = (Some(stat.st_uid), request_in(file, &stat), may_wait(at, now));
        Some(Dropped { uid, at: at.min(now), request, may_wait, name: Some(name) })
    }

    fn unreadable(&self, name: CString, now: Timestamp, why: &str) -> Option<Dropped> {
        let uid = self.look_at(&name).map(|stat| stat.st_uid);
        Some(Dropped { uid, at: now, request: Err(why.to_owned()), may_wait: false, name: Some(name) })
    }
}

/// Not one that is dated ahead: it would wait for ever.
fn may_wait(written: Timestamp, now: Timestamp) -> bool {
    written <= now && Duration::try_from(now.duration_since(written)).is_ok_and(|age| age <= WAITS_AT_MOST)
}

/// Whether it is this program's, and nobody else can enter it.
fn is_own(stat: &Stat) -> bool {
    let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    is_dir && stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0
}

fn random_name() -> rustix::io::Result<String> {
    let mut random = [0; 16];
    getrandom(&mut random, GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

/// What a file asks that is the one it seems to be.
fn request_in(file: File, stat: &Stat) -> Result<Request, String> {
    let refused = |why: &str| Err(why.to_owned());
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return refused("it is no regular file");
    }
    if stat.st_nlink != 1 {
        return refused("it has a second name (a hard link)");
    }
    // Somebody else could have written to it, and then moved it here.
    if stat.st_mode & 0o022 != 0 {
        return refused("others than its owner can write to it");
    }
    let mut bytes = Vec::new();
    match file.take(MOST_BYTES + 1).read_to_end(&mut bytes) {
        Err(error) => Err(format!("it can't be read: {error}")),
        Ok(length) if length as u64 > MOST_BYTES => Err(format!("it is larger than {MOST_BYTES} bytes")),
        Ok(_) => serde_json::from_slice(&bytes).or_else(|_| refused("it is no request; use ds01-idle keep")),
    }
}

impl Unread {
    fn count(&mut self, uid: u32, what: &'static str) {
        *self.0.entry((uid, what)).or_default() += 1;
    }

    /// One by one for those with the most, the others together.
    fn told(self, now: Timestamp) -> Vec<Dropped> {
        let mut all: Vec<((u32, &str), u64)> = self.0.into_iter().collect();
        all.sort_by_key(|((uid, _), count)| (std::cmp::Reverse(*count), *uid));
        let rest = all.split_off(all.len().min(MOST_TOLD));
        let told = |uid, count: u64, what: &str| {
            let request = Err(format!("{count} were {what}"));
            Dropped { uid, at: now, request, may_wait: false, name: None }
        };
        let others: u64 = rest.iter().map(|(_, count)| count).sum();
        let mut dropped: Vec<Dropped> =
            all.into_iter().map(|((uid, what), count)| told(Some(uid), count, what)).collect();
        if others > 0 {
            dropped.push(told(None, others, "of other users, and removed unread"));
        }
        dropped
    }
}

#[cfg(test)]
#[path = "drops_tests.rs"]
mod tests;
