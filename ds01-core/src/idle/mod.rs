//! Which GPU containers are idle, for how long, and what is to be done about it.
//!
//! What decides is a function of plain data: facts, policy, state and time. Five modules touch the machine: [`look`] asks the
//! sources, the [`journal`] keeps what was seen, [`check`](mod@check) is the shell around all of it, [`carry_out`] does what the
//! [`Plan`] says, [`broadcast`] tells people.
//!
//! ```text
//! GpuReport, counters -> Observation -> journal
//! journal -> Signals between two observations -> Verdict -> observed idle time (IdleState)
//! facts + policy + IdleState + now -> rules in their order -> Decision -> recheck -> done -> IdleState::record
//! ```
//!
//! Leaving an idle GPU for another five minutes costs little; stopping a training run costs a day of somebody's work. So
//! where evidence is missing, it waits: what could not be read is unknown and never zero, what nobody observed is no idle
//! time, and what can't be told apart is taken for work.

pub mod broadcast;
pub mod carry_out;
pub mod check;
pub mod decide;
mod devices;
pub mod event;
pub mod facts;
pub mod gpu_evidence;
pub mod journal;
mod keep_alive;
pub mod look;
pub mod notice;
pub mod observation;
pub mod plan;
pub mod power;
pub mod recheck;
pub mod rules;
pub mod signals;
pub mod standing;
pub mod state;
pub mod stopping;
#[cfg(test)]
mod test_support;
pub mod track;
pub mod verdict;

pub use broadcast::{Broadcast, Wall};
pub use carry_out::Outcome;
pub use check::{CheckError, CheckOptions, Checked, Hands, preview, preview_after, run};
pub use decide::{Action, Decision, Removal, StopCause, decide};
pub use facts::{ContainerFacts, ContainerPolicy, Demand, KeepAlive, Now};
pub use gpu_evidence::{GpuEvidence, GpuFigure, GpuMeasure, GpuReport};
pub use journal::Journal;
pub use look::Look;
pub use observation::{Observation, ProcessActivity};
pub use plan::{Check, Plan};
pub use power::EnergyCount;
pub use recheck::{Changed, recheck};
pub use rules::{Case, Reason, Rule, trail};
pub use signals::{Signal, Signals, Thresholds};
pub use state::{IdleState, StateError};
pub use track::Track;
pub use verdict::Verdict;
