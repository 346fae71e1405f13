//! `ds01-idle` finds idle GPU containers, warns their users and stops them, as a policy says.
//!
//! This program is the edge: it turns flags into a checked request, lets `ds01-core` do the work, and turns what comes
//! back into text and an exit code. 0: done. 1: the answer could not be written. 2: usage. 64: nothing was asked for.
//! 78: the policy is not sound.

mod check_config;
mod cli;
mod policy;

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use ds01_core::{cli::Generate, policy::BadPolicy};

use cli::Request;

/// Exit codes, from `sysexits.h` where it has one.
mod exit {
    /// Something could not be done.
    pub(crate) const FAILED: u8 = 1;
    /// `EX_USAGE`: no command was given.
    pub(crate) const NOTHING_ASKED: u8 = 64;
    /// `EX_CONFIG`: the policy is not sound.
    pub(crate) const CONFIG: u8 = 78;
}

/// Why a command ended early.
enum Failure {
    /// The policy is not sound.
    Policy(BadPolicy),
    /// The answer could not be written.
    Output(io::Error),
}

impl From<BadPolicy> for Failure {
    fn from(bad: BadPolicy) -> Self {
        Self::Policy(bad)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes to standard error. Where that can't be written to, the exit code has to do.
fn say(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints a file for packaging.
fn generate(what: Generate, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let file = what.render(cli::definition())?;
    out.write_all(&file)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match cli::parse() {
        Request::Nothing => {
            say("ds01-idle: the status of all containers will stand here, once the reaper is built.");
            say("Until then: ds01-idle policy, ds01-idle check-config. For more, ds01-idle --help.");
            return ExitCode::from(exit::NOTHING_ASKED);
        }
        Request::Policy(request) => policy::run(&request, &mut out),
        Request::CheckConfig { config } => check_config::run(&config, &mut out),
        Request::Generate(what) => generate(what, &mut out),
    };
    match done {
        Ok(code) => code,
        Err(Failure::Policy(bad)) => {
            say(format_args!("{bad}\nds01-idle: {}", check_config::summary(&bad.found)));
            ExitCode::from(exit::CONFIG)
        }
        // Whoever reads the answer has seen enough, such as `head`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            say(format_args!("ds01-idle: the answer can't be written: {error}"));
            ExitCode::from(exit::FAILED)
        }
    }
}
