//! The flags of `ds01-detect doctor`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ColorChoice};
use ds01_core::{
    cli::{Generate, SourceArgs, deadline_seconds},
    idle::Wall,
};

use crate::store_args::StoreArgs;

const ABOUT: &str = "\
Looks at what a scan needs: Docker, NVML, /proc, user names, directories, timers. Writes nothing, and runs nothing but \
`systemctl show`. Each check has a verdict:

  ok       as it should be
  warning  it works, with less sight or at a price
  failed   something does not work, or is not safe
  skipped  this host has no such thing, or what it depends on did not answer

Below the table stands what to run. No command there stops anything that runs on the host; some only show more.";

const EXAMPLES: &str = "\
Examples:
  sudo ds01-detect doctor              all checks, with the rights that a scan has
  ds01-detect doctor --json | jq -r '.checks[] | select(.verdict == \"failed\") | .check'
                                       the names of what failed

Exit status:
  0   no check failed
  1   one did
  2   wrong usage";

/// Checks what this host has, and what is missing for full sight
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,

    /// Where the devices are
    #[arg(long, value_name = "DIR", default_value = "/dev")]
    pub(crate) dev_root: PathBuf,

    /// The program that is asked about units; found on the PATH unless named with its path
    #[arg(long, value_name = "PROGRAM", default_value = "systemctl")]
    pub(crate) systemctl: PathBuf,

    /// The program that writes to users' terminals; it is looked for, not run
    #[arg(long, value_name = "PROGRAM", default_value = Wall::DEFAULT_PATH)]
    pub(crate) wall: PathBuf,

    /// The time for one question to a source, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = deadline_seconds)]
    pub(crate) deadline: Duration,

    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// When to colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// Print a man page, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    pub(crate) generate: Option<Generate>,
}
