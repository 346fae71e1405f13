use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use super::*;
use crate::idle::{
    ContainerFacts,
    test_support::{facts, id, noon},
};

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn login() -> (tempfile::TempDir, Login) {
    let dir = tempfile::tempdir().unwrap();
    let public = dir.path().join("public");
    fs::create_dir(&public).unwrap();
    fs::set_permissions(&public, fs::Permissions::from_mode(0o711)).unwrap();
    let login = Login::new(dir.path().join("state"), public);
    (dir, login)
}

fn tell(login: &Login, severity: Severity, text: &str, at: Timestamp) {
    tell_about(login, &facts(), severity, text, at);
}

fn tell_about(login: &Login, facts: &ContainerFacts, severity: Severity, text: &str, at: Timestamp) {
    let ahead = (severity == Severity::Warning).then_some(std::time::Duration::from_secs(300));
    login
        .add(me(), &Message { severity, container: Some(facts), check: 7, ahead, ..Message::to("alice", text, at) })
        .unwrap();
}

fn file(login: &Login) -> String {
    fs::read_to_string(login.dir.join(me().to_string())).unwrap_or_default()
}

#[test]
fn the_file_is_its_users_and_nobody_else_reads_it() {
    let (_dir, login) = login();
    tell(&login, Severity::Warning, "| one |\n", noon());
    let metadata = fs::metadata(login.dir.join(me().to_string())).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o400, me()));
    assert_eq!(file(&login), "notice 1772452800 open 2026-03-02 12:00 UTC\n| one |\n");
}

#[test]
fn a_notice_is_open_while_what_it_announces_is_to_come() {
    let (_dir, login) = login();
    let warned = BTreeSet::from([id()]);
    tell(&login, Severity::Warning, "| one |\n", noon());
    login.settle(&warned, noon()).unwrap();
    assert!(file(&login).contains("notice 1772452800 open"));
    tell(&login, Severity::Warning, "| two |\n", noon());
    assert!(
        file(&login).contains("notice 1772452800 past") && file(&login).contains("notice 1772452801 open"),
        "{}",
        file(&login)
    );
    login.settle(&BTreeSet::new(), noon()).unwrap();
    assert!(!file(&login).contains("open"), "its user came back to it");
    tell(&login, Severity::Stop, "| three |\n", noon());
    assert!(file(&login).contains("notice 1772452802 past"));
}

#[test]
fn twenty_are_kept_for_fourteen_days() {
    let (_dir, login) = login();
    for n in 0..25 {
        tell(&login, Severity::Stop, &format!("| {n} |\n"), noon() + SignedDuration::from_hours(n));
    }
    assert_eq!(file(&login).lines().filter(|line| line.starts_with("notice ")).count(), 20);
    assert!(!file(&login).contains("| 4 |") && file(&login).contains("| 5 |"));
    login.settle(&BTreeSet::new(), noon() + SignedDuration::from_hours(14 * 24 + 10)).unwrap();
    assert!(file(&login).contains("| 11 |") && !file(&login).contains("| 10 |"), "{}", file(&login));
    login.settle(&BTreeSet::new(), noon() + SignedDuration::from_hours(15 * 24)).unwrap();
    assert!(!login.dir.join(me().to_string()).exists());
}

/// Whoever writes somebody's name on his own containers makes notices for him.
#[test]
fn what_is_still_to_come_is_pushed_out_by_nothing_else() {
    let (_dir, login) = login();
    tell(&login, Severity::Warning, "| mine |\n", noon());
    for n in 0..40 {
        let facts = ContainerFacts { id: format!("{n:064x}").parse().unwrap(), ..facts() };
        tell_about(&login, &facts, Severity::Stop, "| other |\n", noon());
    }
    assert!(file(&login).contains("| mine |"));
    assert_eq!(file(&login).lines().filter(|line| line.starts_with("notice ")).count(), 20);
}

#[test]
fn one_whose_file_cannot_be_written_ends_nothing_for_the_others() {
    let (_dir, login) = login();
    tell(&login, Severity::Warning, "| one |\n", noon());
    for uid in 2_000_000_000..2_000_000_016 {
        fs::create_dir(login.state_dir.join(DIR_NAME).join(name_of(uid))).unwrap();
    }
    let failed = login.settle(&BTreeSet::new(), noon()).unwrap_err();
    assert!(failed.contains(".json"), "{failed}");
    assert!(file(&login).contains(" past "), "{}", file(&login));
}

/// The run before was killed after it remembered, and before the user's file was written.
#[test]
fn what_a_killed_run_did_not_write_the_next_one_does() {
    let (_dir, login) = login();
    tell(&login, Severity::Warning, "| one |\n", noon());
    let kept = login.state_dir.join(DIR_NAME).join(name_of(me()));
    let text = fs::read_to_string(&kept).unwrap().replace("\"to_be_written\":false", "\"to_be_written\":true");
    fs::write(&kept, text).unwrap();
    let path = login.dir.join(me().to_string());
    fs::remove_file(&path).unwrap();
    fs::write(login.dir.join(format!(".{}.tmp-0123", me())), "half").unwrap();
    login.settle(&BTreeSet::from([id()]), noon()).unwrap();
    assert!(file(&login).contains("| one |"));
    assert_eq!(fs::read_dir(&login.dir).unwrap().count(), 1, "and its litter is gone");
}

#[test]
fn a_link_in_its_place_is_replaced_and_not_followed() {
    let (dir, login) = login();
    let target = dir.path().join("target");
    fs::write(&target, "safe").unwrap();
    std::os::unix::fs::symlink(&target, login.dir.join(me().to_string())).unwrap();
    tell(&login, Severity::Warning, "| one |\n", noon());
    assert_eq!(fs::read_to_string(target).unwrap(), "safe");
    assert!(file(&login).contains("| one |"));
}

/// Eight stops of one user's containers are told of side by side.
#[test]
fn notices_at_the_same_time_are_all_kept() {
    let (_dir, login) = login();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let login = &login;
            scope.spawn(move || tell(login, Severity::Stop, &format!("| {n} |\n"), noon()));
        }
    });
    assert_eq!(file(&login).matches("notice ").count(), 8, "{}", file(&login));
}
