//! The container engines beside Docker, all asked at once.

use std::time::Duration;

use ds01_core::{
    cli::SourceArgs,
    deadline::Pending,
    model::EngineName,
    policy::{self, Engines},
    source::{
        FailureKind, SourceError, SourceName,
        docker::{ApiVersions, Docker, DockerOptions},
    },
};

use super::super::{args::DoctorArgs, facts::EngineFacts};

/// What each says of itself, each within `limit`.
pub(super) fn facts(args: &DoctorArgs, limit: Duration) -> Vec<EngineFacts> {
    // A policy that is not sound is what another check tells of.
    let engines = policy::installed(Some(&args.config)).ok().flatten().map(|policy| policy.engines);
    asked(&args.sources, &engines.unwrap_or_default(), limit)
}

fn asked(sources: &SourceArgs, policy: &Engines, limit: Duration) -> Vec<EngineFacts> {
    let ask = |(name, socket): (EngineName, std::path::PathBuf)| {
        let options = DockerOptions {
            engine: name.clone(),
            socket: socket.clone(),
            connect_timeout: DockerOptions::default().connect_timeout.min(limit),
            request_timeout: limit,
        };
        let pending = Pending::start(name.as_str(), move || Docker::new(options)?.api_versions());
        (name, socket, pending)
    };
    let under_way: Vec<_> = sources.other_engines(policy).into_iter().map(ask).collect();
    let answered = under_way.into_iter().map(|(name, socket, pending)| {
        let late = |words: String| SourceError::failed(SourceName::Engine(name.clone()), FailureKind::TimedOut, words);
        let api: Result<ApiVersions, SourceError> =
            super::wait(pending, limit + limit).unwrap_or_else(|error| Err(late(error.to_string())));
        EngineFacts { name, socket, api }
    });
    answered.collect()
}
