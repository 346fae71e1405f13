//! Whose a container is that two engines say is theirs.
//!
//! Ids are 64 random digits: no two daemons give the same by chance. Whoever lists another's id lies, or reaches the other
//! daemon through another name. The first in the order of trust has it: Docker, Podman, what admins named. Users' own
//! daemons come after all of these, and among them that one has it which the kernel speaks for, then the one that had it
//! first. What is dropped changes nothing of the picture of the other engine.

use std::collections::HashMap;

use super::{
    inventory::{ContainerEntry, Inventory},
    snapshot::SeenProcesses,
};
use crate::model::{ContainerId, EngineName};

/// Entries of which each id has one, in the order of trust of their engines, and what was dropped: by engine, in words.
pub(super) fn settled(
    entries: Vec<ContainerEntry>,
    previous: &Inventory,
    processes: Option<&SeenProcesses>,
) -> (Vec<ContainerEntry>, HashMap<EngineName, Vec<String>>) {
    let mut claimed: HashMap<ContainerId, usize> = HashMap::new();
    let mut dropped: HashMap<EngineName, Vec<String>> = HashMap::new();
    let mut kept: Vec<Option<ContainerEntry>> = Vec::new();
    let mut entries = entries;
    // Stable: what one engine lists stays in its order.
    entries.sort_by(|one, other| one.engine.cmp(&other.engine));
    for entry in entries {
        let Some(index) = claimed.get(&entry.full_id).copied() else {
            claimed.insert(entry.full_id.clone(), kept.len());
            kept.push(Some(entry));
            continue;
        };
        let Some(holder) = kept.get_mut(index) else { continue };
        let stronger = holder
            .as_ref()
            .is_some_and(|before| strength(&entry, previous, processes) > strength(before, previous, processes));
        let loser = if stronger { holder.replace(entry) } else { Some(entry) };
        if let (Some(loser), Some(winner)) = (loser, holder.as_ref()) {
            let words = format!("it lists container {}, which is of {}: dropped", loser.full_id.short(), winner.engine);
            dropped.entry(loser.engine).or_default().push(words);
        }
    }
    let mut kept: Vec<ContainerEntry> = kept.into_iter().flatten().collect();
    kept.sort_by(|one, other| one.engine.cmp(&other.engine));
    for words in dropped.values_mut() {
        // One is enough to look into it: whoever names a socket twice has all containers twice.
        let more = words.split_off(1).len();
        if let (Some(first), 1..) = (words.first_mut(), more) {
            first.push_str(&format!(", and {more} more"));
        }
    }
    (kept, dropped)
}

/// What speaks for an engine that says that a container is its own; a tie goes to the engine that is believed more.
fn strength(entry: &ContainerEntry, previous: &Inventory, processes: Option<&SeenProcesses>) -> (bool, bool, bool) {
    let main = entry.pid.and_then(|pid| processes?.get(pid));
    let proven =
        main.is_some_and(|main| processes.is_some_and(|seen| seen.runs_in(main, &entry.full_id, &entry.engine)));
    let roots = entry.engine.owner().is_none();
    // Root's engines need no proof, and none of theirs is lost to another's.
    (roots, !roots && proven, !roots && previous.same(entry).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(engine: &str, id: char) -> ContainerEntry {
        let json = include_str!("../../../fixtures/inventory-example.json");
        let any = Inventory::from_json(json.as_bytes()).unwrap().containers.into_values().next().unwrap();
        let full_id: ContainerId = id.to_string().repeat(64).parse().unwrap();
        ContainerEntry { id: full_id.short().to_owned(), full_id, engine: engine.parse().unwrap(), pid: None, ..any }
    }

    fn holders(entries: &[ContainerEntry], previous: &Inventory) -> (Vec<String>, usize) {
        let (kept, dropped) = settled(entries.to_vec(), previous, None);
        let shown = kept.iter().map(|entry| format!("{} {}", entry.engine, &entry.id[..1])).collect();
        (shown, dropped.values().map(Vec::len).sum())
    }

    #[test]
    fn the_engine_that_is_believed_more_has_it_whoever_listed_it_first() {
        let before = Inventory::empty();
        let all = [entry("docker:1001", 'a'), entry("podman", 'a'), entry("docker", 'a'), entry("docker:1001", 'b')];
        assert_eq!(holders(&all, &before), (vec!["docker a".to_owned(), "docker:1001 b".to_owned()], 2));
        let mut before = Inventory::empty();
        before.containers = super::super::inventory::keyed([entry("docker:1001", 'a')]);
        assert_eq!(
            holders(&all[..2], &before),
            (vec!["podman a".to_owned()], 1),
            "having had it is nothing against root's"
        );
    }

    #[test]
    fn among_users_the_one_that_had_it_keeps_it() {
        let mut before = Inventory::empty();
        before.containers = super::super::inventory::keyed([entry("docker:1002", 'a')]);
        let all = [entry("docker:1001", 'a'), entry("docker:1002", 'a')];
        assert_eq!(holders(&all, &before), (vec!["docker:1002 a".to_owned()], 1));
        assert_eq!(holders(&all, &Inventory::empty()), (vec!["docker:1001 a".to_owned()], 1));
    }
}
