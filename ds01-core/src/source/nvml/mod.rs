//! The NVIDIA Management Library, through `nvml-wrapper`.
//!
//! | fact | NVML function |
//! |---|---|
//! | driver version | `nvmlSystemGetDriverVersion` |
//! | GPUs | `nvmlDeviceGetCount_v2`, `nvmlDeviceGetHandleByIndex_v2` |
//! | UUID, name | `nvmlDeviceGetUUID`, `nvmlDeviceGetName` |
//! | minor number, bus id | `nvmlDeviceGetMinorNumber`, `nvmlDeviceGetPciInfo_v3` |
//! | memory, all and used | `nvmlDeviceGetMemoryInfo` |
//! | power | `nvmlDeviceGetPowerUsage` |
//! | how much it works, where there are no samples | `nvmlDeviceGetUtilizationRates` |
//! | MIG mode | `nvmlDeviceGetMigMode` |
//! | MIG instances | `nvmlDeviceGetMaxMigDeviceCount`, `nvmlDeviceGetMigDeviceHandleByIndex` |
//! | their ids | `nvmlDeviceGetGpuInstanceId`, `nvmlDeviceGetComputeInstanceId` |
//! | who worked since a time | `nvmlDeviceGetProcessUtilization` |
//! | how much it worked since a time | `nvmlDeviceGetSamples` |
//! | displays, where it is asked who worked | `nvmlDeviceGetGraphicsRunningProcesses`, in the same versions as processes |
//! | energy so far | `nvmlDeviceGetTotalEnergyConsumption` |
//! | how much a MIG instance works | `nvmlGpmMigSampleGet`, `nvmlGpmMetricsGet` |
//! | how much a whole GPU works, where it is looked at again and again | `nvmlGpmSampleGet`, `nvmlGpmMetricsGet` |
//! | persistence mode | `nvmlDeviceGetPersistenceMode` |
//! | processes | `nvmlDeviceGetComputeRunningProcesses`, `nvmlDeviceGetMPSComputeRunningProcesses`; `_v3`, `_v2` or the first, whichever is the newest that the driver has |
//!
//! What a driver lists is told as it lists it. One driver branch (R535) listed pids that never were: check that a process
//! exists before believing in it.

mod activity;
mod answer;
mod gpm;
mod health;
mod load;
mod raw;
mod read;
mod resident;

use std::{path::PathBuf, time::Instant};

use jiff::Timestamp;

pub use health::{DriverHealth, DriverTrouble};
pub use resident::ResidentNvml;

use self::answer::Question;
use super::{GpuSource, SourceError};
use crate::model::GpuSnapshot;

/// The GPUs as the driver's library tells of them.
///
/// Nothing is kept between two snapshots: each loads and initialises the library and shuts it down again, so that a
/// driver that was upgraded, or a GPU that came back, is seen. No deadline is kept either: a call into a driver that
/// hangs does not return, and the caller has to ask from a thread that it can leave behind.
#[derive(Debug, Clone, Default)]
pub struct Nvml {
    library: Option<PathBuf>,
}

impl Nvml {
    /// A source that loads `library`, or the driver's own: `libnvidia-ml.so.1`, else `libnvidia-ml.so`, wherever the
    /// dynamic linker finds it. Nothing is loaded before the first snapshot.
    pub fn new(library: Option<PathBuf>) -> Self {
        Self { library }
    }
}

impl GpuSource for Nvml {
    /// All GPUs and MIG instances, and who holds a compute context on them.
    ///
    /// # Errors
    ///
    /// - [`SourceError::Absent`]: no library was named, and there is none of the driver's.
    /// - [`SourceError::Failed`] with [`Missing`](super::FailureKind::Missing): there is no library at the path named;
    ///   with [`Denied`](super::FailureKind::Denied): it may not be loaded, or NVML may not be used; with
    ///   [`Erred`](super::FailureKind::Erred): it is no NVML library, it could not be initialised (driver not loaded,
    ///   another version than the kernel module's), or it did not say how many GPUs there are.
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        self.read(None)
    }

    /// As [`snapshot`](GpuSource::snapshot). Where a GPU is in MIG mode and has GPM, it takes a tenth of a second more:
    /// the pause between two samples.
    fn observe(&self, since: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.read(Some(since))
    }
}

impl Nvml {
    fn read(&self, since: Option<Timestamp>) -> Result<GpuSnapshot, SourceError> {
        // Loading and initialising can take seconds, where it has to wake the GPUs.
        let begun = Instant::now();
        let library = load::load(self.library.as_deref())?;
        let mut snapshot = read::snapshot(&library, since.map(|since| Question { since, begun }));
        if let (Ok(snapshot), Some(_)) = (&mut snapshot, since) {
            gpm::over_a_pause(&library, &mut snapshot.gpus);
        }
        if let Err(error) = library.shutdown() {
            tracing::debug!("nvmlShutdown: {error}");
        }
        snapshot
    }
}
