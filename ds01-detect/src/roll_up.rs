//! `ds01-detect roll-up`: packs the journal, adds it up in the ledger, and deletes what is older than is kept.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use ds01_core::{
    cli::{Generate, STATE_DIR, deadline_seconds},
    idle::Journal,
    ledger::Ledger,
    policy::Policy,
    source::{Clock, SystemClock},
    store::Store,
};

use crate::{CONSOLE, failure::Failure, policy};

const ABOUT: &str = "\
Add up who used which GPU on the days that are over. The hours go into the ledger, one small file a month, from which \
`ds01-workloads report` is made. The activity journal is packed for that, and days beyond what the policy keeps \
(`journal: {keep_days, max_bytes}`) are deleted once they are added up.

ds01-ledger.timer runs this every hour. It can be run at any time, any number of times: a day is added up once its last \
look is known, and anew when more of it comes to light.";

const EXAMPLES: &str = "\
Examples:
  sudo ds01-detect roll-up                         what the timer runs
  ds01-workloads report --month 2026-03            what comes of it

Exit status:
  0   done
  1   journal or ledger could not be read or written: what was added up until then stays
  2   wrong usage
  75  another run was at it until the deadline
  78  bad configuration file";

/// Add up who used which GPU, and pack and clear away the past
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct RollUpArgs {
    /// The directory of journal and ledger
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,

    /// The policy file [default: /etc/ds01/resource-limits.yaml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How long another run is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = deadline_seconds)]
    deadline: Duration,

    /// Print a man page or shell completions, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    pub(crate) generate: Option<Generate>,
}

/// Packs, adds up, deletes.
pub(crate) fn run(args: &RollUpArgs) -> Result<bool, Failure> {
    let begin = Instant::now();
    // It says below what a workload is idle, and how much is kept.
    let policy = policy::installed(args.config.as_deref(), "what is built in holds")?;
    let policy = policy.unwrap_or_else(Policy::built_in);
    let store = Store::open(&args.state_dir)?;
    let (journal, ledger) = (Journal::open(&store)?, Ledger::open(&store)?);
    let now = SystemClock.now();
    let days = ledger.roll_up(&journal, &policy, now, args.deadline);
    // Only what stands in the ledger may go, and that goes whatever became of the others.
    let added_up = ledger.added_up(now)?;
    journal.forget_old(now, policy.journal, |day| added_up.contains(&day))?;
    let days = days?;
    let days = match days {
        0 => "no new day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    CONSOLE.say(format_args!("{days} added up, in {:.2} s", begin.elapsed().as_secs_f64()));
    Ok(true)
}
