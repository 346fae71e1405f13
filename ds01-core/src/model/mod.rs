//! Plain data: what the sources tell, before anything is made of it.

mod container;
mod gpu;
mod process;
mod reading;

pub use container::{
    ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest,
    InvalidContainerId,
};
pub use gpu::{Gpu, GpuProcess, GpuReading, GpuSnapshot, Mig, MigInstance};
pub use process::{Host, Process};
pub use reading::{Reading, Unknown, UnknownKind};
