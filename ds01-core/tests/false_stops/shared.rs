//! Days on GPUs that several use: what the driver tells of them, by the stand-in's living GPUs, and what the sampler makes of it.

use std::borrow::Cow;

use ds01_core::{
    idle::evidence::{Asked, CpuBurst, GpuReport, Sampled, Tenancy, Utilization},
    model::{DeviceSample, GpuActivity, ProcessSample, Reading, Span, Unknown, UnknownKind},
};
use nvml_standin::{Living, Tenant, Work};

use super::{DAY, acts::Act, days::Random, trial::MORNING};

/// From one look of the sampler to the next.
const SAMPLER_MS: u64 = 5_000;

/// The subject's lasting process. Those that come and go have numbers from the second on.
const PID: u32 = 7;
const FIRST_BRIEF: u32 = 1_000;

/// The others have the numbers after this.
const NEIGHBOUR: u32 = 100;

const MPS_SERVER: u32 = 9;

/// The GPU instance of the subject.
const INSTANCE: u32 = 1;

/// How the GPU is divided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Layout {
    /// Two to four tenants, one of them at work all the time.
    Shared,
    /// Two to four tenants, none of them at work for long.
    Quiet,
    /// The subject has a MIG instance.
    Mig,
    /// All work through one MPS server.
    Mps,
}

impl Layout {
    pub(crate) const ALL: [Self; 4] = [Self::Shared, Self::Quiet, Self::Mig, Self::Mps];
}

/// One day of a container on such a GPU.
pub(crate) struct Tenanted<'a> {
    layout: Layout,
    acts: &'a [Act],
    /// When its lasting process opens its context, in milliseconds; never, where it has none.
    opens: Option<u64>,
    closes: u64,
    /// Bursts of the others, who come and go beside the one that is always at work: when, how often, how long.
    others: Vec<Work>,
    seed: u64,
    /// What runs in it although nobody uses it, in thousandths of a core, and now and then for a moment: when, and microseconds.
    background: u64,
    spikes: Vec<(u64, u64)>,
    /// CPU time of the acts before each.
    cpu_before: Vec<u64>,
    bytes_before: Vec<u64>,
    /// What the sampler saw, in the order of time.
    sampled: Vec<(Sampled, u64)>,
    /// The GPU, while the subject does nothing.
    still: Living,
}

/// What a look shows.
pub(crate) struct Shown {
    pub(crate) report: GpuReport,
    pub(crate) cpu_us: u64,
    pub(crate) cpu_burst: Option<CpuBurst>,
    pub(crate) bytes: u64,
    /// When what runs and began last began.
    pub(crate) began: Option<u64>,
    /// Whether the driver tells the energy of the GPU that the container is on.
    pub(crate) tells_energy: bool,
    /// What the whole GPU took since the look before, in millijoules.
    pub(crate) mj: u64,
}

impl<'a> Tenanted<'a> {
    pub(crate) fn new(layout: Layout, acts: &'a [Act], opened: bool, random: &mut Random) -> Self {
        let lasting = acts.iter().find(|act| act.on_gpu.is_some() && !act.own_process);
        let stays = random.between(0, 1) == 0;
        let last = acts.last().map_or(0, |act| act.until);
        let noisy = random.between(0, 1) == 0;
        let mut spikes = Vec::new();
        let mut time = 0;
        while noisy && time < DAY * 1_000 {
            time += random.between(60_000, 600_000);
            spikes.push((time, random.between(10, 90) * 1_000));
        }
        let others: Vec<Work> = (0..random.between(0, 2))
            .map(|_| Work {
                from_ms: random.between(0, 600_000),
                until_ms: None,
                every_ms: Some(random.between(10_000, 1_200_000)),
                for_ms: random.between(100, 9_000),
            })
            .collect();
        let mut day = Self {
            layout,
            acts,
            opens: lasting.map(|act| act.from).or_else(|| opened.then(|| random.between(0, 3_600_000))),
            closes: if stays || last == 0 { DAY * 1_000 } else { last },
            others,
            seed: random.next(),
            background: random.between(0, 12),
            spikes,
            cpu_before: Vec::new(),
            bytes_before: Vec::new(),
            sampled: Vec::new(),
            still: Living::default(),
        };
        day.still = day.living_with(&[], 0);
        let (mut cpu, mut bytes) = (0, 0);
        for act in acts {
            day.cpu_before.push(cpu);
            day.bytes_before.push(bytes);
            cpu += act.cpu_us;
            bytes += act.bytes_per_second * (act.until - act.from) / 1_000;
        }
        day.sampled = day.samples(random.between(0, SAMPLER_MS - 1));
        day
    }

    fn samples(&self, phase: u64) -> Vec<(Sampled, u64)> {
        let mut samples = Vec::new();
        let mut cpu_before = 0;
        // Processes that the sampler saw while they lived.
        let mut seen_alive: Vec<u32> = Vec::new();
        for n in 1..DAY * 1_000 / SAMPLER_MS {
            let to = n * SAMPLER_MS + phase;
            let from = to - SAMPLER_MS;
            let cpu = self.cpu_us(to);
            let covered = Span { from_ms: boot_ms(from), to_ms: boot_ms(to) };
            seen_alive.extend(self.alive(to).filter(|pid| *pid != PID));
            let sampled = if self.layout == Layout::Mig {
                let percent = self.instance_percent(from, to);
                Sampled {
                    covered,
                    percent: Some(percent),
                    mean_percent: Some(percent),
                    own_percent: None,
                    by_unknown: false,
                }
            } else {
                let rows = self.rows(from, to);
                let own = rows
                    .iter()
                    .filter(|(pid, _)| *pid == PID || seen_alive.contains(pid))
                    .map(|(_, percent)| percent)
                    .sum::<u32>();
                let by_unknown =
                    rows.iter().any(|(pid, percent)| *percent > 0 && *pid >= FIRST_BRIEF && !seen_alive.contains(pid));
                let own_percent = Some(f64::from(own.min(100)));
                let device = Some(self.living(from, to).at(to * 1_000, None).mean((from * 1_000, to * 1_000)).ceil());
                Sampled { covered, percent: device, mean_percent: device, own_percent, by_unknown }
            };
            samples.push((sampled, cpu - cpu_before));
            cpu_before = cpu;
            seen_alive.retain(|pid| self.brief(*pid).is_some_and(|act| act.until + 20_000 > to));
        }
        samples
    }

    /// What a look at the millisecond `to` shows of the time since `from`.
    pub(crate) fn look(&self, from: u64, to: u64) -> Shown {
        let base = boot_ms(0) * 1_000;
        let asked = Asked { since_us: base + from * 1_000, until_us: base + to * 1_000, boot_ms: boot_ms(to) };
        let alive: Vec<u32> = self.alive(to).collect();
        let ended_by = |at: u64| self.sampled.partition_point(|(sampled, _)| sampled.covered.to_ms <= boot_ms(at));
        let sampled = &self.sampled[ended_by(from)..ended_by(to)];
        let mut mj = 0;
        let (utilization, by_unknown) = if self.layout == Layout::Mig {
            (
                Utilization::Mig(
                    Reading::Known(self.instance_percent(to - 110, to)),
                    std::time::Duration::from_millis(110),
                    asked,
                ),
                false,
            )
        } else {
            let rows = self.rows(from, to);
            let by_unknown =
                rows.iter().any(|(pid, percent)| *percent > 0 && *pid >= FIRST_BRIEF && !alive.contains(pid));
            let living = self.living(to.saturating_sub(14_000), to);
            let ring = living.at(to * 1_000, None).utilization_samples();
            mj = energy(&self.living(from, to), from, to);
            (Utilization::Gpu(activity(&rows, &ring, to), asked), by_unknown)
        };
        let alone = self.layout == Layout::Mig;
        let own_context = Reading::Known(!alive.is_empty());
        let report = GpuReport {
            gpu: String::new(),
            utilization: Reading::Known(utilization),
            tenancy: Tenancy {
                mps: self.layout == Layout::Mps && !alive.is_empty(),
                own_pids: Reading::Known(alive.into_iter().collect()),
                own_context,
                others: Reading::Known(!alone),
                other_contexts: Reading::Known(!alone),
            },
            by_unknown,
            sampled: sampled.iter().map(|(sampled, _)| sampled.clone()).collect(),
        };
        let burst = sampled.iter().map(|(_, us)| CpuBurst { us: *us, over_ms: SAMPLER_MS });
        let running = self.acts[..self.acts.partition_point(|act| act.from < to)].last();
        Shown {
            report,
            tells_energy: self.layout != Layout::Mig,
            mj,
            cpu_us: self.cpu_us(to),
            cpu_burst: burst.max_by_key(|burst| burst.us),
            bytes: self.bytes(to),
            began: running.filter(|act| act.own_process && act.until > to).map(|act| boot_ms(act.from)),
        }
    }

    /// The subject's processes that hold a context.
    fn alive(&self, at: u64) -> impl Iterator<Item = u32> {
        let lasting = self.opens.filter(|opens| *opens <= at && at < self.closes).map(|_| PID);
        let number = self.acts.partition_point(|act| act.from <= at);
        let brief = number.checked_sub(1).filter(|number| {
            let act = self.acts[*number];
            act.own_process && act.on_gpu.is_some() && at < act.until
        });
        lasting.into_iter().chain(brief.map(pid_of))
    }

    fn brief(&self, pid: u32) -> Option<&Act> {
        self.acts.get(usize::try_from(pid - FIRST_BRIEF).unwrap())
    }

    fn cpu_us(&self, at: u64) -> u64 {
        let spikes: u64 =
            self.spikes[..self.spikes.partition_point(|(when, _)| *when <= at)].iter().map(|(_, us)| us).sum();
        let done = self.done(at, &self.cpu_before, |act| act.cpu_us);
        at * self.background + spikes + done
    }

    fn bytes(&self, at: u64) -> u64 {
        at * 40 / 1_000 + self.done(at, &self.bytes_before, |act| act.bytes_per_second * (act.until - act.from) / 1_000)
    }

    /// Of something that acts do evenly, so much until then.
    fn done(&self, at: u64, before: &[u64], all: impl Fn(&Act) -> u64) -> u64 {
        let Some(number) = self.acts.partition_point(|act| act.from < at).checked_sub(1) else { return 0 };
        let act = &self.acts[number];
        before[number] + all(act) * (at.min(act.until) - act.from) / (act.until - act.from).max(1)
    }

    /// The GPU as it is around a span: only who does something near it has to be told of.
    fn living(&self, from: u64, to: u64) -> Cow<'_, Living> {
        let first = self.acts.partition_point(|act| act.until < from.saturating_sub(20_000));
        let near = self.acts[first..].partition_point(|act| act.from <= to);
        if near == 0 {
            return Cow::Borrowed(&self.still);
        }
        Cow::Owned(self.living_with(&self.acts[first..first + near], first))
    }

    fn living_with(&self, acts: &[Act], first: usize) -> Living {
        let mut lasting = Tenant { pid: PID, gpu_instance_id: Some(INSTANCE), mps: true, ..Tenant::default() };
        lasting.opens_ms = self.opens.unwrap_or(u64::MAX / 1_000_000);
        lasting.closes_ms = Some(self.closes);
        let mut tenants = Vec::new();
        for (n, act) in acts.iter().enumerate() {
            let Some((begins, ends)) = act.on_gpu else { continue };
            let work = Work { from_ms: begins, until_ms: Some(ends), ..Work::default() };
            if act.own_process {
                let (opens_ms, closes_ms) = (act.from, Some(act.until));
                let pid = pid_of(first + n);
                tenants.push(Tenant {
                    pid,
                    real: false,
                    opens_ms,
                    closes_ms,
                    works: vec![work],
                    gpu_instance_id: Some(INSTANCE),
                    mps: true,
                    memory_mib: 1,
                });
            } else {
                lasting.works.push(work);
            }
        }
        tenants.push(lasting);
        let other = Some(INSTANCE + 1);
        let always = Work::default();
        let neighbours = (self.layout != Layout::Quiet).then_some(&always).into_iter().chain(&self.others).zip(1..);
        tenants.extend(neighbours.map(|(work, n)| Tenant {
            pid: NEIGHBOUR + n,
            works: vec![*work],
            gpu_instance_id: other,
            mps: true,
            ..Tenant::default()
        }));
        let mps_server = (self.layout == Layout::Mps).then_some(MPS_SERVER);
        Living { tenants, mps_server, seed: self.seed, ..Living::default() }
    }

    fn rows(&self, from: u64, to: u64) -> Vec<(u32, u32)> {
        let living = self.living(from.max(to.saturating_sub(14_000)), to);
        living.at(to * 1_000, None).rows(from * 1_000).into_iter().map(|row| (row.pid, row.percent)).collect()
    }

    fn instance_percent(&self, from: u64, to: u64) -> f64 {
        self.living(from, to).at(to * 1_000, Some(INSTANCE)).mean((from * 1_000, to * 1_000))
    }
}

fn pid_of(number: usize) -> u32 {
    FIRST_BRIEF + u32::try_from(number).unwrap()
}

pub(crate) fn boot_ms(at: u64) -> u64 {
    MORNING * 1_000 + at
}

/// What a GPU took from one time to another, where all work in between is known.
fn energy(living: &Living, from: u64, to: u64) -> u64 {
    living.at(to * 1_000, None).energy_mj() - living.at(from * 1_000, None).energy_mj()
}

/// What the driver tells: rows of whoever worked, and its ring.
fn activity(rows: &[(u32, u32)], ring: &[(u64, u32)], to: u64) -> GpuActivity {
    let at_us = |ms: u64| boot_ms(ms) * 1_000;
    let none = || Unknown::new(UnknownKind::NotSupported, "not asked in this trial");
    let row = |(pid, sm_percent): &(u32, u32)| ProcessSample {
        pid: *pid,
        time_us: at_us(to),
        sm_percent: *sm_percent,
        encoder_percent: 0,
        decoder_percent: 0,
        memory_percent: 0,
    };
    GpuActivity {
        processes: Reading::Known(rows.iter().map(row).collect()),
        device: Reading::Known(
            ring.iter()
                .map(|(us, percent)| DeviceSample { time_us: boot_ms(0) * 1_000 + us, percent: *percent })
                .collect(),
        ),
        graphics_pids: Reading::Known(Vec::new()),
        energy_mj: none().into(),
        energy_after: std::time::Duration::ZERO,
        gpm_percent: none().into(),
    }
}
