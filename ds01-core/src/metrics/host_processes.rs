//! Processes with a GPU context outside of containers, by user.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    family::Family,
    label::label,
    picture::{MOST_PAIRS, Picture, bytes, number},
};

pub(super) fn families(picture: &Picture<'_>, left_out: &mut BTreeMap<&'static str, usize>) -> Vec<Family> {
    let mut memory = Family::gauge(
        "ds01_host_gpu_memory_used_bytes",
        "Memory of a GPU or MIG instance that a user's processes outside of containers hold.",
        &["user", "uuid"],
    );
    let mut count = Family::gauge(
        "ds01_host_gpu_processes",
        "How many processes of a user outside of containers hold a context on a GPU or MIG instance.",
        &["user", "uuid"],
    );
    let devices = picture.devices();
    // How many, and what they hold: none where that of any of them is unknown.
    let mut held: BTreeMap<(String, &str), (BTreeSet<u32>, Option<u64>)> = BTreeMap::new();
    for (pid, entry) in picture.inventory.host_processes.iter().filter(|(_, entry)| !entry.stale) {
        let user = picture.names.user(&entry.user);
        for used in entry.gpus.iter().filter(|used| devices.contains_key(used.gpu_uuid.as_str())) {
            let (pids, sum) = held.entry((user.clone(), &used.gpu_uuid)).or_insert((BTreeSet::new(), Some(0)));
            pids.insert(*pid);
            *sum = sum.zip(used.memory_mb).map(|(sum, one)| sum.saturating_add(one));
        }
    }
    left_out.insert("host_gpus", held.len().saturating_sub(MOST_PAIRS));
    for ((user, uuid), (pids, memory_mb)) in held.into_iter().take(MOST_PAIRS) {
        let uuid = label(uuid);
        count.set(&[&user, &uuid], number(pids.len()));
        if let Some(mib) = memory_mb {
            memory.set(&[&user, &uuid], bytes(mib));
        }
    }
    vec![memory, count]
}
