//! From what the sources tell to the picture of the host: who runs what, whose it is, and what changed.

mod gpu_access;
pub mod inventory;
mod origin;
mod owner;

pub use gpu_access::{GpuAccess, configured_access, requested_devices, resolve_devices};
pub use inventory::Inventory;
pub use origin::{Origin, classify};
pub use owner::{UNKNOWN_USER, UserSource, configured_owner};
