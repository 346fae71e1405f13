//! Why nothing can be replayed.

use std::{io, path::PathBuf};

use ds01_core::store::StoreError;

/// Why there is no past.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPast {
    /// No journal was ever written.
    #[error(
        "there is no activity journal in {}: nothing is known of the past\n\
         The detector and every check write it; see systemctl status ds01-workload-detector.timer, or name another directory with --state-dir",
        .0.display()
    )]
    NoJournal(PathBuf),
    /// It can't be read.
    #[error("{error}{}", hint(.error))]
    Journal {
        /// Why.
        #[from]
        error: StoreError,
    },
    /// What is asked about lies after the journal's end, or before its beginning.
    #[error("the journal holds nothing from {from} to {until}; {held}")]
    Empty {
        /// From when on.
        from: String,
        /// Until when.
        until: String,
        /// What it holds.
        held: String,
    },
    /// It ends before it begins.
    #[error("--until is not later than --since")]
    Backwards,
}

fn hint(error: &StoreError) -> &'static str {
    match error {
        StoreError::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            "\nroot and members of the group docker can read it"
        }
        _ => "",
    }
}
