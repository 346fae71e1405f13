//! `ds01-workloads events`: what happened, one line an event, in words.

mod args;
mod follow;
mod line;

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use ds01_core::{
    cli::console,
    event::{EventLog, Logged},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{CONSOLE, denied::may_not_read};

pub(crate) use args::EventsArgs;
use follow::Follower;
use line::Printer;

/// Why nothing was printed.
#[derive(Debug)]
pub(crate) enum Failure {
    Log(NoEvents),
    Output(io::Error),
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEvents {
    #[error(
        "no event log yet: {} does not exist.\nIt is written by ds01-workload-detector.timer: see `systemctl status ds01-workload-detector.timer`.",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("{}", may_not_read(.0))]
    Denied(PathBuf),
    #[error("{0}")]
    Unreadable(String),
}

impl NoEvents {
    /// Whether there simply is no log yet.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    fn of(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            io::ErrorKind::PermissionDenied => Self::Denied(path.to_owned()),
            _ => Self::Unreadable(format!("can't read {}: {error}", path.display())),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Prints the log; with `--follow` until it is interrupted, or nobody reads any more.
pub(crate) fn run(args: &EventsArgs) -> Result<(), Failure> {
    let log = EventLog::new(&args.events_file, env!("CARGO_PKG_NAME"));
    // From here on, it is followed: what is written while the past is read is not missed.
    let follower = Follower::at_the_end(&args.events_file)
        .map_err(|error| Failure::Log(NoEvents::of(&args.events_file, error)))?;
    let printer = Printer { json: args.json, color: console::colored(args.color), zone: TimeZone::system() };
    let began = Timestamp::now();
    let since = began - args.since;
    let mut told = HashSet::new();
    let mut lines = Vec::new();
    let is_new = |event: &Logged| event.timestamp >= since;
    log.read_back(|event, line| {
        let goes_on = is_new(&event);
        if goes_on && args.wants(&event) {
            lines.push(printer.line(&event, line));
        }
        if event.timestamp + NEAR >= began {
            told.insert(line.to_vec());
        }
        goes_on
    })
    .map_err(|error| Failure::Log(NoEvents::Unreadable(error.to_string())))?;
    lines.reverse();
    if lines.is_empty() && !args.follow {
        CONSOLE.say(format_args!("no such event in the last {}", ds01_core::duration::whole_seconds(args.since)));
    }
    console::print(lines.concat().as_bytes())?;
    if args.follow { follow(args, &printer, follower, told) } else { Ok(()) }
}

/// Prints each event as it comes, until nobody reads any more.
/// What was `told` already is not told again.
fn follow(
    args: &EventsArgs,
    printer: &Printer,
    mut follower: Follower,
    mut told: HashSet<Vec<u8>>,
) -> Result<(), Failure> {
    loop {
        let mut lines = String::new();
        follower
            .read(&mut |line| {
                let is_new = !told.remove(line);
                if let Some(event) = Logged::from_line(line).filter(|event| is_new && args.wants(event)) {
                    lines.push_str(&printer.line(&event, line));
                }
            })
            .map_err(|error| Failure::Log(NoEvents::of(&args.events_file, error)))?;
        console::print(lines.as_bytes())?;
        console::is_still_read()?;
        thread::sleep(POLL);
    }
}

/// A line that was written while the past was read can be this much older than that.
const NEAR: Duration = Duration::from_secs(60);

/// How often the log is looked at for more.
const POLL: Duration = Duration::from_millis(500);
