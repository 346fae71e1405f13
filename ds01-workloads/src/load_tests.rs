use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;

fn said(prepare: impl FnOnce(&Path)) -> String {
    let dir = TempDir::new().unwrap();
    prepare(&dir.path().join(FILE_NAME));
    let message = load(dir.path()).map(|_| ()).unwrap_err().message();
    message.replace(dir.path().to_str().unwrap(), "DIR")
}

fn holding(text: &'static str) -> impl FnOnce(&Path) {
    move |path| fs::write(path, text).unwrap()
}

#[test]
fn a_sound_file_is_read() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(FILE_NAME), Inventory::empty().to_json().unwrap()).unwrap();
    assert_eq!(load(dir.path()).unwrap(), Inventory::empty());
}

#[test]
fn each_obstacle_says_what_it_is_and_what_to_do() {
    insta::assert_snapshot!(said(|_| {}), @r"
    no inventory yet: DIR/workload-inventory.json does not exist.
    It is written by ds01-workload-detector.timer: see `systemctl status ds01-workload-detector.timer`.
    To look now, without it: ds01-workloads --live
    ");
    insta::assert_snapshot!(said(holding("{\"schema_version\": \"1\", \"gpus\": 7}")), @r"
    DIR/workload-inventory.json is corrupt: invalid type: integer `7`, expected a sequence at line 1 column 33.
    The next run of the detector sets it aside and begins anew: `sudo ds01-detect`, or
    `systemctl status ds01-workload-detector.timer` when that should have happened already.
    ");
    insta::assert_snapshot!(said(holding("{\"schema_version\": \"2\"}")), @r#"
    DIR/workload-inventory.json was written by another version: schema_version is "2", this program reads 1.
    Install the version of ds01-workloads that belongs to the detector (`ds01-detect --version`).
    "#);
    insta::assert_snapshot!(said(|path| fs::create_dir(path).unwrap()), @r"
    DIR/workload-inventory.json is no regular file; links are not followed.
    See what is there: `ls -l DIR/workload-inventory.json`
    ");
}

#[test]
fn a_state_directory_that_is_none_is_said_with_where_to_look() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let said = load(&file).unwrap_err().message();
    assert!(said.contains("can't read") && said.contains("ls -ld") && said.contains("--state-dir"), "{said}");
}

#[test]
fn a_link_is_not_followed_even_to_a_sound_file() {
    let said = said(|path| {
        let sound = path.with_file_name("sound");
        fs::write(&sound, Inventory::empty().to_json().unwrap()).unwrap();
        symlink(sound, path).unwrap();
    });
    assert!(said.contains("is no regular file; links are not followed"), "{said}");
}

#[test]
fn a_pipe_in_its_place_does_not_hang() {
    let said = said(|path| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    });
    assert!(said.contains("is no regular file"), "{said}");
}

#[test]
fn a_file_that_may_not_be_read_names_the_group() {
    // Root may read everything: what matters is what is said.
    let said = LoadError::Denied("/var/lib/ds01/x".into()).message();
    assert!(said.contains("for the group that owns it (usually docker)"), "{said}");
}
