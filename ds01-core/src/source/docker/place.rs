//! Which daemon, and where: what stands in each of its failures.

use std::path::PathBuf;

use super::DockerOptions;
use crate::{
    model::EngineName,
    source::{FailureKind, SourceError, SourceName},
};

/// A daemon's name and its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) engine: EngineName,
    pub(super) socket: PathBuf,
}

impl Place {
    pub(super) fn of(options: &DockerOptions) -> Self {
        Self { engine: options.engine.clone(), socket: options.socket.clone() }
    }

    pub(super) fn absent(&self, detail: String) -> SourceError {
        SourceError::absent(SourceName::Engine(self.engine.clone()), detail)
    }

    pub(super) fn failed(&self, kind: FailureKind, detail: String) -> SourceError {
        SourceError::failed(SourceName::Engine(self.engine.clone()), kind, detail)
    }
}
