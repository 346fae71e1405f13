//! KFD, the part of the driver that computes: its nodes, and who uses them.

use std::{collections::BTreeMap, path::Path};

use super::{
    Users,
    files::{names, number, numbers, text},
};
use crate::model::{Reading, Unknown, UnknownKind};

/// A GPU, or a part of one that is partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// KFD's id, which names files of processes.
    pub(super) gpu_id: u64,
    /// `name`: its chip, such as `aldebaran`.
    pub(super) name: Reading<String>,
    /// `drm_render_minor`: the N of `/dev/dri/renderDN`.
    pub(super) render_minor: Reading<u32>,
    /// `domain` and `location_id`.
    pub(super) pci_bus_id: String,
    /// `unique_id`, which older chips have not.
    pub(super) unique_id: Option<u64>,
}

/// The nodes that are GPUs, in their order. One that may not be read is a GPU: processors may be.
pub(super) fn nodes(path: &Path) -> Result<Vec<Reading<Node>>, Unknown> {
    let nodes = numbers(path)?.into_iter().map(|number| node(&path.join(number.to_string())));
    Ok(nodes.filter(|node| node.known().is_none_or(|node| node.gpu_id != 0)).collect())
}

fn node(path: &Path) -> Reading<Node> {
    let gpu_id = match number(&path.join("gpu_id")) {
        Reading::Known(gpu_id) => gpu_id,
        Reading::Unknown(why) => return why.into(),
    };
    let text_of_all = match text(&path.join("properties")) {
        Reading::Known(text) => text,
        // Of a processor nothing more has to be known.
        Reading::Unknown(_) if gpu_id == 0 => String::new(),
        Reading::Unknown(why) => return why.into(),
    };
    let properties = properties(&text_of_all);
    let property = |name: &str| properties.get(name).copied();
    let location = property("location_id").unwrap_or_default();
    // The upper bits of a part's location number the part.
    let (bus, device, function) = (location >> 8 & 0xff, location >> 3 & 0x1f, location & 7);
    let minor = property("drm_render_minor").and_then(|minor| u32::try_from(minor).ok()).filter(|minor| *minor > 0);
    let no_minor = || Unknown::new(UnknownKind::NotSupported, "it has no render node").into();
    Reading::Known(Node {
        gpu_id,
        name: text(&path.join("name")),
        render_minor: minor.map_or_else(no_minor, Reading::Known),
        pci_bus_id: format!("{:04x}:{bus:02x}:{device:02x}.{function}", property("domain").unwrap_or_default()),
        unique_id: property("unique_id"),
    })
}

/// Lines of a name and a number.
fn properties(text: &str) -> BTreeMap<&str, u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect()
}

/// Who holds memory of each GPU, or has a queue on it. Every process that opened KFD has files of all GPUs: those of GPUs that it
/// does not use say 0.
pub(super) fn users(path: &Path) -> Reading<Users> {
    let pids = match numbers(path) {
        Ok(pids) => pids,
        Err(why) => return why.into(),
    };
    let mut users = Users::new();
    for pid in pids.into_iter().filter(|pid| *pid != 0) {
        let folder = path.join(pid.to_string());
        let queues = folder.join("queues");
        // Who has none of its own, or has ended meanwhile, uses no GPU by a queue.
        for queue in names(&queues).unwrap_or_default() {
            if let Reading::Known(gpu_id) = number(&queues.join(queue).join("gpuid")) {
                let unknown = Unknown::new(UnknownKind::NotSupported, "its memory on this GPU");
                users.entry(gpu_id).or_default().insert(pid, unknown.into());
            }
        }
        for file in names(&folder).unwrap_or_default() {
            let Some(gpu_id) = file.strip_prefix("vram_").and_then(|id| id.parse().ok()) else { continue };
            let of_gpu = users.entry(gpu_id).or_default();
            match number(&folder.join(&file)) {
                Reading::Known(0) => {
                    of_gpu.entry(pid).and_modify(|bytes| *bytes = Reading::Known(0));
                }
                bytes @ Reading::Known(_) => drop(of_gpu.insert(pid, bytes)),
                Reading::Unknown(_) => {}
            }
        }
    }
    Reading::Known(users)
}
