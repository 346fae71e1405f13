//! Which GPU is free, and who sits on the others: for the table, for scripts, and for everybody on the host.
//!
//! ```text
//! inventory + what the reaper remembers + policy + now -> GpuState of each GPU and MIG instance -> Picture -> file, table
//! ```

mod device;
mod idleness;
mod own;
mod picture;
mod publish;
mod states;
mod until;
mod untold;
mod want;
mod why;

pub use crate::model::Wanted;
pub use device::{Activity, GpuState, Holder, HolderKind, Occupancy, StopFor};
pub use idleness::Idleness;
pub use own::own;
pub use picture::{PICTURE_FILE, Picture, USERS_DIR};
pub use publish::{Public, publish};
pub use states::states;
pub use want::{devices, memory_mb};
