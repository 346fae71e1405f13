//! What Prometheus is told of this host: a file in its text format, for node_exporter's textfile collector or for
//! `ds01-detect serve-metrics`.
//!
//! ```text
//! scan:   inventory, what it took, sums of GPU time -> ScanPart  \
//!                                                                  Picture -> families -> text -> /run/ds01/ds01.prom
//! check:  idle state, decisions, counters           -> CheckPart /
//! ```
//!
//! Each writer keeps its part in the state directory and makes the whole file from both, under one lock, so neither undoes what
//! the other wrote. The sampler writes no part: it talks to nobody, sees no container that the inventory does not name, and what it
//! sees is in the next scan's figures.
//!
//! # What holds
//!
//! - Unknown is a series that is not there, never 0. Where a source failed, the series of its part are gone, and
//!   `ds01_source_up` is 0.
//! - Only gauges and counters: node_exporter drops a whole file over a type that it does not know, such as OpenMetrics' `info`.
//! - No label set stands twice: a family is a map of them.
//! - Users' text stands in labels only, with everything escaped that misleads, and cut to [`LONGEST_LABEL`] characters.
//! - No pid, host name or command line. Names are left out or hashed if the policy says so.
//! - At most [`MOST_CONTAINERS`] containers, [`MOST_PAIRS`] pairs of a container and a device, and [`MOST_USERS`] users;
//!   `ds01_metrics_left_out` says how many more there are.
//!
//! The text is written by us, not by the crate `prometheus`: its registry holds counters of a program that runs, and here there
//! is a snapshot of plain data, of which the format takes three kinds of line. Escaping and bounds are ours either way.

mod all;
mod containers;
mod family;
mod file;
mod gpus;
mod host;
mod host_processes;
mod label;
mod names;
mod parts;
mod picture;
mod reaper;
mod user_sums;

pub use all::families;
pub use family::{Family, Kind, text};
pub use file::{MetricsError, MetricsFile};
pub use label::LONGEST_LABEL;
pub use names::Names;
pub use parts::{CheckPart, Judged, ScanPart};
pub use picture::{MOST_CONTAINERS, MOST_PAIRS, Picture};
pub use user_sums::{MOST_USERS, UserSums};

/// Where the file is installed.
pub const DEFAULT_PATH: &str = "/run/ds01/ds01.prom";
