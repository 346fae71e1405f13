//! All GPUs at one moment, as everybody may see them: `gpus.json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::device::{GpuState, Holder};
use crate::{
    detect::{Inventory, inventory::SCHEMA_VERSION},
    policy::PublicView,
};

/// The file's name, in the directory that everybody can look into.
pub const PICTURE_FILE: &str = "gpus.json";

/// Beside it: a file for each user, named by his id, with what is his. Nobody but root can list it.
pub const USERS_DIR: &str = "users";

/// All GPUs at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The version of the inventory's form, which this goes with.
    pub schema_version: String,
    /// The host's name.
    pub host: Option<String>,
    /// When the host was looked at.
    pub at: Option<Timestamp>,
    /// How much is shown: a word of the policy's `public_view`.
    pub view: PublicView,
    /// The sources that failed at that look. No user's own container engine is one: it fails as its user likes, and is named by
    /// the user.
    #[serde(default)]
    pub failed: Vec<String>,
    /// How many containers have a GPU of which nobody knows which it is.
    #[serde(default)]
    pub untold: u64,
    /// The GPUs and MIG instances, in the order of their indices.
    pub gpus: Vec<GpuState>,
}

impl Picture {
    /// What is seen of `inventory`, whose GPUs are in these `states`, by whoever may see as much as `view`.
    pub fn new(inventory: &Inventory, states: Vec<GpuState>, view: PublicView) -> Self {
        let failed = inventory.failed_sources().filter(|(name, _)| !Inventory::is_users_own(name));
        let untold = inventory.containers.values().filter(|entry| {
            let holds = || entry.gpu_processes.iter().flatten().next().is_some();
            entry.status.is_up()
                && entry.has_gpu == Some(true)
                && entry.infrastructure.is_none()
                && entry.gpus.is_empty()
                && entry.gpus_unresolved.is_empty()
                && !holds()
        });
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            host: inventory.host.as_ref().map(|host| host.name.clone()),
            at: inventory.last_scan,
            view,
            failed: failed.map(|(name, _)| name.to_owned()).collect(),
            untold: u64::try_from(untold.count()).unwrap_or(u64::MAX),
            gpus: states.into_iter().map(|state| reduced(state, view)).collect(),
        }
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| format!("corrupt: {error}"))?;
        if read.schema_version == SCHEMA_VERSION {
            return Ok(read);
        }
        let found = read.schema_version;
        Err(format!("written by another version: schema_version is {found}, this program reads {SCHEMA_VERSION}"))
    }
}

/// Nothing that is not named here is shown: the type has no command line, image or label to begin with.
fn reduced(state: GpuState, view: PublicView) -> GpuState {
    let holder = |holder: Holder| match view {
        PublicView::Full => holder,
        PublicView::Owners => Holder { name: None, ..holder },
        PublicView::Anonymous | PublicView::Off => Holder { name: None, user: None, ..holder },
    };
    // Words of Docker, the driver and the kernel about what they could not do name no container; they can name processes.
    let why = state.why.map(|why| if view == PublicView::Full { why } else { "it could not be looked at".to_owned() });
    GpuState { holders: state.holders.into_iter().map(holder).collect(), why, ..state }
}
