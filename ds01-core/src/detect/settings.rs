//! What an admin can set about a scan.

use crate::{
    model::EngineName,
    policy::Monitoring,
    source::{FailureKind, SourceError, SourceName},
};

/// What an admin can set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Sources named by the admin: they are never absent.
    pub named: Vec<SourceName>,
    /// Sources that are gone for good, on the admin's word: one that does not answer is absent, its entries are dropped.
    pub forget: Vec<SourceName>,
    /// Programs to leave out beside the built-in ones when a system account runs them (`monitoring.system_processes`).
    pub system_processes: Vec<String>,
    /// Which containers are the platform's own (`monitoring`).
    pub monitoring: Monitoring,
}

impl Settings {
    /// Absent or failed: a source that was named, or that the picture still has entries of, can't be absent, but for the
    /// admin's word that it is gone for good.
    pub(super) fn judge<T>(&self, answer: Result<T, SourceError>, has_entries: bool) -> Result<T, SourceError> {
        match answer {
            Err(SourceError::Failed { source_name, detail, .. }) if self.forget.contains(&source_name) => {
                Err(SourceError::absent(source_name, detail))
            }
            Err(SourceError::Absent { source_name, detail })
                if !self.forget.contains(&source_name) && (has_entries || self.named.contains(&source_name)) =>
            {
                Err(SourceError::failed(source_name, FailureKind::Missing, detail))
            }
            other => other,
        }
    }

    /// As [`judge`](Self::judge), for a container engine. A user's own daemon ends when he likes, and its containers with it: one
    /// that is not there, or behind whose socket nobody listens, is absent.
    pub(super) fn judge_engine<T>(
        &self,
        engine: &EngineName,
        answer: Result<T, SourceError>,
        has_entries: bool,
    ) -> Result<T, SourceError> {
        if engine.owner().is_none() {
            return self.judge(answer, has_entries);
        }
        match answer {
            Err(SourceError::Failed { source_name, kind: FailureKind::Refused | FailureKind::Missing, detail }) => {
                Err(SourceError::absent(source_name, detail))
            }
            other => other,
        }
    }
}
