//! The run: from a task to what is printed, and to the exit code.

use std::{
    io::{self, IsTerminal},
    mem,
    process::ExitCode,
};

use clap::{CommandFactory, Parser};
use ds01_core::{cli::console, store::StoreError, table::Medium, text::sanitize};

use crate::{
    CONSOLE, by_gpu,
    cli::{Cli, Options, Task},
    custom, events, fleet,
    format::Format,
    guided, json,
    load::LoadError,
    past::NoPast,
    picture::{not_here, picture},
    report,
    row::{Row, rows},
    source::Extent,
    tiers, timeline, wait,
    warnings::warnings,
    watch::{self, End},
};

/// As clap's own errors.
const EXIT_USAGE: u8 = 2;

/// There is no inventory yet.
const EXIT_MISSING: u8 = 3;

/// For whoever gets lines that have no room for it.
const OWN_ALONE: &str = "these are your own workloads alone: those of others are for root, and for the group that owns the inventory \
                         (usually docker)";

/// Why nothing was shown.
#[derive(Debug)]
enum Failure {
    Load(LoadError),
    Events(events::NoEvents),
    Past(NoPast),
    Usage(String),
    /// Not one host of the fleet answers: each row says so.
    Silent,
    Words(String),
    Page(StoreError),
    Output(io::Error),
}

/// Runs the program and maps what came of it to an exit code.
pub(crate) fn main(cli: Cli) -> ExitCode {
    match run(cli.task()) {
        Ok(code) => code,
        Err(Failure::Events(error)) => {
            CONSOLE.say(&error);
            ExitCode::from(if error.is_missing() { EXIT_MISSING } else { 1 })
        }
        Err(Failure::Past(error)) => {
            CONSOLE.say(&error);
            ExitCode::from(if error.is_missing() { EXIT_MISSING } else { 1 })
        }
        Err(Failure::Usage(error)) => {
            CONSOLE.say(&error);
            ExitCode::from(EXIT_USAGE)
        }
        Err(Failure::Silent) => {
            CONSOLE.say("not one host answers");
            ExitCode::FAILURE
        }
        Err(Failure::Words(words)) => {
            CONSOLE.say(words);
            ExitCode::FAILURE
        }
        Err(Failure::Page(error)) => {
            CONSOLE.say(format_args!(
                "the page was not written: {error}\nLet the shell write it where you like: `--html - > FILE`"
            ));
            ExitCode::FAILURE
        }
        // Whoever read the output has enough of it.
        Err(Failure::Output(error)) if console::has_enough(&error) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            CONSOLE.say(format_args!("can't write the output: {error}"));
            ExitCode::FAILURE
        }
        Err(Failure::Load(error)) => {
            CONSOLE.say(error.message());
            if error.is_missing() { ExitCode::from(EXIT_MISSING) } else { ExitCode::FAILURE }
        }
    }
}

fn run(task: Task) -> Result<ExitCode, Failure> {
    let shown = match task {
        Task::ByGpu(mut options) => {
            return by_gpu::run(&mut options).map_err(|error| match error {
                by_gpu::Failure::Load(error) => Failure::Load(error),
                by_gpu::Failure::Output(error) => Failure::Output(error),
            });
        }
        Task::Wait(args) => {
            return wait::run(&args).map_err(|error| match error {
                wait::Failure::Load(error) => Failure::Load(error),
                wait::Failure::Words(words) => Failure::Words(words),
                wait::Failure::Usage(words) => Failure::Usage(words),
                wait::Failure::Output(error) => Failure::Output(error),
            });
        }
        Task::Info => Ok(print(&tiers::info())?),
        Task::Events(args) => events::run(&args).map_err(|error| match error {
            events::Failure::Log(error) => Failure::Events(error),
            events::Failure::Output(error) => Failure::Output(error),
        }),
        Task::Report(args) => report::run(&args).map_err(|error| match error {
            report::Failure::Usage(error) => Failure::Usage(error),
            report::Failure::Past(error) => Failure::Past(error),
            report::Failure::Output(error) => Failure::Output(error),
        }),
        Task::Timeline(args) => timeline::run(&args).map_err(|error| match error {
            timeline::Failure::Usage(error) => Failure::Usage(error),
            timeline::Failure::Past(error) => Failure::Past(error),
            timeline::Failure::Page(error) => Failure::Page(error),
            timeline::Failure::Output(error) => Failure::Output(error),
        }),
        Task::Concepts => Ok(print(tiers::CONCEPTS)?),
        Task::Generate(what) => Ok(console::print(&what.render(Cli::command())?)?),
        Task::Guided => {
            let given: Vec<String> = std::env::args_os()
                .skip(1)
                .filter(|argument| argument != "--guided")
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let Some(arguments) = guided::ask(&mut io::stdin().lock(), &mut io::stderr(), &given)? else {
                return Ok(ExitCode::SUCCESS);
            };
            let program = std::iter::once("ds01-workloads".to_owned());
            return run(Cli::parse_from(program.chain(arguments)).task());
        }
        Task::Refuse(fault) => Err(Failure::Usage(fault)),
        Task::Show(mut options) => match options.watch {
            Some(interval) => {
                let color = console::colored(options.color);
                let end = if io::stdout().is_terminal() {
                    watch::on_terminal(&mut options, interval, color)?
                } else {
                    watch::on_pipe(&mut options, interval, color, print)?
                };
                if let End::Signal(signal) = end {
                    signal_hook::low_level::emulate_default_handler(signal)?;
                }
                Ok(())
            }
            None => match options.format {
                Format::Table { .. } => show(&mut options),
                Format::Json | Format::Yaml if options.fleet.is_some() => print_fleet(&options),
                Format::Json | Format::Yaml => print_inventory(&mut options),
                Format::Names | Format::Ids | Format::Custom(_) => print_lines(&mut options),
            },
        },
    };
    shown.map(|()| ExitCode::SUCCESS)
}

fn show(options: &mut Options) -> Result<(), Failure> {
    let waiting = CONSOLE.say_what_is_waited_for();
    let picture = picture(options)?;
    drop(waiting);
    picture.warnings.iter().for_each(|warning| CONSOLE.warn(warning));
    let (table, is_silent) = (picture.table(options, medium(options)), picture.is_silent());
    // The program ends here, and its memory with it: freed entry by entry, a large inventory would take a tenth of the time.
    mem::forget(picture);
    print(&table)?;
    if is_silent { Err(Failure::Silent) } else { Ok(()) }
}

/// The fleet as JSON or YAML.
fn print_fleet(options: &Options) -> Result<(), Failure> {
    let Some(plan) = &options.fleet else { return Ok(()) };
    let waiting = CONSOLE.say_what_is_waited_for();
    let fleet::Seen { at, hosts, from, said } = plan.look().map_err(LoadError::from)?;
    drop(waiting);
    let hints = fleet::not_here(&hosts, &options.filter, at);
    options.notes.iter().chain(&said).chain(&hints).for_each(|warning| CONSOLE.warn(warning));
    let shown = fleet::Shown::new(hosts, &options.filter, at);
    let document = shown.document(from);
    let bytes = match options.format {
        Format::Yaml => serde_yaml::to_string(&document).map_err(io::Error::other)?.into_bytes(),
        _ => ds01_core::json::pretty(&document).map_err(io::Error::from)?,
    };
    console::print(&bytes)?;
    if shown.is_silent() { Err(Failure::Silent) } else { Ok(()) }
}

/// Where the table is seen, and whether its width counts.
fn medium(options: &Options) -> Medium {
    let medium = console::medium(options.color);
    Medium { width: medium.width.filter(|_| options.truncate), ..medium }
}

/// A name, an id or some fields of each row.
fn print_lines(options: &mut Options) -> Result<(), Failure> {
    let waiting = CONSOLE.say_what_is_waited_for();
    let picture = picture(options)?;
    drop(waiting);
    if !matches!(picture.extent(), Extent::Whole) {
        CONSOLE.say(OWN_ALONE);
    }
    picture.warnings.iter().for_each(|warning| CONSOLE.warn(warning));
    let lines = |text: fn(&Row) -> &str| picture.rows.iter().map(|row| format!("{}\n", sanitize(text(row)))).collect();
    let text: String = match &options.format {
        Format::Names => lines(|row| &row.name),
        Format::Custom(columns) => {
            let (medium, inventory) = (medium(options), picture.inventory());
            custom::table(columns, &picture.rows, inventory, options.headers, medium).map_err(io::Error::from)?
        }
        _ => lines(|row| &row.id),
    };
    Ok(print(&text)?)
}

fn print_inventory(options: &mut Options) -> Result<(), Failure> {
    let waiting = CONSOLE.say_what_is_waited_for();
    let mut seen = options.source.inventory()?;
    drop(waiting);
    match &seen.extent {
        Extent::Whole => {}
        Extent::OwnAndPublic(public) => {
            CONSOLE.say(format_args!("{}, under `{}`; beside it what is yours", public.note(), json::PUBLIC));
        }
        Extent::OwnAlone => CONSOLE.say(OWN_ALONE),
    }
    warnings(&seen.inventory, seen.now).iter().chain(&seen.notes).for_each(|warning| CONSOLE.warn(warning));
    // Processes that wait for a second scan are part of the inventory, and filtered like the others.
    let mut rows = rows(&seen.inventory, seen.now, true);
    not_here(&options.filter, &rows, &seen).iter().for_each(|hint| CONSOLE.warn(hint));
    let filter = options.filter.resolved(&seen.inventory.gpus);
    rows.retain(|row| filter.shows(row));
    let inventory = &mut seen.inventory;
    json::retain(inventory, &rows);
    if let Extent::OwnAndPublic(public) = &seen.extent {
        let picture = serde_json::to_value(&public.picture).map_err(io::Error::from)?;
        inventory.extra.insert(json::PUBLIC.to_owned(), picture);
    }
    let bytes = match options.format {
        Format::Yaml => serde_yaml::to_string(&inventory).map_err(io::Error::other)?.into_bytes(),
        _ => inventory.to_json().map_err(io::Error::from)?,
    };
    Ok(console::print(&bytes)?)
}

fn print(text: &str) -> io::Result<()> {
    console::print(text.as_bytes())
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
