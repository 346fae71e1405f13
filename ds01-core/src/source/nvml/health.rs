//! What the driver says of itself, and how it keeps its GPUs, for whoever looks after the host. A scan needs none of this.

use nvml_wrapper::error::NvmlError;

use super::{Nvml, answer::reading, load};
use crate::{
    model::Reading,
    source::{FailureKind, SourceError, SourceName},
};

/// The driver, and what is set on each of its GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverHealth {
    /// `nvmlSystemGetDriverVersion`, such as `550.54.15`.
    pub driver_version: Reading<String>,
    /// `nvmlDeviceGetPersistenceMode` by index: whether the driver stays awake while nobody uses the GPU.
    pub persistence_mode: Vec<Reading<bool>>,
}

/// Why the library could not be initialised, where the cure is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverTrouble {
    /// `NVML_ERROR_DRIVER_NOT_LOADED`: the kernel module is not there.
    NotLoaded,
    /// `NVML_ERROR_LIB_RM_VERSION_MISMATCH`: the driver was upgraded, and the kernel still has the module of before.
    VersionMismatch,
}

impl Nvml {
    /// Loads the library, and asks it for the driver's version and the persistence mode of each GPU.
    ///
    /// As with a snapshot, a call into a driver that hangs does not return.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](crate::source::GpuSource::snapshot).
    pub fn health(&self) -> Result<DriverHealth, SourceError> {
        let library = load::load(self.library.as_deref())?;
        let health = health(&library);
        if let Err(error) = library.shutdown() {
            tracing::debug!("nvmlShutdown: {error}");
        }
        health
    }
}

fn health(nvml: &nvml_wrapper::Nvml) -> Result<DriverHealth, SourceError> {
    let count = nvml.device_count().map_err(|error| {
        SourceError::failed(SourceName::Nvml, FailureKind::Erred, format!("nvmlDeviceGetCount_v2: {error}"))
    })?;
    let mode = |index| match nvml.device_by_index(index) {
        Ok(device) => reading("nvmlDeviceGetPersistenceMode", device.is_in_persistent_mode()),
        Err(error) => reading("nvmlDeviceGetHandleByIndex_v2", Err(error)),
    };
    Ok(DriverHealth {
        driver_version: reading("nvmlSystemGetDriverVersion", nvml.sys_driver_version()),
        persistence_mode: (0..count).map(mode).collect(),
    })
}

impl DriverTrouble {
    /// What is behind an error of [`Nvml`], if it is one of these.
    pub fn behind(error: &SourceError) -> Option<Self> {
        let SourceError::Failed { source_name: SourceName::Nvml, detail, .. } = error else { return None };
        // The error's words end in those of the library's answer.
        [(NvmlError::DriverNotLoaded, Self::NotLoaded), (NvmlError::LibRmVersionMismatch, Self::VersionMismatch)]
            .into_iter()
            .find_map(|(answer, trouble)| detail.ends_with(&answer.to_string()).then_some(trouble))
    }
}
