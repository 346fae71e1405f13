use super::*;
use crate::detect::{Origin, UserSource, inventory::*};
use crate::model::EngineName;
use crate::model::{ContainerConfig, ContainerId};

const GAP: Option<Duration> = Some(Duration::from_secs(30));

fn id() -> ContainerId {
    "ab".repeat(32).parse().unwrap()
}

fn listing(status: &str, status_text: &str) -> ContainerListing {
    ContainerListing {
        id: id(),
        name: "a".to_owned(),
        image: "b".to_owned(),
        image_id: String::new(),
        labels: Default::default(),
        status: status.to_owned().into(),
        status_text: status_text.to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn entry(status: &str, pid_start_ticks: Option<u64>) -> ContainerEntry {
    ContainerEntry {
        engine: EngineName::DOCKER,
        id: id().short().to_owned(),
        full_id: id(),
        name: "a".to_owned(),
        origin: Origin::RawDocker,
        user: "unknown".to_owned(),
        user_source: UserSource::Unknown,
        has_gpu: Some(false),
        gpu_access: None,
        gpu_devices: Vec::new(),
        gpus: Vec::new(),
        gpus_unresolved: Vec::new(),
        status: status.to_owned().into(),
        image: "b".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        started_at: None,
        pid: Some(7),
        gpu_processes: None,
        gpu_memory_mb: None,
        infrastructure: None,
        detected_at: Timestamp::UNIX_EPOCH,
        detected_labels: Default::default(),
        problem: None,
        stale: false,
        config: Some(ContainerConfig::default()),
        pid_start_ticks,
        main_uid: None,
        user_uid: None,
        user_remembered: None,
        extra: Extra::new(),
    }
}

#[test]
fn a_running_container_is_known_by_its_main_process() {
    let listing = listing("running", "Up 1 second");
    assert!(still_true(&listing, &entry("running", Some(5)), None, Some(5)));
    assert!(!still_true(&listing, &entry("running", Some(5)), None, Some(6)), "a reused pid");
    assert!(!still_true(&listing, &entry("running", Some(5)), None, None), "no such process");
    assert!(!still_true(&listing, &entry("running", None), None, None), "none was ever confirmed");
    assert!(!still_true(&listing, &entry("exited", Some(5)), None, Some(5)), "it was started since");
}

#[test]
fn a_main_process_that_is_gone_is_not_made_up_for_by_an_age() {
    let listing = listing("running", "Up 2 days");
    assert!(!still_true(&listing, &entry("running", Some(5)), GAP, None));
    assert!(!still_true(&listing, &entry("running", Some(5)), GAP, Some(6)));
}

#[test]
fn a_main_process_is_not_believed_against_a_younger_life() {
    let remembered = entry("running", Some(5));
    let known = |age| still_true(&listing("running", age), &remembered, GAP, Some(5));
    assert!(!known("Up 3 seconds"), "it began after the last scan");
    assert!(!known("Up 29 seconds"), "it may have");
    assert!(known("Up 30 seconds"));
    assert!(known("Up 2 days"));
    assert!(still_true(&listing("running", "Up 3 seconds"), &remembered, None, Some(5)), "the clock was set");
}

#[test]
fn or_by_an_age_beyond_the_last_good_scan() {
    let remembered = entry("running", None);
    assert!(still_true(&listing("running", "Up 33 seconds"), &remembered, GAP, None));
    assert!(still_true(&listing("paused", "Up About a minute (Paused)"), &remembered, GAP, None));
    assert!(!still_true(&listing("running", "Up 32 seconds"), &remembered, GAP, None), "within the margin");
    assert!(!still_true(&listing("running", "Up 29 seconds"), &remembered, GAP, None));
    assert!(!still_true(&listing("running", "Up 2 days"), &remembered, None, None), "the clock was set");
    assert!(!still_true(&listing("running", "Up"), &remembered, GAP, None));
}

#[test]
fn a_stopped_container_is_known_by_its_age_alone() {
    let remembered = entry("exited", Some(5));
    assert!(still_true(&listing("exited", "Exited (0) 2 minutes ago"), &remembered, GAP, None));
    assert!(!still_true(&listing("exited", "Exited (0) 5 seconds ago"), &remembered, GAP, None));
    assert!(!still_true(&listing("exited", "Exited (0) 2 minutes ago"), &entry("running", Some(5)), GAP, Some(5)));
    assert!(!still_true(&listing("exited", "Exited (0) 2 minutes ago"), &remembered, None, Some(5)));
}

#[test]
fn states_without_a_life_and_states_in_between() {
    assert!(still_true(&listing("created", "Created"), &entry("created", None), None, None));
    assert!(!still_true(&listing("created", "Created"), &entry("running", None), GAP, None));
    assert!(still_true(&listing("dead", "Dead"), &entry("dead", None), None, None));
    for status in ["restarting", "removing", "stopping"] {
        assert!(!still_true(&listing(status, "Up 2 days"), &entry(status, Some(5)), GAP, Some(5)), "{status}");
    }
}

#[test]
fn what_was_never_read_and_what_has_another_id_is_not_remembered() {
    let unread = ContainerEntry { config: None, ..entry("created", None) };
    assert!(!still_true(&listing("created", "Created"), &unread, GAP, None));
    let unconfirmed = ContainerEntry { problem: Some("HTTP 500".to_owned()), ..entry("running", Some(5)) };
    assert!(!still_true(&listing("running", "Up 2 days"), &unconfirmed, GAP, Some(5)));
    let other = ContainerEntry { full_id: "cd".repeat(32).parse().unwrap(), ..entry("created", None) };
    assert!(!still_true(&listing("created", "Created"), &other, GAP, None));
}

#[test]
fn a_gap_is_trusted_only_when_both_clocks_tell_it() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let mut previous = Inventory::empty();
    previous.host = Some(HostEntry { name: "h".to_owned(), boot_id: "boot".to_owned(), extra: Extra::new() });
    let docker = SourceEntry {
        state: SourceState::Ok,
        since: at("2026-03-02T12:00:00Z"),
        last_good: Some(at("2026-03-02T12:00:00Z")),
        error: None,
        hint: None,
        failed_since: None,
        last_good_since_boot_ms: Some(1_000_000),
        extra: Extra::new(),
    };
    previous.sources.insert("docker".to_owned(), docker);
    let gap = |now: &str, since_boot: u64, boot_id| {
        trusted_gap(&previous, &EngineName::DOCKER, boot_id, at(now), Duration::from_secs(since_boot))
            .map(|gap| gap.as_secs())
    };
    assert_eq!(gap("2026-03-02T12:00:30Z", 1030, Some("boot")), Some(30));
    assert_eq!(gap("2026-03-02T12:00:30.4Z", 1030, Some("boot")), Some(30));
    assert_eq!(gap("2026-03-02T12:00:31Z", 1030, Some("boot")), None, "set forward");
    assert_eq!(gap("2026-03-02T11:59:00Z", 1030, Some("boot")), None, "set back");
    assert_eq!(gap("2026-03-02T12:00:30Z", 30, Some("boot")), None);
    assert_eq!(gap("2026-03-02T12:00:30Z", 1030, Some("another")), None);
    assert_eq!(gap("2026-03-02T12:00:30Z", 1030, None), None);
}
