//! Who writes the file, and what keeps them from it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::Duration,
};

use ds01_core::{
    detect::inventory::SourceState,
    scan,
    source::fake::{Change, Step},
};

use crate::lab::{Lab, trainer};

const CHECKED: &str = "ds01_reaper_last_check_timestamp_seconds";

#[test]
fn a_check_and_a_scan_keep_what_the_other_told() {
    let lab = Lab::new(&[trainer("train", 500, 0)]);
    lab.scans(1);
    assert_eq!(lab.value(CHECKED), None, "before the first check");
    assert!(lab.family("ds01_reaper_actions_total").is_empty());
    lab.checks(2);
    let (scanned, checked) = (lab.value("ds01_scan_timestamp_seconds").unwrap(), lab.value(CHECKED).unwrap());
    assert_eq!(scanned, checked, "at the same moment here");
    let id = lab.family("ds01_container_info")[0].split('"').nth(1).unwrap().to_owned();
    let of = |family: &str| lab.value(&format!("{family}{{id=\"{id}\"}}"));
    assert_eq!(of("ds01_container_idle_limit_seconds"), Some(1800.0));
    assert!(of("ds01_container_idle_seconds").unwrap() > 0.0);
    lab.scans(3);
    assert_eq!(lab.value(CHECKED), Some(checked));
    assert_eq!(lab.value("ds01_scan_timestamp_seconds"), Some(scanned + 90.0));
    // A check without scans says when the last one was.
    lab.host.advance(Duration::from_secs(300));
    lab.check();
    assert_eq!(lab.value("ds01_scan_timestamp_seconds"), Some(scanned + 90.0));
    assert_eq!(lab.value(CHECKED), Some(checked + 390.0));
    // When checks cease, the limit that one found is no news, and idle time is what the scans see.
    lab.scans(40);
    assert_eq!(of("ds01_container_idle_limit_seconds"), None);
    assert_eq!(lab.value(CHECKED), Some(checked + 390.0));
    let work = Change { gpu_percent: [(500, 90)].into(), ..Change::default() };
    lab.happens(Step { change: [("train".to_owned(), work)].into(), ..Step::default() });
    lab.scans(2);
    assert_eq!(of("ds01_container_idle_seconds"), Some(0.0));
}

#[test]
fn side_by_side_they_lose_nothing() {
    let lab = Lab::new(&[trainer("train", 500, 50)]);
    lab.scans(1);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..30).for_each(|_| drop(lab.scan())));
        scope.spawn(|| (0..30).for_each(|_| drop(lab.check())));
    });
    assert!(lab.value(CHECKED).is_some() && lab.value("ds01_scan_timestamp_seconds").is_some());
    let left: Vec<_> = fs::read_dir(lab.path("run")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn everybody_reads_the_file_and_nobody_the_rest() {
    let lab = Lab::new(&[trainer("train", 500, 50)]);
    lab.scans(1);
    lab.check();
    let mode = |path: &str| lab.path(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("run/ds01.prom"), 0o644);
    for path in ["run/gpu-time.json", "state/metrics-scan.json", "state/metrics-check.json"] {
        assert_eq!(mode(path) & 0o007, 0, "{path}");
    }
}

#[test]
fn what_is_planted_in_its_place_gains_nothing() {
    let lab = Lab::new(&[trainer("train", 500, 50)]);
    let (target, victim) = (lab.metrics_path(), lab.path("victim"));
    fs::write(&victim, "theirs").unwrap();
    symlink(&victim, &target).unwrap();
    lab.scans(1);
    assert!(!target.is_symlink() && lab.value("ds01_scan_timestamp_seconds").is_some());
    fs::remove_file(&target).unwrap();
    fs::hard_link(&victim, &target).unwrap();
    lab.scans(1);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "theirs");
    assert!(lab.value("ds01_scan_timestamp_seconds").is_some());
    // What can't be replaced stays, and the scan is as good as any.
    fs::remove_file(&target).unwrap();
    fs::create_dir(&target).unwrap();
    lab.host.advance(Duration::from_secs(30));
    let scanned = lab.scan();
    assert_eq!(scanned.inventory.source_state("docker"), Some(SourceState::Ok));
    assert!(scanned.journal.is_ok() && target.is_dir());
    lab.check();
    fs::remove_dir(&target).unwrap();
    // Nothing is written where others can.
    fs::set_permissions(lab.path("run"), fs::Permissions::from_mode(0o777)).unwrap();
    lab.scans(1);
    lab.check();
    assert!(!target.exists());
    fs::remove_dir_all(lab.path("run")).unwrap();
    lab.scans(1);
    lab.check();
    assert!(!lab.path("run").exists());
}

#[test]
fn a_dry_run_and_one_without_a_file_write_none() {
    let lab = Lab::new(&[trainer("train", 500, 50)]);
    scan::dry_run(&lab.sources, &lab.scan_options()).unwrap();
    assert!(!lab.metrics_path().exists());
    scan::run(&lab.sources, &scan::ScanOptions { metrics: None, ..lab.scan_options() }).unwrap();
    assert!(!lab.metrics_path().exists());
    let state: Vec<_> = fs::read_dir(lab.path("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!state.iter().any(|name| name.to_string_lossy().contains("metrics")), "{state:?}");
}
