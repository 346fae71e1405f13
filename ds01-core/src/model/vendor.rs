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

    /// What its GPU of this index is called: `0`, or `amd0`.
    pub fn label(self, index: u32) -> String {
        format!("{}{index}", self.prefix())
    }

    /// The maker and the index of the GPU that is called so.
    pub fn parse_label(label: &str) -> Option<(Self, u32)> {
        let (vendor, index) = match label.strip_prefix(Self::Amd.prefix()) {
            Some(index) => (Self::Amd, index),
            None => (Self::Nvidia, label),
        };
        Some((vendor, index.parse().ok()?))
    }

    /// Whether this is NVIDIA.
    pub fn is_nvidia(&self) -> bool {
        *self == Self::Nvidia
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lead_back_to_maker_and_index() {
        for place in [(Vendor::Nvidia, 0), (Vendor::Nvidia, 15), (Vendor::Amd, 3)] {
            assert_eq!(Vendor::parse_label(&place.0.label(place.1)), Some(place));
        }
        for nothing in ["", "amd", "amd-1", "intel0", "-1", "0:1"] {
            assert_eq!(Vendor::parse_label(nothing), None, "{nothing}");
        }
    }
}
