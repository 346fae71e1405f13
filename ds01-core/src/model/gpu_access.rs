//! What gives a container access to GPUs.

use serde::{Deserialize, Serialize};

/// The rule that gives a container its GPU access, the first that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuAccess {
    /// A device request for GPUs: `docker run --gpus`.
    DeviceRequest,
    /// A device request by CDI name.
    Cdi,
    /// A device node of nvidia: `docker run --device /dev/nvidia0`.
    Device,
    /// The nvidia runtime, told by the environment to give devices.
    Runtime,
    /// A process of the container holds a GPU context, whatever the configuration says.
    Process,
}

impl GpuAccess {
    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceRequest => "device-request",
            Self::Cdi => "cdi",
            Self::Device => "device",
            Self::Runtime => "runtime",
            Self::Process => "process",
        }
    }
}
