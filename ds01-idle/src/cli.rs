//! From flags to a checked request.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use ds01_core::{
    cli::Generate,
    policy::{ContainerType, DEFAULT_PATH},
};

/// What is asked for.
pub(crate) enum Request {
    Nothing,
    Policy(PolicyRequest),
    CheckConfig { config: PathBuf },
    Generate(Generate),
}

/// Of whom the policy is asked.
pub(crate) struct PolicyRequest {
    pub(crate) config: PathBuf,
    pub(crate) user: Option<String>,
    pub(crate) container_type: Option<ContainerType>,
    pub(crate) json: bool,
}

/// Finds idle GPU containers, warns their users and stops them.
#[derive(Parser)]
#[command(name = "ds01-idle", version, max_term_width = 100)]
struct Flags {
    /// Print a man page or shell completions, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    generate: Option<Generate>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print what holds for whom, and which line says so
    ///
    /// Without --user, for each group, and for containers that the platform's tools did not make. The first table is
    /// complete; the others show what differs from it.
    Policy {
        /// The user, as the host or the directory server knows them
        #[arg(long, value_name = "NAME", value_parser = user_name)]
        user: Option<String>,
        /// What the container is: managed, devcontainer, compose, docker or unknown
        #[arg(long = "type", value_name = "TYPE", value_parser = container_type)]
        container_type: Option<ContainerType>,
        /// Print JSON, every table complete
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: Config,
    },
    /// Say everything that is wrong with the policy, and what to write instead
    ///
    /// Reads the files beside it too. Exits with 78 when the policy would not be used; warnings alone are no failure.
    CheckConfig {
        #[command(flatten)]
        config: Config,
    },
}

#[derive(Args)]
struct Config {
    /// The policy file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
}

/// Reads the command line. Ends the program with exit code 2 when it makes no sense, and with 0 after `--help`.
pub(crate) fn parse() -> Request {
    let flags = Flags::parse();
    if let Some(what) = flags.generate {
        return Request::Generate(what);
    }
    match flags.command {
        None => Request::Nothing,
        Some(Command::Policy { user, container_type, json, config: Config { config } }) => {
            Request::Policy(PolicyRequest { config, user, container_type, json })
        }
        Some(Command::CheckConfig { config: Config { config } }) => Request::CheckConfig { config },
    }
}

/// All flags, as `--help` shows them.
pub(crate) fn definition() -> clap::Command {
    Flags::command()
}

fn user_name(name: &str) -> Result<String, &'static str> {
    if name.trim().is_empty() { Err("a user has a name") } else { Ok(name.to_owned()) }
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
