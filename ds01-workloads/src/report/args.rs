//! The flags of `ds01-workloads report`.

use clap::{Args, ColorChoice, ValueEnum};
use ds01_core::idle::journal::day_of;
use jiff::{Timestamp, civil::Date};

use super::by::By;
use crate::past::{Moment, PastArgs};

const EXAMPLES: &str = "\
Examples:
  ds01-workloads report                             who used what in the running month
  ds01-workloads report --month 2026-02 --by group  last month, for the books
  ds01-workloads report --since 7d --by gpu         which GPUs were busy
  ds01-workloads report --user alice --by workload  what alice's hours went into
  ds01-workloads report --month 2026-02 --format csv > february.csv";

/// The flags.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    /// From this day on: a date such as 2026-03-01, or how long ago, such as 7d. Days are those of UTC.
    #[arg(long, value_name = "DATE|SPAN", value_parser = day)]
    since: Option<Moment>,

    /// Up to this day, which counts as a whole [default: today].
    #[arg(long, value_name = "DATE|SPAN", value_parser = day)]
    until: Option<Moment>,

    /// This month [default: the running one].
    #[arg(long, value_name = "YYYY-MM", value_parser = month, conflicts_with_all = ["since", "until"])]
    month: Option<Date>,

    /// What each line is for.
    #[arg(long, value_name = "WHAT", default_value = "user")]
    pub(crate) by: By,

    /// Only this user's hours (can be repeated).
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Vec<String>,

    /// The form of the output.
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: Format,

    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    #[command(flatten)]
    pub(crate) past: PastArgs,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
    /// For wikis and issues.
    Markdown,
}

impl ReportArgs {
    /// The first and the last day.
    ///
    /// # Errors
    ///
    /// When there is no such span yet, or it ends before it begins.
    pub(crate) fn span(&self, now: Timestamp) -> Result<(Date, Date), String> {
        let today = day_of(now);
        let (since, until) = match self.month {
            Some(month) => (month, month.last_of_month()),
            None => {
                let until = self.until.map_or(today, |until| until.day(now));
                (self.since.map_or_else(|| until.first_of_month(), |since| since.day(now)), until)
            }
        };
        if since > today {
            Err(format!("{since} is still to come: today is {today} in UTC"))
        } else if since > until {
            Err("the span ends before it begins: see --since and --until".to_owned())
        } else {
            Ok((since, until))
        }
    }
}

fn day(text: &str) -> Result<Moment, String> {
    match text.parse()? {
        Moment::At(at) => Err(format!("hours are kept by day: give the day alone, {}", at.date())),
        moment => Ok(moment),
    }
}

fn month(text: &str) -> Result<Date, String> {
    let is_month = text.len() == "2026-03".len();
    let date = format!("{text}-01").parse().ok().filter(|_| is_month);
    date.ok_or_else(|| "a month was expected, as in 2026-03".to_owned())
}
