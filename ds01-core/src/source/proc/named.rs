//! Names that root's own directories on the host give to what a control group tells by an id alone.

use std::path::Path;

use rustix::fs::{AtFlags, Dir, OFlags, fstat, statat};

use crate::model::{Belonging, BelongingKind};

use super::host_path;

/// The kubelet keeps the logs of a pod in `NAMESPACE_NAME_UID`.
const POD_LOGS: &str = "/var/log/pods";

/// More pods than a node has.
const MOST_PODS: usize = 4096;

/// Where a directory or link of an instance's name lies, in the order in which they are looked at.
const INSTANCES: [(BelongingKind, &str); 3] = [
    (BelongingKind::Incus, "/var/lib/incus/containers"),
    (BelongingKind::Lxd, "/var/snap/lxd/common/lxd/containers"),
    (BelongingKind::Lxd, "/var/lib/lxd/containers"),
];

/// The same with what root's directories tell: the name of a pod, and whether an instance is of Incus or of LXD.
pub(super) fn with_names(proc: &Path, mut one: Belonging) -> Belonging {
    let Some(id) = one.id.clone().filter(|_| one.is_proven()) else { return one };
    match one.kind {
        BelongingKind::Pod => one.name = pod(proc, &id).or(one.name),
        BelongingKind::Lxc => {
            let known = INSTANCES.into_iter().find(|(_, directory)| lists(proc, directory, &id));
            one.kind = known.map_or(one.kind, |(kind, _)| kind);
        }
        _ => {}
    }
    one
}

/// `NAMESPACE/NAME`. Neither has a `_` in it.
fn pod(proc: &Path, uid: &str) -> Option<String> {
    let logs = host_path::open(proc, POD_LOGS, OFlags::RDONLY | OFlags::DIRECTORY).ok()?;
    let stat = fstat(&logs).ok()?;
    // Whoever else could make a directory there could name another's pod.
    if stat.st_uid != 0 || stat.st_mode & 0o022 != 0 {
        return None;
    }
    for entry in Dir::read_from(&logs).ok()?.take(MOST_PODS) {
        let entry = entry.ok()?;
        let name = entry.file_name().to_str().ok().and_then(|name| name.strip_suffix(uid)?.strip_suffix('_'));
        if let Some((namespace, name)) = name.and_then(|name| name.split_once('_')) {
            return Some(format!("{namespace}/{name}"));
        }
    }
    None
}

/// Whether the directory has something of that name. It is not entered, nor followed: the file system of an instance can lie
/// anywhere.
fn lists(proc: &Path, directory: &str, name: &str) -> bool {
    if name.contains('/') || name == "." || name == ".." {
        return false;
    }
    let directory = host_path::open(proc, directory, OFlags::PATH | OFlags::DIRECTORY);
    directory.is_ok_and(|directory| statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
        path::PathBuf,
    };

    use super::*;
    use crate::model::Proof;

    const UID: &str = "4a163a05-439d-484b-8e53-2968bc15824f";

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn directory(&self, path: &str) -> PathBuf {
            let path = self.0.path().join("1/root").join(path.trim_start_matches('/'));
            fs::create_dir_all(&path).unwrap();
            path
        }

        fn named(&self, kind: BelongingKind, id: &str, proof: Proof) -> Belonging {
            let one = Belonging { id: Some(id.to_owned()), ..Belonging::new(kind, proof) };
            with_names(self.0.path(), one)
        }
    }

    #[test]
    fn a_pod_has_the_name_of_its_logs_where_only_root_could_give_it() {
        let host = Host::new();
        let name = || host.named(BelongingKind::Pod, UID, Proof::Cgroup).name;
        assert_eq!(name(), None);
        let logs = host.directory(POD_LOGS);
        for other in ["default_other_9d1e3c44-1111-4e0f-a6b5-0c55d1e2f3a4", UID, &format!("_{UID}")] {
            host.directory(&format!("{POD_LOGS}/{other}"));
        }
        assert_eq!(name(), None, "no name in it");
        host.directory(&format!("{POD_LOGS}/ml-team_train-0_{UID}"));
        fs::set_permissions(&logs, Permissions::from_mode(0o755)).unwrap();
        let is_roots = fs::metadata(&logs).unwrap().uid() == 0;
        assert_eq!(name(), is_roots.then(|| "ml-team/train-0".to_owned()));
        assert_eq!(host.named(BelongingKind::Pod, UID, Proof::Process).name, None, "only the process says so");
        fs::set_permissions(&logs, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(name(), None, "anybody could have made it");
    }

    #[test]
    fn an_instance_is_of_whoever_lists_it() {
        let host = Host::new();
        let kind = |name: &str| host.named(BelongingKind::Lxc, name, Proof::Cgroup).kind;
        assert_eq!(kind("c1"), BelongingKind::Lxc);
        symlink("/elsewhere/c1", host.directory("/var/lib/incus/containers").join("c1")).unwrap();
        host.directory("/var/snap/lxd/common/lxd/containers/c2");
        host.directory("/var/lib/lxd/containers/c3");
        assert_eq!(["c1", "c2", "c3", "c4", "..", "."].map(kind), {
            use BelongingKind::{Incus, Lxc, Lxd};
            [Incus, Lxd, Lxd, Lxc, Lxc, Lxc]
        });
    }
}
