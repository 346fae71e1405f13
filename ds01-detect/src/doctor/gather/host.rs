//! How `/proc` and control groups are mounted.

use std::{fs, path::Path};

use super::super::{
    args::DoctorArgs,
    facts::{CgroupVersion, HostFacts},
};

pub(super) fn facts(args: &DoctorArgs) -> HostFacts {
    let proc_root = args.sources.proc_root.clone();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted_at = proc_root.canonicalize().unwrap_or_else(|_| proc_root.clone());
    HostFacts {
        sees_init: proc_root.join("1").is_dir(),
        hidepid: hidepid(&mounts, &mounted_at),
        proc_root,
        cgroup: cgroup(&args.sources.sys_root),
        sys_root: args.sources.sys_root.clone(),
    }
}

/// The options of the proc mounted at a path that hide processes. Of several mounts at one path the last one is seen.
fn hidepid(mounts: &str, at: &Path) -> Option<String> {
    let options = mounts.lines().rev().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let is_there = mount.split(' ').nth(4) == Some(at.to_str()?);
        let mut file_system = file_system.split(' ');
        (is_there && file_system.next() == Some("proc")).then(|| file_system.nth(1).unwrap_or_default())
    })?;
    let named = |name: &str| options.split(',').find(|option| option.starts_with(name));
    let hidepid = named("hidepid=").filter(|option| !matches!(*option, "hidepid=0" | "hidepid=off"))?;
    Some(named("gid=").map_or_else(|| hidepid.to_owned(), |gid| format!("{hidepid},{gid}")))
}

fn cgroup(sys_root: &Path) -> Option<CgroupVersion> {
    let root = sys_root.join("fs/cgroup");
    let has = |path: &str| root.join(path).exists();
    match () {
        () if has("cgroup.controllers") => Some(CgroupVersion::Two),
        () if has("unified/cgroup.controllers") => Some(CgroupVersion::Hybrid),
        () if has("memory") || has("cpu") || has("cpu,cpuacct") => Some(CgroupVersion::One),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
36 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw
40 27 0:35 / /host/proc rw,relatime shared:5 - proc proc rw,gid=998,hidepid=invisible
41 27 0:36 / /old/proc rw - proc proc rw,hidepid=2
42 27 0:37 / /off/proc rw - proc proc rw,hidepid=off
43 27 0:38 / /tmp rw - tmpfs tmpfs rw,hidepid=2
44 27 0:39 / /twice rw - proc proc rw,hidepid=2
45 27 0:40 / /twice rw - proc proc rw
";

    #[test]
    fn what_hides_processes_where() {
        let at = |path: &str| hidepid(MOUNTS, Path::new(path));
        assert_eq!(at("/host/proc").as_deref(), Some("hidepid=invisible,gid=998"));
        assert_eq!(at("/old/proc").as_deref(), Some("hidepid=2"));
        for path in ["/proc", "/off/proc", "/tmp", "/twice", "/elsewhere"] {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn the_versions_of_control_groups() {
        let sys = tempfile::tempdir().unwrap();
        let make = |path: &str| fs::create_dir_all(sys.path().join("fs/cgroup").join(path)).unwrap();
        assert_eq!(cgroup(sys.path()), None);
        make("memory");
        assert_eq!(cgroup(sys.path()), Some(CgroupVersion::One));
        make("unified/cgroup.controllers");
        assert_eq!(cgroup(sys.path()), Some(CgroupVersion::Hybrid));
        make("cgroup.controllers");
        assert_eq!(cgroup(sys.path()), Some(CgroupVersion::Two));
    }
}
