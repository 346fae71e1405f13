//! From the driver's raw answers about one GPU to the figure they give of one container.

use std::{collections::BTreeSet, time::Duration};

use super::{
    asked::{Asked, Sampled},
    covered,
    measure::{EnergyCount, GpuFigure, GpuMeasure},
};
use crate::{
    model::{DeviceSample, GpuActivity, ProcessSample, Reading, Span},
    units::millis,
};

/// One of a container's GPUs or MIG instances, as the driver described it since the observation before.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuReport {
    /// UUID of the GPU or MIG instance, or the request that names no GPU of this host.
    pub gpu: String,
    /// What the driver told. Unknown for a GPU that is lost or erred, and for a request that could not be resolved.
    pub utilization: Reading<Utilization>,
    /// Who is on it.
    pub tenancy: Tenancy,
    /// Whether the driver tells of work of a process that nobody knows any more: it could have been the container's.
    pub by_unknown: bool,
    /// What the sampler saw of it since the observation before, oldest first.
    pub sampled: Vec<Sampled>,
}

/// The driver's figures, by the kind of device.
#[derive(Debug, Clone, PartialEq)]
pub enum Utilization {
    /// A whole GPU: what the driver told of it, and the span that it was asked about.
    Gpu(GpuActivity, Asked),
    /// A MIG instance: graphics utilization in percent by GPM, from two samples at least 100 ms apart, and for how long that is
    /// the mean. It speaks for the whole GPU instance.
    Mig(Reading<f64>, Duration, Asked),
}

/// Who is on a GPU or MIG instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenancy {
    /// The container's pids, as the host numbers them.
    pub own_pids: Reading<BTreeSet<u32>>,
    /// Whether one of them holds a context on it.
    pub own_context: Reading<bool>,
    /// Whether anybody else was given it, or holds a context on it: for computing, or for graphics, as a display does.
    pub others: Reading<bool>,
    /// Whether anybody else holds a context on it, of either kind.
    pub other_contexts: Reading<bool>,
    /// Whether the container reaches it through an MPS server, to whose pid the driver books the work.
    pub mps: bool,
}

impl GpuReport {
    /// The best figure that the report gives, by the rules in their order: own processes, the device, GPM, none.
    pub fn measure(&self) -> GpuMeasure {
        let own = self.own();
        let context = match own {
            Ok(percent) if percent > 0.0 => Some(true),
            _ => self.tenancy.own_context.known().copied(),
        };
        let figure = self.figure(own);
        let (covered_ms, used_ms) = (self.covered_ms(&figure), self.used_ms(&figure));
        let energy = self.energy();
        let (energy, shared_energy) = if self.tenancy.is_alone() { (energy, None) } else { (None, energy) };
        GpuMeasure { gpu: self.gpu.clone(), figure, context, energy, shared_energy, covered_ms, used_ms }
    }

    fn figure(&self, own: Result<f64, String>) -> GpuFigure {
        match &self.utilization {
            Reading::Unknown(why) => GpuFigure::Unknown { why: why.to_string() },
            Reading::Known(Utilization::Mig(gpm, ..)) => {
                let sampled = self.highest_sampled(|sampled| sampled.percent);
                match (gpm, sampled) {
                    (Reading::Known(percent), _) if !(0.0..=100.0).contains(percent) => {
                        GpuFigure::Unknown { why: format!("GPM says {percent} %") }
                    }
                    (Reading::Unknown(why), None) => {
                        GpuFigure::Unknown { why: format!("GPM of the MIG instance: {why}") }
                    }
                    (gpm, sampled) => {
                        let percent = gpm.known().copied().unwrap_or(0.0).max(sampled.unwrap_or(0.0));
                        GpuFigure::Gpm { percent, attributable: self.attributable() }
                    }
                }
            }
            Reading::Known(Utilization::Gpu(GpuActivity { device, .. }, asked)) => {
                let all = match (highest_sample(device, *asked), self.highest_sampled(|sampled| sampled.percent)) {
                    (Ok(seen), sampled) => Ok(seen.max(sampled.unwrap_or(0.0))),
                    (Err(why), sampled) => sampled.ok_or(why),
                };
                match (own, all) {
                    // Work that nobody else can have done is the container's, whoever the driver books it to.
                    (Ok(own), Ok(all)) if self.tenancy.others == Reading::Known(false) && all > own => {
                        GpuFigure::Device { percent: all, attributable: true }
                    }
                    (Ok(percent), _) => GpuFigure::OwnProcesses { percent },
                    (Err(_), Ok(percent)) => GpuFigure::Device { percent, attributable: self.attributable() },
                    (Err(own), Err(all)) => GpuFigure::Unknown { why: format!("own processes: {own}; device: {all}") },
                }
            }
        }
    }

    /// The highest share of the container's own processes, of what the look and the sampler saw.
    fn own(&self) -> Result<f64, String> {
        let Reading::Known(Utilization::Gpu(GpuActivity { processes, .. }, asked)) = &self.utilization else {
            return Err("a MIG instance tells of no processes".to_owned());
        };
        if self.tenancy.mps {
            return Err("the work of MPS clients is booked to their server".to_owned());
        }
        let sampled = self.highest_sampled(|sampled| sampled.own_percent);
        match (self.own_share(processes, *asked), sampled) {
            (Ok(seen), sampled) => Ok(seen.max(sampled.unwrap_or(0.0))),
            // That the sampler saw no work is no proof that there was none in what could not be read.
            (Err(why), sampled) => sampled.filter(|percent| *percent > 0.0).ok_or(why),
        }
    }

    fn highest_sampled(&self, figure: impl Fn(&Sampled) -> Option<f64>) -> Option<f64> {
        self.sampled.iter().filter_map(figure).reduce(f64::max)
    }

    /// For how much of the time that was asked about `figure` speaks; `None` where there is no figure.
    ///
    /// Rows of processes say nothing of time in which somebody unknown worked, who could have been in the container. Nor does a
    /// look by itself where others work: a driver samples short work beside theirs, and what it misses only the sampler's spans
    /// of CPU time show.
    fn covered_ms(&self, figure: &GpuFigure) -> Option<u64> {
        let (Utilization::Gpu(_, asked) | Utilization::Mig(.., asked)) = self.utilization.known()?;
        let now = self.seen_now()?;
        let nothing = Span { from_ms: now.to_ms, ..now };
        let together =
            |now, tells: fn(&&Sampled) -> bool| covered::together(now, self.sampled.iter().filter(tells), asked.span());
        match figure {
            GpuFigure::Unknown { .. } => None,
            GpuFigure::OwnProcesses { percent } => {
                let may_miss = *percent <= 0.0 && (self.by_unknown || self.is_beside_work());
                let now = if may_miss { nothing } else { now };
                Some(together(now, |sampled| sampled.own_percent.is_some() && !sampled.by_unknown))
            }
            GpuFigure::Device { .. } | GpuFigure::Gpm { .. } => {
                Some(together(now, |sampled| sampled.percent.is_some()))
            }
        }
    }

    /// Whether the container may have worked beside others who did: it holds a context, and the driver tells of their work.
    fn is_beside_work(&self) -> bool {
        let Reading::Known(Utilization::Gpu(activity, asked)) = &self.utilization else { return false };
        let may_work = !self.tenancy.is_alone() && self.tenancy.own_context != Reading::Known(false);
        let rows = || activity.processes.known().into_iter().flatten().filter(|row| asked.contains(row.time_us));
        may_work
            && (rows().any(|row| row.highest_percent() > 0)
                || highest_sample(&activity.device, *asked).is_ok_and(|percent| percent > 0.0))
    }

    /// For how long the container used it, where that can be told.
    fn used_ms(&self, figure: &GpuFigure) -> Option<u64> {
        let now = self.seen_now()?;
        let alone = self.tenancy.others == Reading::Known(false);
        match (figure, &self.utilization) {
            (GpuFigure::OwnProcesses { .. }, Reading::Known(Utilization::Gpu(activity, asked))) => {
                let seen =
                    self.own_rows(&activity.processes, *asked).ok().map(|rows| rows.iter().sum::<u32>().min(100));
                covered::used_ms((now, seen.map(f64::from)), &self.sampled, |sampled| sampled.own_percent)
            }
            (GpuFigure::Device { .. }, Reading::Known(Utilization::Gpu(activity, asked))) if alone => covered::used_ms(
                (now, activity.device.known().and_then(|samples| asked.mean(samples))),
                &self.sampled,
                |sampled| sampled.mean_percent,
            ),
            (GpuFigure::Gpm { .. }, Reading::Known(Utilization::Mig(gpm, ..))) if alone => {
                covered::used_ms((now, gpm.known().copied()), &self.sampled, |sampled| sampled.mean_percent)
            }
            _ => None,
        }
    }

    /// What the look itself speaks of.
    fn seen_now(&self) -> Option<Span> {
        match self.utilization.known()? {
            Utilization::Gpu(activity, asked) => Some(covered::by_ring(activity, *asked)),
            Utilization::Mig(gpm, over, asked) => {
                let over_ms = if gpm.known().is_some() { millis(*over) } else { 0 };
                Some(Span { from_ms: asked.boot_ms.saturating_sub(over_ms), to_ms: asked.boot_ms })
            }
        }
    }

    /// The energy counter.
    fn energy(&self) -> Option<EnergyCount> {
        let Reading::Known(Utilization::Gpu(activity, asked)) = &self.utilization else { return None };
        let after_ms = millis(activity.energy_after);
        let count = |mj: &u64| EnergyCount { mj: *mj, boot_ms: asked.boot_ms.saturating_add(after_ms) };
        activity.energy_mj.known().map(count)
    }

    fn attributable(&self) -> bool {
        self.tenancy.own_context == Reading::Known(true) || self.tenancy.others == Reading::Known(false)
    }

    /// The highest share of the container's own processes that the look saw; 0 when the driver names none of them.
    fn own_share(&self, samples: &Reading<Vec<ProcessSample>>, asked: Asked) -> Result<f64, String> {
        let highest = self.own_rows(samples, asked)?.into_iter().max().unwrap_or(0);
        if highest > 0 {
            return Ok(f64::from(highest));
        }
        match &self.tenancy.own_context {
            Reading::Known(_) => Ok(0.0),
            // It could be a client of an MPS server, to whose pid the driver books the work.
            Reading::Unknown(why) => Err(format!("who is on the GPU could not be read: {why}")),
        }
    }

    /// The shares of its own processes in percent, as far as they make sense.
    fn own_rows(&self, samples: &Reading<Vec<ProcessSample>>, asked: Asked) -> Result<Vec<u32>, String> {
        asked.check()?;
        let samples = known(samples)?;
        let own = known(&self.tenancy.own_pids)?;
        let mut rows = Vec::new();
        let mut nonsense = None;
        for sample in samples.iter().filter(|sample| own.contains(&sample.pid) && asked.contains(sample.time_us)) {
            match sample.highest_percent() {
                percent @ 0..=100 => rows.push(percent),
                percent => nonsense = Some((sample.pid, percent)),
            }
        }
        match nonsense {
            // A sample that makes no sense is no proof that its process did nothing.
            Some((pid, percent)) if rows.iter().all(|percent| *percent == 0) => {
                Err(format!("the driver says {percent} % of pid {pid}"))
            }
            _ => Ok(rows),
        }
    }
}

impl Tenancy {
    /// Whether nobody else works on it: it was given to nobody else, or the container holds the only contexts on it. Who was
    /// given it too, and comes and goes between two looks, is taken for the container.
    pub fn is_alone(&self) -> bool {
        let holds_it_alone = self.own_context == Reading::Known(true) && self.other_contexts == Reading::Known(false);
        self.others == Reading::Known(false) || holds_it_alone
    }
}

fn highest_sample(samples: &Reading<Vec<DeviceSample>>, asked: Asked) -> Result<f64, String> {
    asked.check()?;
    asked.percents(known(samples)?).reduce(f64::max).ok_or_else(|| "no new sample".to_owned())
}

fn known<T>(reading: &Reading<T>) -> Result<&T, String> {
    match reading {
        Reading::Known(value) => Ok(value),
        Reading::Unknown(why) => Err(why.to_string()),
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
