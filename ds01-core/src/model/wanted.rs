//! What somebody waits for.

use serde::{Deserialize, Serialize};

use super::Vendor;

/// So many GPUs that are free at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// How many.
    pub gpus: u64,
    /// With at least so much memory that nobody uses, in MiB, each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// MIG instances of this profile, or `any`; otherwise GPUs that are not partitioned. Users' text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mig: Option<String>,
    /// Who made them: a program for one maker's runs on no other's.
    #[serde(default, skip_serializing_if = "Vendor::is_nvidia")]
    pub vendor: Vendor,
}
