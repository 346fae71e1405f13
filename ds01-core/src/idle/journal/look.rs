//! One look at the host, as the detector and each check take it: the picture, and what every GPU container did.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::warn;

use super::{
    life::{self, Gone, Life},
    record::{ProcessSeen, RecordRef},
};
use crate::{
    deadline::{one_by_one, within},
    detect::{
        Inventory, SeenEngine, Settings, Sources, all_engines_told, build, collect,
        inventory::{ContainerEntry, ProcessEntry, SourceState},
        roots_engines,
    },
    idle::evidence::{Asked, ContainerFacts, CpuBurst, Devices, Observation, ProcessActivity, Seen, Whose},
    model::{
        ContainerActivity, ContainerId, ContainerLife, EngineName, GpuSnapshot, Now, Reading, Sample, Span, Unknown,
        UnknownKind, boot_ms_at,
    },
    source::{GpuSource, ProcessSource, SourceError, SourceName},
    units::millis,
};

/// Of the time for a look, what the picture may take; the rest is for the containers' counters.
const SHARE_FOR_PICTURE: f64 = 0.8;

/// What the counters of one container may take. The way to its terminals leads through its own file system, which its user
/// can make hang.
const ONE_AT_MOST: Duration = Duration::from_secs(1);

/// Of shorter spans of the sampler, the CPU time says nothing.
const SHORTEST_SPAN: Duration = Duration::from_secs(3);

/// What a question to the driver may take, between looks.
const GPUS_AT_MOST: Duration = Duration::from_secs(10);

/// The host as one look saw it.
#[derive(Debug, Clone)]
pub struct Look {
    /// When it began. Everything was read later.
    pub now: Now,
    /// Since when GPUs were asked what they did.
    pub since: Timestamp,
    /// The picture.
    pub inventory: Inventory,
    /// Every listed container. Of an engine that failed, those that it told of before: see [`ContainerFacts::answered`].
    pub containers: Vec<ContainerFacts>,
    /// What the running GPU containers did. None at all while a source is failing: that is a gap.
    pub observations: Vec<Observation>,
    /// What host processes with a GPU context did.
    pub processes: Vec<ProcessSeen>,
    /// GPU containers that are new or have changed, as the journal keeps them.
    pub lives: Vec<Life>,
    /// GPU containers that are not listed any more.
    pub gone: Option<Gone>,
    /// Their pids, as the host numbers them.
    pub pids: BTreeMap<ContainerId, Reading<BTreeSet<u32>>>,
    /// The GPUs. `None` without NVML.
    pub gpus: Option<GpuSnapshot>,
}

impl Look {
    /// Looks, within `limit`, whatever the sources do.
    ///
    /// GPUs are asked what they did since the picture before, or since `since_boot_ms` on the boot clock where that is later. A
    /// picture to which a source did not tell everything may have seen nobody at work, and does not count. The wall clock is
    /// not asked when that was, as it can be set.
    pub fn at(
        sources: &Sources,
        previous: &Inventory,
        limit: Duration,
        settings: &Settings,
        since_boot_ms: Option<u64>,
    ) -> Self {
        let end = Instant::now() + limit;
        let begin = sources.clock.now();
        let begin_ms = millis(sources.clock.since_boot());
        let earlier = [observed(previous), since_boot_ms].into_iter().flatten();
        let back = earlier.filter_map(|at| begin_ms.checked_sub(at).filter(|ms| *ms > 0)).min();
        let back = back.map_or(DRIVER_MEMORY, Duration::from_millis);
        let since = begin.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH);
        let snapshot = collect(sources, previous, limit.mul_f64(SHARE_FOR_PICTURE), Some(since));
        let boot_id = snapshot.processes.as_ref().ok().map(|seen| seen.host.boot_id.clone());
        let boot_ms = millis(snapshot.since_boot);
        let now = Now { at: snapshot.taken_at, boot_id: boot_id.unwrap_or_default(), boot_ms };
        let gpus = snapshot.gpus.as_ref().ok().cloned();
        let mut labels = labels(&snapshot.engines);

        let inventory = build(snapshot, previous, settings);
        let of = |entry: &ContainerEntry| {
            labels.get(&(entry.engine.clone(), entry.full_id.clone())).cloned().unwrap_or_default()
        };
        let (lives, gone) = life::changes(previous, &inventory, of, &now);
        let mut look = Self {
            containers: Vec::new(),
            observations: Vec::new(),
            processes: Vec::new(),
            lives,
            gone,
            pids: BTreeMap::new(),
            since,
            now,
            inventory,
            gpus,
        };
        let facts = look.inventory.containers.values().map(|entry| ContainerFacts {
            labels: labels.remove(&(entry.engine.clone(), entry.full_id.clone())).unwrap_or_default(),
            answered: look.inventory.source_state(entry.engine.as_str()) == Some(SourceState::Ok),
            ..ContainerFacts::from_entry(entry, &look.now)
        });
        look.containers = facts.collect();
        // Whom people mean by a name is the container of the engine that is believed more.
        look.containers.sort_by(|one, other| one.engine.cmp(&other.engine));
        if look.blind().is_none() {
            look.observe(sources, end);
        }
        look
    }

    /// What is written into the journal: who has what, before what they did.
    pub fn records(&self) -> Vec<RecordRef<'_>> {
        let lives = self.lives.iter().map(RecordRef::Life).chain(self.gone.iter().map(RecordRef::Gone));
        let seen = self.observations.iter().map(RecordRef::Seen);
        lives.chain(seen).chain(self.processes.iter().map(RecordRef::Process)).collect()
    }

    /// The first source that told nothing, so that nobody can be judged by this look. One that told a part did tell, and of
    /// several container engines one is enough: the containers of the others are left alone.
    pub fn blind(&self) -> Option<SourceName> {
        let engines = roots_engines(&self.inventory);
        if !engines.iter().any(|(_, state)| *state == SourceState::Ok) {
            let failed = engines.into_iter().find(|(_, state)| *state == SourceState::Failed);
            return Some(failed.map_or(SourceName::DOCKER, |(name, _)| SourceName::Engine(name)));
        }
        let no_gpus = self.gpus.is_none().then_some(SourceName::Nvml);
        no_gpus.or_else(|| self.now.boot_id.is_empty().then_some(SourceName::Proc))
    }

    /// Whether no context of a container is seen, nor memory on these GPUs that is booked to a process that no longer exists and may
    /// have been its own.
    pub fn lets_go(&self, id: &ContainerId, gpus: &[String]) -> bool {
        let inventory = &self.inventory;
        let is_its = |uuid: &str| gpus.iter().any(|gpu| gpu == uuid);
        let seen = inventory.gpus.iter().all(|gpu| !gpu.uuids().any(is_its) || (gpu.problem.is_none() && !gpu.stale));
        let entry = inventory.container(id);
        let inside = entry.is_some_and(|entry| entry.gpu_processes.as_ref().is_none_or(|held| !held.is_empty()));
        let mut outside = inventory.host_processes.values().chain(inventory.pending_processes.values());
        let outside = outside.any(|process| process.container_id.as_ref() == Some(id));
        let mut dead = inventory.dead_processes.values().flat_map(|dead| &dead.gpus);
        seen && !inside && !outside && !dead.any(|held| is_its(&held.gpu_uuid))
    }

    /// Looks once more at one container, just before something is done to it. `life` says where it is now.
    pub fn again(&self, sources: &Sources, life: &ContainerLife, started_at: Timestamp) -> Reading<Observation> {
        let now = Now::read(&*sources.clock, &self.now.boot_id);
        let since = self.since;
        let gpus = match ask_gpus(&sources.gpus, move |source| source.observe(since)) {
            Ok(gpus) => gpus,
            Err(error) => return Unknown::new(UnknownKind::Failed, error).into(),
        };
        let activity = activities(&sources.processes, vec![life.clone()], Instant::now() + ONE_AT_MOST);
        let activity = activity.get(life).cloned().unwrap_or_else(not_read);
        let samples = self.samples(sources, &now);
        let devices = Devices::new(&self.inventory, &gpus, &samples);
        let entry = self.inventory.container(&life.id);
        let Some(entry) = entry else {
            return Unknown::new(UnknownKind::Gone, format!("container {}", life.id.short())).into();
        };
        let pids = &pids_of(&activity);
        let seen = Seen { whose: Whose::Container(entry), pids, asked: Asked::between(self.since, &now) };
        let life = (entry, started_at);
        Reading::Known(observation(life, &seen, &now, &activity, &devices, &samples))
    }

    /// What the sampler saw since the look before. Without it less was observed.
    fn samples(&self, sources: &Sources, now: &Now) -> Vec<Sample> {
        let since_ms = Asked::between(self.since, now).span().from_ms;
        sources.samples.since(&now.boot_id, since_ms).unwrap_or_else(|error| {
            warn!("{error}; what the GPU sampler saw is not known");
            Vec::new()
        })
    }

    fn observe(&mut self, sources: &Sources, end: Instant) {
        let Some(gpus) = &self.gpus else { return };
        let watched: Vec<(&ContainerEntry, ContainerLife, Timestamp)> = self
            .inventory
            .containers
            .values()
            .filter(|entry| entry.status.is_up() && entry.has_gpu == Some(true))
            .filter(|entry| self.inventory.source_state(entry.engine.as_str()) == Some(SourceState::Ok))
            .filter_map(|entry| Some((entry, life_of(entry)?, entry.started_at?)))
            .collect();
        let lives = watched.iter().map(|(_, life, _)| life.clone()).collect();
        let activities = activities(&sources.processes, lives, end);
        let samples = self.samples(sources, &self.now);
        let devices = Devices::new(&self.inventory, gpus, &samples);
        let asked = Asked::between(self.since, &self.now);
        for (entry, life, started_at) in watched {
            let activity = activities.get(&life).cloned().unwrap_or_else(not_read);
            let pids = pids_of(&activity);
            let seen = Seen { whose: Whose::Container(entry), pids: &pids, asked };
            let of = (entry, started_at);
            self.observations.push(observation(of, &seen, &self.now, &activity, &devices, &samples));
            self.pids.insert(life.id, pids);
        }
        let outside = self.inventory.host_processes.values().filter(|entry| !entry.stale);
        self.processes = outside.map(|entry| process_seen(entry, asked, &self.now, &devices)).collect();
    }
}

/// Without a picture before that can be used, GPUs are asked about so much time: more than drivers remember.
const DRIVER_MEMORY: Duration = Duration::from_secs(60);

/// When the picture was made on the boot clock, in milliseconds, if all sources told everything.
fn observed(picture: &Inventory) -> Option<u64> {
    let told = |name: SourceName| picture.source_state(name.as_str()) == Some(SourceState::Ok);
    let proc = picture.sources.get(SourceName::Proc.as_str())?;
    let all = told(SourceName::Nvml) && told(SourceName::Proc) && all_engines_told(picture);
    proc.last_good_since_boot_ms.filter(|_| all)
}

/// The labels of what was listed. Those of users' own daemons are left out: they are no label of the platform's, whatever they
/// are called.
fn labels(engines: &[SeenEngine]) -> HashMap<(EngineName, ContainerId), BTreeMap<String, String>> {
    let roots = engines.iter().filter(|engine| engine.name.owner().is_none());
    let listed =
        roots.flat_map(|engine| engine.containers.iter().flatten().map(move |seen| (&engine.name, &seen.listing)));
    listed.map(|(name, listing)| ((name.clone(), listing.id.clone()), listing.labels.clone())).collect()
}

/// The life that an entry tells of; `None` when Docker told no main process.
pub(crate) fn life_of(entry: &ContainerEntry) -> Option<ContainerLife> {
    let health_check = entry.config.as_ref().map(|config| config.health_check.clone()).unwrap_or_default();
    Some(ContainerLife { id: entry.full_id.clone(), pid: entry.pid?, health_check })
}

/// One question to the driver, which can hang.
pub(crate) fn ask_gpus(
    source: &Arc<dyn GpuSource>,
    question: impl FnOnce(&dyn GpuSource) -> Result<GpuSnapshot, SourceError> + Send + 'static,
) -> Result<GpuSnapshot, String> {
    let source = Arc::clone(source);
    let answer = within("nvml", GPUS_AT_MOST, move || question(&*source)).map_err(|error| error.to_string())?;
    answer.map_err(|error| error.to_string())
}

fn activities(
    source: &Arc<dyn ProcessSource>,
    lives: Vec<ContainerLife>,
    end: Instant,
) -> HashMap<ContainerLife, ContainerActivity> {
    let source = Arc::clone(source);
    let answers = one_by_one("containers", lives, ONE_AT_MOST, end, move |life| source.container(life));
    let late = |error: crate::deadline::DeadlineError| {
        unknown_activity(&Unknown::new(UnknownKind::TimedOut, format!("its counters: {error}")))
    };
    answers.into_iter().map(|(life, answer)| (life, answer.unwrap_or_else(late))).collect()
}

fn not_read() -> ContainerActivity {
    unknown_activity(&Unknown::new(UnknownKind::NotAsked, "its counters"))
}

fn unknown_activity(why: &Unknown) -> ContainerActivity {
    ContainerActivity {
        cpu_time: why.clone().into(),
        net_bytes: why.clone().into(),
        processes: why.clone().into(),
        terminals: why.clone().into(),
    }
}

fn pids_of(activity: &ContainerActivity) -> Reading<BTreeSet<u32>> {
    activity.processes.as_ref().map(|running| running.iter().map(|process| process.pid).collect())
}

/// Puts together what was seen of one container, in the life that began at this time.
fn observation(
    (entry, started_at): (&ContainerEntry, Timestamp),
    seen: &Seen<'_>,
    now: &Now,
    activity: &ContainerActivity,
    devices: &Devices<'_>,
    samples: &[Sample],
) -> Observation {
    let process_activity = match (&activity.processes, &activity.terminals) {
        (Reading::Known(running), Reading::Known(terminals)) => {
            Reading::Known(ProcessActivity::of(running.iter().cloned(), terminals.clone()))
        }
        (Reading::Unknown(why), _) | (_, Reading::Unknown(why)) => why.clone().into(),
    };
    Observation {
        at: now.at,
        boot_id: now.boot_id.clone(),
        boot_ms: now.boot_ms,
        container_id: entry.full_id.clone(),
        name: entry.name.clone(),
        started_at,
        held_ms: Some(held_ms(entry.pid_start_ticks, seen.asked)),
        gpus: devices.measures(seen),
        cpu_us: activity.cpu_time.clone().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        cpu_burst: cpu_burst(samples, &entry.full_id),
        net_bytes: activity.net_bytes.clone(),
        activity: process_activity,
    }
}

fn process_seen(entry: &ProcessEntry, asked: Asked, now: &Now, devices: &Devices<'_>) -> ProcessSeen {
    let pids = Reading::Known(BTreeSet::from([entry.pid]));
    ProcessSeen {
        at: now.at,
        boot_id: now.boot_id.clone(),
        boot_ms: now.boot_ms,
        pid: entry.pid,
        start_ticks: entry.start_ticks,
        user: entry.user.clone(),
        program: entry.name.clone(),
        held_ms: held_ms(Some(entry.start_ticks), asked),
        gpus: devices.measures(&Seen { whose: Whose::Process(entry), pids: &pids, asked }),
    }
}

/// For how much of the time that was asked about it ran, if it began at this clock tick.
fn held_ms(start_ticks: Option<u64>, asked: Asked) -> u64 {
    let began_ms = start_ticks.map_or(0, boot_ms_at);
    let asked = asked.span();
    Span { from_ms: asked.from_ms.max(began_ms), ..asked }.length_ms()
}

/// The busiest span of a container.
fn cpu_burst(samples: &[Sample], id: &ContainerId) -> Option<CpuBurst> {
    let bursts = samples.iter().map(|sample| {
        let us = sample.cpu_of(id).map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        CpuBurst { us, over_ms: sample.span().length_ms() }
    });
    // Over a shorter span a housekeeping thread is a burst.
    bursts
        .filter(|burst| burst.over_ms >= millis(SHORTEST_SPAN))
        .max_by(|one, other| one.percent().total_cmp(&other.percent()))
}
