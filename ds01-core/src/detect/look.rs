//! Looking at the host in memory, and what was seen in figures.

use std::time::Duration;

use super::{
    build::build,
    collect::collect,
    inventory::{Inventory, SourceEntry, SourceState},
    settings::Settings,
};
use crate::{
    model::EngineName,
    source::{SourceName, Sources},
};

/// What a picture holds, in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Containers, running or not.
    pub containers: usize,
    /// Those of them that can use a GPU.
    pub with_gpu: usize,
    /// Host GPU processes.
    pub host_processes: usize,
    /// Processes seen once.
    pub pending: usize,
}

/// Looks at the host, in memory: within `limit`, whatever the sources do.
pub fn look(sources: &Sources, previous: &Inventory, limit: Duration, settings: &Settings) -> Inventory {
    build(collect(sources, previous, limit, None), previous, settings)
}

impl Inventory {
    /// What it holds, in figures.
    pub fn summary(&self) -> Summary {
        Summary {
            containers: self.containers.len(),
            with_gpu: self.containers.values().filter(|entry| entry.has_gpu == Some(true)).count(),
            host_processes: self.host_processes.len(),
            pending: self.pending_processes.len(),
        }
    }

    /// Whether a source is a daemon that a user runs on his own. It fails as he likes: that is said, and makes no scan a failure.
    pub fn is_users_own(name: &str) -> bool {
        name.parse::<EngineName>().is_ok_and(|engine| engine.owner().is_some())
    }

    /// Whether a source tells of GPUs, and who uses them: a maker's driver.
    pub fn is_of_gpus(name: &str) -> bool {
        [SourceName::Nvml, SourceName::Amd].iter().any(|source| source.as_str() == name)
    }

    /// Whether GPUs could not all be looked at by the last scan.
    pub fn gpus_failed(&self) -> bool {
        self.failed_sources().any(|(name, _)| Self::is_of_gpus(name))
    }

    /// The host's sources, by name: all but users' own daemons, which fail as their users like.
    pub fn hosts_sources(&self) -> impl Iterator<Item = (&str, &SourceEntry)> {
        self.sources.iter().map(|(name, entry)| (name.as_str(), entry)).filter(|(name, _)| !Self::is_users_own(name))
    }

    /// Those of the host's sources that failed at the last scan, by name.
    pub fn hosts_failed_sources(&self) -> impl Iterator<Item = (&str, &SourceEntry)> {
        self.hosts_sources().filter(|(_, entry)| entry.state == SourceState::Failed)
    }

    /// The sources that failed at the last scan, by name, users' own daemons among them.
    pub fn failed_sources(&self) -> impl Iterator<Item = (&str, &SourceEntry)> {
        let all = self.sources.iter().map(|(name, entry)| (name.as_str(), entry));
        all.filter(|(_, entry)| entry.state == SourceState::Failed)
    }
}
