//! `ds01-idle` finds idle GPU containers, warns their users and stops them, as a policy says.
//!
//! This program is the edge: it turns flags into a checked request, lets `ds01-core` do the work, and turns what comes
//! back into text and an exit code.

mod check;
mod check_config;
mod cli;
mod deliver;
mod demo;
mod explain;
mod failure;
mod keep;
mod no_past;
mod not_kept;
mod notify;
mod people;
mod point;
mod policy;
mod replay;
mod status;
mod suspicions;
mod tally;
mod words;

use std::process::ExitCode;

use ds01_core::cli::{Console, console};

use cli::Request;
use failure::Failure;

pub(crate) const CONSOLE: Console = Console::new(env!("CARGO_PKG_NAME"));

fn main() -> ExitCode {
    let request = cli::parse();
    console::start_logging(false);
    match run(request) {
        Ok(code) => code,
        // Whoever reads the answer has seen enough, such as `head`.
        Err(Failure::Output(error)) if console::has_enough(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.say();
            failure.exit_code()
        }
    }
}

fn run(request: Request) -> Result<ExitCode, Failure> {
    match request {
        Request::Run(request) => check::run(&request),
        Request::Status(request) => status::run(&request),
        Request::Explain(request) => explain::run(&request),
        Request::Keep(request) => keep::run(&request),
        Request::Notify(request) => notify::run(&request),
        Request::Suspicions(request) => suspicions::run(&request),
        Request::Policy(request) => policy::run(&request, &mut std::io::stdout().lock()),
        Request::Replay(request) => replay::run(&request),
        Request::CheckConfig { config } => check_config::run(&config, &mut std::io::stdout().lock()),
        Request::Deliver(request) => deliver::run(&request),
        Request::Generate(what) => {
            console::print(&what.render(cli::command())?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
