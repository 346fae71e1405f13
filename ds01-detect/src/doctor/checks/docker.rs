//! Docker, from its socket inwards. What depends on an answer that did not come is skipped, so that one trouble is told
//! once.

use ds01_core::source::{FailureKind, SourceError};

use super::{
    super::{
        facts::{CgroupVersion, DOCKER_SERVICE, DockerFacts, Facts, Kind, Place, Stat, inventory},
        finding::{Finding, quoted},
    },
    AS_ROOT, count, words,
};

/// What shows more, and stops nothing: restarting Docker can stop every container.
const JOURNAL: &str = "sudo journalctl -u docker -n 50";
/// Runtimes whose containers have a kernel of their own, with processes that the host does not see.
const SANDBOXES: [&str; 4] = ["runsc", "kata", "gvisor", "firecracker"];

/// Whether somebody listens.
pub(super) fn socket(facts: &Facts) -> Finding {
    const CHECK: &str = "docker-socket";
    let docker = &facts.docker;
    let socket = docker.socket.display();
    match &docker.connected {
        Ok(()) => reachable(CHECK, facts),
        Err(SourceError::Absent { .. }) => absent(CHECK, facts),
        Err(error @ SourceError::Failed { kind, .. }) => {
            let finding = Finding::failed(CHECK, words(error));
            match kind {
                FailureKind::Denied => {
                    Finding { found: format!("{socket} is not for user id {}: {}", facts.uid, words(error)), ..finding }
                        .mend(AS_ROOT)
                }
                FailureKind::Refused if facts.units.get(DOCKER_SERVICE).is_some() => {
                    finding.mend("sudo systemctl start docker")
                }
                _ => finding.mend(JOURNAL),
            }
        }
    }
}

fn reachable(check: &'static str, facts: &Facts) -> Finding {
    let docker = &facts.docker;
    let Place::There(stat) = docker.node else {
        return Finding::ok(check, format!("{} answers", docker.socket.display()));
    };
    let found = format!("{}, {}", docker.socket.display(), owners(facts, &stat));
    let path = quoted(&docker.socket);
    if stat.mode & 0o002 != 0 {
        let found = format!("{found}: every user can be root through it");
        return Finding::failed(check, found).mend(format!("sudo chmod o-rwx {path}"));
    }
    if stat.uid != 0 && stat.uid != facts.uid {
        let found = format!("{found}: who owns it can tell root anything; is it a rootless Docker?");
        return Finding::warning(check, found).mend(format!("sudo chown root {path}"));
    }
    Finding::ok(check, found)
}

fn absent(check: &'static str, facts: &Facts) -> Finding {
    let DockerFacts { socket, named, .. } = &facts.docker;
    let known = inventory(facts).map_or(0, |inventory| inventory.containers.len());
    let found = format!("{} is not there", socket.display());
    let start = facts.units.get(DOCKER_SERVICE).map(|_| "sudo systemctl start docker".to_owned());
    if *named {
        return Finding::failed(check, format!("{found}, and was named")).mend_if(start);
    }
    if known > 0 {
        let found = format!("{found}, and the inventory has {}: kept, marked stale", count(known, "container"));
        return Finding::failed(check, found)
            .mend(start.unwrap_or_else(|| format!("{} --forget docker", facts.scan_command)));
    }
    Finding::warning(check, format!("{found}: no container is seen")).mend_if(start)
}

/// Which version of the API is spoken.
pub(super) fn api(facts: &Facts) -> Finding {
    const CHECK: &str = "docker-api";
    match &facts.docker.api {
        None => Finding::skipped(CHECK, "Docker was not reached"),
        Some(Err(error)) => Finding::failed(CHECK, words(error)).mend(JOURNAL),
        Some(Ok(versions)) => {
            let oldest = versions.oldest.as_deref().map(|oldest| format!("{oldest} to ")).unwrap_or_default();
            let engine = versions.engine.as_deref().map(|engine| format!(", Docker {engine}")).unwrap_or_default();
            Finding::ok(CHECK, format!("{} of {oldest}{}{engine}", versions.spoken, versions.newest))
        }
    }
}

/// What containers run in unless told otherwise.
pub(super) fn runtime(facts: &Facts) -> Finding {
    const CHECK: &str = "docker-runtime";
    let info = match &facts.docker.info {
        None => return Finding::skipped(CHECK, "Docker did not answer"),
        Some(Err(error)) => return Finding::failed(CHECK, words(error)).mend(JOURNAL),
        Some(Ok(info)) => info,
    };
    let Some(default) = &info.default_runtime else {
        return Finding::skipped(CHECK, "Docker names no default runtime");
    };
    if SANDBOXES.iter().any(|sandbox| default.contains(sandbox)) {
        let found =
            format!("{default} by default: what runs in its containers is no process of this host, and not seen");
        return Finding::warning(CHECK, found).mend("docker info --format '{{.DefaultRuntime}}'");
    }
    let nvidia = info.runtimes.iter().flatten().any(|name| name == "nvidia");
    Finding::ok(
        CHECK,
        match (default.as_str(), nvidia) {
            ("nvidia", _) => "nvidia by default: containers have the GPUs that NVIDIA_VISIBLE_DEVICES names".to_owned(),
            (_, true) => format!("{default} by default, nvidia beside it"),
            (_, false) => format!("{default} by default, and no runtime nvidia: GPUs come with --gpus alone"),
        },
    )
}

/// Where the counters of containers are.
pub(super) fn cgroups(facts: &Facts) -> Finding {
    const CHECK: &str = "cgroups";
    let info = match &facts.docker.info {
        Some(Ok(info)) => Some(info),
        _ => None,
    };
    let version = match facts.host.cgroup {
        Some(CgroupVersion::Two) => "version 2",
        Some(CgroupVersion::One) => "version 1",
        Some(CgroupVersion::Hybrid) => "version 1, and version 2 beside it",
        None => {
            let found = format!(
                "none below {}: CPU and memory of containers can't be measured",
                facts.host.sys_root.join("fs/cgroup").display()
            );
            return Finding::warning(CHECK, found).mend("findmnt --types cgroup,cgroup2");
        }
    };
    match info.and_then(|info| info.cgroup_driver.as_deref()) {
        Some("none") => Finding::warning(
            CHECK,
            format!("{version}; Docker uses no driver: its containers have no groups of their own to be measured by"),
        )
        .mend("docker info --format '{{.CgroupDriver}}'"),
        Some(driver) => Finding::ok(CHECK, format!("{version}, Docker uses {driver}")),
        None => Finding::ok(CHECK, format!("{version}; Docker did not tell its driver")),
    }
}

/// `root:docker, mode 0660`, with numbers where there are no names.
pub(super) fn owners(facts: &Facts, stat: &Stat) -> String {
    let owner = if stat.uid == 0 { "root".to_owned() } else { format!("user id {}", stat.uid) };
    let group = group(facts, stat.gid);
    let kind = if stat.kind == Kind::Link { "link of " } else { "" };
    format!("{kind}{owner}:{group}, mode {:04o}", stat.mode)
}

/// A group's name, or its number.
pub(super) fn group(facts: &Facts, gid: u32) -> String {
    facts.users.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
}

/// The group that may use Docker, unless that is root's.
pub(super) fn docker_group(facts: &Facts) -> Option<u32> {
    match facts.docker.node {
        Place::There(stat) if stat.kind == Kind::Socket && stat.gid != 0 => Some(stat.gid),
        _ => None,
    }
}
