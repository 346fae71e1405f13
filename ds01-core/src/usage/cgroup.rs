//! A container's control groups: where they are, and what their counters say.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::model::{ContainerId, Reading, Unknown, UnknownKind};

use super::file;

/// Who is privileged in a container can make groups without end in it.
const MOST_GROUPS: usize = 4096;

/// The directories of a container's control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups {
    cpu: Option<Group>,
    memory: Option<Group>,
    disk: Option<Group>,
}

/// One control group, and which version's files it has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Group {
    V1(PathBuf),
    V2(PathBuf),
}

impl Groups {
    /// The groups of container `id`, of which a process has this `/proc/PID/cgroup`.
    ///
    /// Only a path that names the container counts: hybrid hosts can put `containerd.service` on one line beside the right
    /// path on another, and a reused pid is in no group of this container.
    pub(super) fn find(cgroup_file: &str, id: &ContainerId, sys: &Path) -> Reading<Self> {
        let mount = sys.join("fs/cgroup");
        let mut groups = Self { cpu: None, memory: None, disk: None };
        let mut unified = None;
        for line in cgroup_file.lines() {
            let Some((controllers, path)) = controllers_and_path(line) else { continue };
            let Some(path) = path_of_container(path, id) else { continue };
            if controllers.is_empty() {
                // Version 2 alone is mounted at the top, beside version 1 in a directory of its own.
                let places = [mount.join(path), mount.join("unified").join(path)];
                unified = places.into_iter().find(|place| place.is_dir());
                continue;
            }
            for controller in controllers.split(',') {
                let slot = match controller {
                    "cpuacct" => &mut groups.cpu,
                    "memory" => &mut groups.memory,
                    "blkio" => &mut groups.disk,
                    _ => continue,
                };
                let places = [mount.join(controllers).join(path), mount.join(controller).join(path)];
                *slot = places.into_iter().find(|place| place.is_dir()).map(Group::V1);
            }
        }
        groups.cpu = groups.cpu.or_else(|| unified.clone().map(Group::V2));
        groups.memory = groups.memory.or_else(|| unified.clone().map(Group::V2));
        groups.disk = groups.disk.or_else(|| unified.map(Group::V2));
        if groups.cpu.is_none() && groups.memory.is_none() {
            let detail = format!("no control group of container {} below {}", id.short(), mount.display());
            return Unknown::new(UnknownKind::Gone, detail).into();
        }
        Reading::Known(groups)
    }

    /// All processes in the group and below it, as this host numbers them.
    pub(super) fn pids(&self) -> Reading<BTreeSet<u32>> {
        let Some(Group::V1(top) | Group::V2(top)) = self.cpu.as_ref().or(self.memory.as_ref()) else {
            return no_controller("processes");
        };
        let mut pids = BTreeSet::new();
        let mut groups = vec![top.clone()];
        let mut seen = 0;
        while let Some(group) = groups.pop() {
            seen += 1;
            if seen > MOST_GROUPS {
                let detail = format!("{}: more than {MOST_GROUPS} groups below it", top.display());
                return Unknown::new(UnknownKind::Failed, detail).into();
            }
            match file::read_as(&group.join("cgroup.procs"), |text| {
                text.lines().map(|line| line.parse().ok()).collect()
            }) {
                Reading::Known(own) => pids.extend::<Vec<u32>>(own),
                // A group below can go at any time, and its processes with it.
                Reading::Unknown(why) if why.kind == UnknownKind::Gone && group != *top => {}
                Reading::Unknown(why) => return why.into(),
            }
            let below = fs::read_dir(&group).into_iter().flatten().flatten();
            groups.extend(
                below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
        if pids.contains(&0) {
            let detail = format!("{}: processes that this pid namespace does not see", top.display());
            return Unknown::new(UnknownKind::NotSupported, detail).into();
        }
        Reading::Known(pids)
    }

    /// CPU time used by all processes since the group was made: `usage_usec` of `cpu.stat`, or `cpuacct.usage`.
    pub(super) fn cpu_time(&self) -> Reading<Duration> {
        match &self.cpu {
            None => no_controller("cpu"),
            Some(Group::V2(group)) => {
                file::read_as(&group.join("cpu.stat"), |text| Some(Duration::from_micros(field(text, "usage_usec")?)))
            }
            Some(Group::V1(group)) => file::read_as(&group.join("cpuacct.usage"), |text| {
                Some(Duration::from_nanos(text.trim_ascii().parse().ok()?))
            }),
        }
    }

    /// Memory in bytes, without the file cache that the kernel would give back at once: what `docker stats` shows.
    /// `memory.current` or `memory.usage_in_bytes`, less the inactive file pages of `memory.stat`.
    pub(super) fn memory_bytes(&self) -> Reading<u64> {
        let (group, usage, cache) = match &self.memory {
            None => return no_controller("memory"),
            Some(Group::V2(group)) => (group, "memory.current", "inactive_file"),
            Some(Group::V1(group)) => (group, "memory.usage_in_bytes", "total_inactive_file"),
        };
        let used = match file::read_as(&group.join(usage), |text| text.trim_ascii().parse::<u64>().ok()) {
            Reading::Known(used) => used,
            unknown => return unknown,
        };
        // The two files are read one after the other: the cache can have grown past the older figure.
        file::read_as(&group.join("memory.stat"), |text| Some(used.saturating_sub(field(text, cache)?)))
    }

    /// Bytes read from disks and written to them since the group was made: `rbytes` and `wbytes` of all devices in `io.stat`, or the
    /// total of `blkio.throttle.io_service_bytes`.
    pub(super) fn disk_bytes(&self) -> Reading<u64> {
        match &self.disk {
            None => no_controller("disks"),
            Some(Group::V2(group)) => file::read_as(&group.join("io.stat"), |text| {
                let fields = text.split_ascii_whitespace().filter_map(|field| field.split_once('='));
                let bytes = fields.filter(|(key, _)| matches!(*key, "rbytes" | "wbytes"));
                bytes.map(|(_, value)| value.parse::<u64>().ok()).try_fold(0, |sum: u64, bytes| sum.checked_add(bytes?))
            }),
            Some(Group::V1(group)) => {
                let total = |text: &str| if text.trim_ascii().is_empty() { Some(0) } else { field(text, "Total") };
                file::read_as(&group.join("blkio.throttle.io_service_bytes"), total)
            }
        }
    }
}

fn no_controller<T>(controller: &str) -> Reading<T> {
    Unknown::new(UnknownKind::NotSupported, format!("no control group counts {controller}")).into()
}

/// The two texts of a line such as `4:cpu,cpuacct:/docker/...`; version 2 has no controllers there.
fn controllers_and_path(line: &str) -> Option<(&str, &str)> {
    let (_hierarchy, rest) = line.split_once(':')?;
    rest.split_once(':')
}

/// The path down to the component that names the container: its main process may have made groups of its own below.
/// Paths that lead out of this process's cgroup namespace can't be followed.
fn path_of_container<'a>(path: &'a str, id: &ContainerId) -> Option<&'a str> {
    if path.split('/').any(|component| component == "..") {
        return None;
    }
    let start = path.find(id.as_str())?;
    let end = path[start..].find('/').map_or(path.len(), |length| start + length);
    Some(path[..end].trim_start_matches('/'))
}

/// The number after `name` in a file of `name number` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(key, _)| *key == name).and_then(|(_, value)| value.trim_ascii().parse().ok())
}
