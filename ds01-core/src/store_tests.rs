use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state")).unwrap();
    (dir, store)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn makes_its_directory_and_files_unreadable_to_others() {
    let (_dir, store) = store();
    store.replace("a.json", b"1").unwrap();
    store.open_lines("lines").unwrap().append(b"x\n").unwrap();
    assert_eq!(mode(&store.path) & 0o027, 0);
    assert_eq!(mode(&store.path_of("a.json")) & 0o137, 0);
    assert_eq!(mode(&store.path_of("lines")) & 0o137, 0);
}

#[test]
fn what_is_public_can_be_read_by_all_and_what_is_secret_by_nobody_else() {
    let (_dir, store) = store();
    for _ in 0..2 {
        store.replace_public("public", b"1").unwrap();
        store.replace_secret("secret", b"1").unwrap();
        assert_eq!((mode(&store.path_of("public")), mode(&store.path_of("secret"))), (0o644, 0o600));
    }
}

#[test]
fn replaces_whole_and_leaves_nothing_else() {
    let (_dir, store) = store();
    assert_eq!(store.read("a.json").unwrap(), None);
    store.replace("a.json", b"old").unwrap();
    store.replace("a.json", b"new").unwrap();
    assert_eq!(store.read("a.json").unwrap().unwrap(), b"new");
    assert_eq!(std::fs::read_dir(&store.path).unwrap().count(), 1);
}

#[test]
fn a_replacement_that_fails_leaves_the_old_file_and_no_other() {
    let (_dir, store) = store();
    std::fs::create_dir(store.path_of("a.json")).unwrap();
    let error = store.replace("a.json", b"new").unwrap_err().to_string();
    assert!(error.contains("a.json"), "{error}");
    assert!(store.path_of("a.json").is_dir());
    assert_eq!(std::fs::read_dir(&store.path).unwrap().count(), 1);
}

#[test]
fn refuses_directories_that_others_can_write_to() {
    let (dir, store) = store();
    for bits in [0o775, 0o757] {
        std::fs::set_permissions(&store.path, std::fs::Permissions::from_mode(bits)).unwrap();
        let error = Store::open(&store.path).unwrap_err().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
    }
    std::fs::set_permissions(&store.path, std::fs::Permissions::from_mode(0o750)).unwrap();
    let link = dir.path().join("link");
    symlink(&store.path, &link).unwrap();
    assert!(matches!(Store::open(&link), Err(StoreError::Unsafe { .. })));
}

#[test]
fn follows_no_link_and_opens_nothing_but_files() {
    let (dir, store) = store();
    let elsewhere = dir.path().join("elsewhere");
    std::fs::write(&elsewhere, "theirs").unwrap();
    symlink(&elsewhere, store.path_of("link")).unwrap();
    std::fs::hard_link(&elsewhere, store.path_of("hard")).unwrap();
    fs::mkfifoat(&store.dir, "fifo", FILE_MODE).unwrap();
    std::fs::create_dir(store.path_of("dir")).unwrap();
    for name in ["link", "hard", "fifo", "dir"] {
        assert!(store.read(name).is_err(), "{name}");
        assert!(store.open_lines(name).is_err(), "{name}");
        assert!(store.lock(name, Duration::ZERO).is_err(), "{name}");
    }
    store.replace("link", b"ours").unwrap();
    store.replace("hard", b"ours").unwrap();
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"theirs", "replacing a name does not write through it");
}

#[test]
fn works_on_the_directory_it_opened_even_when_another_takes_its_name() {
    let (dir, store) = store();
    let moved = dir.path().join("moved");
    std::fs::rename(&store.path, &moved).unwrap();
    std::fs::create_dir(&store.path).unwrap();
    store.replace("a.json", b"1").unwrap();
    assert!(moved.join("a.json").exists());
    assert!(!store.path_of("a.json").exists());
    store.open_within("sub").unwrap().replace("b.json", b"2").unwrap();
    assert!(moved.join("sub/b.json").exists());
    assert!(!store.path_of("sub").exists());
    symlink(store.path_of(""), moved.join("link")).unwrap();
    assert!(store.open_within("link").is_err());
}

#[test]
fn one_lock_at_a_time() {
    let (_dir, store) = store();
    let lock = store.lock("x.lock", Duration::ZERO).unwrap();
    assert!(matches!(store.lock("x.lock", Duration::from_millis(1)), Err(StoreError::Locked { .. })));
    drop(lock);
    // The waiter left behind takes the lock and lets go of it at once, so this one may have to wait for it.
    store.lock("x.lock", Duration::from_secs(60)).unwrap();
}

#[test]
fn a_lock_is_open_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, store) = store();
    let path = store.path_of("x.lock");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    for _ in ["one from before", "a new one"] {
        let _lock = store.lock("x.lock", Duration::ZERO).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn sets_aside_without_overwriting() {
    let (_dir, store) = store();
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    let mut names = Vec::new();
    for content in ["1", "2", "3"] {
        store.replace("a.json", content.as_bytes()).unwrap();
        let path = store.set_aside("a.json", now).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    let stem = "a.json.corrupt-20260302T120000Z";
    assert_eq!(names, [stem.to_owned(), format!("{stem}-2"), format!("{stem}-3")]);
}

#[test]
fn removes_leftovers_of_killed_runs_only() {
    let (_dir, store) = store();
    store.replace("a.json", b"1").unwrap();
    let leftover = store.temporary_name("a.json").unwrap();
    store.write_new(&leftover, b"half", FILE_MODE, None).unwrap();
    store.write_new(".b.json.tmp-1", b"another's", FILE_MODE, None).unwrap();
    store.remove_leftovers("a.json").unwrap();
    assert!(!store.path_of(&leftover).exists());
    assert!(store.path_of("a.json").exists() && store.path_of(".b.json.tmp-1").exists());
}

#[test]
fn a_torn_line_is_ended_before_the_next() {
    let (_dir, store) = store();
    let mut lines = store.open_lines("l").unwrap();
    lines.begin().unwrap();
    lines.append(b"{\"torn\":").unwrap();
    lines.begin().unwrap();
    lines.append(b"{}\n").unwrap();
    lines.begin().unwrap();
    assert_eq!(store.read("l").unwrap().unwrap(), b"{\"torn\":\n{}\n");
}

#[test]
fn a_file_for_somebody_is_his_alone_and_replaces_a_link() {
    use std::os::unix::fs::MetadataExt;
    let (dir, store) = store();
    let me = rustix::process::geteuid().as_raw();
    // Root can give files away, and nobody else can.
    let owner = if me == 0 { 12_345 } else { me };
    std::fs::write(dir.path().join("target"), "safe").unwrap();
    std::os::unix::fs::symlink(dir.path().join("target"), store.path_of("u")).unwrap();
    for text in ["1", "2"] {
        store.replace_for(owner, "u", text.as_bytes()).unwrap();
        let metadata = std::fs::symlink_metadata(store.path_of("u")).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.is_file()), (0o400, owner, true));
        assert_eq!(std::fs::read_to_string(store.path_of("u")).unwrap(), text);
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("target")).unwrap(), "safe");
}
