//! The command line: flags as they are typed, and the checked options that they come to.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ColorChoice, CommandFactory, Parser, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};
use ds01_core::{
    cli::{Generate, SourceArgs, places},
    usage::Roots,
};

use crate::{
    belongs::BelongsTo,
    by_gpu::GpuOptions,
    columns::{COLUMNS, Column},
    events::EventsArgs,
    filter::Filter,
    fleet::{FleetArgs, Plan},
    format::Format,
    report::ReportArgs,
    row::Type,
    source::Source,
    timeline::TimelineArgs,
    view::Layout,
    wait::WaitArgs,
};

/// Seconds between two draws of `--watch` without a number.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// The same for a fleet, which is asked over the network, and scraped no oftener.
const WATCH_FLEET_EVERY: Duration = Duration::from_secs(15);

const NO_BELONGINGS: &str = "\
Prometheus is not told what processes belong to: leave out --belongs-to and the column belongs-to, or ask the hosts over ssh
(--hosts FILE), or ask on the host itself.";

const AFTER_HELP: &str = "\
More: --info (full reference), --concepts (how workloads are detected), --guided (asks you).
Exit: 0 shown, 1 the inventory could not be read (with --free: or no GPU is free), 2 usage, 3 there is no inventory yet.";

/// Show what runs on this GPU host, whose it is, and which GPUs it holds.
#[derive(Debug, Parser)]
#[command(name = "ds01-workloads", version, after_help = AFTER_HELP, max_term_width = 100, args_override_self = true)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
// The viewer asks nobody what was done on GPUs.
#[command(mut_arg("samples_dir", |arg| arg.hide(true)), mut_arg("engines", |arg| arg.hide(true)))]
pub(crate) struct Cli {
    /// Add the columns ID, IMAGE, BELONGS TO, CPU%, MEMORY and GPU MEM.
    #[arg(short, long)]
    wide: bool,

    /// Group the rows by user, with each user's GPUs and GPU memory.
    #[arg(long)]
    by_user: bool,

    /// Show the GPUs instead: free, held idle or at work, by whom, until when.
    #[arg(long, conflicts_with = "by_user")]
    by_gpu: bool,

    /// With --by-gpu: free ones first, and exit with 1 when there is none.
    #[arg(long, requires = "by_gpu", conflicts_with_all = ["fleet", "user"])]
    free: bool,

    /// Print the filtered inventory as JSON: -o json.
    #[arg(long, conflicts_with_all = ["watch", "output", "quiet"])]
    json: bool,

    /// Print wide, json, yaml, name, or custom-columns=HEADING:.field,...
    #[arg(short, long = "format", alias = "output", value_name = "FORMAT", conflicts_with = "quiet")]
    output: Option<Format>,

    /// Print only container ids and pids, one a line.
    #[arg(short, long, conflicts_with = "watch")]
    quiet: bool,

    /// Show these columns, in this order, named as for --sort.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', value_parser = column_parser())]
    #[arg(hide_possible_values = true)]
    columns: Option<Vec<&'static Column>>,

    /// Leave out the headings and the last line.
    #[arg(long)]
    no_headers: bool,

    /// Do not shorten anything to the width of the terminal.
    #[arg(long)]
    no_trunc: bool,

    /// Show only this user's workloads (can be repeated).
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,

    /// Show only workloads of this type (can be repeated).
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<Type>,

    /// Show only what has this GPU: index, GPU:INSTANCE or UUID (can be repeated).
    #[arg(long, value_name = "GPU")]
    gpu: Vec<String>,

    /// Show only processes of this job, pod, session or other: KIND or KIND:ID, as slurm-job:42 (can be repeated).
    #[arg(long, value_name = "KIND[:ID]")]
    belongs_to: Vec<BelongsTo>,

    /// Show only workloads that have a GPU, or might have one.
    #[arg(long)]
    gpu_only: bool,

    /// Show stopped containers too.
    #[arg(short, long)]
    all: bool,

    /// Sort by this column: host, type, user, gpus, status, age, name, id, engine, image, belongs-to, cpu, memory or gpu-mem.
    #[arg(long, value_name = "COLUMN", value_parser = column_parser(), hide_possible_values = true)]
    sort: Option<&'static Column>,

    /// Redraw every SECONDS (2 by default) until q, marking + new and - gone.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, value_parser = seconds)]
    watch: Option<Option<Duration>>,

    /// Scan now, in memory, instead of reading the inventory.
    #[arg(long, conflicts_with = "demo")]
    live: bool,

    /// Show the built-in sample host, which works anywhere.
    #[arg(long)]
    demo: bool,

    #[command(flatten)]
    fleet: FleetArgs,

    /// Print the full reference: options, columns, examples.
    #[arg(long)]
    info: bool,

    /// Explain what detection is and how to read the table.
    #[arg(long)]
    concepts: bool,

    /// Ask up to three questions, then run the command that answers them.
    #[arg(long)]
    guided: bool,

    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,

    /// The directory where the detector keeps the inventory.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/ds01")]
    state_dir: PathBuf,

    /// The directory with what everybody may see, for who may not read the inventory [default: /run/ds01]
    #[arg(long, value_name = "DIR", hide = true)]
    public_dir: Option<PathBuf>,

    /// The policy that says until when GPUs are held [default: /etc/ds01/resource-limits.yaml, if it exists]
    #[arg(long, value_name = "FILE", hide = true, requires = "by_gpu")]
    config: Option<PathBuf>,

    #[command(flatten)]
    sources: SourceArgs,

    /// Print a man page or shell completions, for packaging.
    #[arg(long, value_name = "WHAT", hide = true)]
    generate: Option<Generate>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what happened on this host: the event log in words.
    Events(EventsArgs),
    /// Print who held and used how much of the GPUs: GPU-hours by user, group, day and more.
    Report(ReportArgs),
    /// Draw who had which GPU when, on the terminal or as a page for a browser.
    Timeline(TimelineArgs),
    Wait(WaitArgs),
}

/// What the program is asked to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Print one of the longer tiers of help.
    Info,
    /// The other one.
    Concepts,
    /// Ask first.
    Guided,
    /// Make a file for packaging.
    Generate(Generate),
    /// Print the event log.
    Events(EventsArgs),
    /// Print who used what.
    Report(ReportArgs),
    /// Draw who had what when.
    Timeline(TimelineArgs),
    /// Say why not.
    Refuse(String),
    /// Wait until GPUs are free.
    Wait(WaitArgs),
    /// Show the GPUs.
    ByGpu(Box<GpuOptions>),
    /// Show workloads.
    Show(Box<Options>),
}

/// Checked options for showing workloads.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) source: Source,
    /// Whom to ask instead, for a whole fleet.
    pub(crate) fleet: Option<Plan>,
    /// What to say of how the fleet is asked.
    pub(crate) notes: Vec<String>,
    pub(crate) filter: Filter,
    pub(crate) layout: Layout,
    pub(crate) sort: Option<&'static Column>,
    pub(crate) format: Format,
    /// Whether headings and the last line are printed.
    pub(crate) headers: bool,
    /// Whether the width of the terminal counts.
    pub(crate) truncate: bool,
    pub(crate) watch: Option<Duration>,
    pub(crate) color: ColorChoice,
    pub(crate) roots: Roots,
}

impl Cli {
    /// The checked form.
    pub(crate) fn task(self) -> Task {
        if self.info {
            return Task::Info;
        }
        if self.concepts {
            return Task::Concepts;
        }
        if let Some(what) = self.generate {
            return Task::Generate(what);
        }
        if self.guided {
            return Task::Guided;
        }
        match self.command {
            Some(Command::Events(args)) => return Task::Events(args),
            Some(Command::Report(args)) => return Task::Report(args),
            Some(Command::Timeline(args)) => return Task::Timeline(args),
            Some(Command::Wait(args)) => return Task::Wait(args),
            None => {}
        }
        let (not_of_gpus, for_belongings) = (self.not_of_gpus(), self.asks_for_belongings());
        let format = match self.output {
            _ if self.json => Format::Json,
            _ if self.quiet => Format::Ids,
            Some(Format::Table { wide }) => Format::Table { wide: wide || self.wide },
            Some(format) => format,
            None => Format::Table { wide: self.wide },
        };
        let wide = matches!(format, Format::Table { wide: true });
        if self.watch.is_some() && !matches!(format, Format::Table { .. }) {
            let error = "--watch draws the table: it can't be used with this format";
            Self::command().error(ErrorKind::ArgumentConflict, error).exit();
        }
        let public_dir = places::public(self.public_dir.as_deref(), &self.state_dir);
        let source = if self.demo {
            Source::Demo(None)
        } else if self.live {
            let args = self.sources.clone().with_environment().unwrap_or_else(|error| {
                Self::command().error(ErrorKind::InvalidValue, format!("DOCKER_HOST: {error}")).exit()
            });
            Source::Live { args, last: None }
        } else {
            Source::File { state_dir: self.state_dir, public_dir: public_dir.clone() }
        };
        let (fleet, notes) = if self.fleet.is_meant() {
            let from_stdin = self.fleet.hosts.as_deref() == Some(Path::new("-"));
            let fault = if matches!(format, Format::Names | Format::Ids | Format::Custom(_)) {
                Some("names and ids are each host's own: use --columns host,name or --json with --fleet")
            } else if self.watch.is_some() && from_stdin {
                Some("--watch listens to the keyboard: give --hosts a file")
            } else {
                None
            };
            if let Some(fault) = fault {
                Self::command().error(ErrorKind::ArgumentConflict, fault).exit();
            }
            match Plan::new(&self.fleet, self.demo, self.all) {
                Ok((plan, _)) if !plan.tells_belongings() && for_belongings => {
                    return Task::Refuse(NO_BELONGINGS.to_owned());
                }
                Ok((plan, notes)) => (Some(plan), notes),
                Err(fault) => return Task::Refuse(fault),
            }
        } else {
            (None, Vec::new())
        };
        let watch =
            self.watch.map(|every| every.unwrap_or(if fleet.is_some() { WATCH_FLEET_EVERY } else { WATCH_EVERY }));
        if self.by_gpu && fleet.is_none() {
            if let Some(other) = not_of_gpus {
                let error = format!("--by-gpu has one line for each GPU of this host: it can't be used with {other}");
                Self::command().error(ErrorKind::ArgumentConflict, error).exit();
            }
            return Task::ByGpu(Box::new(GpuOptions {
                source,
                public_dir,
                config: self.config,
                free: self.free,
                json: self.json,
                users: self.user,
                gpus: self.gpu,
                headers: !self.no_headers,
                truncate: !self.no_trunc,
                color: self.color,
            }));
        }
        Task::Show(Box::new(Options {
            source,
            notes,
            filter: Filter {
                users: self.user,
                types: self.types,
                gpus: self.gpu,
                belongs_to: self.belongs_to,
                gpu_only: self.gpu_only,
                all: self.all,
            },
            layout: Layout {
                wide,
                by_user: self.by_user,
                marks: self.watch.is_some(),
                columns: self.columns,
                bare: self.no_headers,
                invented: self.demo,
                fleet: fleet.is_some(),
                by_gpu: self.by_gpu,
            },
            fleet,
            sort: self.sort,
            format,
            headers: !self.no_headers,
            truncate: !self.no_trunc,
            watch,
            color: self.color,
            roots: Roots { proc: self.sources.proc_root, sys: self.sources.sys_root },
        }))
    }
}

impl Cli {
    /// Whether it matters what processes belong to.
    fn asks_for_belongings(&self) -> bool {
        let column = || self.columns.iter().flatten().chain(&self.sort);
        !self.belongs_to.is_empty() || column().any(|column| column.is_belonging())
    }

    /// What was asked for and has no sense in the list of one host's GPUs.
    fn not_of_gpus(&self) -> Option<&'static str> {
        let asked_for = [
            (self.wide, "--wide"),
            (self.output.is_some(), "--format"),
            (self.quiet, "--quiet"),
            (self.columns.is_some(), "--columns"),
            (self.sort.is_some(), "--sort"),
            (self.watch.is_some(), "--watch"),
            (!self.types.is_empty(), "--type"),
            (!self.belongs_to.is_empty(), "--belongs-to"),
            (self.gpu_only, "--gpu-only"),
            (self.all, "--all"),
        ];
        asked_for.into_iter().find_map(|(is_asked_for, name)| is_asked_for.then_some(name))
    }
}

impl Options {
    /// Whether any of the columns shown or sorted by needs the rows to be measured.
    pub(crate) fn measures(&self) -> bool {
        if self.fleet.is_some() {
            return false;
        }
        let shown = match &self.layout.columns {
            Some(columns) => columns.iter().any(|column| column.measured),
            None => self.layout.wide,
        };
        shown || self.sort.is_some_and(|column| column.measured)
    }
}

fn column_parser() -> impl TypedValueParser<Value = &'static Column> {
    PossibleValuesParser::new(COLUMNS.map(|column| column.name))
        .try_map(|name| Column::named(&name).ok_or("no such column"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    const LEAST: f64 = 0.2;
    const MOST: f64 = 86_400.0;
    match text.parse::<f64>() {
        Ok(seconds) if (LEAST..=MOST).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("a number of seconds from {LEAST} to {MOST} was expected")),
    }
}

/// The names for `--type`.
pub(crate) fn type_names() -> impl Iterator<Item = &'static str> {
    Type::value_variants().iter().map(|kind| kind.as_str())
}

/// The names of the commands.
pub(crate) fn commands() -> impl Iterator<Item = String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect::<Vec<_>>().into_iter()
}
