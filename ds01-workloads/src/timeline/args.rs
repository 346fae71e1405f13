//! The flags of `ds01-workloads timeline`.

use std::path::PathBuf;

use clap::{Args, ColorChoice, ValueEnum};
use jiff::{Timestamp, tz::TimeZone};

use crate::past::{Moment, PastArgs};

const EXAMPLES: &str = "\
Examples:
  ds01-workloads timeline                         the last 24 hours, a row for each GPU
  ds01-workloads timeline --since 7d --by user    the last week, a row for each user
  ds01-workloads timeline --since 2026-03-01 --until 2026-03-01
                                                  a day, from midnight to midnight
  ds01-workloads timeline --since 30d --html gpus.html
                                                  one page for a browser, with the hours in tables";

/// The flags.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TimelineArgs {
    /// Where it begins: how long ago, such as 24h or 7d, a date, or a time such as 2026-03-01T14:00.
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: Moment,

    /// Where it ends; a date counts as a whole [default: now].
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,

    /// What each row is for.
    #[arg(long, value_name = "WHAT", default_value = "gpu")]
    pub(crate) by: By,

    /// Write a page for a browser to this file instead, with the tables of the report; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    #[command(flatten)]
    pub(crate) past: PastArgs,
}

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Each GPU and MIG instance.
    Gpu,
    /// Each user.
    User,
}

impl TimelineArgs {
    /// From when to when. `Err` says why that is no span.
    pub(crate) fn span(&self, now: Timestamp, zone: &TimeZone) -> Result<(Timestamp, Timestamp), String> {
        let from = self.since.instant(now, zone, false);
        let to = self.until.map_or(now, |until| until.instant(now, zone, true)).min(now);
        if from < to {
            Ok((from, to))
        } else {
            Err("the span ends before it begins: see --since and --until".to_owned())
        }
    }
}
