//! What admins call the GPUs of the host: by index first.

use ds01_core::detect::inventory::GpuEntry;

/// The index of each GPU and MIG instance, by UUID.
pub(super) struct GpuNames(Vec<(String, String)>);

impl GpuNames {
    pub(super) fn new(gpus: &[GpuEntry]) -> Self {
        let instances = |gpu: &GpuEntry| -> Vec<(String, String)> {
            let of = |(uuid, index): (&String, u32)| (uuid.clone(), format!("GPU {}:{index}", gpu.label()));
            gpu.mig_instances.iter().map(|mig| of((&mig.uuid, mig.index))).collect()
        };
        let whole = gpus.iter().map(|gpu| (gpu.uuid.clone(), format!("GPU {}", gpu.label())));
        Self(whole.chain(gpus.iter().flat_map(instances)).collect())
    }

    /// `GPU 3:0 (MIG-...)`; of one that this host does not have, what it is known by.
    pub(super) fn named(&self, uuid: &str) -> String {
        let found = self.0.iter().find(|(known, _)| known == uuid);
        found.map_or_else(|| uuid.to_owned(), |(_, name)| format!("{name} ({uuid})"))
    }

    /// A text with names instead of UUIDs.
    pub(super) fn in_text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (uuid, name)| text.replace(uuid, name))
    }
}
