//! All GPUs at one moment, as everybody may see them: `gpus.json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    device::{GpuState, Holder, Occupancy},
    untold::untold,
    why::{doubt, for_everybody},
};
use crate::{
    detect::{
        Inventory,
        inventory::{SCHEMA_VERSION, of_this_version},
    },
    policy::PublicView,
};

/// So many GPUs are named in a line.
const NAMED: usize = 8;

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
    /// How many running containers have a GPU, or could have one, of which nobody knows which it is. While there are some, no GPU
    /// is said to be free.
    #[serde(default)]
    pub untold: u64,
    /// The GPUs and MIG instances, in the order of their indices.
    pub gpus: Vec<GpuState>,
}

impl Picture {
    /// What is seen of `inventory`, whose GPUs are in these `states`, by whoever may see as much as `view`.
    pub fn new(inventory: &Inventory, states: Vec<GpuState>, view: PublicView) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            host: inventory.host.as_ref().map(|host| host.name.clone()),
            at: inventory.last_scan,
            view,
            failed: inventory.hosts_failed_sources().map(|(name, _)| name.to_owned()).collect(),
            untold: u64::try_from(untold(inventory).count()).unwrap_or(u64::MAX),
            gpus: states.into_iter().map(|state| reduced(state, view)).collect(),
        }
    }

    /// Why GPUs are not said to be free on which nobody is seen, though they could be looked at: a line for each reason.
    pub fn doubts(&self) -> Vec<String> {
        let unknown = self.gpus.iter().filter(|gpu| gpu.state == Occupancy::Unknown);
        let mut doubts: Vec<(&str, Vec<&str>)> = Vec::new();
        for (gpu, why) in unknown.filter_map(|gpu| Some((gpu.gpu.as_str(), gpu.why.as_deref()?))) {
            match doubts.iter_mut().find(|(other, _)| *other == why) {
                Some((_, gpus)) => gpus.push(gpu),
                None if doubt(why).is_some() => doubts.push((why, vec![gpu])),
                None => {}
            }
        }
        let line = |(why, gpus): (&str, Vec<&str>)| {
            let more = gpus.len().saturating_sub(NAMED);
            let named: Vec<&str> = gpus.into_iter().take(NAMED).collect();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("GPU {}{more}: whether it is free nobody can tell: {why}", named.join(", "))
        };
        doubts.into_iter().map(line).collect()
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        of_this_version(bytes, |picture: &Self| &picture.schema_version).map_err(|error| error.to_string())
    }
}

/// Nothing that is not named here is shown: the type has no command line, image or label to begin with.
fn reduced(state: GpuState, view: PublicView) -> GpuState {
    let holder = |holder: Holder| match view {
        PublicView::Full => holder,
        PublicView::Owners => Holder { name: None, ..holder },
        PublicView::Anonymous | PublicView::Off => Holder { name: None, user: None, ..holder },
    };
    let why = state.why.map(|why| if view == PublicView::Full { why } else { for_everybody(&why).to_owned() });
    GpuState { holders: state.holders.into_iter().map(holder).collect(), why, ..state }
}
