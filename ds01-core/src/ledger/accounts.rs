//! From the journal's lines to pieces: who held which GPU from when to when, and what that time was spent on.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    piece::{Piece, Spent},
    workload::{Kind, Workload},
};
use crate::{
    idle::{
        evidence::{GpuEvidence, GpuMeasure, Observation, Thresholds, Verdict},
        journal::{Gone, Life, ProcessSeen, Record},
        state::{Interval, LONGEST_INTERVAL, Track},
    },
    model::ContainerId,
    policy::{ContainerType, Policy},
    units::millis,
};

/// From this share of a look's time on, in percent, what was seen of a host process speaks for it.
const TOO_LITTLE_PERCENT: u64 = 25;

/// For so long a container that is gone is remembered: a stop is written down when its grace is over.
const REMEMBERED: Duration = Duration::from_secs(2 * 3600);

/// The span that was asked about is read off the wall clock, which runs a little differently.
const BETWEEN_CLOCKS_MS: u64 = 1_000;

/// Reads lines in the order in which they were written, and hands over pieces.
///
/// A container holds what it was given from its start to its end. Time between two looks at one life of it is a piece; what it was
/// spent on is what the reaper's rules say of the same time. A life that is not seen any more ended in the middle between the
/// last look at it and the one that missed it, for all that anybody knows.
pub struct Accounts<'p> {
    policy: &'p Policy,
    lives: HashMap<ContainerId, LifeSoFar>,
    groups: HashMap<(String, String), Group>,
    /// The host processes of the look that is being read.
    processes: Vec<ProcessSeen>,
}

/// What [`Accounts`] know, to go on with it later.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    lives: HashMap<ContainerId, LifeSoFar>,
    groups: Vec<Group>,
}

/// What is known of a container so far.
#[derive(Serialize, Deserialize)]
struct LifeSoFar {
    #[serde(with = "owned")]
    who: Rc<Workload>,
    /// The policy says them.
    #[serde(skip)]
    thresholds: Option<Thresholds>,
    track: Option<Track>,
    /// What was measured since the last piece, by GPU.
    since: BTreeMap<String, Measured>,
    /// Energy counters, by GPU.
    energy: BTreeMap<String, u64>,
    /// The GPUs that it held when it was seen last.
    held: Vec<String>,
    /// When it was found to have ended, or to be gone: the boot, and its clock in milliseconds. What was seen before that can
    /// be written down after it, and so can the check that stopped it.
    ended: Option<(String, u64)>,
}

/// What was measured on a GPU.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Measured {
    used_ms: u64,
    covered_ms: u64,
    energy_mj: u64,
}

/// The processes of one user and program, as the last look saw them.
#[derive(Serialize, Deserialize)]
struct Group {
    #[serde(with = "owned")]
    who: Rc<Workload>,
    boot_id: String,
    boot_ms: u64,
    /// Pids and start ticks, each with the boot clock at the last look at it, in milliseconds, and what was seen on its GPUs.
    #[serde(with = "pairs")]
    processes: BTreeMap<(u32, u64), (u64, Vec<GpuMeasure>)>,
    /// Up to when each GPU's time was counted, on the boot clock in milliseconds.
    counted_to: BTreeMap<String, u64>,
}

/// A workload, without the pointer to it.
mod owned {
    use std::rc::Rc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Workload;

    pub(super) fn serialize<S: Serializer>(who: &Rc<Workload>, serializer: S) -> Result<S::Ok, S::Error> {
        (**who).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rc<Workload>, D::Error> {
        Workload::deserialize(deserializer).map(Rc::new)
    }
}

/// A map whose keys are no texts, as JSON has none of those.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

impl<'p> Accounts<'p> {
    /// Goes on with what was known. `policy` says below what a workload is idle.
    pub(super) fn recall(known: Known, policy: &'p Policy) -> Self {
        let name = |group: &Group| (group.who.user.clone().unwrap_or_default(), group.who.name.clone());
        let groups = known.groups.into_iter().map(|group| (name(&group), group)).collect();
        let mut accounts = Self { policy, lives: known.lives, groups, processes: Vec::new() };
        for so_far in accounts.lives.values_mut() {
            so_far.thresholds = Some(thresholds_of(policy, &so_far.who));
        }
        accounts
    }

    /// What is known, to go on with it later. After [`finish`](Self::finish): the look that is being read is not part of it.
    pub(super) fn remember(self) -> Known {
        Known { lives: self.lives, groups: self.groups.into_values().collect() }
    }

    /// What is known of each container that runs.
    pub(super) fn tracks(&self) -> impl Iterator<Item = (&ContainerId, &Track)> {
        self.lives.iter().filter_map(|(id, so_far)| Some((id, so_far.track.as_ref()?)))
    }

    /// Drops containers that are not there: for whoever reads no line that was written late.
    pub(super) fn forget_all_but(&mut self, there: &HashSet<&ContainerId>) {
        self.lives.retain(|id, _| there.contains(id));
    }

    /// Drops host processes of a user and program of which the last look saw none.
    pub(super) fn forget_ended_processes(&mut self, boot_ms: u64) {
        self.groups.retain(|_, group| group.boot_ms >= boot_ms);
    }

    /// `policy` says below what a workload is idle.
    pub fn new(policy: &'p Policy) -> Self {
        Self { policy, lives: HashMap::new(), groups: HashMap::new(), processes: Vec::new() }
    }

    /// Takes in the next line.
    pub fn take(&mut self, record: &Record, each: &mut dyn FnMut(&Piece<'_>)) {
        if self.processes.first().is_some_and(|first| (&*first.boot_id, first.boot_ms) != record.boot()) {
            self.judge_processes(each);
        }
        match record {
            Record::Seen(seen) => self.seen(seen, each),
            Record::Process(seen) => self.processes.push(seen.clone()),
            Record::Life(life) => self.life(life, each),
            Record::Gone(gone) => self.gone(gone, each),
            Record::Check(_) => {}
        }
    }

    /// There are no more lines.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Piece<'_>)) {
        self.judge_processes(each);
    }

    /// The workload of a container, and the GPUs that it held when it was last seen.
    pub fn holds(&self, id: &ContainerId) -> Option<(Rc<Workload>, Vec<String>)> {
        let so_far = self.lives.get(id)?;
        Some((Rc::clone(&so_far.who), so_far.held.clone()))
    }

    fn life(&mut self, life: &Life, each: &mut dyn FnMut(&Piece<'_>)) {
        let kind = ContainerType::from(life.origin);
        let thresholds = thresholds(self.policy, life.user.as_deref(), kind);
        let so_far = self.lives.entry(life.container_id.clone());
        let so_far = so_far.or_insert_with(|| LifeSoFar::new(Workload::of_life(life), thresholds));
        let other = so_far.track.as_ref().is_some_and(|track| Some(track.last.started_at) != life.started_at);
        if !life.status.is_up() || other {
            so_far.end(life.at, &life.boot_id, life.boot_ms, each);
        }
        let who = Workload::of_life(life);
        if *so_far.who != who {
            so_far.who = Rc::new(who);
        }
        so_far.thresholds = Some(thresholds);
    }

    fn seen(&mut self, seen: &Observation, each: &mut dyn FnMut(&Piece<'_>)) {
        let policy = self.policy;
        let so_far = self.lives.entry(seen.container_id.clone()).or_insert_with(|| {
            let who = Workload::of_name(&seen.container_id, &seen.name);
            LifeSoFar::new(who, thresholds(policy, None, ContainerType::Unknown))
        });
        so_far.see(seen, each);
    }

    fn gone(&mut self, gone: &Gone, each: &mut dyn FnMut(&Piece<'_>)) {
        let is_new = |so_far: &LifeSoFar| {
            so_far.ended.as_ref().is_none_or(|(boot_id, boot_ms)| {
                *boot_id == gone.boot_id && gone.boot_ms.saturating_sub(*boot_ms) <= millis(REMEMBERED)
            })
        };
        self.lives.retain(|_, so_far| is_new(so_far));
        for id in &gone.ids {
            if let Some(so_far) = self.lives.get_mut(id) {
                so_far.end(gone.at, &gone.boot_id, gone.boot_ms, each);
            }
        }
    }

    /// Judges the host processes of one look: those of one user and program together.
    fn judge_processes(&mut self, each: &mut dyn FnMut(&Piece<'_>)) {
        let mut by_group: BTreeMap<(String, String), Vec<ProcessSeen>> = BTreeMap::new();
        for seen in std::mem::take(&mut self.processes) {
            by_group.entry((seen.user.clone(), seen.program.clone())).or_default().push(seen);
        }
        for ((user, program), seen) in by_group {
            let Some(first) = seen.first() else { continue };
            let thresholds = thresholds(self.policy, Some(&user), ContainerType::Unknown);
            let group = self.groups.entry((user, program)).or_insert_with(|| Group::new(Workload::of_process(first)));
            group.see(&seen, &thresholds, each);
        }
    }
}

fn thresholds_of(policy: &Policy, who: &Workload) -> Thresholds {
    let kind = match who.kind {
        Kind::Container(origin) => ContainerType::from(origin),
        Kind::HostProcess(_) => ContainerType::Unknown,
    };
    thresholds(policy, who.user.as_deref(), kind)
}

fn thresholds(policy: &Policy, user: Option<&str>, kind: ContainerType) -> Thresholds {
    Thresholds::from(&policy.resolve(user, kind).rules)
}

impl LifeSoFar {
    fn new(who: Workload, thresholds: Thresholds) -> Self {
        Self {
            who: Rc::new(who),
            thresholds: Some(thresholds),
            track: None,
            since: BTreeMap::new(),
            energy: BTreeMap::new(),
            held: Vec::new(),
            ended: None,
        }
    }

    fn see(&mut self, seen: &Observation, each: &mut dyn FnMut(&Piece<'_>)) {
        if self.ended.as_ref().is_some_and(|(boot_id, ended_ms)| *boot_id == seen.boot_id && seen.boot_ms <= *ended_ms)
        {
            return;
        }
        let Some(thresholds) = self.thresholds else { return };
        let Some(track) = self.track.as_mut().filter(|track| track.last.same_life(seen)) else {
            // The last words of an earlier life, written down late.
            let is_old = |last: &Observation| last.boot_id == seen.boot_id && seen.boot_ms < last.boot_ms;
            if !self.track.as_ref().is_some_and(|track| is_old(&track.last)) {
                self.begin(seen, &thresholds, each);
            }
            return;
        };
        let (from_ms, seen_until) = (track.last.boot_ms, track.last.boot_ms.max(track.soon.until_boot_ms));
        track.observe(seen, &thresholds);
        if seen.boot_ms <= seen_until {
            return;
        }
        let ended = (track.last.boot_ms > from_ms).then(|| track.interval.clone()).flatten();
        self.measure(seen, seen.boot_ms - seen_until);
        if let Some(interval) = ended {
            self.emit(seen, from_ms, of_interval(&interval), each);
        }
    }

    /// A life that is seen for the first time. It held its GPUs since it was started, if that was after the look before.
    fn begin(&mut self, seen: &Observation, thresholds: &Thresholds, each: &mut dyn FnMut(&Piece<'_>)) {
        self.since.clear();
        self.energy.clear();
        let length_ms = seen.held_ms.unwrap_or(0).min(seen.boot_ms);
        self.measure(seen, length_ms);
        let active = GpuEvidence::of(&seen.gpus, &[], thresholds).is_active();
        let state = if active { State::Work(length_ms) } else { State::Unobserved };
        self.emit(seen, seen.boot_ms - length_ms, state, each);
        self.track = Some(Track::new(seen));
        self.ended = None;
    }

    /// Adds what was measured in the last `new_ms` milliseconds. A scan and a check between two scans speak of the same time: of a
    /// figure that reaches further back than the look before, the part counts that is new.
    fn measure(&mut self, seen: &Observation, new_ms: u64) {
        let asked_ms = seen.held_ms.unwrap_or(new_ms);
        for measure in &seen.gpus {
            let measured = self.since.entry(measure.gpu.clone()).or_default();
            if let (Some(used), Some(covered)) = (measure.used_ms, measure.covered_ms) {
                let new =
                    Measured { used_ms: used, covered_ms: covered.max(used), energy_mj: 0 }.part(new_ms, asked_ms);
                measured.used_ms = measured.used_ms.saturating_add(new.used_ms);
                measured.covered_ms = measured.covered_ms.saturating_add(new.covered_ms);
            }
            match measure.energy {
                Some(count) => {
                    let before = self.energy.insert(measure.gpu.clone(), count.mj);
                    // A driver that was loaded anew counts from nothing.
                    let used = before.and_then(|before| count.mj.checked_sub(before)).unwrap_or(0);
                    measured.energy_mj = measured.energy_mj.saturating_add(used);
                }
                // Others can have used what was counted in between.
                None => drop(self.energy.remove(&measure.gpu)),
            }
        }
    }

    /// A piece of each GPU that it holds, from `from_ms` to the look that saw it.
    fn emit(&mut self, seen: &Observation, from_ms: u64, state: State, each: &mut dyn FnMut(&Piece<'_>)) {
        let measured = std::mem::take(&mut self.since);
        let devices = || seen.gpus.iter().filter(|measure| is_device(&measure.gpu));
        if !devices().map(|measure| &measure.gpu).eq(&self.held) {
            self.held = devices().map(|measure| measure.gpu.clone()).collect();
        }
        for measure in devices() {
            let of_gpu = measured.get(&measure.gpu).copied().unwrap_or_default();
            piece((&self.who, &measure.gpu, &seen.boot_id), (from_ms, seen.boot_ms, seen.at), state, of_gpu, each);
        }
    }

    /// It was found to have ended at this look.
    fn end(&mut self, at: Timestamp, boot_id: &str, boot_ms: u64, each: &mut dyn FnMut(&Piece<'_>)) {
        if self.ended.is_none() {
            self.ended = Some((boot_id.to_owned(), boot_ms));
        }
        let Some(track) = self.track.take() else { return };
        self.since.clear();
        let last = &track.last;
        let passed = boot_ms.saturating_sub(last.boot_ms);
        if last.boot_id != boot_id || passed > millis(LONGEST_INTERVAL) {
            return;
        }
        let to_ms = last.boot_ms + passed / 2;
        let ago = SignedDuration::from_millis(i64::try_from(boot_ms.saturating_sub(to_ms)).unwrap_or(0));
        let ends_at = at.checked_sub(ago).unwrap_or(at);
        for gpu in &self.held {
            let of = (&self.who, &**gpu, boot_id);
            piece(of, (last.boot_ms, to_ms, ends_at), State::Unobserved, Measured::default(), each);
        }
    }
}

impl Group {
    fn new(who: Workload) -> Self {
        Self {
            who: Rc::new(who),
            boot_id: String::new(),
            boot_ms: 0,
            processes: BTreeMap::new(),
            counted_to: BTreeMap::new(),
        }
    }

    /// Takes in all of them that one look saw.
    fn see(&mut self, all: &[ProcessSeen], thresholds: &Thresholds, each: &mut dyn FnMut(&Piece<'_>)) {
        let Some(look) = all.first() else { return };
        if self.boot_id != look.boot_id {
            self.processes.clear();
            self.counted_to.clear();
            self.boot_id.clone_from(&look.boot_id);
        } else if look.boot_ms < self.boot_ms {
            return;
        }
        self.boot_ms = look.boot_ms;
        let mut on_gpus: BTreeMap<&str, OnGpu> = BTreeMap::new();
        for seen in all {
            let since_ms = seen.boot_ms.saturating_sub(seen.held_ms);
            // One that the look before did not see had closed its contexts.
            let known = self.processes.remove(&(seen.pid, seen.start_ticks));
            let known = known.filter(|(last_ms, _)| last_ms.saturating_add(BETWEEN_CLOCKS_MS) >= since_ms);
            let (last_ms, before) = known.unwrap_or((since_ms, Vec::new()));
            for measure in seen.gpus.iter().filter(|measure| is_device(&measure.gpu)) {
                let on_gpu = on_gpus.entry(&measure.gpu).or_default();
                on_gpu.add(since_ms.min(last_ms), measure, &GpuEvidence::of([measure], &before, thresholds));
            }
        }
        self.processes =
            all.iter().map(|seen| ((seen.pid, seen.start_ticks), (seen.boot_ms, seen.gpus.clone()))).collect();
        for (gpu, on_gpu) in on_gpus {
            // A check between two scans has counted a part of it.
            let counted_to = self.counted_to.insert(gpu.to_owned(), look.boot_ms).unwrap_or(0);
            let (from_ms, all_ms) = (on_gpu.from_ms.max(counted_to), look.boot_ms.saturating_sub(on_gpu.from_ms));
            let length_ms = look.boot_ms.saturating_sub(from_ms);
            if length_ms > 0 {
                let measured = on_gpu.measured.part(length_ms, all_ms);
                let of = (&self.who, gpu, &*look.boot_id);
                piece(
                    of,
                    (from_ms, look.boot_ms, look.at),
                    on_gpu.state(measured.covered_ms, length_ms),
                    measured,
                    each,
                );
            }
        }
    }
}

/// What all processes of a group did on one GPU.
#[derive(Default)]
struct OnGpu {
    /// Since when, on the boot clock in milliseconds.
    from_ms: u64,
    /// What they did together.
    measured: Measured,
    works: bool,
    is_unknown: bool,
    seen: bool,
}

impl OnGpu {
    fn add(&mut self, from_ms: u64, measure: &GpuMeasure, evidence: &GpuEvidence) {
        self.from_ms = if self.seen { self.from_ms.min(from_ms) } else { from_ms };
        self.seen = true;
        self.measured.used_ms = self.measured.used_ms.saturating_add(measure.used_ms.unwrap_or(0));
        self.measured.covered_ms = self.measured.covered_ms.max(measure.covered_ms.unwrap_or(0));
        self.works |= evidence.is_active();
        self.is_unknown |= matches!(evidence, GpuEvidence::Unknown(_));
    }

    /// What their time was spent on: work if any of them worked, and idle only if all were.
    fn state(&self, covered_ms: u64, length_ms: u64) -> State {
        if length_ms > millis(LONGEST_INTERVAL) {
            State::Unobserved
        } else if self.works {
            State::Work(covered_ms)
        } else if self.is_unknown {
            State::Unknown
        } else if covered_ms.saturating_mul(100) < length_ms.saturating_mul(TOO_LITTLE_PERCENT) {
            State::Unobserved
        } else {
            State::Idle(covered_ms)
        }
    }
}

impl Measured {
    /// The part of it that falls into `new_ms` of `asked_ms` milliseconds.
    fn part(self, new_ms: u64, asked_ms: u64) -> Self {
        let part = |ms: u64| {
            let part = u128::from(ms) * u128::from(new_ms.min(asked_ms)) / u128::from(asked_ms.max(1));
            u64::try_from(part).unwrap_or(ms)
        };
        Self { used_ms: part(self.used_ms), covered_ms: part(self.covered_ms), energy_mj: part(self.energy_mj) }
    }
}

/// What a piece was spent on, with how much of it was observed.
#[derive(Debug, Clone, Copy)]
enum State {
    Work(u64),
    Idle(u64),
    Unknown,
    Unobserved,
}

fn of_interval(interval: &Interval) -> State {
    match interval.verdict {
        _ if interval.length_ms > millis(LONGEST_INTERVAL) => State::Unobserved,
        Verdict::GpuActive | Verdict::OtherwiseActive => State::Work(interval.observed_ms()),
        Verdict::Idle => State::Idle(interval.observed_ms()),
        Verdict::GpuUnknown | Verdict::NoEvidence => State::Unknown,
    }
}

fn piece(
    (who, gpu, boot_id): (&Rc<Workload>, &str, &str),
    (from_ms, to_ms, ends_at): (u64, u64, Timestamp),
    state: State,
    measured: Measured,
    each: &mut dyn FnMut(&Piece<'_>),
) {
    let length_ms = to_ms.saturating_sub(from_ms);
    let nothing = Spent::unobserved(length_ms);
    let rest = |observed: u64| length_ms - observed.min(length_ms);
    let spent = match state {
        State::Work(ms) => Spent { work_ms: ms.min(length_ms), unobserved_ms: rest(ms), ..nothing },
        State::Idle(ms) => Spent { idle_ms: ms.min(length_ms), unobserved_ms: rest(ms), ..nothing },
        State::Unknown => Spent { unknown_ms: length_ms, unobserved_ms: 0, ..nothing },
        State::Unobserved => nothing,
    };
    let covered_ms = measured.covered_ms.min(length_ms);
    let used_ms = measured.used_ms.min(covered_ms);
    let spent = Spent { used_ms, covered_ms, energy_mj: measured.energy_mj, ..spent };
    each(&Piece { gpu, who, boot_id, from_ms, to_ms, ends_at, spent });
}

/// Whether it is a GPU or MIG instance of this host, and not a request that names none.
fn is_device(gpu: &str) -> bool {
    gpu.starts_with("GPU-") || gpu.starts_with("MIG-")
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
