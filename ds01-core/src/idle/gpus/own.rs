//! What of a host is one user's own.

use std::collections::BTreeMap;

use crate::{
    detect::{
        Inventory, UserSource,
        inventory::{ContainerEntry, Extra},
        mounted_home,
    },
    idle::rules::{Owner, may_keep},
    model::EngineName,
};

/// The part of the picture that is `uid`'s own: what he runs, whole, on the host's GPUs.
///
/// A process is his by the kernel's word. A container is his by the rule by which he may keep it (see
/// [`may_keep`]): that its label names him is not enough, as its label is whoever's who made it. What is mounted into it from
/// elsewhere than homes is not looked at.
pub fn own(inventory: &Inventory, uid: u32) -> Inventory {
    let is_his = |entry: &&ContainerEntry| {
        let owner = Owner {
            user: Some(entry.user.as_str()).filter(|_| entry.user_source != UserSource::Unknown),
            source: entry.user_source,
            uid: entry.user_uid,
            home: mounted_home(entry.config.as_ref()),
            directories: None,
            engine: entry.engine.owner(),
            main_uid: entry.main_uid,
        };
        uid != 0 && may_keep(uid, &owner).is_ok()
    };
    let containers = inventory.containers.iter().filter(|(_, entry)| is_his(entry));
    // What another user's own engine says is that user's text, and nobody else's business.
    let is_anothers = |name: &str| {
        let engine = name.parse::<EngineName>().ok();
        engine.and_then(|engine| engine.owner()).is_some_and(|owner| owner != uid)
    };
    let sources = inventory.sources.iter().filter(|(name, _)| !is_anothers(name));
    let processes = inventory.host_processes.iter().filter(|(_, process)| process.uid == uid);
    let pending = inventory.pending_processes.iter().filter(|(_, process)| process.uid == uid);
    Inventory {
        schema_version: inventory.schema_version.clone(),
        last_scan: inventory.last_scan,
        host: inventory.host.clone(),
        sources: sources.map(|(name, source)| (name.clone(), source.clone())).collect(),
        gpus: inventory.gpus.clone(),
        containers: containers.map(|(key, entry)| (key.clone(), entry.clone())).collect(),
        host_processes: processes.map(|(pid, process)| (*pid, process.clone())).collect(),
        pending_processes: pending.map(|(pid, process)| (*pid, process.clone())).collect(),
        dead_processes: BTreeMap::new(),
        extra: Extra::new(),
    }
}
