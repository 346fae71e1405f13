//! The flags that say where the past is.

use std::path::PathBuf;

use clap::Args;
use ds01_core::cli::STATE_DIR;
use jiff::Timestamp;

/// The flags.
#[derive(Debug, Clone, Args)]
pub(crate) struct PastArgs {
    /// Show the built-in sample host, which works anywhere.
    #[arg(long)]
    pub(crate) demo: bool,

    /// The policy: it says which group a user is in [default: /etc/ds01/resource-limits.yaml, where there is one].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The directory where journal and ledger are kept.
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    pub(crate) state_dir: PathBuf,

    /// Take this for the present: for tests, which can't wait.
    #[arg(long, value_name = "TIME", hide = true)]
    pub(crate) now: Option<Timestamp>,
}
