//! What is one user's own, and what of it is not for him.

use super::*;
use crate::{
    detect::inventory::{SourceEntry, UsageEntry},
    idle::gpus::own,
    model::{DeviceUsage, Reading, Unknown, UnknownKind},
};

#[test]
fn what_is_ones_own_is_proven_by_more_than_a_label() {
    let mut lab = lab();
    let with = |name: &str, uid, binds: &[&str], label: Option<&str>| ContainerSpec {
        uid,
        binds: binds.iter().map(|bind| (*bind).to_owned()).collect(),
        labels: label.map(|user| ("ds01.user".to_owned(), user.to_owned())).into_iter().collect(),
        gpus: Some(GpuRequest::Count(1)),
        ..ContainerSpec { name: name.to_owned(), ..ContainerSpec::default() }
    };
    for spec in [
        with("runs-as-alice", 1001, &[], None),
        with("labelled-and-runs-as-alice", 1001, &[], Some("alice")),
        with("labelled-and-mounted", 0, &["/home/alice/work"], Some("alice")),
        with("only-labelled", 0, &[], Some("alice")),
        with("labelled-over-bens-home", 0, &["/home/ben/work"], Some("alice")),
        with("bens", 1002, &["/home/ben"], None),
    ] {
        lab.host.add_container(&spec).unwrap();
    }
    lab.host.add_process(&process(6_001, 1001, "1", 700, 0)).unwrap();
    lab.host.add_process(&process(6_002, 1002, "1", 700, 0)).unwrap();
    lab.scan();
    lab.scan();
    let his = |uid| {
        let own = own(&lab.inventory, uid);
        let mut names: Vec<String> = own.containers.values().map(|entry| entry.name.clone()).collect();
        names.sort();
        (names, own.host_processes.into_keys().collect::<Vec<_>>())
    };
    let hers = ["labelled-and-mounted", "labelled-and-runs-as-alice", "runs-as-alice"].map(ToOwned::to_owned).to_vec();
    assert_eq!(his(1001), (hers, vec![6_001]));
    assert_eq!(his(1002), (vec!["bens".to_owned()], vec![6_002]));
    assert_eq!(his(0), (vec![], vec![]), "root reads all of it anyway");
    assert_eq!(his(4_711), (vec![], vec![]));
}

/// Docker's words can quote its whole list, and the kernel's name processes.
#[test]
fn words_about_what_failed_are_for_the_one_whose_engine_it_is() {
    let mut lab = lab();
    lab.host.add_container(&ContainerSpec { uid: 1001, ..container("hers", "", &["0"]) }).unwrap();
    lab.scan();
    let at = lab.inventory.last_scan.unwrap();
    let failed = |about: &str| SourceEntry {
        state: SourceState::Failed,
        since: at,
        last_good: Some(at),
        error: Some(format!("{about}: the list: \"/secret-of-{about}\"")),
        hint: Some(format!("ask {about}")),
        failed_since: None,
        last_good_since_boot_ms: Some(7),
        extra: [("new".to_owned(), "secret-of-a-later-version".into())].into_iter().collect(),
    };
    for name in ["docker", "nvml", "docker:1001", "docker:1002"] {
        lab.inventory.sources.insert(name.to_owned(), failed(name));
    }
    let why = || Unknown::new(UnknownKind::Failed, "secret-of-a-process 4711");
    let unread =
        || DeviceUsage { memory_used_mb: Reading::Known(615), utilization: why().into(), power_watts: why().into() };
    let usage = || Some(UsageEntry { at, figures: unread() });
    let problem = || Some("secret-of-a-process 4711".to_owned());
    for gpu in &mut lab.inventory.gpus {
        (gpu.problem, gpu.usage) = (problem(), usage());
        gpu.mig_instances.iter_mut().for_each(|mig| mig.usage = usage());
    }
    let mut own = own(&lab.inventory, 1001);
    assert_eq!(own.containers.len(), 1);
    assert_eq!(own.sources.keys().collect::<Vec<_>>(), ["docker", "docker:1001", "nvml", "proc"]);
    assert_eq!(own.sources["docker:1001"], failed("docker:1001"), "her own engine's words are hers");
    let docker = &own.sources["docker"];
    assert_eq!((docker.state, docker.since, docker.last_good), (SourceState::Failed, at, Some(at)));
    assert_eq!(own.gpus[0].usage.as_ref().unwrap().figures.memory_used_mb, Reading::Known(615));

    own.sources.remove("docker:1001");
    let text = String::from_utf8(own.to_json().unwrap()).unwrap();
    assert!(!text.contains("secret"), "{text}");
}
