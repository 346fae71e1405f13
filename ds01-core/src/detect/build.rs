//! A snapshot and the inventory before it become the inventory after it.
//!
//! A pure function of its arguments. What a failed source would have told is carried over and marked stale; what a source
//! that answered no longer tells of is gone.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    model::{
        ContainerConfig, ContainerListing, ContainerStatus, EngineName, GpuAccess, GpuSnapshot, Host, Origin, Vendor,
    },
    policy::Whose,
    source::{FailureKind, SourceError, SourceName},
};

use super::{
    amd_access,
    claims::settled,
    dead_processes::dead_processes,
    gpu_access::{configured_access, requested_devices, resolve_devices},
    gpu_entries::gpu_entries,
    gpu_use::GpuUsers,
    host_processes::{HostProcesses, HostScan},
    inventory::{
        ContainerEntry, Extra, GpuEntry, HostEntry, Inventory, ProcessEntry, SCHEMA_VERSION, SourceEntry, SourceState,
        keyed, total_memory_mb,
    },
    names::Names,
    origin::classify,
    owner::{UserSource, configured_owner},
    settings::Settings,
    snapshot::{Facts, SeenContainer, SeenEngine, SeenGpus, SeenProcesses, Snapshot},
    whose::{Before, Owner},
};

/// Why nobody can tell whether a container of a user's own daemon can use a GPU.
const UNPROVEN: &str = "a user's own engine holds it: which GPUs it was given is seen when it uses one";

/// So many bytes at most of a text that a user's own daemon tells: longer than any name that engines give.
const MOST_OF_A_TEXT: usize = 256;

/// Makes the next inventory.
pub fn build(snapshot: Snapshot, previous: &Inventory, settings: &Settings) -> Inventory {
    let Snapshot { taken_at: now, since_boot, engines, gpus, observed, processes } = snapshot;
    let gpus = settings.judge(gpus, had_gpus(previous, Vendor::Nvidia));
    let observed: Vec<SeenGpus> = observed
        .into_iter()
        .map(|one| SeenGpus { answer: settings.judge(one.answer, had_gpus(previous, one.vendor)), ..one })
        .collect();

    let mut gpus_seen = gpu_entries(&gpus, Vendor::Nvidia, &previous.gpus, now);
    for one in &observed {
        gpus_seen.append(gpu_entries(&one.answer, one.vendor, &previous.gpus, now));
    }
    let all_gpus = together(&gpus, &observed);
    let same_boot = processes.as_ref().map_or(true, |seen| previous.boot_id() == Some(&*seen.host.boot_id));
    let seen_processes = processes.as_ref().ok();
    let names = Names::new(seen_processes.map(|seen| &seen.users), previous);
    let context =
        Context { now, previous, gpus: &gpus_seen.entries, processes: seen_processes, names: &names, settings };
    let (entries, mut answers) = engine_entries(engines, &context);
    let engine_failed = answers
        .iter()
        .any(|(name, answer)| name.owner().is_none() && matches!(answer, Err(SourceError::Failed { .. })));
    let (entries, dropped) = settled(entries, previous, seen_processes);
    for (name, words) in dropped {
        if let Some(Ok(problems)) = answers.get_mut(&name) {
            problems.extend(words);
        }
    }
    let mut entries = keyed(entries);

    let users = GpuUsers::new(&all_gpus, &processes, &gpus_seen, &entries);
    for entry in entries.values_mut() {
        add_gpu_use(entry, previous.same(entry), users.as_ref());
    }
    let scan = HostScan { now, previous, same_boot, engine_failed, names: &names, settings };
    let HostProcesses { listed, pending } = scan.processes(users.as_ref());

    let dead = dead_processes(users.as_ref(), previous, same_boot, now);

    let nvml = gpus.map(|snapshot| snapshot.problems());
    let unreadable = users.map(|users| users.unreadable).unwrap_or_default();
    let host = processes.as_ref().ok().map(|seen| seen.host.clone());
    let proc = processes.map(|_| unreadable.values().map(|process| process.why.clone()).collect());
    // A maker whose GPUs this host has not is no source of it.
    let observed = observed.into_iter().filter(|one| !matches!(one.answer, Err(SourceError::Absent { .. })));
    let observed = observed.map(|one| (one.name, one.answer.map(|snapshot| snapshot.problems())));
    let engines = answers.into_iter().map(|(name, answer)| (SourceName::Engine(name), answer));
    let sources = engines.chain([(SourceName::Nvml, nvml), (SourceName::Proc, proc)]).chain(observed);
    Inventory {
        schema_version: SCHEMA_VERSION.to_owned(),
        last_scan: Some(now),
        host: host_entry(host, previous),
        sources: sources
            .map(|(name, answer)| {
                let before = previous.sources.get(name.as_str());
                let before = before.map(|before| Was { entry: before, forgotten: settings.forget.contains(&name) });
                (name.as_str().to_owned(), source_entry(name, answer, before.as_ref(), now, since_boot))
            })
            .collect(),
        gpus: gpus_seen.entries,
        containers: entries,
        host_processes: listed,
        pending_processes: pending,
        dead_processes: dead,
        unreadable_processes: unreadable,
        extra: previous.extra.clone(),
    }
}

/// Whether there were GPUs of this maker's, or processes on some that nobody else made.
fn had_gpus(previous: &Inventory, vendor: Vendor) -> bool {
    let is_others = |uuid: &str| previous.gpus.iter().any(|gpu| gpu.vendor != vendor && gpu.uuid == uuid);
    let on_them = |process: &ProcessEntry| process.gpus.iter().any(|held| !is_others(&held.gpu_uuid));
    let processes = vendor.is_nvidia() && previous.host_processes.values().any(on_them);
    processes || previous.gpus.iter().any(|gpu| gpu.vendor == vendor)
}

/// All GPUs as one answer, where others than NVIDIA's were seen. Those of a maker whose source failed are among the unseen then, and
/// whoever was on them is kept.
fn together<'a>(
    gpus: &'a Result<GpuSnapshot, SourceError>,
    observed: &[SeenGpus],
) -> Cow<'a, Result<GpuSnapshot, SourceError>> {
    let mut others = observed.iter().filter_map(|one| one.answer.as_ref().ok()).peekable();
    if others.peek().is_none() {
        return Cow::Borrowed(gpus);
    }
    let mut all = gpus.as_ref().ok().cloned().unwrap_or_default();
    all.gpus.extend(others.flat_map(|snapshot| snapshot.gpus.iter().cloned()));
    Cow::Owned(Ok(all))
}

/// How each engine answered, with what it could not tell.
type Answers = BTreeMap<EngineName, Result<Vec<String>, SourceError>>;

/// What all engines list: each as it answered, and of one that failed what it told before. An engine that was not asked and
/// that has containers in the picture before is not to be found any more.
fn engine_entries(engines: Vec<SeenEngine>, context: &Context<'_>) -> (Vec<ContainerEntry>, Answers) {
    let asked: BTreeSet<EngineName> = engines.iter().map(|engine| engine.name.clone()).collect();
    let missing = context.previous.engines().into_iter().filter(|name| !asked.contains(name)).map(|name| {
        let detail = "its socket is not to be found any more, or not by this user";
        let containers = Err(SourceError::absent(SourceName::Engine(name.clone()), detail));
        SeenEngine { name, containers }
    });
    let mut answers = Answers::new();
    let mut entries = Vec::new();
    for SeenEngine { name, containers } in engines.into_iter().chain(missing) {
        let before = || context.previous.containers_of(&name);
        let answer = match context.settings.judge_engine(&name, containers, before().next().is_some()) {
            Ok(seen) => {
                entries.extend(seen.into_iter().map(|seen| context.container(&name, seen)));
                Ok(Vec::new())
            }
            Err(error @ SourceError::Absent { .. }) => Err(error),
            Err(error) => {
                entries.extend(before().map(|entry| ContainerEntry { stale: true, ..entry.clone() }));
                Err(error)
            }
        };
        // Where there is no Docker, people expect to be told so. Of other engines only those that are there are spoken of, and
        // those of root's that failed and are not back.
        if name.is_docker() || !matches!(answer, Err(SourceError::Absent { .. })) || context.is_missed(&name) {
            answers.insert(name, answer);
        }
    }
    (entries, answers)
}

/// What a container's entry is made from, beside what was seen of it.
struct Context<'a> {
    now: Timestamp,
    previous: &'a Inventory,
    gpus: &'a [GpuEntry],
    processes: Option<&'a SeenProcesses>,
    names: &'a Names<'a>,
    settings: &'a Settings,
}

impl Context<'_> {
    /// Whether an engine of root's has failed, and is not forgotten.
    fn is_missed(&self, name: &EngineName) -> bool {
        let before = self.previous.sources.get(name.as_str()).and_then(SourceEntry::failing_since);
        let is_forgotten = self.settings.forget.contains(&SourceName::Engine(name.clone()));
        before.is_some() && name.owner().is_none() && !is_forgotten
    }

    fn container(&self, engine: &EngineName, seen: SeenContainer) -> ContainerEntry {
        let SeenContainer { listing, facts } = match engine.owner() {
            Some(_) => without_claims(seen),
            None => seen,
        };
        let before = self.previous.container(&listing.id).filter(|before| before.engine == *engine);
        let (config, status, started_at, pid, problem) = match facts {
            Facts::Inspected(details) => (Some(details.config), details.status, details.started_at, details.pid, None),
            Facts::Remembered => remembered(&listing, before, None),
            Facts::Unreadable(words) => remembered(&listing, before, Some(words)),
        };
        let main = pid.and_then(|pid| self.processes?.get(pid));
        // The pid is the engine's; only a cgroup of this container's proves that it is a pid of this host, and still its own.
        let main = main.filter(|process| self.processes.is_some_and(|seen| seen.runs_in(process, &listing.id, engine)));
        // Of a user's own daemon, a pid without that proof can be anybody's.
        let pid = pid.filter(|_| engine.owner().is_none() || main.is_some());

        let origin = if config.is_some() { classify(&listing.name, &listing.labels) } else { Origin::Unknown };
        let was = before.map(|entry| Before { entry, scanned: self.previous.last_scan });
        let owner = match (engine.owner(), configured_owner(&listing.labels, config.as_ref())) {
            (Some(uid), _) => Owner::of_daemon(uid, was, self.names),
            (None, Some((user, source))) => Owner::named(user, source, was, self.names),
            (None, None) => Owner::of_main(main.map(|process| process.uid), was, self.names),
        };
        let Owner { user, source: user_source, uid: user_uid, remembered: user_remembered } = owner;

        let nvidias = config.as_ref().and_then(configured_access);
        let others = config.as_ref().and_then(|config| amd_access::given(config, self.gpus));
        let access = nvidias.or(others.as_ref().map(|(access, _)| *access));
        // A context once seen proves access for the rest of that life, also while no process uses it.
        let held_before =
            before.filter(|b| b.gpu_access == Some(GpuAccess::Process) && b.started_at == started_at).is_some();
        let gpu_access = access.or(held_before.then_some(GpuAccess::Process));
        let gpu_devices = match &config {
            Some(config) if access.is_some() => requested_devices(&listing.labels, config),
            _ => Vec::new(),
        };
        let gpu_devices = [gpu_devices, others.map(|(_, devices)| devices).unwrap_or_default()].concat();
        let (gpus, gpus_unresolved) = resolve_devices(&gpu_devices, self.gpus);

        let detected_at = before.map_or(self.now, |b| b.detected_at);
        let detected_labels = match before.map(|b| &b.detected_labels).filter(|labels| !labels.is_empty()) {
            _ if origin == Origin::Managed => BTreeMap::new(),
            Some(labels) => labels.clone(),
            None => detected_labels(&user, origin, detected_at),
        };
        let image = image_text(&listing);
        // What runs on a user's own daemon is not the platform's, whatever he calls it.
        let infrastructure = match engine.owner() {
            Some(_) => None,
            None => {
                let proven_user = (user_source == UserSource::ProcessUid).then_some(user.as_str());
                let (name, labels) = (&listing.name, &listing.labels);
                let whose = Whose { name, image: &image, labels, proven_user };
                self.settings.monitoring.infrastructure(&whose).map(|why| why.to_string())
            }
        };
        let entry = ContainerEntry {
            id: listing.id.short().to_owned(),
            image,
            full_id: listing.id,
            engine: engine.clone(),
            name: listing.name,
            origin,
            user,
            user_source,
            user_remembered,
            has_gpu: if (config.is_some() && engine.owner().is_none()) || held_before {
                Some(gpu_access.is_some())
            } else {
                None
            },
            gpu_access,
            gpu_devices,
            gpus,
            gpus_unresolved,
            status,
            created_at: listing.created_at,
            started_at,
            pid,
            gpu_processes: None,
            gpu_memory_mb: None,
            infrastructure,
            detected_at,
            detected_labels,
            problem: problem.or_else(|| engine.owner().filter(|_| !held_before).map(|_| UNPROVEN.to_owned())),
            stale: false,
            pid_start_ticks: main.map(|process| process.start_ticks),
            main_uid: main.map(|process| process.uid),
            user_uid,
            config,
            extra: before.map(|b| b.extra.clone()).unwrap_or_default(),
        };
        // Who was not asked about is still the same process: that is what `Remembered` means.
        let same_main = before.filter(|b| b.pid == pid && b.started_at == started_at);
        let pid_start_ticks = entry.pid_start_ticks.or_else(|| same_main?.pid_start_ticks).filter(|_| pid.is_some());
        let main_uid = entry.main_uid.or_else(|| same_main?.main_uid).filter(|_| pid.is_some());
        ContainerEntry { pid_start_ticks, main_uid, ..entry }
    }
}

/// What a user's own daemon says, without what nobody can prove: that it is the platform's, and which GPUs it was given. A GPU
/// is seen as soon as a process of his container holds it. What is left is short, as he can list what he likes.
fn without_claims(mut seen: SeenContainer) -> SeenContainer {
    let listing = &mut seen.listing;
    for text in [&mut listing.name, &mut listing.image, &mut listing.image_id] {
        text.truncate(text.floor_char_boundary(MOST_OF_A_TEXT));
    }
    listing.labels.retain(|key, _| !key.starts_with("ds01.") && !key.starts_with("aime."));
    let shorten = |status: &mut ContainerStatus| {
        if let ContainerStatus::Other(word) = status {
            word.truncate(word.floor_char_boundary(MOST_OF_A_TEXT));
        }
    };
    shorten(&mut listing.status);
    if let Facts::Inspected(details) = &mut seen.facts {
        shorten(&mut details.status);
        let ContainerConfig { stop_timeout_seconds, auto_remove, .. } = details.config;
        details.config = ContainerConfig { stop_timeout_seconds, auto_remove, ..ContainerConfig::default() };
    }
    if let Facts::Unreadable(words) = &mut seen.facts {
        words.truncate(words.floor_char_boundary(MOST_OF_A_TEXT));
    }
    seen
}

type Known = (Option<ContainerConfig>, ContainerStatus, Option<Timestamp>, Option<u32>, Option<String>);

/// What the inventory remembers, with the state that the list tells.
fn remembered(listing: &ContainerListing, before: Option<&ContainerEntry>, problem: Option<String>) -> Known {
    let status = listing.status.clone();
    let pid = before.and_then(|b| b.pid).filter(|_| status.is_up());
    (before.and_then(|b| b.config.clone()), status, before.and_then(|b| b.started_at), pid, problem)
}

/// The image's name, else its short id: a list names an image that lost its tag by the id.
fn image_text(listing: &ContainerListing) -> String {
    let digits = |text: &str| text.strip_prefix("sha256:").unwrap_or(text).to_owned();
    let (image, id) = (digits(&listing.image), digits(&listing.image_id));
    let is_id = listing.image.starts_with("sha256:") || (image.len() >= 12 && id.starts_with(&image));
    if is_id { image.chars().take(12).collect() } else { listing.image.clone() }
}

fn detected_labels(user: &str, origin: Origin, detected_at: Timestamp) -> BTreeMap<String, String> {
    [
        ("ds01.detected", "true".to_owned()),
        ("ds01.detected.user", user.to_owned()),
        ("ds01.detected.origin", origin.to_string()),
        ("ds01.detected.time", detected_at.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// Adds who holds a context: as seen now where it could be seen, else as it was.
fn add_gpu_use(entry: &mut ContainerEntry, before: Option<&ContainerEntry>, users: Option<&GpuUsers<'_>>) {
    // What ran in an earlier life is gone, and in a stopped container nothing of it runs on: that needs no GPU to tell. But
    // who holds a context there now was started since the list was made, or while Docker was out of reach.
    let is_up = entry.status.is_up();
    let same_life = |b: &&ContainerEntry| is_up && b.started_at == entry.started_at;
    let before = before.filter(same_life).and_then(|b| b.gpu_processes.as_deref());
    entry.gpu_processes = match users {
        None if !is_up => Some(Vec::new()),
        Some(users) => Some(users.of_container(&entry.full_id, before.unwrap_or_default())),
        None => before.map(<[_]>::to_vec),
    };
    let uses = || entry.gpu_processes.iter().flatten().flat_map(|process| &process.gpus);
    entry.gpu_memory_mb = if entry.gpu_processes.is_some() { total_memory_mb(uses()) } else { None };
    let holds_context = uses().next().is_some();
    let is_stale = users.is_none() && is_up && entry.gpu_processes.is_some() && entry.has_gpu != Some(false);
    if holds_context && entry.gpu_access.is_none() && !entry.stale {
        (entry.has_gpu, entry.gpu_access) = (Some(true), Some(GpuAccess::Process));
    }
    if entry.gpu_access == Some(GpuAccess::Process) && !entry.stale {
        let mut held: Vec<String> = uses().map(|held| held.gpu_uuid.clone()).collect();
        held.sort_unstable();
        held.dedup();
        entry.gpus = held;
    }
    if entry.engine.owner().is_some() && entry.has_gpu.is_some() && entry.problem.as_deref() == Some(UNPROVEN) {
        entry.problem = None;
    }
    entry.stale |= is_stale;
}

fn host_entry(host: Option<Host>, previous: &Inventory) -> Option<HostEntry> {
    match (host, &previous.host) {
        (Some(host), before) => {
            let extra = before.as_ref().map(|b| b.extra.clone()).unwrap_or_default();
            Some(HostEntry { name: host.name, boot_id: host.boot_id, extra })
        }
        (None, before) => before.clone(),
    }
}

/// A source at the scan before.
struct Was<'a> {
    entry: &'a SourceEntry,
    /// Whether it is gone for good, on the admin's word.
    forgotten: bool,
}

/// A source's state after an answer; problems make even an answer a failure, of the part that they name.
fn source_entry(
    source_name: SourceName,
    answer: Result<Vec<String>, SourceError>,
    before: Option<&Was<'_>>,
    now: Timestamp,
    since_boot: Duration,
) -> SourceEntry {
    let failing_since = before.filter(|was| !was.forgotten).and_then(|was| was.entry.failing_since());
    let before = before.map(|was| was.entry);
    let error = match answer {
        Ok(problems) if problems.is_empty() => None,
        Ok(problems) => Some(SourceError::failed(source_name, FailureKind::Partly, problems.join("; "))),
        Err(error) => Some(error),
    };
    let state = match &error {
        None => SourceState::Ok,
        Some(SourceError::Absent { .. }) => SourceState::Absent,
        Some(SourceError::Failed { .. }) => SourceState::Failed,
    };
    let good = state == SourceState::Ok;
    let since_boot_ms = u64::try_from(since_boot.as_millis()).ok();
    SourceEntry {
        state,
        since: before.filter(|b| b.state == state).map_or(now, |b| b.since),
        last_good: if good { Some(now) } else { before.and_then(|b| b.last_good) },
        failed_since: if good { None } else { failing_since },
        hint: error.as_ref().map(SourceError::hint),
        error: error.map(|error| error.to_string()),
        last_good_since_boot_ms: if good { since_boot_ms } else { before.and_then(|b| b.last_good_since_boot_ms) },
        extra: before.map_or_else(Extra::new, |b| b.extra.clone()),
    }
}
