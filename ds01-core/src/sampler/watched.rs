//! The CPU time of containers that can use a GPU.

use std::{
    collections::{BTreeMap, HashMap},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::workers::Workers;
use crate::{
    Inventory,
    detect::inventory::FILE_NAME,
    model::{ContainerId, ContainerLife, CpuShare, Reading},
    source::ProcessSource,
    store::Store,
};

/// Less than this in a span is nobody's work, and is not written down.
const LEAST: Duration = Duration::from_millis(5);

/// The containers that are watched, and their counters at the last look.
#[derive(Debug)]
pub(super) struct Watched {
    state_dir: PathBuf,
    /// Inode and time of the inventory that was read last: one that is replaced has others.
    read: Option<(u64, i64, i64)>,
    /// With their main processes, from the inventory.
    listed: BTreeMap<ContainerId, u32>,
    counters: HashMap<ContainerId, Duration>,
}

impl Watched {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { state_dir: state_dir.to_owned(), read: None, listed: BTreeMap::new(), counters: HashMap::new() }
    }

    /// What each used since the last look.
    pub(super) fn cpu(&mut self, source: &Arc<dyn ProcessSource>, workers: &Workers) -> Vec<CpuShare> {
        self.read_inventory();
        let mut lives: BTreeMap<&ContainerId, u32> = workers.containers().collect();
        lives.extend(self.listed.iter().map(|(id, pid)| (id, *pid)));
        let mut counters = HashMap::with_capacity(lives.len());
        let mut shares = Vec::new();
        for (id, pid) in lives {
            let life = ContainerLife { id: id.clone(), pid, health_check: Vec::new() };
            let Reading::Known(now) = source.cpu_time(&life) else { continue };
            let used = self.counters.get(id).and_then(|before| now.checked_sub(*before));
            if let Some(used) = used.filter(|used| *used >= LEAST) {
                let us = u64::try_from(used.as_micros()).unwrap_or(u64::MAX);
                shares.push(CpuShare { container: id.short().to_owned(), us });
            }
            counters.insert(id.clone(), now);
        }
        self.counters = counters;
        shares
    }

    /// Reads the inventory when it is another one. Without one, only those are watched that hold a context.
    fn read_inventory(&mut self) {
        let Ok(store) = Store::open_existing(&self.state_dir) else { return };
        let Ok(Some(file)) = store.open_to_read(FILE_NAME) else { return };
        let Ok(metadata) = file.metadata() else { return };
        let is = Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
        if self.read == is {
            return;
        }
        let Ok(Some(bytes)) = store.read(FILE_NAME) else { return };
        let Ok(inventory) = Inventory::from_json(&bytes) else { return };
        self.read = is;
        let with_gpu =
            inventory.containers.into_values().filter(|entry| entry.status.is_up() && entry.has_gpu == Some(true));
        self.listed = with_gpu.filter_map(|entry| Some((entry.full_id, entry.pid?))).collect();
    }
}
