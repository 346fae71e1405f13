//! What is at Docker's socket, and what answers behind it.

use std::{path::PathBuf, time::Duration};

use ds01_core::{
    cli::SourceArgs,
    model::EngineName,
    source::{
        SourceError,
        docker::{DEFAULT_SOCKET, Docker, DockerOptions},
    },
};

use super::{super::facts::DockerFacts, files};

/// The socket that was named, or the usual one.
pub(super) fn socket(sources: &SourceArgs) -> PathBuf {
    sources.docker_host.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
}

/// Asks one thing after another, for as long as it answers.
pub(super) fn facts(sources: &SourceArgs, limit: Duration) -> Result<DockerFacts, SourceError> {
    let usual = DockerOptions::default();
    let docker = Docker::new(DockerOptions {
        engine: EngineName::DOCKER,
        socket: socket(sources),
        connect_timeout: usual.connect_timeout.min(limit),
        request_timeout: limit,
    })?;
    let connected = docker.connect();
    let api = connected.is_ok().then(|| docker.api_versions());
    let info = matches!(api, Some(Ok(_))).then(|| docker.info());
    Ok(DockerFacts { api, info, ..unasked_with(sources, connected) })
}

/// Where nothing could be asked at all.
pub(super) fn unasked(sources: &SourceArgs, error: SourceError) -> DockerFacts {
    unasked_with(sources, Err(error))
}

fn unasked_with(sources: &SourceArgs, connected: Result<(), SourceError>) -> DockerFacts {
    let socket = socket(sources);
    let node = files::followed(&socket);
    DockerFacts { node, named: sources.docker_host.is_some(), socket, connected, api: None, info: None }
}
