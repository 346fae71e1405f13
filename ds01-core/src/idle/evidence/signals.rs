//! From two consecutive observations of a container to what it did in between.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    gpu::GpuEvidence,
    measure::GpuMeasure,
    observation::{CpuBurst, Observation, ProcessActivity, SHORTEST_INTERVAL},
    observed::is_seen,
    power,
    since::Since,
    thresholds::Thresholds,
};
use crate::{model::Reading, text::sanitize, units};

/// A sign of life, with its figure, or why it could not be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal<T> {
    /// At or above the threshold.
    Active(T),
    /// Below it.
    Idle(T),
    /// Not read, and this is why. It is not zero.
    Unknown(String),
}

impl<T> Signal<T> {
    /// Whether it shows work.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active(_))
    }

    /// Whether it could be read.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    fn judged(figure: T, active: bool) -> Self {
        if active { Self::Active(figure) } else { Self::Idle(figure) }
    }
}

/// What a container did between two observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signals {
    /// Its GPUs.
    pub gpu: GpuEvidence,
    /// CPU time used, in percent of one core.
    pub cpu: Signal<f64>,
    /// CPU time used in the busiest few seconds, in percent of one core, where that shows work and the whole does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_burst: Option<f64>,
    /// Bytes received and sent since the last check.
    pub network: Signal<u64>,
    /// What began in it, and whether a terminal received input.
    pub processes: Signal<ProcessNews>,
}

/// What is new among a container's processes and terminals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessNews {
    /// The program that began last and still runs. Users' text.
    pub started: Option<String>,
    /// Whether a terminal was opened or received input.
    pub input: bool,
}

/// What shows that a container works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It worked on a GPU.
    Gpu,
    /// It used the CPU.
    Cpu,
    /// It sent or received data.
    Network,
    /// A program was started in it.
    Program,
    /// Somebody typed at one of its terminals.
    Input,
}

impl Signals {
    /// What happened from `since` to `now`.
    pub fn between(since: &Since<'_>, now: &Observation, thresholds: &Thresholds) -> Self {
        let before = since.before;
        let seen = GpuEvidence::of(since.joined.iter().chain(&now.gpus), &before.gpus, thresholds);
        let length_ms = now.boot_ms.saturating_sub(before.boot_ms);
        // Whoever holds no context, before and after, is not taken for the one who worked.
        let had_context = |gpu: &str| before.gpus.iter().any(|other| other.gpu == gpu && other.context != Some(false));
        let speaks = |measure: &GpuMeasure| {
            let may_have_worked = measure.context != Some(false) || had_context(&measure.gpu);
            measure.energy.is_some() || (may_have_worked && !is_seen(since, measure, length_ms))
        };
        let excess = thresholds
            .gpu_watts
            .and_then(|noise| power::excess_watts(since.idle_powers, &before.gpus, &now.gpus, noise, speaks));
        let cpu = cpu(before, now, thresholds.cpu_percent);
        let cpu_burst = if cpu.is_active() { None } else { cpu_burst(before, now, thresholds.cpu_percent) };
        Self {
            gpu: seen.with_power(excess),
            cpu,
            cpu_burst,
            network: network(since.net_at_check, &now.net_bytes, thresholds.net_bytes),
            processes: processes(before, now),
        }
    }

    /// The first sign of work, in the order of [`Sign`].
    pub fn work(&self) -> Option<Sign> {
        let Self { gpu, cpu, cpu_burst, network, processes } = self;
        let of_processes = match processes {
            Signal::Active(ProcessNews { started: Some(_), .. }) => Some(Sign::Program),
            Signal::Active(_) => Some(Sign::Input),
            Signal::Idle(_) | Signal::Unknown(_) => None,
        };
        let cpu = cpu.is_active() || cpu_burst.is_some();
        [(gpu.is_active(), Sign::Gpu), (cpu, Sign::Cpu), (network.is_active(), Sign::Network)]
            .into_iter()
            .find_map(|(active, sign)| active.then_some(sign))
            .or(of_processes)
    }
}

fn cpu(before: &Observation, now: &Observation, threshold: f64) -> Signal<f64> {
    let used = match difference("CPU time", before.cpu_us.known(), &now.cpu_us) {
        Ok(used_us) => Duration::from_micros(used_us),
        Err(why) => return Signal::Unknown(why),
    };
    let interval = Duration::from_millis(now.boot_ms.saturating_sub(before.boot_ms).max(1));
    let percent_over = |time: Duration| 100.0 * used.as_secs_f64() / time.as_secs_f64();
    Signal::judged(percent_over(interval), percent_over(interval.max(SHORTEST_INTERVAL)) >= threshold)
}

/// The busiest few seconds, where they show work.
///
/// A driver samples short work beside a busy neighbour, and misses a part of it. What launches it is CPU time, which is
/// counted; but a tenth of a second is two percent of five seconds, and nothing in thirty. So seconds are looked at where the
/// energy counter can't speak for the container: where it is not alone on each of its GPUs. And it is by so much above the rest
/// of the interval that they have to be, as a notebook that waits takes a percent all the time.
fn cpu_burst(before: &Observation, now: &Observation, threshold: f64) -> Option<f64> {
    let alone = now.gpus.iter().all(|gpu| gpu.energy.is_some());
    let burst = now.cpu_burst.filter(|_| !alone)?;
    let used_us = difference("CPU time", before.cpu_us.known(), &now.cpu_us).ok()?;
    let rest = CpuBurst {
        us: used_us.saturating_sub(burst.us),
        over_ms: now.boot_ms.saturating_sub(before.boot_ms).saturating_sub(burst.over_ms),
    };
    // A rest that is shorter than the burst is no measure of it.
    let usual = if rest.over_ms >= burst.over_ms { rest.percent() } else { 0.0 };
    (burst.percent() - usual >= threshold).then(|| burst.percent())
}

fn network(before: Option<u64>, now: &Reading<u64>, threshold: u64) -> Signal<u64> {
    match difference("the network counter", before.as_ref(), now) {
        Ok(bytes) => Signal::judged(bytes, bytes >= threshold),
        Err(why) => Signal::Unknown(why),
    }
}

fn difference(what: &str, before: Option<&u64>, now: &Reading<u64>) -> Result<u64, String> {
    match (before, now) {
        (_, Reading::Unknown(why)) => Err(why.to_string()),
        (None, _) => Err(format!("{what} could not be read the time before")),
        (Some(before), Reading::Known(now)) => {
            now.checked_sub(*before).ok_or_else(|| format!("{what} went backwards, from {before} to {now}"))
        }
    }
}

fn processes(before: &Observation, now: &Observation) -> Signal<ProcessNews> {
    let activity = match &now.activity {
        Reading::Known(activity) => activity,
        Reading::Unknown(why) => return Signal::Unknown(why.to_string()),
    };
    let newest = activity.newest.as_ref().filter(|process| process.started_boot_ms >= before.boot_ms);
    let started = newest.map(|process| process.name.clone());
    let changed = |ProcessActivity { terminals, .. }: &ProcessActivity| {
        activity.terminals.iter().any(|(n, at)| terminals.get(n) != Some(at))
    };
    match (&before.activity, started) {
        (Reading::Known(before), started) => {
            let news = ProcessNews { started, input: changed(before) };
            let active = news != ProcessNews::default();
            Signal::judged(news, active)
        }
        (Reading::Unknown(_), started @ Some(_)) => Signal::Active(ProcessNews { started, input: false }),
        (Reading::Unknown(_), None) => Signal::Unknown("terminals could not be read the time before".to_owned()),
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gpu => "GPU",
            Self::Cpu => "CPU",
            Self::Network => "network",
            Self::Program => "new program",
            Self::Input => "typed input",
        })
    }
}

/// The figures in one line, for events and notices.
impl fmt::Display for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.gpu)?;
        match &self.cpu {
            Signal::Active(percent) | Signal::Idle(percent) => write!(f, ", CPU {percent:.1} % of one core")?,
            Signal::Unknown(_) => f.write_str(", CPU unknown")?,
        }
        if let Some(percent) = self.cpu_burst {
            write!(f, " ({percent:.1} % in its busiest seconds)")?;
        }
        match &self.network {
            Signal::Active(bytes) | Signal::Idle(bytes) => write!(f, ", network {}", units::traffic(*bytes))?,
            Signal::Unknown(_) => f.write_str(", network unknown")?,
        }
        match &self.processes {
            Signal::Unknown(_) => f.write_str(", processes unknown"),
            Signal::Active(ProcessNews { started: Some(name), .. }) => write!(f, ", started {}", sanitize(name)),
            Signal::Active(_) => f.write_str(", input at a terminal"),
            Signal::Idle(_) => f.write_str(", nothing started"),
        }
    }
}

#[cfg(test)]
#[path = "signals_tests.rs"]
mod tests;
