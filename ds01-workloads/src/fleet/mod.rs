//! `ds01-workloads --fleet`: the table over all hosts.
//!
//! ```text
//! Prometheus -> samples -> targets ┐
//!                                  ├-> hosts -> filter -> rows, groups, sums -> table or JSON
//! ssh -> inventories --------------┘
//! ```
//!
//! Everybody asked is foreign: answers are bounded in time and bytes, and texts are made safe where they are drawn. A host that
//! does not answer is a row that says so.

mod answer;
mod args;
mod child;
mod config;
mod demo;
mod gather;
mod groups;
mod host;
mod http;
mod lacking;
mod look;
mod machines;
mod memory;
mod names;
mod own;
mod plan;
mod prometheus;
mod rows;
mod secret;
mod seen;
mod shown;
mod ssh;
mod sums;
mod target;
mod told;

#[cfg(test)]
mod tests;

pub(crate) use args::FleetArgs;
pub(crate) use host::by_name;
pub(crate) use plan::Plan;
pub(crate) use rows::{EMPTY, not_here};
pub(crate) use seen::{Failure, Seen};
pub(crate) use shown::Shown;
