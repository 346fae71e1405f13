//! A host over weeks, of which everything is known: who held what, who worked when. What detector and reaper would have seen of
//! it goes into a journal.

use ds01_core::model::EngineName;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ds01_core::{
    detect::{Origin, UserSource},
    idle::{
        Check, ContainerFacts, Demand, GpuFigure, GpuMeasure, IdleState, Journal, KeepAlive, Now, Observation, Plan,
        ProcessActivity,
        journal::{CheckMade, Deed, Gone, Life, ProcessSeen, Record, What},
    },
    model::{ContainerId, ContainerStatus, Reading},
    policy::Policy,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::random::Random;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// From one scan to the next.
const SCAN: u64 = 30 * SECOND;

/// From one check to the next. It looks a few seconds after a scan.
const CHECK: u64 = 5 * MINUTE;
const CHECK_AFTER: u64 = 7 * SECOND;

/// How large the host and its life are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) days: u64,
    pub(crate) containers_a_day: u64,
    pub(crate) users: u64,
}

/// One life of a container, or one host process.
struct Tenant {
    id: ContainerId,
    name: String,
    user: Option<String>,
    gpus: Vec<String>,
    /// In milliseconds of the story.
    from: u64,
    to: u64,
    /// When it works, and how much of a GPU it takes then, in percent.
    works: Vec<(u64, u64, u64)>,
    /// Since when it has a keep-alive file; never, where it has none.
    keep_alive: Option<u64>,
    is_process: bool,
    /// Whether a scan has seen it.
    seen: bool,
}

/// What really was, by user and device, in milliseconds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Truth {
    pub(crate) held: BTreeMap<(String, String), u64>,
    /// By user, while somebody looked.
    pub(crate) worked: BTreeMap<String, u64>,
    pub(crate) used: BTreeMap<String, u64>,
    /// By user, in gaps in which what held a device ended: nobody can know until when it did.
    pub(crate) hidden: BTreeMap<String, u64>,
    /// For how long anybody held each device.
    pub(crate) anybody: BTreeMap<String, u64>,
}

/// A host's weeks.
pub(crate) struct Month {
    begin: Timestamp,
    length: u64,
    tenants: Vec<Tenant>,
    /// Spans in which no scan and no check was made.
    gaps: Vec<(u64, u64)>,
    /// When the host was booted anew, and for how long it was down.
    boots: Vec<(u64, u64)>,
    /// From when on the wall clock is off by so many milliseconds.
    jumps: Vec<(u64, i64)>,
    devices: Vec<String>,
    /// Who was stopped by the reaper, at which check, for what.
    pub(crate) stops: Vec<(u64, ContainerId, What)>,
}

impl Month {
    pub(crate) fn new(seed: u64, size: Size) -> Self {
        let mut random = Random::new(seed);
        let length = size.days * DAY;
        // Twelve whole GPUs, and four of three MIG instances each.
        let whole = (0..12).map(|n| format!("GPU-{n:08x}-aaaa"));
        let devices: Vec<String> = whole.chain((0..12).map(|n| format!("MIG-{n:08x}-bbbb"))).collect();
        let mut boots = Vec::new();
        let mut at = random.between(DAY, 9 * DAY);
        while at < length {
            let down = random.between(2 * MINUTE, 20 * MINUTE);
            boots.push((at, down));
            at += down + random.between(2 * DAY, 9 * DAY);
        }
        let gaps = (0..size.days / 4 + 1).map(|_| {
            let from = random.between(0, length);
            (from, from + random.between(2 * MINUTE, 90 * MINUTE))
        });
        let gaps = gaps.collect();
        let mut jumps: Vec<(u64, i64)> = (0..size.days / 10 + 1)
            .map(|_| (random.between(0, length), i64::try_from(random.between(0, 2 * HOUR)).unwrap() - HOUR as i64))
            .collect();
        jumps.sort_unstable();
        let mut tenants = Vec::new();
        for n in 0..size.containers_a_day * size.days {
            let from = random.between(0, length);
            let is_process = random.is(120);
            let to = from + random.between(10 * MINUTE, 20 * HOUR);
            // A reboot ends them all.
            let to = boots.iter().map(|(at, _)| *at).filter(|at| *at > from).fold(to, u64::min);
            let user = format!("user{:02}", random.between(1, size.users));
            let count = if random.is(150) { 2 } else { 1 };
            let gpus: BTreeSet<String> = (0..count).map(|_| devices[random.between(0, 23) as usize].clone()).collect();
            let mut works = Vec::new();
            let mut time = from + random.between(0, 30 * MINUTE);
            while time < to {
                let until = (time + random.between(20 * MINUTE, 6 * HOUR)).min(to);
                works.push((time, until, random.between(20, 100)));
                time = until + random.between(10 * MINUTE, 150 * MINUTE);
            }
            if boots.iter().any(|(at, down)| (*at..at + down).contains(&from)) {
                continue;
            }
            tenants.push(Tenant {
                id: format!("{n:012x}{}", "0".repeat(52)).parse().unwrap(),
                name: if is_process { "python3".to_owned() } else { format!("job-{n}") },
                user: (is_process || !random.is(50)).then_some(user),
                gpus: gpus.into_iter().collect(),
                from,
                to,
                works,
                keep_alive: random.is(60).then(|| random.between(from, to)),
                is_process,
                seen: false,
            });
        }
        let begin = "2026-03-01T00:00:00Z".parse().unwrap();
        Self { begin, length, tenants, gaps, boots, jumps, devices, stops: Vec::new() }
    }

    /// The wall clock.
    fn wall(&self, at: u64) -> Timestamp {
        let off: i64 = self.jumps.iter().filter(|(from, _)| *from <= at).map(|(_, off)| off).sum();
        self.begin + SignedDuration::from_millis(i64::try_from(at).unwrap() + off)
    }

    pub(crate) fn end(&self) -> Timestamp {
        self.wall(self.length)
    }

    /// The boot and its clock; `None` while the host is down.
    fn boot(&self, at: u64) -> Option<(String, u64)> {
        let booted = self.boots.iter().rposition(|(from, _)| *from <= at);
        let since = match booted {
            None => 0,
            Some(n) => self.boots[n].0 + self.boots[n].1,
        };
        // The first boot was a while before the story.
        let ahead = if booted.is_none() { DAY } else { 0 };
        let number = booted.map_or(0, |n| n + 1);
        Some((format!("boot-{number}"), at.checked_sub(since)? + ahead))
    }

    fn is_watched(&self, at: u64) -> bool {
        self.boot(at).is_some() && !self.gaps.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// Lives through it: scans and checks look, and the reaper stops whom `policy` says. Lines are handed over in the order in
    /// which they are written.
    pub(crate) fn live(&mut self, policy: &Policy, mut write: impl FnMut(&[Record])) {
        let mut state = IdleState::default();
        // The last scan, and what it saw.
        let mut scanned: Option<u64> = None;
        let mut there: BTreeSet<usize> = BTreeSet::new();
        let mut looked = None;
        let order: Vec<usize> = {
            let mut order: Vec<usize> = (0..self.tenants.len()).collect();
            order.sort_by_key(|n| self.tenants[*n].from);
            order
        };
        let (mut next, mut up): (usize, BTreeSet<usize>) = (0, BTreeSet::new());
        let mut seen_since = Vec::new();
        let mut at = SCAN;
        while at < self.length {
            let mut records = Vec::new();
            for (time, checks) in [(at, false), (at + CHECK_AFTER, true)] {
                if !self.is_watched(time) || (checks && !at.is_multiple_of(CHECK)) {
                    continue;
                }
                while next < order.len() && self.tenants[order[next]].from <= time {
                    up.insert(order[next]);
                    next += 1;
                }
                let ended: Vec<usize> = up.iter().copied().filter(|n| self.tenants[*n].to <= time).collect();
                for n in &ended {
                    up.remove(n);
                }
                let (boot_id, boot_ms) = self.boot(time).unwrap();
                let now = Now { at: self.wall(time), boot_id, boot_ms };
                let gone: Vec<ContainerId> = there
                    .difference(&up)
                    .filter(|n| !self.tenants[**n].is_process)
                    .map(|n| self.tenants[*n].id.clone())
                    .collect();
                let first_of_day = looked
                    .is_none_or(|last: Timestamp| last.strftime("%F").to_string() != now.at.strftime("%F").to_string());
                let new = up.iter().filter(|n| !there.contains(n) || first_of_day);
                let lives: Vec<Life> =
                    new.filter(|n| !self.tenants[**n].is_process).map(|n| self.life(*n, time, &now)).collect();
                // A check does not save the picture.
                if !checks {
                    there = up.clone();
                    looked = Some(now.at);
                }
                records.extend(lives.into_iter().map(Record::Life));
                if !gone.is_empty() {
                    records.push(Record::Gone(Gone { at: now.at, boot_id: now.boot_id.clone(), boot_ms, ids: gone }));
                }
                let since = scanned
                    .filter(|last| self.boot(*last).unwrap().0 == now.boot_id)
                    .unwrap_or(time - SCAN.min(boot_ms));
                for n in &up {
                    let tenant = &self.tenants[*n];
                    if tenant.is_process {
                        if tenant.seen && !checks {
                            records.push(Record::Process(self.process(*n, since, time, &now)));
                        }
                    } else {
                        let seen = self.observation(*n, since, time, &now);
                        seen_since.push(seen.clone());
                        records.push(Record::Seen(seen));
                    }
                }
                if checks {
                    let made = self.check(&mut state, policy, &up, &seen_since, time, &now);
                    seen_since.clear();
                    records.push(Record::Check(made));
                } else {
                    scanned = Some(time);
                    for n in &up {
                        self.tenants[*n].seen = true;
                    }
                }
            }
            write(&records);
            at += SCAN;
        }
    }

    fn check(
        &mut self,
        state: &mut IdleState,
        policy: &Policy,
        up: &BTreeSet<usize>,
        seen: &[Observation],
        time: u64,
        now: &Now,
    ) -> CheckMade {
        let containers: Vec<usize> = up.iter().copied().filter(|n| !self.tenants[*n].is_process).collect();
        let facts: Vec<ContainerFacts> = containers.iter().map(|n| self.life(*n, time, now).facts(now)).collect();
        let given: BTreeSet<&String> = facts.iter().flat_map(|facts| &facts.gpus).collect();
        let demand = Demand { assigned: given.len() as u64, total: self.devices.len() as u64 };
        let check = Check {
            now: now.clone(),
            zone: TimeZone::UTC,
            policy,
            containers: &facts,
            observations: seen,
            demand: Some(demand),
            asked: &[],
            only: None,
        };
        let mut keep_alive = BTreeMap::new();
        let plan = Plan::make(state, &check, |asked| {
            for (id, _) in asked {
                let tenant = self.tenants.iter().find(|tenant| tenant.id == **id).unwrap();
                let written = tenant.keep_alive.filter(|written| *written <= time);
                let file = written.map_or(KeepAlive::Absent, |written| KeepAlive::File(self.wall(written)));
                keep_alive.insert((*id).clone(), file);
            }
            keep_alive.clone()
        });
        let mut done = BTreeMap::new();
        for (id, decision) in &plan.decisions {
            let what = decision.action.what();
            state.record(id, decision, now);
            let Some(what) = what else { continue };
            done.insert(id.clone(), Deed { what, done: true });
            if what.is_stop() {
                self.stops.push((state.checks, id.clone(), what));
                let tenant = self.tenants.iter_mut().find(|tenant| tenant.id == *id).unwrap();
                tenant.to = time + 2 * SECOND;
            }
        }
        CheckMade {
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            check: state.checks,
            demand: Some(demand),
            keep_alive,
            asked: Vec::new(),
            told: Vec::new(),
            done,
            partial: false,
        }
    }

    fn life(&self, n: usize, time: u64, now: &Now) -> Life {
        let tenant = &self.tenants[n];
        Life {
            engine: EngineName::DOCKER,
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            container_id: tenant.id.clone(),
            name: tenant.name.clone(),
            user: tenant.user.clone(),
            user_source: if tenant.user.is_some() { UserSource::LabelDs01 } else { UserSource::Unknown },
            origin: Origin::RawDocker,
            image: "pytorch:2".to_owned(),
            has_gpu: Some(true),
            gpus: tenant.gpus.clone(),
            status: ContainerStatus::Running,
            started_at: Some(self.wall(tenant.from)),
            began_boot_ms: Some(now.boot_ms.saturating_sub(time - tenant.from)),
            stop_timeout_seconds: None,
            auto_remove: true,
            problem: None,
            labels: BTreeMap::new(),
        }
    }

    /// What was done on each of its GPUs since `since`.
    fn measures(&self, n: usize, since: u64, time: u64) -> (u64, Vec<GpuMeasure>) {
        let tenant = &self.tenants[n];
        // What nobody looked at for long, nothing speaks of.
        let from = since.max(tenant.from).max(time.saturating_sub(2 * SCAN));
        let works = || {
            tenant.works.iter().filter_map(move |(begin, end, percent)| {
                let overlap = time.min(*end).checked_sub(from.max(*begin)).filter(|overlap| *overlap > 0)?;
                Some((overlap, *percent))
            })
        };
        let percent = works().map(|(_, percent)| percent).max().unwrap_or(0);
        let used: u64 = works().map(|(overlap, percent)| overlap * percent / 100).sum();
        let measure = |gpu: &String| GpuMeasure {
            gpu: gpu.clone(),
            figure: GpuFigure::OwnProcesses { percent: percent as f64 },
            context: Some(true),
            energy: None,
            shared_energy: None,
            covered_ms: Some(time - from),
            used_ms: Some(used),
        };
        (time - since.max(tenant.from), tenant.gpus.iter().map(measure).collect())
    }

    fn observation(&self, n: usize, since: u64, time: u64, now: &Now) -> Observation {
        let tenant = &self.tenants[n];
        let (held_ms, gpus) = self.measures(n, since, time);
        let worked: u64 = tenant.works.iter().map(|(begin, end, _)| time.min(*end).saturating_sub(*begin)).sum();
        Observation {
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            container_id: tenant.id.clone(),
            name: tenant.name.clone(),
            started_at: self.wall(tenant.from),
            held_ms: Some(held_ms),
            gpus,
            // All of a core at work, and a thousandth of one besides.
            cpu_us: Reading::Known(worked * 1000 + (time - tenant.from)),
            cpu_burst: None,
            net_bytes: Reading::Known(1_000),
            activity: Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() }),
        }
    }

    fn process(&self, n: usize, since: u64, time: u64, now: &Now) -> ProcessSeen {
        let tenant = &self.tenants[n];
        let (held_ms, gpus) = self.measures(n, since, time);
        ProcessSeen {
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            pid: u32::try_from(n).unwrap() + 1_000,
            start_ticks: tenant.from,
            user: tenant.user.clone().unwrap(),
            program: tenant.name.clone(),
            held_ms,
            gpus,
        }
    }

    /// What really was, once it was lived through.
    pub(crate) fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        let mut held: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        let mut of_user: BTreeMap<(String, String, bool), Vec<(u64, u64)>> = BTreeMap::new();
        for tenant in &self.tenants {
            let user = tenant.user.clone().unwrap_or_else(|| "unknown".to_owned());
            let to = tenant.to.min(self.length);
            let gap = self.gaps.iter().find(|(from, until)| (*from..*until).contains(&to));
            let hidden = gap.map_or(0, |(from, _)| to - tenant.from.max(*from)) * tenant.gpus.len() as u64;
            *truth.hidden.entry(user.clone()).or_default() += hidden;
            for gpu in &tenant.gpus {
                held.entry(gpu.clone()).or_default().push((tenant.from, to));
                if tenant.is_process {
                    // Two processes of one user's and program's hold a GPU once.
                    of_user.entry((user.clone(), gpu.clone(), true)).or_default().push((tenant.from, to));
                } else {
                    *truth.held.entry((user.clone(), gpu.clone())).or_default() += to - tenant.from;
                }
            }
            let watched = |from: u64, to: u64| {
                let lost: u64 = self.gaps.iter().map(|gap| to.min(gap.1).saturating_sub(from.max(gap.0))).sum();
                (to.saturating_sub(from)).saturating_sub(lost)
            };
            for (from, until, percent) in tenant.works.iter().filter(|_| !tenant.is_process) {
                let worked = watched(*from, (*until).min(to)) * tenant.gpus.len() as u64;
                *truth.worked.entry(user.clone()).or_default() += worked;
                *truth.used.entry(user.clone()).or_default() += worked * percent / 100;
            }
        }
        for ((user, gpu, _), spans) in of_user {
            *truth.held.entry((user, gpu)).or_default() += union(spans);
        }
        truth.anybody = held.into_iter().map(|(gpu, spans)| (gpu, union(spans))).collect();
        truth
    }

    /// Lives through it, and writes the journal.
    pub(crate) fn write(&mut self, policy: &Policy, journal: &Journal) {
        self.live(policy, |records| {
            let records: Vec<_> = records.iter().map(Record::as_ref).collect();
            journal.append_all(&records).unwrap();
        });
    }
}

/// For how long any of these spans lasted.
fn union(mut spans: Vec<(u64, u64)>) -> u64 {
    spans.sort_unstable();
    let (mut sum, mut until) = (0, 0);
    for (from, to) in spans {
        sum += to.saturating_sub(from.max(until));
        until = until.max(to);
    }
    sum
}

/// So long at most is waited for a lock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
