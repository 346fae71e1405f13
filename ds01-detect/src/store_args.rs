//! The flags that say where files are kept.

use std::path::PathBuf;

use clap::Args;
use ds01_core::cli::{EVENTS_FILE, STATE_DIR};

/// Where what is seen is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// Where the inventory is kept
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    pub(crate) state_dir: PathBuf,

    /// Where events are appended to
    #[arg(long, value_name = "FILE", default_value = EVENTS_FILE)]
    pub(crate) events_file: PathBuf,
}
