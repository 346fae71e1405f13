//! What was seen of a container, and what it means: from the driver's answers to a verdict. Pure.
//!
//! ```text
//! GpuReport -> GpuMeasure -> Observation; two observations -> Signals -> Verdict
//! ```

mod container;
mod devices;
mod gpu;
mod measure;
mod observation;
pub mod power;
mod report;
mod signals;
mod thresholds;
mod verdict;

pub use container::ContainerFacts;
pub(crate) use devices::{Devices, Seen, given};
pub use gpu::{Between, GpuEvidence};
pub use measure::{EnergyCount, GpuFigure, GpuMeasure};
pub use observation::{Observation, ProcessActivity, SHORTEST_INTERVAL, StartedProcess};
pub use power::IdlePowers;
pub use report::{Asked, GpuReport, Tenancy, Utilization};
pub use signals::{ProcessNews, Sign, Signal, Signals, Since};
pub use thresholds::Thresholds;
pub use verdict::Verdict;
