//! One scan of a shared GPU host: what runs, whose it is, which GPUs it holds, and what changed since the last scan.

mod cli;
mod doctor;
mod event_types;
mod output;
mod run;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use run::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    output::start_logging(cli.verbose);
    let outcome = match cli.check() {
        Command::EventTypes => output::print(event_types::table().as_bytes()).map(|()| true).map_err(Failure::from),
        Command::Doctor(args) => doctor::run(&args),
        Command::Generate(what, definition) => {
            let file = what.render(*definition);
            file.and_then(|file| output::print(&file)).map(|()| true).map_err(Failure::from)
        }
        Command::Scan(scan) => run::scan(&scan),
        Command::Scenario(scenario) => run::scenario(&scenario),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            output::say(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}
