//! Where the inventory comes from.

use std::path::PathBuf;

use ds01_core::detect::Inventory;

use crate::load::{LoadError, load};

/// Where to look.
#[derive(Debug)]
pub(crate) enum Source {
    /// The file that the detector keeps in this directory.
    File(PathBuf),
    /// This host, now.
    Live(LiveOptions),
    /// The built-in sample host.
    Demo,
}

/// Where the sources of a live scan are.
#[derive(Debug, Clone)]
pub(crate) struct LiveOptions {
    /// The Docker socket, where it is not the usual one.
    pub(crate) docker_host: Option<String>,
    /// The NVML library, where it is not the system's.
    pub(crate) nvml_library: Option<PathBuf>,
    /// Where proc is mounted.
    pub(crate) proc_root: PathBuf,
}

impl Source {
    /// The inventory, and what to say about how it was made.
    pub(crate) fn inventory(&mut self) -> Result<(Inventory, Vec<String>), LoadError> {
        match self {
            Self::File(state_dir) => Ok((load(state_dir)?, Vec::new())),
            Self::Live(_) | Self::Demo => Err(LoadError::Scan("not built yet".into())),
        }
    }

    /// Whether processes are shown that only one scan has seen: a live scan is the only one.
    pub(crate) fn shows_unconfirmed(&self) -> bool {
        matches!(self, Self::Live(_))
    }
}
