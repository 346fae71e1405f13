//! What a process belongs to: the names in its control groups' paths, and what it says itself. No I/O.

#[cfg(feature = "fakes")]
use std::collections::BTreeMap;

#[cfg(feature = "fakes")]
use crate::model::Reading;
use crate::model::{Belonging, BelongingKind, Proof};

use super::{cgroup::container_name, claims::Claims, group::Place};

/// What the places prove, if anything, then what the process says.
///
/// | path | is |
/// |---|---|
/// | `/system.slice/slurmstepd.scope/job_42/step_0/user/task_0`, `/system.slice/NODE_slurmstepd.scope/job_42/...` | a Slurm job, v2 |
/// | `/slurm/uid_1000/job_42/step_batch/task_0`, `/slurm_NODE/...` | a Slurm job, v1 |
/// | `.../kubepods-burstable-pod<uid>.slice/...`, `/kubepods/burstable/pod<uid>/...` | a pod, by its uid |
/// | `/lxc.payload.NAME/...`, `/lxc.payload/NAME/...`, `/lxc/NAME/...` | an instance of Incus, LXD or LXC |
/// | `docker-<id>.scope` and the others that [`containers_of`](super::cgroup::containers_of) knows | a container |
/// | `/user.slice/user-1000.slice/session-3.scope` | a login session |
/// | `/user.slice/user-1000.slice/user@1000.service/.../x.service` | a unit of the user's own |
/// | `/system.slice/x.service`, `/machine.slice/x.scope` | a unit of the system |
///
/// Names from which a user's part of the tree begins count as the user's own unit, whatever they are. Of what is nested, the
/// outermost counts: what is named in a container, root of that container named. Of hierarchies that differ, the one that tells the
/// most counts: a Slurm job can be `/slurm/...` in some, and `/system.slice/slurmd.service` in the others.
pub(super) fn belongings(places: &[Place<'_>], claims: Claims) -> Vec<Belonging> {
    let mut all: Vec<Belonging> = places.iter().filter_map(of_place).max_by_key(rank).into_iter().collect();
    let Claims { slurm_job, slurm_partition, apptainer, enroot } = claims;
    let partition = slurm_partition.map(|partition| ("partition".to_owned(), partition));
    let proven = all.iter_mut().find(|one| one.kind == BelongingKind::SlurmJob);
    match (proven, slurm_job) {
        // Of another job it says nothing that could be true.
        (Some(job), Some(said)) if job.id.as_ref() == Some(&said) => job.says.extend(partition),
        (Some(_), _) | (None, None) => {}
        (None, Some(said)) => {
            let job = Belonging::new(BelongingKind::SlurmJob, Proof::Process);
            all.push(Belonging { id: Some(said), says: partition.into_iter().collect(), ..job });
        }
    }
    let said = [(BelongingKind::Apptainer, apptainer), (BelongingKind::Enroot, enroot)];
    all.extend(said.into_iter().filter_map(|(kind, name)| {
        let name = name?;
        Some(Belonging { name: (!name.is_empty()).then_some(name), ..Belonging::new(kind, Proof::Process) })
    }));
    all
}

/// A later one of several equals counts, as for containers.
fn rank(one: &Belonging) -> (u8, Proof, bool) {
    let kind = match one.kind {
        BelongingKind::Unit => 0,
        BelongingKind::Session | BelongingKind::UserUnit => 1,
        _ => 2,
    };
    (kind, one.proof, one.name.is_some())
}

fn of_place(place: &Place<'_>) -> Option<Belonging> {
    let parts = place.proven();
    let new = |kind| Belonging::new(kind, place.proof);
    let with_id = |kind, id: &str| Belonging { id: Some(id.to_owned()), ..new(kind) };
    for (at, part) in parts.iter().enumerate() {
        let above = &parts[..at];
        if let Some(uid) = pod_uid(above, part) {
            return Some(with_id(BelongingKind::Pod, &uid));
        }
        if let Some(job) = slurm_job(above, part) {
            let step = parts.get(at + 1).and_then(|step| step.strip_prefix("step_"));
            let uid = above.last().and_then(|part| part.strip_prefix("uid_")).and_then(|uid| uid.parse().ok());
            let name = step.map(|step| format!("{job}.{step}"));
            return Some(Belonging { name, uid, ..with_id(BelongingKind::SlurmJob, job) });
        }
        if let Some(name) = instance(above, part, parts.get(at + 1)) {
            return Some(with_id(BelongingKind::Lxc, name));
        }
        if let Some((engine, id)) = container_name(part) {
            let engine = engine.rsplit([':', '-']).next().unwrap_or_default();
            let name = (!engine.is_empty()).then(|| format!("{engine} {}", id.short()));
            return Some(Belonging { name, ..with_id(BelongingKind::Container, id.as_str()) });
        }
    }
    if let ["user.slice", slice, part, ..] = parts
        && let Some(uid) =
            slice.strip_prefix("user-").and_then(|slice| slice.strip_suffix(".slice")?.parse::<u32>().ok())
    {
        if let Some(session) = part.strip_prefix("session-").and_then(|part| part.strip_suffix(".scope")) {
            return Some(Belonging { uid: Some(uid), ..with_id(BelongingKind::Session, session) });
        }
        // Root's own service manager, below which everything is root's.
        if place.user().is_none() {
            let name = unit(&parts[3..]).unwrap_or(part);
            return Some(Belonging { uid: Some(uid), ..with_id(BelongingKind::UserUnit, name) });
        }
    }
    match place.user() {
        Some(uid) if is_users_own(parts) => {
            let name = unit(place.chosen()).or(place.chosen().last().copied()).or(parts.last().copied())?;
            Some(Belonging { uid, ..with_id(BelongingKind::UserUnit, name) })
        }
        _ => unit(parts).map(|name| with_id(BelongingKind::Unit, name)),
    }
}

/// Whether what lies below is a user's own, and not a service of the system that runs as somebody and may make groups in its own.
fn is_users_own(proven: &[&str]) -> bool {
    proven.last().is_some_and(|part| part.starts_with("user@")) || unit(proven).is_none()
}

/// The first that is a unit with processes. `init.scope` is systemd itself.
fn unit<'a>(parts: &[&'a str]) -> Option<&'a str> {
    let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
    parts.iter().copied().find(|part| is_unit(part) && *part != "init.scope")
}

/// The uid of a pod. The systemd driver writes `_` for `-`, as `-` begins another slice there.
fn pod_uid(above: &[&str], part: &str) -> Option<String> {
    let of_slice = || {
        // containerd with the cgroupfs driver puts the whole systemd name into one part.
        let slice = part.split(':').next()?.strip_suffix(".slice")?;
        let (driver, uid) = slice.split_once("-pod")?;
        let (driver, uid) = if driver.ends_with("kubepods") || driver.contains("kubepods-") {
            (driver, uid)
        } else {
            slice.split_once("pods-pod").filter(|(driver, _)| driver.ends_with("kube"))?
        };
        (!driver.is_empty()).then(|| uid.replace('_', "-"))
    };
    let of_directory = || {
        let is_kubepods = above.iter().any(|part| *part == "kubepods" || part.ends_with("-kubepods"));
        part.strip_prefix("pod").filter(|_| is_kubepods).map(ToOwned::to_owned)
    };
    let is_uid = |uid: &String| {
        !uid.is_empty() && uid.len() <= 64 && uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    of_slice().or_else(of_directory).filter(is_uid)
}

/// The number of a job, below Slurm's own directory.
fn slurm_job<'a>(above: &[&str], part: &'a str) -> Option<&'a str> {
    let is_slurms = |part: &&str| part.ends_with("slurmstepd.scope") || *part == "slurm" || part.starts_with("slurm_");
    let job = part.strip_prefix("job_").filter(|_| above.iter().any(is_slurms))?;
    (!job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit())).then_some(job)
}

/// The name of an instance of LXC: `lxc.payload.NAME`, before that `lxc.payload/NAME`, and before that `lxc/NAME` at the root.
/// `lxc.monitor.NAME` watches over one from outside.
fn instance<'a>(above: &[&str], part: &'a str, below: Option<&&'a str>) -> Option<&'a str> {
    let name = match part {
        "lxc.payload" | "incus.payload" => below.copied(),
        "lxc" if above.is_empty() => below.copied(),
        _ => part.strip_prefix("lxc.payload.").or_else(|| part.strip_prefix("incus.payload.")),
    };
    name.filter(|name| !name.is_empty())
}

/// What a path of control groups and an environment say, as a real process's would: for the fakes, whose directories nobody owns.
#[cfg(feature = "fakes")]
pub(in crate::source) fn of_path(path: &str, env: &BTreeMap<String, String>) -> super::Belongs {
    let text = format!("0::{path}\n");
    let places = super::group::places(&text, |_, _| Vec::new());
    let env: Vec<u8> = env.iter().flat_map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect();
    super::Belongs {
        user_slice: Reading::Known(super::user_slice_of(&text)),
        containers: Reading::Known(super::cgroup::containers_of(&places)),
        users_group: super::cgroup::users_group(&places),
        belongs_to: belongings(&places, Claims::of_environment(&env)),
    }
}

#[cfg(test)]
#[path = "belongs_tests.rs"]
mod tests;
