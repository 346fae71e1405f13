//! From what the sources tell to the picture of the host: who runs what, whose it is, and what changed.

mod amd_access;
mod build;
mod claims;
mod collect;
mod dead_processes;
mod devices;
mod diff;
mod engines;
mod gpu_access;
mod gpu_entries;
mod gpu_use;
mod host_processes;
mod inspect;
pub mod inventory;
mod look;
mod name_service;
mod names;
mod origin;
mod owner;
mod recall;
mod settings;
mod snapshot;
mod whose;

pub use build::build;
pub use collect::collect;
pub use devices::Device;
pub use diff::diff;
pub use engines::{all_engines_told, roots_engines};
pub use gpu_access::{configured_access, requested_devices, resolve_devices};
pub use inventory::Inventory;
pub use look::{Summary, look};
pub use names::SeenUsers;
pub use origin::classify;
pub use owner::{UNKNOWN_USER, UserSource, configured_owner, mounted_home};
pub use settings::Settings;
pub use snapshot::{Facts, SeenContainer, SeenEngine, SeenProcesses, Snapshot};

pub use crate::{
    model::{GpuAccess, Origin},
    source::Sources,
};
