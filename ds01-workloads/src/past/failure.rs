//! Why nothing can be told of the past.

use std::{io, path::PathBuf};

use ds01_core::{policy::BadPolicy, source::fake::ScenarioError, store::StoreError};

use crate::denied::may_not_read;

/// Why nothing can be told of the past. The text says what happened, to which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPast {
    #[error(
        "nothing is recorded yet: {} does not exist.\nIt is written by ds01-workload-detector.timer: see `systemctl status ds01-workload-detector.timer`.\nTo see what this looks like, on a sample host: --demo",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("{}", may_not_read(.0))]
    Denied(PathBuf),
    #[error("{0}")]
    Unreadable(String),
    #[error("{0}")]
    Policy(BadPolicy),
    #[error("the built-in sample host: {0}")]
    Demo(ScenarioError),
}

impl NoPast {
    /// Whether there simply is nothing yet.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

impl From<StoreError> for NoPast {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io { path, error, .. } if error.kind() == io::ErrorKind::NotFound => Self::Missing(path),
            StoreError::Io { path, error, .. } if error.kind() == io::ErrorKind::PermissionDenied => Self::Denied(path),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_read_it_is_told_which_group_may() {
        let of = |kind: io::ErrorKind| {
            let path = PathBuf::from("/var/lib/ds01");
            NoPast::from(StoreError::Io { action: "open directory", path, error: kind.into() })
        };
        let denied = of(io::ErrorKind::PermissionDenied);
        assert!(denied.to_string().starts_with("may not read /var/lib/ds01: it is for root"));
        assert!(!denied.is_missing() && of(io::ErrorKind::NotFound).is_missing());
        assert_eq!(of(io::ErrorKind::StorageFull).to_string(), "can't open directory /var/lib/ds01: no storage space");
    }
}
