//! Whether a path of the host is there.

use std::path::Path;

use rustix::{
    fs::{self, Mode, OFlags, ResolveFlags},
    io::Errno,
};

use crate::model::{Reading, Unknown, UnknownKind};

/// A service that is locked down has a `/tmp` and a `/home` of its own: what the host has is below the root of its process 1.
/// Where that may not be looked at, this process's own root has to do.
pub(super) fn exists(proc: &Path, path: &str) -> Reading<bool> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |root: &Path| fs::open(root, directory, Mode::empty());
    let found = open(&proc.join("1/root")).or_else(|_| open(Path::new("/"))).and_then(|root| {
        // Absolute links lead to the host's files, too, and none leads out of them.
        fs::openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT)
    });
    match found {
        Ok(_) => Reading::Known(true),
        Err(Errno::NOENT | Errno::NOTDIR) => Reading::Known(false),
        Err(error) => {
            let denied = error == Errno::ACCESS || error == Errno::PERM;
            let kind = if denied { UnknownKind::Denied } else { UnknownKind::Failed };
            Unknown::new(kind, format!("{path}: {}", std::io::Error::from(error))).into()
        }
    }
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
    fn without_that_root_ones_own_has_to_do() {
        let proc = tempfile::tempdir().unwrap();
        let path = proc.path().to_str().unwrap();
        assert_eq!(exists(proc.path(), path), Reading::Known(true));
        assert_eq!(exists(proc.path(), &format!("{path}/gone")), Reading::Known(false));
    }
}
