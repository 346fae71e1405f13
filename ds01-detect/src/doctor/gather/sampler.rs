//! What the GPU sampler wrote last.

use std::{io, time::Duration};

use ds01_core::{
    cli::SourceArgs,
    model::Now,
    source::{Clock, ProcessSource, SampleSource, samples::SampleFiles},
    store::StoreError,
};

use super::super::facts::{NoSample, SamplerFacts};

pub(super) fn facts(sources: &SourceArgs, processes: &impl ProcessSource, clock: &impl Clock) -> SamplerFacts {
    SamplerFacts { dir: sources.samples_dir.clone(), newest: newest(sources, processes, clock) }
}

fn newest(
    sources: &SourceArgs,
    processes: &impl ProcessSource,
    clock: &impl Clock,
) -> Result<Option<Duration>, NoSample> {
    let host = processes.host().map_err(|error| NoSample::Unreadable(error.to_string()))?;
    let now = Now::read(clock, &host.boot_id);
    // All that is kept, which is a few MiB: one that ended says when.
    let samples = SampleFiles::new(&sources.samples_dir).since(&now.boot_id, 0).map_err(|error| match &error {
        StoreError::Io { error: io, .. } if io.kind() == io::ErrorKind::PermissionDenied => NoSample::Denied,
        _ => NoSample::Unreadable(error.to_string()),
    })?;
    Ok(samples.last().map(|sample| now.since(sample.to_ms)))
}
