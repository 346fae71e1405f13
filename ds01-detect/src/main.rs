//! One scan of a shared GPU host: what runs, whose it is, which GPUs it holds, and what changed since the last scan.

mod cli;
mod doctor;
mod event_types;
mod failure;
mod policy;
mod roll_up;
mod run;
mod sample;
mod serve;
mod store_args;

use std::process::ExitCode;

use clap::Parser;
use ds01_core::cli::{Console, console};

use cli::{Cli, Command};
use failure::Failure;

pub(crate) const CONSOLE: Console = Console::new(env!("CARGO_PKG_NAME"));

fn main() -> ExitCode {
    let cli = Cli::parse();
    console::start_logging(cli.verbose);
    let outcome = match cli.check() {
        Command::EventTypes => console::print(event_types::table().as_bytes()).map(|()| true).map_err(Failure::from),
        Command::Doctor(args) => doctor::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::RollUp(args) => roll_up::run(&args),
        Command::ServeMetrics(args) => serve::run(&args),
        Command::Generate(what, definition) => {
            let file = what.render(*definition);
            file.and_then(|file| console::print(&file)).map(|()| true).map_err(Failure::from)
        }
        Command::Scan(scan) => run::scan(&scan),
        Command::Scenario(scenario) => run::scenario(&scenario),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read the output has enough of it.
        Err(Failure::Output(error)) if console::has_enough(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            CONSOLE.say(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
