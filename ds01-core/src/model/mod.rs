//! Plain data: what the sources tell, before anything is made of it.

mod activity;
mod container;
mod gpu;
mod process;
mod reading;

pub use activity::{ContainerActivity, ContainerLife, RunningProcess};
pub use container::{
    ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest,
    InvalidContainerId,
};
pub use gpu::{DeviceSample, Gpu, GpuActivity, GpuProcess, GpuReading, GpuSnapshot, Mig, MigInstance, ProcessSample};
pub use process::{Host, Process};
pub use reading::{Reading, Unknown, UnknownKind};
