//! Why a request to keep a container was not left for the check.

use std::{io, path::PathBuf};

use ds01_core::store::StoreError;

/// Why a request was not dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// No running GPU container has this name.
    #[error("{0}")]
    Unknown(String),
    /// There is no such directory.
    #[error(
        "{path} is not there, so nobody can ask to keep a container\n\
         An administrator can make it: systemd-tmpfiles --create ds01.conf, or install -d -m 1733 {path}",
        path = .0.display()
    )]
    NoDirectory(PathBuf),
    /// There is no safe place for root's requests.
    #[error("the request can't be left for the check: {0}")]
    Store(#[from] StoreError),
    /// Another error.
    #[error("the request can't be written to {path}: {error}", path = .path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}
