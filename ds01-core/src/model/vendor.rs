//! Who made a GPU.

use serde::{Deserialize, Serialize};

/// A maker of GPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// NVIDIA, through NVML.
    #[default]
    Nvidia,
    /// AMD, through the files of its kernel driver. Observed only.
    Amd,
}

impl Vendor {
    /// What stands before an index, so that each maker's GPUs have numbers of their own: NVIDIA's are plain, as they always were.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Nvidia => "",
            Self::Amd => "amd",
        }
    }

    /// Whether this is NVIDIA.
    pub fn is_nvidia(&self) -> bool {
        *self == Self::Nvidia
    }
}
