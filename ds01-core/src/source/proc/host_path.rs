//! Whether a path of the host is there, and whose directory it is.

use std::{os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{self, FileType, Mode, OFlags, ResolveFlags},
    io::Errno,
};

use crate::model::{Reading, Unknown, UnknownKind};

pub(super) fn exists(proc: &Path, path: &str) -> Reading<bool> {
    // Absolute links lead to the host's files, too, and none leads out of them.
    match open(proc, path, OFlags::PATH) {
        Ok(_) => Reading::Known(true),
        Err(Errno::NOENT | Errno::NOTDIR) => Reading::Known(false),
        Err(error) => unknown(path, error),
    }
}

pub(super) fn directory_owner(proc: &Path, path: &str) -> Reading<Option<u32>> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let stat = open_at(proc, path, OFlags::PATH, resolve).and_then(fs::fstat);
    match stat {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => Reading::Known(Some(stat.st_uid)),
        Ok(_) => Reading::Known(None),
        Err(error) => unknown(path, error),
    }
}

/// Something of the host's that is opened for more than a look at what it is.
pub(super) fn open(proc: &Path, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open_at(proc, path, flags, ResolveFlags::empty())
}

/// A service that is locked down has a `/tmp` and a `/home` of its own: what the host has is below the root of its process 1.
/// Where that may not be looked at, this process's own root has to do.
fn open_at(proc: &Path, path: &str, flags: OFlags, resolve: ResolveFlags) -> rustix::io::Result<OwnedFd> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |root: &Path| fs::open(root, directory, Mode::empty());
    let root = open(&proc.join("1/root")).or_else(|_| open(Path::new("/")))?;
    fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT | resolve)
}

fn unknown<T>(path: &str, error: Errno) -> Reading<T> {
    let denied = error == Errno::ACCESS || error == Errno::PERM;
    let kind = if denied { UnknownKind::Denied } else { UnknownKind::Failed };
    Unknown::new(kind, format!("{path}: {}", std::io::Error::from(error))).into()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn it_is_looked_for_below_the_root_of_process_1() {
        let proc = tempfile::tempdir().unwrap();
        let root = proc.path().join("1/root");
        fs::create_dir_all(root.join("home/ann/data")).unwrap();
        fs::write(root.join("home/ann/file"), "").unwrap();
        symlink("/home/ann", root.join("home/link")).unwrap();
        symlink("/home/bob", root.join("home/dangling")).unwrap();
        symlink("loop", root.join("home/loop")).unwrap();
        let exists = |path: &str| exists(proc.path(), path);
        for path in ["/home/ann/data", "/home/ann/file", "/home/link/data", "/home/../../home/ann", "/"] {
            assert_eq!(exists(path), Reading::Known(true), "{path}");
        }
        for path in ["/home/bob", "/home/dangling", "/home/ann/file/x", proc.path().to_str().unwrap()] {
            assert_eq!(exists(path), Reading::Known(false), "{path}");
        }
        let long = format!("/{}", "x/".repeat(3000));
        for path in ["/home/loop", &long, "/nul\0"] {
            assert!(exists(path).unknown().is_some(), "{path}");
        }
    }

    #[test]
    fn a_directory_has_an_owner_and_a_link_to_one_has_none() {
        use std::os::unix::fs::MetadataExt;

        let proc = tempfile::tempdir().unwrap();
        let root = proc.path().join("1/root");
        fs::create_dir_all(root.join("data/ann/work")).unwrap();
        fs::write(root.join("data/file"), "").unwrap();
        symlink("/data/ann", root.join("data/link")).unwrap();
        let me = fs::metadata(&root).unwrap().uid();
        let owner = |path: &str| directory_owner(proc.path(), path);
        assert_eq!(owner("/data/ann/work"), Reading::Known(Some(me)));
        assert_eq!(owner("/data/file"), Reading::Known(None));
        for path in ["/data/link", "/data/link/work", "/data/gone", "/data/file/x"] {
            assert!(owner(path).unknown().is_some(), "{path}");
        }
    }

    #[test]
    fn without_that_root_ones_own_has_to_do() {
        let proc = tempfile::tempdir().unwrap();
        let path = proc.path().to_str().unwrap();
        assert_eq!(exists(proc.path(), path), Reading::Known(true));
        assert_eq!(exists(proc.path(), &format!("{path}/gone")), Reading::Known(false));
    }
}
