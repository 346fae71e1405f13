//! `ds01-workloads report`: who used how much of the GPUs.
//!
//! ```text
//! ledger -> rows -> Sums by user, group, ... -> table, CSV, JSON or Markdown
//! ```

mod args;
mod bar;
mod by;
mod csv;
mod figures;
mod json;
mod markdown;
mod notes;
mod run;
mod sheet;
mod sums;
mod table;

pub(crate) use args::ReportArgs;
pub(crate) use by::By;
pub(crate) use notes::notes;
pub(crate) use run::{Failure, run};
pub(crate) use sheet::Sheet;
pub(crate) use sums::Report;

#[cfg(test)]
mod tests;
