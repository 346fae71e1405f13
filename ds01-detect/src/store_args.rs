//! The flags that say where files are kept.

use std::path::PathBuf;

use clap::Args;
use ds01_core::cli::{EVENTS_FILE, STATE_DIR};

/// Where what is seen is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// The directory of the inventory
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    pub(crate) state_dir: PathBuf,

    /// The event log, to which events are appended
    #[arg(long, value_name = "FILE", default_value = EVENTS_FILE)]
    pub(crate) events_file: PathBuf,
}
