//! Plain data: what the sources tell, before anything is made of it.

mod activity;
mod age_text;
mod asked;
mod belonging;
mod container;
mod day;
mod demand;
mod device_usage;
mod enforcement;
mod engine;
mod gpu;
mod gpu_access;
mod gpu_time;
mod keep_alive;
mod named;
mod now;
mod origin;
mod process;
mod reading;
mod remembered;
mod sample;
mod span;
mod suspicion;
mod vendor;
mod wanted;

pub use activity::{ContainerActivity, ContainerLife, RunningProcess};
#[cfg(feature = "fakes")]
pub(crate) use age_text::human_duration;
pub(crate) use age_text::least_age;
pub use asked::Asked;
pub use belonging::{Belonging, BelongingKind, Proof};
pub use container::{
    ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest,
    InvalidContainerId,
};
pub use day::{begin_of, day_of};
pub use demand::Demand;
pub use device_usage::{DeviceUsage, DeviceUtilization, UtilizationSource};
pub use enforcement::Enforcement;
pub use engine::{EngineName, InvalidEngineName, UsersKind};
pub use gpu::{DeviceSample, Gpu, GpuActivity, GpuProcess, GpuReading, GpuSnapshot, Mig, MigInstance, ProcessSample};
pub use gpu_access::GpuAccess;
pub use gpu_time::{GpuTime, IdleTime};
pub use keep_alive::KeepAlive;
pub use named::{Called, NotMeant, meant};
pub use now::{Now, boot_ms_at};
pub use origin::Origin;
pub use process::{Host, Process, UsersGroup};
pub use reading::{Reading, Unknown, UnknownKind};
pub use remembered::Remembered;
pub use sample::{CpuShare, DeviceSpan, Sample, Share, Who};
pub use span::{Span, covered_ms};
pub use suspicion::SuspicionKind;
pub use vendor::Vendor;
pub use wanted::Wanted;
