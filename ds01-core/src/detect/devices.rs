//! What workloads hold: a GPU, or the MIG instances of one that is partitioned.

use super::inventory::{GpuEntry, Inventory, MigEntry, UsageEntry};

/// What stands in a MIG instance's product name before its profile.
const BEFORE_PROFILE: &str = " MIG ";

/// A GPU that is not partitioned, or a MIG instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Device<'a> {
    /// The GPU that it is, or is an instance of.
    pub gpu: &'a GpuEntry,
    /// The instance, where it is one.
    pub mig: Option<&'a MigEntry>,
}

impl<'a> Device<'a> {
    /// What admins call it: `0` or `amd0`, and `0:1` for an instance.
    pub fn label(&self) -> String {
        match self.mig {
            Some(mig) => format!("{}:{}", self.gpu.label(), mig.index),
            None => self.gpu.label(),
        }
    }

    /// Its UUID.
    pub fn uuid(&self) -> &'a str {
        self.mig.map_or(&self.gpu.uuid, |mig| &mig.uuid)
    }

    /// Product name, of an instance that of its GPU.
    pub fn model(&self) -> Option<&'a str> {
        self.gpu.name.as_deref().or_else(|| Some(self.mig?.split_name()?.0))
    }

    /// Of an instance, such as `3g.40gb`.
    pub fn profile(&self) -> Option<&'a str> {
        self.mig?.profile()
    }

    /// Its memory, in MiB.
    pub fn memory_total_mb(&self) -> Option<u64> {
        self.mig.map_or(self.gpu.memory_total_mb, |mig| mig.memory_total_mb)
    }

    /// How much of it is used.
    pub fn usage(&self) -> Option<&'a UsageEntry> {
        self.mig.map_or(&self.gpu.usage, |mig| &mig.usage).as_ref()
    }
}

impl MigEntry {
    /// Its profile, such as `3g.40gb`: the end of its product name.
    pub fn profile(&self) -> Option<&str> {
        Some(self.split_name()?.1)
    }

    /// The product name of its GPU, and its profile.
    fn split_name(&self) -> Option<(&str, &str)> {
        self.name.as_deref()?.rsplit_once(BEFORE_PROFILE)
    }
}

impl GpuEntry {
    /// Whether workloads hold its instances, and not itself.
    pub fn is_partitioned(&self) -> bool {
        self.mig_enabled == Some(true) || !self.mig_instances.is_empty()
    }

    /// Itself, or its instances where it is partitioned: none where it has none yet.
    pub fn devices(&self) -> impl Iterator<Item = Device<'_>> {
        let whole = (!self.is_partitioned()).then_some(Device { gpu: self, mig: None });
        whole.into_iter().chain(self.mig_instances.iter().map(|mig| Device { gpu: self, mig: Some(mig) }))
    }
}

impl Inventory {
    /// All that workloads can hold, in the order of the GPUs.
    pub fn devices(&self) -> impl Iterator<Item = Device<'_>> {
        self.gpus.iter().flat_map(GpuEntry::devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detect::inventory::Extra, model::Vendor};

    fn mig(index: u32, name: Option<&str>) -> MigEntry {
        MigEntry {
            index,
            uuid: format!("MIG-{index}"),
            name: name.map(ToOwned::to_owned),
            gpu_instance_id: None,
            compute_instance_id: None,
            memory_total_mb: Some(20_096),
            usage: None,
            extra: Extra::new(),
        }
    }

    fn gpu(index: u32, vendor: Vendor, mig_enabled: Option<bool>, mig_instances: Vec<MigEntry>) -> GpuEntry {
        GpuEntry {
            index,
            vendor,
            uuid: format!("GPU-{index}"),
            name: None,
            minor_number: None,
            pci_bus_id: None,
            memory_total_mb: Some(40_960),
            usage: None,
            mig_enabled,
            mig_instances,
            problem: None,
            stale: false,
            extra: Extra::new(),
        }
    }

    #[test]
    fn a_partitioned_gpu_is_its_instances() {
        let named = "NVIDIA A100-SXM4-40GB MIG 3g.20gb";
        let mut inventory = Inventory::empty();
        inventory.gpus = vec![
            gpu(0, Vendor::Nvidia, Some(false), vec![]),
            gpu(1, Vendor::Nvidia, Some(true), vec![mig(0, Some(named)), mig(1, None)]),
            gpu(2, Vendor::Nvidia, Some(true), vec![]),
            // Whether it is partitioned could not be read now; its instances are known from before.
            gpu(3, Vendor::Nvidia, None, vec![mig(0, Some("odd"))]),
            gpu(4, Vendor::Nvidia, None, vec![]),
            gpu(0, Vendor::Amd, None, vec![]),
        ];
        let told: Vec<_> =
            inventory.devices().map(|device| (device.label(), device.model(), device.profile())).collect();
        let label = |text: &str| text.to_owned();
        assert_eq!(
            told,
            [
                (label("0"), None, None),
                (label("1:0"), Some("NVIDIA A100-SXM4-40GB"), Some("3g.20gb")),
                (label("1:1"), None, None),
                (label("3:0"), None, None),
                (label("4"), None, None),
                (label("amd0"), None, None),
            ]
        );
        let first: Vec<_> =
            inventory.devices().take(2).map(|device| (device.uuid(), device.memory_total_mb())).collect();
        assert_eq!(first, [("GPU-0", Some(40_960)), ("MIG-0", Some(20_096))]);
        inventory.gpus[1].name = Some("A100".to_owned());
        assert_eq!(inventory.devices().nth(1).unwrap().model(), Some("A100"), "the GPU's own name counts");
    }
}
