//! From flags to a checked request.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ColorChoice, Command as ClapCommand, CommandFactory, Parser, Subcommand, error::ErrorKind};
use ds01_core::{
    cli::{EVENTS_FILE, Generate, STATE_DIR, SourceArgs, deadline_seconds, places},
    duration,
    idle::{KEEP_DIR, rules::LONGEST_WHY},
    metrics::MetricsFile,
    outbox::FIRST_PAUSE,
    policy::{ContainerType, DEFAULT_PATH},
};

use crate::point::Point;

const EXAMPLES: &str = "\
Examples:
  ds01-idle                      show who is idle, for how long, and what happens next
  ds01-idle explain train        say why `train` is, or is not, going to be stopped
  ds01-idle keep train 8h        keep a container of yours for eight hours, though it is idle
  ds01-idle run --dry-run        print what a check would do now, and change nothing
  ds01-idle run                  check once: the timer does this every 5 minutes
  ds01-idle policy --user alice  show which limits apply to alice, and which line sets them
  ds01-idle notify --test alice  try whether notices reach alice
  ds01-idle replay --since 7d    try the policy, or another one, on the last week
  ds01-idle suspicions           list what looks wrong, for you to judge

Exit status:
  0   done
  1   a source failed, a stop failed, nothing could be saved, or a test notice arrived nowhere; containers that could not be judged were left alone
  2   wrong usage
  75  another check held the lock
  78  the policy is missing or has errors: no container was touched";

/// What is asked for.
pub(crate) enum Request {
    Run(RunRequest),
    Status(StatusRequest),
    Explain(ExplainRequest),
    Suspicions(StatusRequest),
    Keep(KeepRequest),
    Notify(NotifyRequest),
    Policy(PolicyRequest),
    Replay(ReplayRequest),
    CheckConfig {
        config: PathBuf,
    },
    /// Run hooks.
    Deliver(DeliverRequest),
    Generate(Generate),
}

/// Where the host is, and by what it is judged.
#[derive(Debug, Clone)]
pub(crate) struct HostRequest {
    pub(crate) config: PathBuf,
    pub(crate) state_dir: PathBuf,
    pub(crate) keep_dir: PathBuf,
    pub(crate) public_dir: PathBuf,
    pub(crate) events_file: PathBuf,
    pub(crate) sources: SourceArgs,
    pub(crate) deadline: Duration,
}

/// One check.
pub(crate) struct RunRequest {
    pub(crate) host: HostRequest,
    pub(crate) wall: Option<PathBuf>,
    pub(crate) only: Vec<String>,
    pub(crate) metrics: Option<MetricsFile>,
    pub(crate) dry_run: bool,
}

/// The table, or the list of what looks wrong.
pub(crate) struct StatusRequest {
    /// `None` is the sample host.
    pub(crate) host: Option<HostRequest>,
    pub(crate) json: bool,
    pub(crate) color: ColorChoice,
}

/// The whole reasoning about one container.
pub(crate) struct ExplainRequest {
    /// `None` is the sample host.
    pub(crate) host: Option<HostRequest>,
    pub(crate) name: String,
    pub(crate) color: ColorChoice,
}

/// What is to be kept.
pub(crate) struct KeepRequest {
    pub(crate) name: String,
    pub(crate) span: Duration,
    pub(crate) why: Option<String>,
    pub(crate) keep_dir: PathBuf,
    pub(crate) state_dir: PathBuf,
}

/// Whom a test notice is for.
pub(crate) struct NotifyRequest {
    pub(crate) user: String,
    pub(crate) wall: bool,
    pub(crate) wait: Duration,
    pub(crate) config: PathBuf,
    pub(crate) state_dir: PathBuf,
}

/// Where notices and hooks are.
pub(crate) struct DeliverRequest {
    pub(crate) config: PathBuf,
    pub(crate) state_dir: PathBuf,
    /// After a first failure.
    pub(crate) first_pause: Duration,
}

/// Of whom the policy is asked.
pub(crate) struct PolicyRequest {
    pub(crate) config: PathBuf,
    pub(crate) user: Option<String>,
    pub(crate) container_type: Option<ContainerType>,
    pub(crate) json: bool,
}

/// What is replayed.
pub(crate) struct ReplayRequest {
    pub(crate) policies: Policies,
    pub(crate) since: Point,
    pub(crate) until: Option<Point>,
    pub(crate) state_dir: PathBuf,
    pub(crate) json: bool,
    pub(crate) color: ColorChoice,
}

/// Which policies are replayed.
pub(crate) enum Policies {
    /// The one in force.
    InForce(PathBuf),
    /// Another one, and beside it the one in force.
    New { new: PathBuf, in_force: PathBuf },
    /// Two.
    Compare { old: PathBuf, new: PathBuf },
}

/// Find idle GPU containers, warn their users, and stop them, as the policy says. Without a command, show the status
#[derive(Parser)]
#[command(name = "ds01-idle", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Flags {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    status: StatusFlags,

    /// Print a man page or shell completions, for packaging
    #[arg(long, value_name = "WHAT", hide = true)]
    generate: Option<Generate>,
}

#[derive(Subcommand)]
enum Command {
    /// Check once: warn, stop and remove as the policy says
    ///
    /// The timer runs this every 5 minutes. A check looks at the host and reads what the detector wrote down since the last
    /// check. Just before each stop it looks once more.
    Run {
        /// Print what would be done, and change nothing, not even the stored state
        #[arg(long)]
        dry_run: bool,
        /// Check only this container, given by name or id (can be repeated)
        #[arg(long, value_name = "NAME")]
        container: Vec<String>,
        /// Give notices for everybody to this program on standard input, and write to no terminal but the owner's
        #[arg(long, value_name = "PROGRAM")]
        wall: Option<PathBuf>,
        /// The metrics file for Prometheus, whose directory has to be there [default: /run/ds01/ds01.prom; none with another
        /// --state-dir]
        #[arg(long, value_name = "FILE")]
        metrics_file: Option<PathBuf>,
        #[command(flatten)]
        host: HostFlags,
    },
    /// Show who is idle, for how long, and what happens next
    Status(StatusFlags),
    /// Explain one container: what happens next and why, with every rule, figure and setting
    Explain {
        /// The name of the container, its id, or the beginning of its id
        name: String,
        /// When to use colour
        #[arg(long, value_name = "WHEN", default_value = "auto")]
        color: ColorChoice,
        /// Explain a container of the built-in sample host
        #[arg(long)]
        demo: bool,
        #[command(flatten)]
        host: HostFlags,
    },
    /// List what looks wrong, for an admin to judge
    ///
    /// Containers that are exempt by a label which their makers wrote, that are kept for days or busy by the clock, GPUs that are
    /// busy at idle power or with nothing to show for it, counters that stand still, and memory of processes that are gone: each
    /// with what was seen, and what can be done. Nobody is ever stopped for one. The exit status is 0 also where there are some.
    Suspicions(StatusFlags),
    /// Keep an idle GPU container of yours for a while
    ///
    /// Whoever gets a warning can answer it with this, on the host, without an administrator. The request is left for the next
    /// check, which reads it within five minutes. It counts if the container is yours: its main process runs as you, or you are
    /// its owner and your home directory, or a directory that belongs to you, is mounted into it. If it does not count, you are
    /// told why. Root can keep anybody's. The policy's keep_max says for how long a
    /// container can be kept at most, from the first request on; work in between begins that anew. Its run time stays limited.
    Keep {
        /// The name of the container, its id, or the beginning of its id
        #[arg(value_parser = container_name)]
        name: String,
        /// For how long, from now on, such as 90m or 1d. The last request counts
        #[arg(value_name = "TIME", default_value = "8h", value_parser = span)]
        span: Duration,
        /// A reason, which everybody can see
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// The directory where requests are left
        #[arg(long, value_name = "DIR", default_value = KEEP_DIR)]
        keep_dir: PathBuf,
        /// The directory of the inventory, in which the name is looked up if it can be read
        #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
        state_dir: PathBuf,
    },
    /// Try whether notices reach a user (as root)
    ///
    /// Sends a test notice on each way that the policy's notices take: to his terminals on the host, to the programs in notify.d,
    /// and to his next login. Others see nothing of it without --wall. What each way came to is printed, and the exit status is
    /// 0 when the notice arrived on one of them, and 1 otherwise. Terminals inside of containers are not tried.
    Notify {
        /// The user's name, as the host spells it
        #[arg(long, value_name = "USER", value_parser = user_name)]
        test: String,
        /// Write to everybody else's terminals too
        #[arg(long)]
        wall: bool,
        /// How long to wait for the programs in notify.d. After that, those that did not get it are not given it
        #[arg(long, value_name = "TIME", default_value = "60s", value_parser = wait)]
        wait: Duration,
        #[command(flatten)]
        config: Config,
        /// The directory of the state, beside which the outbox and the notices for the login are
        #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
        state_dir: PathBuf,
    },
    /// Print which limits apply to whom, and which line sets them
    ///
    /// Without --user, there is a table for each group and for each type of container. The first table is complete, and the
    /// others show what differs from it.
    Policy {
        /// The user name, as the host or the directory server spells it
        #[arg(long, value_name = "NAME", value_parser = user_name)]
        user: Option<String>,
        /// The type of container: managed, devcontainer, compose, docker or unknown
        #[arg(long = "type", value_name = "TYPE", value_parser = container_type)]
        container_type: Option<ContainerType>,
        /// Print JSON, with every table complete
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: Config,
    },
    /// Run a policy over the past: who would have been warned and stopped, and when
    ///
    /// The activity journal holds what checks saw and what they were told. The live rules decide again from it: under the policy in
    /// force, which is held against what the reaper really did, or under another one. Where no check was made because the timer was
    /// off, one is supposed every five minutes. Nothing is changed. Whoever can read the state directory can run it.
    Replay(ReplayFlags),
    /// Check the policy: print every error with its line, and what to write instead
    ///
    /// The files beside the policy are checked too. The exit status is 78 when the policy would not be used. Warnings alone are
    /// no failure.
    CheckConfig {
        #[command(flatten)]
        config: Config,
    },
    /// Give the notices in the outbox to the programs in notify.d, until all are delivered: the work of ds01-notify.service
    #[command(hide = true)]
    Deliver {
        #[command(flatten)]
        config: Config,
        /// The directory of the state, beside which the outbox is
        #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
        state_dir: PathBuf,
        /// The pause after a first failure; each one after that is twice as long: for tests, which can't wait
        #[arg(long, value_name = "TIME", value_parser = wait)]
        first_pause: Option<Duration>,
    },
}

#[derive(Args)]
struct ReplayFlags {
    /// From when on: so long ago, such as 7d, or a day, or an instant such as 2026-03-02T12:00:00Z
    #[arg(long, value_name = "WHEN", default_value = "7d", value_parser = Point::parse)]
    since: Point,
    /// Until when. Everything up to now, if it is not given
    #[arg(long, value_name = "WHEN", value_parser = Point::parse)]
    until: Option<Point>,
    /// Another policy, and beside it the one in force
    #[arg(long, value_name = "NEW")]
    config: Option<PathBuf>,
    /// Two policies: show line by line what the second one changes
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with = "config")]
    compare: Option<Vec<PathBuf>>,
    /// The policy in force
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    in_force: PathBuf,
    /// The directory of the state, in which the activity journal is
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

impl ReplayFlags {
    fn check(self) -> ReplayRequest {
        let mut compared = self.compare.unwrap_or_default().into_iter();
        let policies = match (compared.next(), compared.next(), self.config) {
            (Some(old), Some(new), _) => Policies::Compare { old, new },
            (_, _, Some(new)) => Policies::New { new, in_force: self.in_force },
            _ => Policies::InForce(self.in_force),
        };
        let Self { since, until, state_dir, json, color, .. } = self;
        ReplayRequest { policies, since, until, state_dir, json, color }
    }
}

#[derive(Args)]
struct StatusFlags {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Show the built-in sample host, which works anywhere
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    host: HostFlags,
}

#[derive(Args)]
struct HostFlags {
    #[command(flatten)]
    config: Config,
    /// The directory of the state, the activity journal and the inventory
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    /// The directory where users leave requests to keep containers
    #[arg(long, value_name = "DIR", default_value = KEEP_DIR)]
    keep_dir: PathBuf,
    /// The directory for what everybody may see; it need not be there [default: /run/ds01]
    #[arg(long, value_name = "DIR")]
    public_dir: Option<PathBuf>,
    /// The event log, to which events are appended
    #[arg(long, value_name = "FILE", default_value = EVENTS_FILE)]
    events_file: PathBuf,
    /// How long a look at the host may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = deadline_seconds)]
    deadline: Duration,
    #[command(flatten)]
    sources: SourceArgs,
}

#[derive(Args)]
struct Config {
    /// The policy file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
}

impl HostFlags {
    fn check(self) -> HostRequest {
        let sources = self.sources.with_environment().unwrap_or_else(|error| {
            Flags::command().error(ErrorKind::InvalidValue, format!("DOCKER_HOST: {error}")).exit()
        });
        let public_dir = places::public(self.public_dir.as_deref(), &self.state_dir);
        HostRequest {
            config: self.config.config,
            state_dir: self.state_dir,
            keep_dir: self.keep_dir,
            public_dir,
            events_file: self.events_file,
            sources,
            deadline: self.deadline,
        }
    }
}

impl StatusFlags {
    fn check(self) -> StatusRequest {
        let host = if self.demo { None } else { Some(self.host.check()) };
        StatusRequest { host, json: self.json, color: self.color }
    }
}

/// Reads the command line. Ends the program with exit code 2 when it makes no sense, and with 0 after `--help`.
pub(crate) fn parse() -> Request {
    let flags = Flags::parse();
    if let Some(what) = flags.generate {
        return Request::Generate(what);
    }
    match flags.command {
        None => Request::Status(flags.status.check()),
        Some(Command::Status(flags)) => Request::Status(flags.check()),
        Some(Command::Run { dry_run, container, wall, metrics_file, host }) => {
            let metrics = places::metrics(metrics_file, &host.state_dir);
            Request::Run(RunRequest { host: host.check(), wall, only: container, metrics, dry_run })
        }
        Some(Command::Explain { name, color, demo, host }) => {
            Request::Explain(ExplainRequest { host: if demo { None } else { Some(host.check()) }, name, color })
        }
        Some(Command::Suspicions(flags)) => Request::Suspicions(flags.check()),
        Some(Command::Keep { name, span, why, keep_dir, state_dir }) => {
            Request::Keep(KeepRequest { name, span, why: why.map(|why| shortened(&why)), keep_dir, state_dir })
        }
        Some(Command::Notify { test, wall, wait, config: Config { config }, state_dir }) => {
            Request::Notify(NotifyRequest { user: test, wall, wait, config, state_dir })
        }
        Some(Command::Policy { user, container_type, json, config: Config { config } }) => {
            Request::Policy(PolicyRequest { config, user, container_type, json })
        }
        Some(Command::Replay(flags)) => Request::Replay(flags.check()),
        Some(Command::Deliver { config: Config { config }, state_dir, first_pause }) => {
            Request::Deliver(DeliverRequest { config, state_dir, first_pause: first_pause.unwrap_or(FIRST_PAUSE) })
        }
        Some(Command::CheckConfig { config: Config { config } }) => Request::CheckConfig { config },
    }
}

/// The definition of the command line, for what is made from it.
pub(crate) fn command() -> ClapCommand {
    Flags::command()
}

fn user_name(name: &str) -> Result<String, &'static str> {
    if name.trim().is_empty() { Err("a user has a name") } else { Ok(name.to_owned()) }
}

fn container_name(name: &str) -> Result<String, &'static str> {
    match name.len() {
        0 => Err("a container has a name"),
        1..=256 => Ok(name.to_owned()),
        _ => Err("no container has such a long name"),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    match wait(text)? {
        span if span < Duration::from_secs(60) => Err("is less than a minute".to_owned()),
        span => Ok(span),
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("it {error}; {}", error.help()))
}

/// A reason that fits into a request.
fn shortened(why: &str) -> String {
    why.chars().take(LONGEST_WHY).collect()
}

fn container_type(name: &str) -> Result<ContainerType, String> {
    ContainerType::from_name(name).ok_or_else(|| {
        let names: Vec<_> = ContainerType::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the types are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_agree_with_each_other() {
        Flags::command().debug_assert();
    }
}
