//! The GPU sampler: sees what is done on GPUs between scans and checks, and writes it down.
//!
//! A driver remembers seconds, GPM compares two samples of one process, and short work beside a busy neighbour shows best in
//! the CPU time that goes with it, over seconds. So something has to look every few seconds, and stay. What it sees it writes
//! into [`SampleFiles`](crate::source::samples::SampleFiles); scans and checks read that as they read the driver's own ring. It
//! needs neither Docker nor a policy, and decides nothing: without it all works, and less was observed.

mod devices;
mod watched;
mod workers;

use std::{path::Path, sync::Arc, time::Duration};

use jiff::SignedDuration;

use self::{watched::Watched, workers::Workers};
use crate::{
    deadline::{DeadlineError, Pending},
    idle::evidence::Asked,
    model::{GpuSnapshot, Now, Sample, Span},
    source::{Clock, FailureKind, GpuSource, ProcessSource, SourceError, SourceName},
};

/// From one look to the next, where the driver remembers longer than that. Work of a tenth of a second is two percent of it.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// Of what a driver was seen to remember, so much at most goes by between two looks.
const SHARE_OF_MEMORY: f64 = 0.7;

/// However little a driver remembers, looks are no closer than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// The first look asks for as much of the past, to see how far the driver remembers; so does one after a long pause.
const FIRST_LOOK_BACK: Duration = Duration::from_secs(60);

/// What the driver may take. One that takes longer is asked after at the next look, and not anew.
const DRIVER_AT_MOST: Duration = Duration::from_secs(4);

/// What a sampler looks at.
#[derive(Clone)]
pub struct SamplerSources {
    /// The GPUs, through a library that stays loaded: see [`ResidentNvml`](crate::source::nvml::ResidentNvml).
    pub gpus: Arc<dyn GpuSource>,
    /// Processes.
    pub processes: Arc<dyn ProcessSource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Looks again and again.
pub struct Sampler {
    sources: SamplerSources,
    boot_id: String,
    watched: Watched,
    workers: Workers,
    /// When the last look began that the driver answered, on the boot clock in milliseconds.
    last_ms: Option<u64>,
    /// A question that the driver has not answered in time, and when it was asked.
    late: Option<Question>,
    interval: Duration,
    driver_at_most: Duration,
}

struct Question {
    asked: Asked,
    answer: Pending<Result<GpuSnapshot, SourceError>>,
}

impl Sampler {
    /// A sampler that has not looked yet. The containers whose CPU time it takes are those with a GPU in the inventory in
    /// `state_dir`, if there is one, and those that hold a context.
    ///
    /// # Errors
    ///
    /// When the host's boot id can't be read.
    pub fn new(sources: SamplerSources, state_dir: &Path) -> Result<Self, SourceError> {
        let boot_id = sources.processes.host()?.boot_id;
        Ok(Self {
            sources,
            boot_id,
            watched: Watched::new(state_dir),
            workers: Workers::default(),
            last_ms: None,
            late: None,
            interval: INTERVAL,
            driver_at_most: DRIVER_AT_MOST,
        })
    }

    /// How long after the beginning of one look the next one is due: before anything is forgotten that the driver was seen to
    /// remember.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Looks once, and tells what was done since the look before. The first look tells what the driver remembers.
    ///
    /// # Errors
    ///
    /// When the driver did not answer, or failed. The next look then tells what it still remembers of the time since.
    pub fn look(&mut self) -> Result<Sample, SourceError> {
        let Question { asked, answer } = match self.late.take() {
            Some(question) => question,
            None => self.ask()?,
        };
        let snapshot = match answer.wait_on(self.driver_at_most) {
            Ok(snapshot) => snapshot?,
            Err(error) => {
                if matches!(error, DeadlineError::TimedOut(_)) {
                    self.late = Some(Question { asked, answer });
                }
                return Err(timed_out(&error));
            }
        };
        if self.last_ms.is_none() {
            self.interval = due(&snapshot, asked);
        }
        self.last_ms = Some(asked.boot_ms);
        let span = asked.span();
        let who = self.workers.who(&self.sources.processes, &snapshot);
        let devices = devices::spans(&snapshot, asked, &who);
        let cpu = self.watched.cpu(&self.sources.processes, &self.workers);
        let Span { from_ms, to_ms } = span;
        Ok(Sample { boot_id: self.boot_id.clone(), from_ms, to_ms, devices, cpu })
    }

    fn ask(&self) -> Result<Question, SourceError> {
        let now = Now::read(&*self.sources.clock, &self.boot_id);
        let back = self.last_ms.map_or(FIRST_LOOK_BACK, |last| now.since(last)).min(FIRST_LOOK_BACK);
        // By the boot clock, as the wall clock can be set in between.
        let since = now.at - SignedDuration::try_from(back).unwrap_or_default();
        let asked = Asked::between(since, &now);
        let gpus = Arc::clone(&self.sources.gpus);
        let answer = Pending::start("nvml", move || gpus.observe(since)).map_err(|error| timed_out(&error))?;
        Ok(Question { asked, answer })
    }
}

fn timed_out(error: &DeadlineError) -> SourceError {
    SourceError::failed(SourceName::Nvml, FailureKind::TimedOut, error.to_string())
}

/// When the next look is due, by how far the driver was seen to remember.
fn due(snapshot: &GpuSnapshot, asked: Asked) -> Duration {
    let memories = snapshot.gpus.iter().filter_map(|gpu| devices::memory(gpu.gpu.known()?, asked));
    let shortest = memories.min().map_or(INTERVAL, |memory| memory.mul_f64(SHARE_OF_MEMORY));
    shortest.clamp(SHORTEST_INTERVAL, INTERVAL)
}

#[cfg(test)]
mod tests;
