//! `ds01-workloads`: the inventory of a shared GPU host at a glance.
//!
//! It reads the inventory file that the detector keeps, and needs neither root nor Docker nor a GPU.
//!
//! ```text
//! Inventory -> rows -> filter -> (measure) -> sort -> group -> table
//!           -> filter -> JSON
//! ```
//!
//! All of the program is here, so that the fuzz targets (`fixtures/fuzz`) reach what it makes of [bytes of others](foreign). It is no
//! library for anybody else.

mod belongs;
mod by_gpu;
mod cli;
mod columns;
mod custom;
mod denied;
mod events;
mod filter;
mod fleet;
pub mod foreign;
mod format;
mod gpus;
mod guess;
mod guided;
mod host_gpus;
mod json;
mod kept;
mod load;
mod measure;
mod past;
mod picture;
mod report;
mod row;
mod run;
mod sort;
mod source;
mod terminal;
mod tiers;
mod timeline;
mod totals;
mod view;
mod wait;
mod warnings;
mod watch;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser;
use ds01_core::cli::Console;

pub(crate) const CONSOLE: Console = Console::new(env!("CARGO_PKG_NAME"));

/// Runs the program by the arguments that the process was given.
pub fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => run::main(cli),
        Err(error) => guess::explain(error),
    }
}
