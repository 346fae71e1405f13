//! To whom the directories of control groups belong.

use std::{os::fd::OwnedFd, path::Path};

use rustix::fs::{Mode, OFlags, fstat, open, openat};

use super::group::Owner;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Others than the owner may write it.
const SHARED: u32 = 0o022;

/// The owners of the directories of `parts`, in the hierarchy of these controllers, from the root as far as they can be read.
///
/// It is walked from above, a directory at a time: names below a directory of a user's can be replaced at any instant, and those
/// above it can't.
pub(super) fn owners(sys: &Path, controllers: &str, parts: &[&str]) -> Vec<Owner> {
    let mut owners = Vec::new();
    let Some(mut directory) = hierarchy(sys, controllers) else { return owners };
    for part in parts {
        let Ok(below) = openat(&directory, *part, DIRECTORY, Mode::empty()) else { break };
        let Ok(stat) = fstat(&below) else { break };
        owners.push(Owner { uid: stat.st_uid, shared: stat.st_mode & SHARED != 0 });
        directory = below;
    }
    owners
}

/// The directory that a hierarchy is mounted at. Version 2 alone is mounted at the top, beside version 1 in a directory of its own;
/// version 1 in one that is named after its controllers, together or each by a link, or after the hierarchy.
fn hierarchy(sys: &Path, controllers: &str) -> Option<OwnedFd> {
    let mount = sys.join("fs/cgroup");
    let at = |path: &Path| open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok();
    if controllers.is_empty() {
        return if mount.join("cgroup.controllers").exists() { at(&mount) } else { at(&mount.join("unified")) };
    }
    let name = controllers.strip_prefix("name=").unwrap_or(controllers);
    // A name is chosen by root, when it mounts the hierarchy; it leads nowhere else all the same.
    let names = [name].into_iter().chain(name.split(','));
    names.filter(|name| !name.contains('/') && !name.starts_with('.')).find_map(|name| at(&mount.join(name)))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    };

    use super::*;

    /// A `/sys` with these directories below `fs/cgroup`.
    fn sys(directories: &[&str]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        for directory in directories {
            let directory = sys.path().join("fs/cgroup").join(directory);
            fs::create_dir_all(&directory).unwrap();
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        sys
    }

    #[test]
    fn each_version_is_found_where_it_is_mounted() {
        let sys = sys(&["unified/a/b", "cpu,cpuacct/a", "memory/a", "systemd/a"]);
        symlink("cpu,cpuacct", sys.path().join("fs/cgroup/cpu")).unwrap();
        let owners = |controllers: &str| super::owners(sys.path(), controllers, &["a", "b", "c"]).len();
        assert_eq!(owners(""), 2, "hybrid");
        assert_eq!(["cpu,cpuacct", "cpu", "cpuacct,cpu", "memory", "name=systemd"].map(owners), [1; 5]);
        assert_eq!(["net_cls", "..", "name=../fs/cgroup/memory", "/"].map(owners), [0; 4]);
        fs::write(sys.path().join("fs/cgroup/cgroup.controllers"), "cpu memory\n").unwrap();
        assert_eq!(owners(""), 0, "version 2 alone is mounted at the top");
    }

    #[test]
    fn no_link_is_followed_and_who_else_may_write_is_told() {
        let sys = sys(&["unified/a/b"]);
        let top = sys.path().join("fs/cgroup/unified");
        symlink("a", top.join("link")).unwrap();
        assert_eq!(owners(sys.path(), "", &["link", "b"]), []);
        let uid = fs::metadata(&top).unwrap().uid();
        assert_eq!(owners(sys.path(), "", &["a", "b"]), [Owner { uid, shared: false }; 2]);
        fs::set_permissions(top.join("a"), fs::Permissions::from_mode(0o775)).unwrap();
        assert_eq!(owners(sys.path(), "", &["a"]), [Owner { uid, shared: true }]);
    }
}
