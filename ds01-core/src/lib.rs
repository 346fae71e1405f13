//! What runs on a shared GPU server, whose it is and which GPUs it holds.
//!
//! Many people share one machine with a few expensive GPUs, through Docker and without it. No single source knows who uses
//! what: Docker knows containers and not what they do, NVML knows which pids hold a GPU and not whose they are, `/proc`
//! knows whose they are and in which container. This library asks all three, once, and makes one picture of it.
//!
//! # Words
//!
//! - A **source** is a door to the machine: [`ContainerSource`](source::ContainerSource),
//!   [`GpuSource`](source::GpuSource), [`ProcessSource`](source::ProcessSource), [`Clock`](source::Clock). It answers with
//!   facts, that it is *absent* from this host, or that it *failed*.
//! - A [`Reading`](model::Reading) is a fact that is known, or the reason why it is not. Unknown is never zero.
//! - A [`Snapshot`](detect::Snapshot) is all that one scan saw, before anything is made of it.
//! - The [`Inventory`] is the picture of the host: [containers](detect::inventory::ContainerEntry) with origin,
//!   owner and GPUs; [host processes](detect::inventory::ProcessEntry) with a GPU context outside of them; GPUs; and how
//!   each source answered.
//! - An [`Event`](event::Event) is what changed from one inventory to the next.
//!
//! # Rooms
//!
//! Lowest first: a room uses those above it in this table, and never one below (`tests/layers` keeps it so).
//!
//! | room | what belongs there | touches the machine |
//! |---|---|---|
//! | [`text`], [`duration`], [`units`], [`json`], [`table`] | how things are written for people and programs | no |
//! | [`deadline`] | asking in a thread, and not waiting for ever | threads |
//! | [`model`] | plain data: containers, GPUs, processes, readings | no |
//! | [`store`], [`usage`] | files that survive a crash; counters of cgroups and processes | yes |
//! | [`outbox`] | notices on their way through programs of the admin's | yes |
//! | [`source`] | the doors: one trait a source, the real ones, the fakes | yes |
//! | [`event`] | what happened: the registry of types, and the log | the log |
//! | [`policy`] | what applies to whom: files in, resolved settings out | reading files |
//! | [`detect`] | from what the sources tell to an inventory, and what changed | no |
//! | [`idle`] | who is idle, and what is done about it; it has rooms of its own | some rooms |
//! | [`metrics`] | the file that Prometheus reads | its files |
//! | [`ledger`] | who used what: hours of GPUs, made from the journal | its files |
//! | [`replay`] | what another policy would have done in the past | reads the journal |
//! | [`scan`] | one scan from end to end | yes |
//! | [`sampler`] | what is done on GPUs between scans, every few seconds | yes |
//! | `cli` | what the programs' command lines share (feature `cli`) | terminals |
//!
//! # Flow
//!
//! ```text
//! scan:  sources -> Snapshot -> build(snapshot, previous) -> Inventory -> diff(previous, inventory) -> events, store
//! check: sources + journal + policy + state -> signals -> verdict -> decision -> look again -> do it -> events, state
//! ```
//!
//! [`detect::collect`] touches the machine, [`detect::build`] and [`detect::diff`] are pure functions of plain data, and
//! [`scan::run`] is the shell around them that locks, logs and saves. [`idle::run`] is the shell of a check.
//!
//! # Example
//!
//! A host in memory (feature `fakes`), looked at twice. The real sources are put in the same places:
//! [`Docker`](source::docker::Docker), [`Nvml`](source::nvml::Nvml), [`ProcFs`](source::proc::ProcFs),
//! [`SystemClock`](source::SystemClock).
//!
#![cfg_attr(feature = "fakes", doc = "```")]
#![cfg_attr(not(feature = "fakes"), doc = "```ignore")]
//! use std::time::Duration;
//! use ds01_core::{
//!     detect::{Inventory, Settings, diff, look},
//!     source::fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse()?);
//! host.add_gpus(&[GpuSpec { index: 0, uuid: "GPU-1".into(), ..Default::default() }])?;
//! host.add_container(&ContainerSpec {
//!     name: "train".into(),
//!     labels: [("ds01.user".into(), "alice".into())].into(),
//!     gpus: Some(GpuRequest::Count(-1)),
//!     processes: vec![ProcessSpec { pid: 4001, gpus: [("0".into(), Some(2048))].into(), ..Default::default() }],
//!     ..Default::default()
//! })?;
//!
//! let (limit, settings) = (Duration::from_secs(5), Settings::default());
//! let first = look(&host.sources(), &Inventory::empty(), limit, &settings);
//! let train = first.containers.values().next().ok_or("no container")?;
//! assert_eq!((train.user.as_str(), train.gpu_memory_mb), ("alice", Some(2048)));
//!
//! host.advance(Duration::from_secs(30));
//! let second = look(&host.sources(), &first, limit, &settings);
//! assert!(diff(&first, &second).is_empty(), "nothing changed");
//! # Ok(())
//! # }
//! ```
//!
//! To test a program of your own against a host in memory, give it [`Sources`](source::Sources) from a `FakeHost`, or tell
//! a story in YAML in a scenario file. To add a source, implement its trait; the trait says what it has to promise.
//! `examples/own_source.rs` does that, and goes on to a policy and a verdict.

#[cfg(feature = "cli")]
pub mod cli;
pub mod deadline;
pub mod detect;
pub mod duration;
pub mod event;
pub mod idle;
pub mod json;
pub mod ledger;
pub mod metrics;
pub mod model;
pub mod outbox;
pub mod policy;
pub mod replay;
pub mod sampler;
pub mod scan;
pub mod source;
pub mod store;
pub mod table;
pub mod text;
pub mod units;
pub mod usage;

pub use detect::Inventory;
