//! Something that looks wrong.

use jiff::Timestamp;

use crate::{
    event::{Details, Event},
    idle::evidence::ContainerFacts,
    model::{ContainerId, EngineName, SuspicionKind},
};

/// Something that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// What.
    pub kind: SuspicionKind,
    /// The container, by its full id and its name. `None` where it is about none. Users' text.
    pub container: Option<(ContainerId, String)>,
    /// Which engine holds the container; Docker where it is about none.
    pub engine: EngineName,
    /// Its owner. Users' text.
    pub user: Option<String>,
    /// UUIDs of the GPUs and MIG instances that it is about.
    pub gpus: Vec<String>,
    /// The process that it is about, as the host numbers it.
    pub pid: Option<u32>,
    /// Since when.
    pub since: Timestamp,
    /// What was seen, in words and figures. What users wrote in it is theirs.
    pub evidence: String,
    /// What an admin can do about it.
    pub advice: String,
}

impl Suspicion {
    /// One about a container.
    pub(super) fn about(
        kind: SuspicionKind,
        facts: &ContainerFacts,
        since: Timestamp,
        evidence: String,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            container: Some((facts.id.clone(), facts.name.clone())),
            engine: facts.engine.clone(),
            user: facts.user.clone(),
            gpus: facts.gpus.clone(),
            pid: None,
            since,
            evidence,
            advice: advice.into(),
        }
    }

    /// What it is, and whom it concerns: the same for as long as it stands.
    pub fn key(&self) -> String {
        let whom = match (&self.container, self.pid) {
            (Some((id, _)), _) => id.short().to_owned(),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => self.gpus.join(" "),
        };
        format!("{} {whom}", self.kind)
    }

    /// Its event.
    pub fn event(&self, at: Timestamp) -> Event {
        let (container_id, container) = self.container.clone().unzip();
        let details = Details::Suspicion {
            kind: self.kind,
            container,
            container_id,
            gpus: self.gpus.clone(),
            pid: self.pid,
            since: self.since,
            evidence: self.evidence.clone(),
            advice: self.advice.clone(),
        };
        Event { timestamp: at, user: self.user.clone(), engine: self.engine.clone(), details }
    }
}
