//! Why a command ended without an answer, in words and as an exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use ds01_core::{
    idle::CheckError,
    policy::{BadPolicy, Diagnostic, Severity},
    source::{SourceError, fake::ScenarioError},
    store::StoreError,
};

use crate::{CONSOLE, no_past::NoPast, not_kept::NotKept};

/// Exit codes, from `sysexits.h` where it has one.
pub(crate) mod exit {
    /// Something could not be done.
    pub(crate) const FAILED: u8 = 1;
    /// `EX_TEMPFAIL`: another run holds the lock.
    pub(crate) const LOCKED: u8 = 75;
    /// `EX_CONFIG`: the policy is not sound.
    pub(crate) const CONFIG: u8 = 78;
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The policy is not sound.
    #[error("{0}")]
    Policy(BadPolicy),
    /// There was no check, and nobody was touched.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// Nobody of that name can be explained.
    #[error("{0}")]
    NotFound(String),
    /// A request to keep a container was not dropped.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// What only root can do.
    #[error("{0}")]
    NotRoot(&'static str),
    /// A source could not even be asked.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The outbox, or what is remembered of it, which this user may have no right to.
    #[error(transparent)]
    Deliver(StoreError),
    /// There is no past.
    #[error(transparent)]
    NoPast(#[from] NoPast),
    /// The sample host.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The answer could not be written.
    #[error("the answer can't be written: {0}")]
    Output(#[from] io::Error),
    /// The answer could not be put into words.
    #[error("the answer can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<BadPolicy> for Failure {
    fn from(bad: BadPolicy) -> Self {
        Self::Policy(bad)
    }
}

impl Failure {
    /// Says it where people and the journal look.
    pub(crate) fn say(&self) {
        match self {
            Self::Policy(bad) => {
                // Its lines are laid out, and made safe, where they are made.
                let _ = writeln!(io::stderr(), "{bad}");
                CONSOLE.say(format_args!(
                    "{}; nobody is touched by a policy that is not sound",
                    count_findings(&bad.found)
                ));
            }
            Self::Check(error) if error.is_locked() => CONSOLE.say(format_args!("{error}; nobody was touched")),
            Self::Check(error @ (CheckError::Store(_) | CheckError::Json(_))) => {
                CONSOLE.say(format_args!("{error}\nnobody was touched"));
            }
            other => CONSOLE.say(other),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Policy(_) => exit::CONFIG,
            Self::Check(error) if error.is_locked() => exit::LOCKED,
            Self::Deliver(StoreError::Locked { .. }) => exit::LOCKED,
            _ => exit::FAILED,
        })
    }
}

/// How many errors and warnings there are, in words.
pub(crate) fn count_findings(found: &[Diagnostic]) -> String {
    let count = |severity, one: &str| {
        let n = found.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{n} {one}s")),
        }
    };
    let parts = [count(Severity::Error, "error"), count(Severity::Warning, "warning")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}
