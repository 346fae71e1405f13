//! From what the sources tell to the picture of the host: who runs what, whose it is, and what changed.

mod age_text;
mod build;
mod collect;
mod diff;
mod gpu_access;
mod gpu_entries;
mod gpu_use;
mod host_processes;
pub mod inventory;
mod origin;
mod owner;
mod recall;
mod scan;
mod snapshot;

#[cfg(feature = "fakes")]
pub(crate) use age_text::human_duration;
pub use build::{Settings, build};
pub use collect::{Sources, collect};
pub use diff::diff;
pub use gpu_access::{GpuAccess, configured_access, requested_devices, resolve_devices};
pub use inventory::Inventory;
pub use origin::{Origin, classify};
pub use owner::{UNKNOWN_USER, UserSource, configured_owner};
pub use scan::{Scan, ScanError, ScanOptions, Summary, dry_run, look, run, scan_after};
pub use snapshot::{Facts, SeenContainer, SeenProcesses, Snapshot};
