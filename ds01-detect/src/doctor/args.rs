//! The flags of `ds01-detect doctor`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ColorChoice};
use ds01_core::{
    cli::{Generate, SourceArgs, deadline_seconds},
    policy::DEFAULT_PATH,
};

use crate::store_args::StoreArgs;

const ABOUT: &str = "\
Check what a scan needs: Docker, NVML, /proc, user names, directories, timers and the GPU sampler; and whom a warning \
would reach now. The doctor writes nothing, and runs nothing but `systemctl show`. Each check has a verdict:

  ok       as it should be
  warning  it works, but ds01 sees less or pays a price
  failed   it does not work, or is not safe
  skipped  this host has no such thing, or what it depends on did not answer

Below the table are commands that fix what was found, or show more about it. None of them stops anything that runs on \
the host.";

const EXAMPLES: &str = "\
Examples:
  sudo ds01-detect doctor              run all checks, with the rights that a scan has
  ds01-detect doctor --json | jq -r '.checks[] | select(.verdict == \"failed\") | .check'
                                       print the names of the checks that failed

Exit status:
  0   no check failed
  1   a check failed
  2   wrong usage";

/// Check what a scan needs, and say how to get what is missing
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,

    /// The directory of the device nodes
    #[arg(long, value_name = "DIR", default_value = "/dev")]
    pub(crate) dev_root: PathBuf,

    /// The program that is asked about systemd units; without a slash it is looked up in PATH
    #[arg(long, value_name = "PROGRAM", default_value = "systemctl")]
    pub(crate) systemctl: PathBuf,

    /// The policy, which says how people are told. Programs that tell them are in notify.d beside it
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub(crate) config: PathBuf,

    /// How long one question to a source may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = deadline_seconds)]
    pub(crate) deadline: Duration,

    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// Print a man page, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    pub(crate) generate: Option<Generate>,
}
