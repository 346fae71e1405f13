//! The run: from a task to what is printed, and to the exit code.

use std::{
    io::{self, IsTerminal},
    mem,
    process::ExitCode,
};

use clap::{CommandFactory, Parser};
use ds01_core::cli::console;

use crate::{
    CONSOLE,
    cli::{Cli, Options, Task},
    guided, json,
    load::LoadError,
    picture::picture,
    row::rows,
    source::Seen,
    tiers,
    warnings::warnings,
    watch::{self, End},
};

/// There is no inventory yet.
const EXIT_MISSING: u8 = 3;

/// Why nothing was shown.
#[derive(Debug)]
enum Failure {
    Load(LoadError),
    Output(io::Error),
}

/// Runs the program and maps what came of it to an exit code.
pub(crate) fn main(cli: Cli) -> ExitCode {
    match run(cli.task()) {
        Ok(()) => ExitCode::SUCCESS,
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

fn run(task: Task) -> Result<(), Failure> {
    match task {
        Task::Info => Ok(print(&tiers::info())?),
        Task::Concepts => Ok(print(tiers::CONCEPTS)?),
        Task::Generate(what) => Ok(console::print(&what.render(Cli::command())?)?),
        Task::Guided => {
            let given: Vec<String> = std::env::args_os()
                .skip(1)
                .filter(|argument| argument != "--guided")
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let Some(arguments) = guided::ask(&mut io::stdin().lock(), &mut io::stderr(), &given)? else {
                return Ok(());
            };
            let program = std::iter::once("ds01-workloads".to_owned());
            run(Cli::parse_from(program.chain(arguments)).task())
        }
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
            None if options.json => print_json(&mut options),
            None => show(&mut options),
        },
    }
}

fn show(options: &mut Options) -> Result<(), Failure> {
    let picture = picture(options)?;
    picture.warnings.iter().for_each(|warning| CONSOLE.warn(warning));
    let table = picture.table(options, console::medium(options.color));
    // The program ends here, and its memory with it: freed entry by entry, a large inventory would take a tenth of the time.
    mem::forget(picture);
    Ok(print(&table)?)
}

fn print_json(options: &mut Options) -> Result<(), Failure> {
    let Seen { mut inventory, now, notes } = options.source.inventory()?;
    warnings(&inventory, now).iter().chain(&notes).for_each(|warning| CONSOLE.warn(warning));
    // Processes that wait for a second scan are part of the inventory, and filtered like the others.
    let mut rows = rows(&inventory, now, true);
    rows.retain(|row| options.filter.shows(row));
    json::retain(&mut inventory, &rows);
    Ok(console::print(&inventory.to_json().map_err(io::Error::from)?)?)
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
