//! Flags, and what they come to once checked.

use std::{path::PathBuf, time::Duration};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use ds01_core::{
    cli::{EVENTS_FILE, Generate, STATE_DIR, SourceArgs, deadline_seconds, places},
    detect::Settings,
    event::EventLog,
    metrics::MetricsFile,
    model::InvalidEngineName,
    policy::Policy,
    scan::{ScanMetrics, ScanOptions},
    source::SourceName,
};

use crate::{doctor::DoctorArgs, roll_up::RollUpArgs, sample::SampleArgs, serve::ServeArgs, store_args::StoreArgs};

const EXAMPLES: &str = "\
Examples:
  ds01-detect                                     scan, save the inventory, emit events: what the timer runs
  ds01-detect --dry-run | jq '.containers | length'
                                                  scan, print the result, and change nothing
  ds01-detect --forget docker                     you removed Docker from this host for good
  ds01-detect --state-dir /tmp/s --events-file /tmp/s/events.jsonl \\
              --scenario fixtures/scenarios/teaching-lab-at-noon.yaml
                                                  scan a sample host, once for each step of its story
  ds01-detect roll-up                             add up who used which GPU (has its own --help)
  ds01-detect sample                              watch the GPUs between scans (has its own --help)
  ds01-detect serve-metrics                       hand the metrics over by HTTP (has its own --help)
  ds01-detect doctor                              check what a scan needs (it has its own --help)

Exit status:
  0   every source gave its facts, or is absent from this host
  1   a source failed (what the others told is saved), or nothing could be saved
  2   wrong usage
  75  another run held the lock until the deadline
  78  bad configuration file";

/// Scan this host once: what runs, whose it is, and which GPUs it holds. Save the inventory and log what changed.
///
/// The sources are Docker, NVML and /proc. When a source fails, what it told before is kept and marked stale.
#[derive(Debug, Parser)]
#[command(name = "ds01-detect", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    other: Option<Other>,

    #[command(flatten)]
    store: StoreArgs,

    /// The metrics file for Prometheus, whose directory has to be there [default: /run/ds01/ds01.prom; none with another
    /// --state-dir]
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    /// The policy file, read only for `monitoring`, for `metrics`, for `public_view`, and for what says below what a workload is
    /// idle [default: /etc/ds01/resource-limits.yaml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    sources: SourceArgs,

    /// The directory for what everybody may see; it need not be there [default: /run/ds01]
    #[arg(long, value_name = "DIR")]
    public_dir: Option<PathBuf>,

    /// How long a whole scan may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = deadline_seconds)]
    deadline: Duration,

    /// Drop what this source told, because it is gone from this host for good: nvml, amd, docker, podman, or another engine by
    /// its name (can be repeated)
    #[arg(long, value_name = "SOURCE", value_parser = forgettable)]
    forget: Vec<SourceName>,

    /// Print the inventory as JSON, save nothing and log nothing
    #[arg(long)]
    dry_run: bool,

    /// Scan the host that this scenario file describes, once for each of its steps
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "docker_host", "engines", "nvml_library"])]
    scenario: Option<PathBuf>,

    /// List the event types of all ds01 programs with their fields
    #[arg(long, exclusive = true)]
    event_types: bool,

    /// Print a man page or shell completions, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    generate: Option<Generate>,

    /// Say what is done and how long it takes
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// What it can do besides scanning.
#[derive(Debug, Subcommand)]
enum Other {
    Doctor(DoctorArgs),
    Sample(SampleArgs),
    RollUp(RollUpArgs),
    ServeMetrics(ServeArgs),
}

/// A source that can go for good: `/proc` can't.
fn forgettable(text: &str) -> Result<SourceName, String> {
    if let Some(gpus) = [SourceName::Nvml, SourceName::Amd].into_iter().find(|name| name.as_str() == text) {
        return Ok(gpus);
    }
    text.parse().map(SourceName::Engine).map_err(|error: InvalidEngineName| error.to_string())
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Scan this host.
    Scan(Box<HostScan>),
    /// Scan a sample host.
    Scenario(Box<ScenarioScan>),
    /// Check what a scan needs.
    Doctor(DoctorArgs),
    /// Watch the GPUs between scans.
    Sample(SampleArgs),
    /// Add up who used what.
    RollUp(RollUpArgs),
    /// Hand metrics over by HTTP.
    ServeMetrics(ServeArgs),
    /// List event types.
    EventTypes,
    /// Make a file for packaging, of this definition of a command line.
    Generate(Generate, Box<clap::Command>),
}

/// A scan of this host.
#[derive(Debug)]
pub(crate) struct HostScan {
    pub(crate) options: ScanOptions,
    pub(crate) dry_run: bool,
    pub(crate) sources: SourceArgs,
    pub(crate) config: Option<PathBuf>,
    pub(crate) metrics: Option<MetricsFile>,
    /// Where what everybody may see is written.
    pub(crate) public_dir: PathBuf,
}

/// Scans of a sample host.
#[derive(Debug)]
pub(crate) struct ScenarioScan {
    pub(crate) options: ScanOptions,
    pub(crate) dry_run: bool,
    pub(crate) file: PathBuf,
    /// Where what everybody may see is written: nowhere, unless it is said.
    pub(crate) public_dir: Option<PathBuf>,
}

impl Cli {
    /// What the flags come to. Ends the program with a usage message when they contradict each other.
    pub(crate) fn check(self) -> Command {
        if self.event_types {
            return Command::EventTypes;
        }
        if let Some(what) = self.generate {
            return Command::Generate(what, Box::new(Self::command()));
        }
        match self.other {
            None => {}
            Some(Other::Doctor(args)) => {
                return match args.generate {
                    Some(what) => generate::<DoctorArgs>(what, "ds01-detect-doctor", "ds01-detect doctor"),
                    None => {
                        let sources = with_environment(args.sources);
                        Command::Doctor(DoctorArgs { sources, ..args })
                    }
                };
            }
            Some(Other::Sample(args)) => {
                return match args.generate {
                    Some(what) => generate::<SampleArgs>(what, "ds01-detect-sample", "ds01-detect sample"),
                    None => Command::Sample(args),
                };
            }
            Some(Other::ServeMetrics(args)) => {
                return match args.generate {
                    Some(what) => generate::<ServeArgs>(what, "ds01-detect-serve-metrics", "ds01-detect serve-metrics"),
                    None => Command::ServeMetrics(args),
                };
            }
            Some(Other::RollUp(args)) => {
                return match args.generate {
                    Some(what) => generate::<RollUpArgs>(what, "ds01-detect-roll-up", "ds01-detect roll-up"),
                    None => Command::RollUp(args),
                };
            }
        }
        let StoreArgs { state_dir, events_file } = self.store;
        let metrics = places::metrics(self.metrics_file, &state_dir);
        let elsewhere = state_dir != *STATE_DIR && events_file != *EVENTS_FILE;
        if self.scenario.is_some() && !self.dry_run && !elsewhere {
            let words = "--scenario needs --state-dir and --events-file of its own, or --dry-run: \
                         a sample host must not become this host's inventory";
            Self::command().error(ErrorKind::MissingRequiredArgument, words).exit();
        }
        let public_dir = places::public(self.public_dir.as_deref(), &state_dir);
        let mut options = ScanOptions {
            metrics: None,
            state_dir,
            events: EventLog::new(events_file, env!("CARGO_PKG_NAME")),
            deadline: self.deadline,
            settings: Settings { forget: self.forget, ..Settings::default() },
        };
        match self.scenario {
            Some(file) => {
                let by_built_in = |file| ScanMetrics { file, policy: Policy::built_in(), is_sound: None };
                options.metrics = metrics.map(by_built_in);
                let public_dir = self.public_dir;
                Command::Scenario(Box::new(ScenarioScan { options, dry_run: self.dry_run, file, public_dir }))
            }
            None => {
                let sources = with_environment(self.sources);
                let (dry_run, config) = (self.dry_run, self.config);
                Command::Scan(Box::new(HostScan { options, dry_run, sources, config, metrics, public_dir }))
            }
        }
    }
}

/// A file for packaging, of a subcommand's own.
fn generate<A: clap::Args>(what: Generate, name: &'static str, called: &'static str) -> Command {
    let command = A::augment_args(clap::Command::new(name));
    Command::Generate(what, Box::new(command.bin_name(called).version(env!("CARGO_PKG_VERSION"))))
}

/// Completes where the sources are. Ends the program with a usage message when the environment names no Unix socket.
fn with_environment(sources: SourceArgs) -> SourceArgs {
    sources
        .with_environment()
        .unwrap_or_else(|error| Cli::command().error(ErrorKind::InvalidValue, format!("DOCKER_HOST: {error}")).exit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn whatever_can_be_gone_can_be_forgotten() {
        assert_eq!(forgettable("nvml"), Ok(SourceName::Nvml));
        assert_eq!(forgettable("amd"), Ok(SourceName::Amd));
        for name in ["docker", "podman", "lab", "docker:1001"] {
            assert_eq!(forgettable(name).map(|source| source.to_string()), Ok(name.to_owned()));
        }
        assert!(forgettable("proc").is_err() && forgettable("Docker").is_err());
    }

    #[test]
    fn deadlines() {
        assert_eq!(deadline_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "NaN", "inf", "3601", "soon", ""] {
            assert!(deadline_seconds(text).is_err(), "{text}");
        }
    }
}
