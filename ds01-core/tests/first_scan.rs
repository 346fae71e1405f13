//! More new containers than one scan has the time for.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, reason = "these are tests; their helpers are not marked as such")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use ds01_core::{
    detect::{
        Inventory, Origin, Settings, Sources, diff,
        inventory::{ContainerEntry, SourceState},
        look,
    },
    model::{ContainerId, ContainerListing, ContainerStatus},
    source::{
        ContainerSource, Engine, Inspection, SourceError,
        fake::{ContainerSpec, FakeHost},
    },
};

/// What a scan may take, and of it a question to the daemon, however few it is about.
const LIMIT: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_millis(1000);

const CONTAINERS: usize = 700;

struct SlowDaemon {
    host: FakeHost,
    inspected: AtomicUsize,
}

impl ContainerSource for SlowDaemon {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        self.host.list()
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        if !ids.is_empty() {
            thread::sleep(SLOW);
        }
        self.inspected.fetch_add(ids.len(), Ordering::SeqCst);
        self.host.inspect(ids)
    }
}

fn unread(picture: &Inventory) -> Vec<&ContainerEntry> {
    picture.containers.values().filter(|entry| entry.problem.is_some()).collect()
}

#[test]
fn what_was_read_is_kept_and_the_next_scans_go_on_with_the_rest() {
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    for number in 0..CONTAINERS {
        // The last of them run.
        let status = if number + 10 < CONTAINERS { ContainerStatus::Created } else { ContainerStatus::Running };
        let spec = ContainerSpec { name: format!("c{number}"), status: Some(status), ..ContainerSpec::default() };
        host.add_container(&spec).unwrap();
    }
    let daemon = Arc::new(SlowDaemon { host: host.clone(), inspected: AtomicUsize::new(0) });
    let sources = Sources { engines: vec![Engine::docker(daemon.clone())], ..host.sources() };

    let first = look(&sources, &Inventory::empty(), LIMIT, &Settings::default());
    assert_eq!((first.containers.len(), first.source_state("docker")), (CONTAINERS, Some(SourceState::Ok)));
    let left = unread(&first);
    assert!(!left.is_empty() && left.len() < CONTAINERS, "{}", left.len());
    for entry in left {
        // Those that run are read first, and nothing is done to those that are not.
        assert_eq!((entry.status.is_up(), entry.origin, entry.has_gpu), (false, Origin::Unknown, None));
        assert!(entry.problem.as_deref().unwrap().starts_with("not read yet: "), "{:?}", entry.problem);
    }

    let mut before = first;
    while !unread(&before).is_empty() {
        host.advance(Duration::from_secs(30));
        let after = look(&sources, &before, LIMIT, &Settings::default());
        assert!(unread(&after).len() < unread(&before).len(), "each scan gets on");
        let changed = diff(&before, &after).into_iter().map(|event| event.details.event_type());
        assert!(changed.into_iter().all(|event| event == "detection.classification_changed"));
        before = after;
    }
    assert_eq!(daemon.inspected.load(Ordering::SeqCst), CONTAINERS, "each was read once");
}
