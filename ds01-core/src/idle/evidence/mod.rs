//! What was seen of a container, and what it means: from the driver's answers to a verdict. Pure.
//!
//! ```text
//! GpuReport -> GpuMeasure -> Observation; two observations -> Signals -> Verdict
//! ```

mod asked;
mod container;
mod covered;
mod devices;
mod gpu;
mod measure;
mod observation;
mod observed;
pub mod power;
mod report;
mod signals;
mod since;
mod thresholds;
mod verdict;

pub use asked::{Asked, Sampled};
pub use container::ContainerFacts;
pub(crate) use covered::by_ring;
pub(crate) use devices::{Devices, Seen, Whose, devices_of, given};
pub use gpu::{Between, GpuEvidence};
pub use measure::{EnergyCount, GpuFigure, GpuMeasure};
pub use observation::{CpuBurst, Observation, ProcessActivity, SHORTEST_INTERVAL, StartedProcess};
pub(crate) use observed::observed_ms;
pub use power::IdlePowers;
pub use report::{GpuReport, Tenancy, Utilization};
pub use signals::{ProcessNews, Sign, Signal, Signals};
pub use since::Since;
pub use thresholds::Thresholds;
pub use verdict::Verdict;
