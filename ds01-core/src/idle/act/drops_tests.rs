use std::{
    fs as std_fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    process::Command,
};

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// A directory as the package makes it.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std_fs::set_permissions(dir.path(), std_fs::Permissions::from_mode(0o1733)).unwrap();
    dir
}

fn request(container: &str) -> Request {
    Request { container: container.to_owned(), seconds: 3600, why: None, wait: None }
}

fn read(dir: &Path) -> Found {
    let drops = Drops::open(dir).unwrap().unwrap();
    let found = drops.read(drops.list(LONG).unwrap(), &owners(me()), Timestamp::now());
    drops.remove(&found).unwrap();
    found
}

fn owners(uid: u32) -> Owners {
    Owners { uids: [uid].into(), are_all: true }
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn refusals(found: &Found) -> Vec<&str> {
    found.dropped.iter().filter_map(|dropped| dropped.request.as_ref().err().map(String::as_str)).collect()
}

fn is_empty(dir: &Path) -> bool {
    std_fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn what_is_dropped_is_read_once_with_its_owner() {
    let dir = directory();
    drop_request(dir.path(), &request("train")).unwrap();
    let found = read(dir.path());
    let dropped = &found.dropped[0];
    assert_eq!((found.dropped.len(), dropped.uid, &dropped.request), (1, Some(me()), &Ok(request("train"))));
    assert!(is_empty(dir.path()));
    assert!(read(dir.path()).dropped.is_empty());
}

#[test]
fn nobody_else_can_read_or_write_what_is_dropped() {
    let dir = directory();
    drop_request(dir.path(), &request("train")).unwrap();
    let file = std_fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn where_there_is_no_directory_there_is_no_request() {
    assert!(Drops::open(Path::new("/nowhere/keep")).unwrap().is_none());
    assert_eq!(drop_request(Path::new("/nowhere/keep"), &request("x")).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_directory_in_which_users_can_meddle_is_not_read() {
    let dir = directory();
    std_fs::set_permissions(dir.path(), std_fs::Permissions::from_mode(0o777)).unwrap();
    assert!(Drops::open(dir.path()).unwrap_err().contains("chmod 1733"));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    assert!(Drops::open(&link).is_err());
}

#[test]
fn what_is_planted_is_neither_followed_nor_waited_for() {
    let dir = directory();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std_fs::write(&secret, serde_json::to_vec(&request("train")).unwrap()).unwrap();

    std::os::unix::fs::symlink(&secret, dir.path().join("link")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    std_fs::create_dir(dir.path().join("empty")).unwrap();
    let found = read(dir.path());
    assert_eq!(refusals(&found), ["4 were no regular files, and removed unread"]);
    assert_eq!(found.dropped[0].uid, Some(me()));
    assert!(is_empty(dir.path()) && secret.exists());
}

/// Each that stayed would be looked at by every check, until none has time for anything else.
#[test]
fn what_is_full_is_moved_to_where_no_check_meets_it() {
    let dir = directory();
    let aside = dir.path().join(".aside");
    // A user was there first.
    std_fs::create_dir_all(aside.join("mine")).unwrap();
    std_fs::set_permissions(&aside, std_fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["one", "two", "three"] {
        std_fs::create_dir_all(dir.path().join(name).join("of")).unwrap();
    }
    let mut moved = 0;
    for _ in 0..4 {
        for refused in refusals(&read(dir.path())) {
            assert!(refused.ends_with(" were directories with something in them, and moved to .aside"), "{refused}");
            moved += refused.split(' ').next().unwrap().parse::<u32>().unwrap();
        }
    }
    assert_eq!(moved, 4, "each is told of once");
    let left: Vec<_> = std_fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".aside"]);
    assert_eq!(std_fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std_fs::read_dir(&aside).unwrap().count(), 4);
}

#[test]
fn peeking_changes_nothing() {
    let dir = directory();
    (0..20).for_each(|n| drop_request(dir.path(), &request(&n.to_string())).unwrap());
    std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
    std_fs::create_dir_all(dir.path().join("full/of")).unwrap();
    let drops = Drops::open(dir.path()).unwrap().unwrap();
    let found = drops.read(drops.peek(LONG).unwrap(), &owners(me()), Timestamp::now());
    assert_eq!((found.dropped.len(), refusals(&found).len()), (MOST_OF_ONE, 0));
    assert_eq!(std_fs::read_dir(dir.path()).unwrap().count(), 22);
}

/// While the name service does not answer, an owner may be among those who seem to be none.
#[test]
fn while_an_owner_is_not_known_nobodys_are_removed_unread() {
    if me() != 0 {
        eprintln!("skipped: files of other users need root");
        return;
    }
    let dir = directory();
    for n in 0..100 {
        let path = dir.path().join(n.to_string());
        std_fs::write(&path, serde_json::to_vec(&request("train")).unwrap()).unwrap();
        std::os::unix::fs::chown(&path, Some(5_000 + n), None).unwrap();
    }
    let drops = Drops::open(dir.path()).unwrap().unwrap();
    let read_at = |are_all, now| {
        let owners = Owners { uids: BTreeSet::new(), are_all };
        drops.read(drops.list(LONG).unwrap(), &owners, now).surplus.len()
    };
    let soon = Timestamp::now() + jiff::SignedDuration::from_secs(60);
    assert_eq!(read_at(true, soon), 100 - MOST_OF_STRANGERS);
    assert_eq!(read_at(false, soon), 0);
    assert_eq!(read_at(false, soon + jiff::SignedDuration::from_hours(1)), 100 - MOST_OF_STRANGERS);
}

#[test]
fn a_file_that_may_be_somebody_elses_words_is_refused() {
    let dir = directory();
    let outside = tempfile::tempdir_in(dir.path().parent().unwrap()).unwrap();
    let write = |path: &Path, bytes: &[u8]| {
        std_fs::write(path, bytes).unwrap();
        std_fs::set_permissions(path, std_fs::Permissions::from_mode(0o600)).unwrap();
    };
    let good = serde_json::to_vec(&request("train")).unwrap();
    let refused = |why: &str| {
        let found = read(dir.path());
        assert_eq!(refusals(&found).len(), 1, "{why}: {found:?}");
        assert!(refusals(&found)[0].contains(why), "{found:?}");
        assert!(is_empty(dir.path()));
    };
    let (here, there) = (dir.path().join("a"), outside.path().join("b"));
    write(&there, &good);
    std_fs::hard_link(&there, &here).unwrap();
    refused("a hard link");
    assert_eq!(std_fs::read(&there).unwrap(), good, "its other name stays");

    write(&here, &good);
    std_fs::set_permissions(&here, std_fs::Permissions::from_mode(0o620)).unwrap();
    refused("others than its owner can write");
    write(&here, &[good.clone(), vec![b' '; 4096]].concat());
    refused("larger than 4096 bytes");
    std_fs::File::create(&here).unwrap().set_len(1 << 40).unwrap();
    std_fs::set_permissions(&here, std_fs::Permissions::from_mode(0o600)).unwrap();
    refused("larger than 4096 bytes");
    for nonsense in ["{\"container\":\"train\"", "\u{0}", "[]", "{\"container\":\"train\",\"seconds\":-1}"] {
        write(&here, nonsense.as_bytes());
        refused("it is no request");
    }
    write(&here, b"{\"container\":\"train\",\"seconds\":1,\"why\":\"\xff\"}");
    refused("it is no request");
}

#[test]
fn one_that_is_just_being_written_is_left_and_one_that_stays_empty_is_not() {
    let dir = directory();
    let file = std_fs::File::create(dir.path().join("a")).unwrap();
    std_fs::set_permissions(dir.path().join("a"), std_fs::Permissions::from_mode(0o600)).unwrap();
    assert!(read(dir.path()).dropped.is_empty() && !is_empty(dir.path()));
    file.set_modified(std::time::SystemTime::now() - 2 * IN_THE_MAKING).unwrap();
    assert_eq!(read(dir.path()).dropped.len(), 1);
    assert!(is_empty(dir.path()));
}

#[test]
fn a_file_that_is_dated_ahead_was_written_now() {
    let dir = directory();
    drop_request(dir.path(), &request("train")).unwrap();
    let path = std_fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let file = std_fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() + 1_000 * LONG).unwrap();
    assert!(read(dir.path()).dropped[0].at <= Timestamp::now());
}

#[test]
fn ten_thousand_at_once_hold_nobody_up() {
    if me() != 0 {
        eprintln!("skipped: files of other users need root");
        return;
    }
    let dir = directory();
    let body = serde_json::to_vec(&request("flood")).unwrap();
    let put = |name: String, uid: u32| {
        let path = dir.path().join(name);
        std_fs::write(&path, &body).unwrap();
        std::os::unix::fs::chown(&path, Some(uid), None).unwrap();
    };
    (0..10_000).for_each(|n| put(format!("flood-{n}"), 2_000));
    // As many ids as a user gets for containers of his own.
    (0..1_000).for_each(|n| put(format!("sub-{n}"), 100_000 + n));
    put("z".to_owned(), 3_000_000);
    let drops = Drops::open(dir.path()).unwrap().unwrap();
    let listed = drops.list(LONG).unwrap();
    let found = drops.read(listed, &owners(3_000_000), Timestamp::now());
    let of = |uid: u32| found.dropped.iter().filter(|one| one.uid == Some(uid) && one.request.is_ok()).count();
    assert_eq!((of(3_000_000), of(2_000)), (1, MOST_OF_ONE), "the one who owns something is read");
    let read = found.dropped.iter().filter(|one| one.request.is_ok()).count();
    assert_eq!(read, 1 + MOST_OF_STRANGERS);
    assert!(refusals(&found).len() <= MOST_TOLD + 1);
    assert!(refusals(&found).contains(&"9992 were more than are read at one check, and removed unread"));
    drops.remove(&found).unwrap();
    assert!(is_empty(dir.path()));
}

#[test]
fn after_its_time_the_rest_waits() {
    let dir = directory();
    (0..20).for_each(|n| drop_request(dir.path(), &request(&n.to_string())).unwrap());
    let drops = Drops::open(dir.path()).unwrap().unwrap();
    let listed = drops.list(Duration::ZERO).unwrap();
    assert!(listed.by_uid.is_empty() && listed.is_cut() && !listed.is_empty());
    assert_eq!(std_fs::read_dir(dir.path()).unwrap().count(), 20);
}
