//! From the picture of the host to the state of each GPU. A pure function.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    device::{Activity, GpuState, Holder, HolderKind, Occupancy},
    idleness::Idleness,
    until::Limits,
    untold, why,
};
use crate::{
    detect::{
        Inventory, UNKNOWN_USER,
        inventory::{ContainerEntry, GpuEntry, GpuUse, MigEntry, SourceState, UsageEntry},
        roots_engines,
    },
    idle::evidence::devices_of,
    policy::{ContainerType, Policy},
    source::SourceName,
};

/// The state of each GPU and MIG instance, in the order of their indices.
///
/// `idleness` is what the reaper remembers; without it, or where its checks ceased, nobody is known to be idle. `policy` says
/// until when containers may hold on; without one nothing is said of that.
///
/// | state | when |
/// |---|---|
/// | unknown | nobody is known to hold it, and: it could not be looked at, or a source failed that would tell who does, or a process on it could not be read, or a container runs that may have been given any GPU, or it is used all the same |
/// | free | nobody was given it, and nobody holds a context on it |
/// | at work | it is used by at least the policy's `gpu_idle_threshold`, or one of its holders was seen to work |
/// | held idle | all its holders were seen to do nothing, since the last of them did |
/// | held | otherwise |
pub fn states(
    inventory: &Inventory,
    idleness: Option<&Idleness>,
    policy: Option<&Policy>,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<GpuState> {
    let idleness = idleness.filter(|idleness| idleness.speaks_of(inventory));
    let limits = policy.zip(idleness).map(|(policy, _)| Limits::new(policy, inventory, now, zone));
    let of_all = |policy: &Policy| policy.resolve(None, ContainerType::Unknown).rules.gpu_idle_threshold.value;
    let threshold = policy.map_or_else(|| of_all(&Policy::built_in()), of_all);
    let mut holders = holders(inventory, idleness, limits.as_ref());
    let unseen = unseen(inventory);
    let hidden = hidden(inventory);
    let any = untold::why(inventory);
    let used = |uuid: &str| {
        // What stands still though nobody is there is no use.
        let is_latched = idleness.is_some_and(|idleness| idleness.is_latched(uuid));
        (!is_latched).then(why::used)
    };
    let mut all = Vec::new();
    for gpu in &inventory.gpus {
        let is_partitioned = gpu.mig_enabled == Some(true) || !gpu.mig_instances.is_empty();
        let mut whole = whole(gpu);
        // An instance of a GPU that is not what it was is no more sure than the GPU.
        let why = gpu_unseen(gpu).or_else(|| unseen.clone());
        let doubts = |uuid: &str, shares_its_figure: bool| Doubts {
            unseen: why.clone(),
            hidden: hidden.get(uuid).cloned(),
            any: any.clone(),
            used: used(uuid).filter(|_| !shares_its_figure),
        };
        if is_partitioned && gpu_unseen(gpu).is_none() {
            whole.state = Occupancy::Partitioned;
        } else {
            let own = holders.remove(gpu.uuid.as_str()).unwrap_or_default();
            settle(&mut whole, own, doubts(&gpu.uuid, false), threshold);
        }
        all.push(whole);
        let held: BTreeSet<&str> =
            gpu.uuids().filter(|uuid| holders.get(*uuid).is_some_and(|all| !all.is_empty())).collect();
        for mig in &gpu.mig_instances {
            // Compute instances of one GPU instance have one figure.
            let shares = |other: &MigEntry| {
                other.uuid != mig.uuid
                    && other.gpu_instance_id == mig.gpu_instance_id
                    && held.contains(other.uuid.as_str())
            };
            let doubts = doubts(&mig.uuid, gpu.mig_instances.iter().any(shares));
            let mut state = instance(gpu, mig);
            settle(&mut state, holders.get(mig.uuid.as_str()).cloned().unwrap_or_default(), doubts, threshold);
            all.push(state);
        }
    }
    all
}

/// What speaks against it that those who are known to hold a GPU are all.
struct Doubts {
    /// It could not be looked at, or a source failed: what is known of it is old.
    unseen: Option<String>,
    /// A process on it could not be read.
    hidden: Option<String>,
    /// A container may have been given any GPU.
    any: Option<String>,
    /// What its use says, where somebody has to do it.
    used: Option<String>,
}

/// What it comes to.
fn settle(state: &mut GpuState, holders: Vec<Holder>, doubts: Doubts, threshold: f64) {
    let Doubts { unseen, hidden, any, used } = doubts;
    let works = |holder: &Holder| holder.activity == Activity::AtWork;
    let is_idle = |holder: &Holder| holder.activity == Activity::Idle;
    let is_used = unseen.is_none() && state.utilization_percent.is_some_and(|percent| percent >= threshold);
    let is_all_known = hidden.is_none();
    let why = unseen.or(hidden);
    if holders.is_empty() {
        state.why = why.or(any).or(used.filter(|_| is_used));
        state.state = if state.why.is_some() { Occupancy::Unknown } else { Occupancy::Free };
        return;
    }
    state.state = if is_used || holders.iter().any(works) {
        Occupancy::AtWork
    } else if is_all_known && holders.iter().all(is_idle) {
        state.idle_since = holders.iter().filter_map(|holder| holder.idle_since).max();
        Occupancy::HeldIdle
    } else {
        Occupancy::Held
    };
    state.why = why;
    state.holders = holders;
}

/// Why nobody can tell who holds any of the GPUs, beyond what is listed.
fn unseen(inventory: &Inventory) -> Option<String> {
    // What a user's own daemon holds is seen by its processes, as it is told by nobody else.
    let engines = roots_engines(inventory).into_iter().map(|(name, _)| SourceName::Engine(name));
    // Where single processes could not be read, the driver says on which GPUs they are.
    let proc = inventory.unreadable_processes.is_empty().then_some(SourceName::Proc);
    engines.chain(proc).find_map(|name| {
        let source = inventory.sources.get(name.as_str()).filter(|source| source.state == SourceState::Failed)?;
        Some(source.error.clone().unwrap_or_else(|| format!("{name} failed")))
    })
}

/// On which there is somebody of whom nobody can tell who it is, by UUID.
fn hidden(inventory: &Inventory) -> HashMap<&str, String> {
    let on_each = inventory.unreadable_processes.values();
    let on_each = on_each.flat_map(|process| process.gpus.iter().map(move |held| (held.gpu_uuid.as_str(), process)));
    on_each.map(|(uuid, process)| (uuid, process.why.clone())).collect()
}

/// Why nobody can tell who holds this one.
fn gpu_unseen(gpu: &GpuEntry) -> Option<String> {
    let stale = gpu.stale.then(|| "it could not be read".to_owned());
    gpu.problem.clone().or(stale)
}

fn whole(gpu: &GpuEntry) -> GpuState {
    bare(gpu.label(), &gpu.uuid, gpu.name.clone(), gpu.memory_total_mb, gpu.usage.as_ref())
}

fn instance(gpu: &GpuEntry, mig: &MigEntry) -> GpuState {
    let profile = mig.profile().map(ToOwned::to_owned);
    let label = format!("{}:{}", gpu.label(), mig.index);
    let bare = bare(label, &mig.uuid, gpu.name.clone(), mig.memory_total_mb, mig.usage.as_ref());
    GpuState { profile, ..bare }
}

fn bare(
    gpu: String,
    uuid: &str,
    model: Option<String>,
    memory_total_mb: Option<u64>,
    usage: Option<&UsageEntry>,
) -> GpuState {
    let figures = usage.map(|usage| &usage.figures);
    GpuState {
        gpu,
        uuid: uuid.to_owned(),
        model,
        profile: None,
        state: Occupancy::Unknown,
        idle_since: None,
        memory_total_mb,
        memory_used_mb: figures.and_then(|figures| figures.memory_used_mb.known().copied()),
        utilization_percent: figures.and_then(|figures| Some(figures.utilization.known()?.percent)),
        power_watts: figures.and_then(|figures| figures.power_watts.known().copied()),
        measured_at: usage.map(|usage| usage.at),
        why: None,
        holders: Vec::new(),
    }
}

/// Who holds which, by UUID: containers, then processes, each the oldest first.
fn holders(
    inventory: &Inventory,
    idleness: Option<&Idleness>,
    limits: Option<&Limits<'_>>,
) -> HashMap<String, Vec<Holder>> {
    let mut all: HashMap<String, Vec<Holder>> = HashMap::new();
    for entry in inventory.containers.values().filter(|entry| entry.status.is_up()) {
        for (uuid, held) in held_by(entry, &inventory.gpus) {
            let context = entry.gpu_processes.as_ref().map(|_| held.is_some());
            let standing = idleness.and_then(|idleness| idleness.of(entry));
            let stop = limits.zip(idleness).and_then(|(limits, idleness)| limits.stop(entry, standing, idleness));
            all.entry(uuid).or_default().push(Holder {
                kind: HolderKind::Container,
                user: (entry.user != UNKNOWN_USER).then(|| entry.user.clone()),
                name: Some(entry.name.clone()),
                since: entry.started_at,
                context,
                memory_mb: held.flatten().or(context.filter(|context| !context).map(|_| 0)),
                activity: standing.map_or(Activity::Unknown, |standing| standing.activity),
                idle_since: standing.and_then(|standing| standing.idle_since),
                stop_at: stop.map(|(at, _)| at),
                stop_for: stop.map(|(_, stop_for)| stop_for),
                kept_until: idleness.and_then(|idleness| idleness.kept(entry)?.until()),
            });
        }
    }
    // Also who was seen once: the GPU is not free while he is there.
    for entry in inventory.host_processes.values().chain(inventory.pending_processes.values()) {
        for (uuid, memory_mb) in by_device(&entry.gpus) {
            let holder = process(HolderKind::Process, Some(entry.user.clone()), entry.started_at, memory_mb);
            all.entry(uuid).or_default().push(holder);
        }
    }
    for dead in inventory.dead_processes.values().filter(|dead| dead.confirmed) {
        for (uuid, memory_mb) in by_device(&dead.gpus) {
            all.entry(uuid).or_default().push(process(HolderKind::DeadProcess, None, dead.since, memory_mb));
        }
    }
    for holders in all.values_mut() {
        holders.sort_by(|a, b| (a.kind, a.since, &a.name).cmp(&(b.kind, b.since, &b.name)));
    }
    all
}

fn process(kind: HolderKind, user: Option<String>, since: Timestamp, memory_mb: Option<u64>) -> Holder {
    Holder {
        kind,
        user,
        name: None,
        since: Some(since),
        context: Some(true),
        memory_mb,
        activity: Activity::Unknown,
        idle_since: None,
        stop_at: None,
        stop_for: None,
        kept_until: None,
    }
}

/// What a container holds: the devices that it was given, and those that it has a context on, with the memory there. The
/// platform's own are given all GPUs to watch them; they hold what they have a context on.
fn held_by(entry: &ContainerEntry, gpus: &[GpuEntry]) -> BTreeMap<String, Option<Option<u64>>> {
    let uses = entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus);
    let mut held: BTreeMap<String, Option<Option<u64>>> =
        by_device(uses).into_iter().map(|(uuid, memory_mb)| (uuid, Some(memory_mb))).collect();
    if entry.infrastructure.is_none() {
        for uuid in devices_of(entry, gpus) {
            held.entry(uuid).or_insert(None);
        }
    }
    held
}

/// The memory on each, where it is known of all that hold some.
fn by_device<'a>(uses: impl IntoIterator<Item = &'a GpuUse>) -> BTreeMap<String, Option<u64>> {
    let mut held: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for one in uses {
        let sum = held.entry(one.gpu_uuid.clone()).or_insert(Some(0));
        *sum = sum.zip(one.memory_mb).map(|(sum, more)| sum + more);
    }
    held
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
