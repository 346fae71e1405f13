//! From the driver's raw answers about one GPU to the figure they give of one container.

use std::collections::BTreeSet;

use super::measure::{EnergyCount, GpuFigure, GpuMeasure};
use crate::{
    model::{DeviceSample, GpuActivity, ProcessSample, Reading},
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
}

/// The driver's figures, by the kind of device.
#[derive(Debug, Clone, PartialEq)]
pub enum Utilization {
    /// A whole GPU: what the driver told of it, and the span that it was asked about.
    Gpu(GpuActivity, Asked),
    /// A MIG instance: graphics utilization in percent by GPM, from two samples at least 100 ms apart. It speaks for the
    /// whole GPU instance.
    Mig(Reading<f64>),
}

/// A span on the driver's wall clock, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The observation before. What is not later is old.
    pub since_us: u64,
    /// Now.
    pub until_us: u64,
    /// Now, on the boot clock, in milliseconds.
    pub boot_ms: u64,
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
        let figure = match &self.utilization {
            Reading::Unknown(why) => GpuFigure::Unknown { why: why.to_string() },
            Reading::Known(Utilization::Mig(gpm)) => match gpm {
                Reading::Known(percent) if (0.0..=100.0).contains(percent) => {
                    GpuFigure::Gpm { percent: *percent, attributable: self.attributable() }
                }
                Reading::Known(percent) => GpuFigure::Unknown { why: format!("GPM says {percent} %") },
                Reading::Unknown(why) => GpuFigure::Unknown { why: format!("GPM of the MIG instance: {why}") },
            },
            Reading::Known(Utilization::Gpu(GpuActivity { processes, device, .. }, asked)) => {
                let own = self.own_share(processes, *asked);
                let all = highest_sample(device, *asked);
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
        };
        let context = if self.has_rows() { Some(true) } else { self.tenancy.own_context.known().copied() };
        GpuMeasure { gpu: self.gpu.clone(), figure, context, energy: self.energy() }
    }

    /// Whether the driver tells of work of the container's own processes.
    fn has_rows(&self) -> bool {
        let Reading::Known(Utilization::Gpu(GpuActivity { processes, .. }, asked)) = &self.utilization else {
            return false;
        };
        self.own_share(processes, *asked).is_ok_and(|percent| percent > 0.0)
    }

    /// The energy counter, where it speaks of this container alone.
    fn energy(&self) -> Option<EnergyCount> {
        let Reading::Known(Utilization::Gpu(activity, asked)) = &self.utilization else { return None };
        let after_ms = millis(activity.energy_after);
        let count = |mj: &u64| EnergyCount { mj: *mj, boot_ms: asked.boot_ms.saturating_add(after_ms) };
        activity.energy_mj.known().filter(|_| self.tenancy.is_alone()).map(count)
    }

    fn attributable(&self) -> bool {
        self.tenancy.own_context == Reading::Known(true) || self.tenancy.others == Reading::Known(false)
    }

    /// The highest share of the container's own processes; 0 when the driver names none of them.
    fn own_share(&self, samples: &Reading<Vec<ProcessSample>>, asked: Asked) -> Result<f64, String> {
        if self.tenancy.mps {
            return Err("the work of MPS clients is booked to their server".to_owned());
        }
        asked.check()?;
        let samples = known(samples)?;
        let own = known(&self.tenancy.own_pids)?;
        let mut highest = 0;
        let mut nonsense = None;
        for sample in samples.iter().filter(|sample| own.contains(&sample.pid) && asked.contains(sample.time_us)) {
            match sample.sm_percent.max(sample.encoder_percent).max(sample.decoder_percent) {
                percent @ 0..=100 => highest = highest.max(percent),
                percent => nonsense = Some((sample.pid, percent)),
            }
        }
        match nonsense {
            // A sample that makes no sense is no proof that its process did nothing.
            Some((pid, percent)) if highest == 0 => Err(format!("the driver says {percent} % of pid {pid}")),
            _ if highest > 0 => Ok(f64::from(highest)),
            _ => match &self.tenancy.own_context {
                Reading::Known(_) => Ok(0.0),
                // It could be a client of an MPS server, to whose pid the driver books the work.
                Reading::Unknown(why) => Err(format!("who is on the GPU could not be read: {why}")),
            },
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

impl Asked {
    fn contains(self, time_us: u64) -> bool {
        time_us > self.since_us
    }

    /// With the clock set back, everything new looks old until it has caught up: nothing can be told from that.
    fn check(self) -> Result<(), String> {
        if self.since_us < self.until_us { Ok(()) } else { Err("the wall clock was set back".to_owned()) }
    }
}

fn highest_sample(samples: &Reading<Vec<DeviceSample>>, asked: Asked) -> Result<f64, String> {
    asked.check()?;
    let new = known(samples)?.iter().filter(|sample| asked.contains(sample.time_us) && sample.percent <= 100);
    new.map(|sample| f64::from(sample.percent)).reduce(f64::max).ok_or_else(|| "no new sample".to_owned())
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
