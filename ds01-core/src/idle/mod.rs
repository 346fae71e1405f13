//! Which GPU containers are idle, for how long, and what is to be done about it.
//!
//! # Rooms
//!
//! Lowest first. A room uses itself and those above it in this table, never one below; `tests/layers.rs` keeps it so.
//!
//! | room | what belongs there | touches the machine |
//! |---|---|---|
//! | [`evidence`] | what the GPUs and the container did, and what that means: figures, signals, verdict | no |
//! | [`journal`] | one look at the host, and the file that keeps what looks saw | yes |
//! | [`habits`] | what containers and GPUs did over hours and days | no |
//! | [`state`] | what is remembered from one check to the next | no |
//! | [`rules`] | who is warned, stopped or removed, and why | no |
//! | [`gpus`] | which GPU is free and who sits on the others, and the files that say so to everybody | its files |
//! | [`suspicion`] | what looks wrong, for an admin's eyes; nothing is done about it | no |
//! | [`notice`] | the texts that people get, and how they get them | yes |
//! | [`act`] | a check from end to end: looking, deciding, doing | yes |
//!
//! # Flow
//!
//! ```text
//! GpuReport, counters -> Observation -> journal
//! journal -> Signals between two observations -> Verdict -> observed idle time (IdleState)
//! facts + policy + IdleState + now -> rules in their order -> Decision -> recheck -> done -> IdleState::record
//! ```
//!
//! # What is promised
//!
//! Leaving an idle GPU for another five minutes costs little. Stopping a training run costs a day of somebody's work. So the
//! reaper waits where evidence is missing: what could not be read is unknown and never zero, what nobody observed is no idle
//! time, and what can't be told apart counts as work.

pub mod act;
pub mod evidence;
pub mod gpus;
pub mod habits;
pub mod journal;
pub mod notice;
pub mod rules;
pub mod state;
pub mod suspicion;
#[cfg(test)]
pub(crate) mod test_support;

pub use crate::model::Now;
pub use act::{
    CheckError, CheckOptions, Checked, Hands, KEEP_DIR, LONGEST_NOTICE, Outcome, Request, drop_request, keep_dir,
    preview, preview_after, run, try_notices,
};
pub use evidence::{
    ContainerFacts, EnergyCount, GpuEvidence, GpuFigure, GpuMeasure, GpuReport, Observation, ProcessActivity, Signal,
    Signals, Thresholds, Verdict,
};
pub use habits::Habits;
pub use journal::{Journal, Look};
pub use notice::{
    Broadcast, Channel, Channels, Delivery, Login, Message, Others, People, Reached, Severity, Wall, user_ids,
};
pub use rules::{
    Action, Asked, Case, Changed, Check, ContainerPolicy, Decision, Demand, KeepAlive, Plan, Reason, Removal, Rule,
    decide, recheck, trail,
};
pub use state::{IdleState, Kept, StateError, StopCause, Track};
pub use suspicion::Suspicion;
