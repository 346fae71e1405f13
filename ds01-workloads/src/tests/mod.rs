//! Tests of the whole way from an inventory to text, and what they share.

mod belongs;
mod filters;
pub(crate) mod host;
mod hostile;
mod modes;

use std::time::Duration;

use clap::Parser;
use ds01_core::{detect::Inventory, model::Reading, table::Medium, usage::Usage};
use jiff::Timestamp;

pub(crate) use host::{MIG_1_0, container, given, gpu_uuid, holding, host, inventory, process};

use crate::{
    cli::{Cli, Options, Task},
    picture::{Picture, look},
    row::Counters,
    sort::sort,
    source::{Extent, Seen},
};

/// When the tests take place.
pub(crate) fn now() -> Timestamp {
    "2026-03-02T14:30:12Z".parse().unwrap()
}

/// An instant so many seconds before [`now`].
pub(crate) fn ago(seconds: u64) -> Timestamp {
    now() - Duration::from_secs(seconds)
}

pub(crate) fn options(arguments: &[&str]) -> Options {
    let cli = Cli::try_parse_from([&["ds01-workloads"], arguments].concat()).unwrap();
    match cli.task() {
        Task::Show(options) => *options,
        task => panic!("{task:?}"),
    }
}

/// What is shown, with figures in place of measurements: every row that could be measured uses the same.
pub(crate) fn looked(inventory: &Inventory, options: &Options) -> Picture {
    let seen = Seen { inventory: inventory.clone(), now: now(), notes: Vec::new(), extent: Extent::Whole };
    let mut picture = look(&seen, options);
    for row in picture.rows.iter_mut().filter(|row| row.counters != Counters::None) {
        let usage = Usage { cpu_percent: Reading::Known(104.26), memory_bytes: Reading::Known(4_509_715_660) };
        row.usage = Some(usage);
    }
    sort(&mut picture.rows, options.sort);
    picture
}

/// The table as a terminal of that width, or a pipe, gets it.
pub(crate) fn shown(inventory: &Inventory, arguments: &[&str], width: Option<usize>, color: bool) -> String {
    let options = options(arguments);
    looked(inventory, &options).table(&options, Medium { width, color })
}

/// The same in a pipe, without colour.
pub(crate) fn piped(inventory: &Inventory, arguments: &[&str]) -> String {
    shown(inventory, arguments, None, false)
}
