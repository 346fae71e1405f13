//! Why there is no result at all, in words and as an exit status.

use std::{io, path::PathBuf};

use ds01_core::{
    policy::BadPolicy,
    scan::ScanError,
    source::{SourceError, fake::ScenarioError},
    store::StoreError,
};

/// A source failed, or nothing could be saved.
const EXIT_FAILED: u8 = 1;
/// Another run holds the lock (`EX_TEMPFAIL` of sysexits.h).
const EXIT_LOCKED: u8 = 75;
/// The configuration is not sound (`EX_CONFIG`).
const EXIT_CONFIG: u8 = 78;

/// Why there is no result at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("{0}")]
    Policy(BadPolicy),
    #[error("can't write the inventory as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("can't write to standard output: {0}")]
    Output(#[from] io::Error),
    #[error("scenario {}: {problem}", path.display())]
    Scenario { path: PathBuf, problem: ScenarioProblem },
    #[error("{0}")]
    Story(#[from] ScenarioError),
    #[error(
        "no socket was handed over\n\
         let systemd start this: systemctl enable --no-reload --now ds01-metrics.socket; or try it with systemd-socket-activate"
    )]
    NoSocket,
    #[error("the socket that was handed over: {0}")]
    Socket(io::Error),
}

/// What is wrong with a scenario file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioProblem {
    #[error("can't be read: {0}")]
    Unreadable(io::Error),
    #[error(transparent)]
    Unsound(#[from] ScenarioError),
}

impl Failure {
    /// The program's exit status.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Scan(error) if error.is_locked() => EXIT_LOCKED,
            Self::Store(StoreError::Locked { .. }) => EXIT_LOCKED,
            Self::Policy(_) => EXIT_CONFIG,
            _ => EXIT_FAILED,
        }
    }
}
