//! Plain data: what the sources tell, before anything is made of it.

mod activity;
mod age_text;
mod asked;
mod container;
mod day;
mod demand;
mod enforcement;
mod gpu;
mod gpu_access;
mod keep_alive;
mod named;
mod now;
mod origin;
mod process;
mod reading;
mod sample;
mod span;
mod suspicion;

pub use activity::{ContainerActivity, ContainerLife, RunningProcess};
#[cfg(feature = "fakes")]
pub(crate) use age_text::human_duration;
pub(crate) use age_text::least_age;
pub use asked::Asked;
pub use container::{
    ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest,
    InvalidContainerId,
};
pub use day::{begin_of, day_of};
pub use demand::Demand;
pub use enforcement::Enforcement;
pub use gpu::{DeviceSample, Gpu, GpuActivity, GpuProcess, GpuReading, GpuSnapshot, Mig, MigInstance, ProcessSample};
pub use gpu_access::GpuAccess;
pub use keep_alive::KeepAlive;
pub use named::{NotMeant, meant};
pub use now::{Now, boot_ms_at};
pub use origin::Origin;
pub use process::{Host, Process};
pub use reading::{Reading, Unknown, UnknownKind};
pub use sample::{CpuShare, DeviceSpan, Sample, Share, Who};
pub use span::{Span, covered_ms};
pub use suspicion::SuspicionKind;
