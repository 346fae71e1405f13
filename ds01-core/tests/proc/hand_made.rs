//! Proc roots made by hand: what is rare, or gone in an instant, on a real one.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, thread};

use ds01_core::{
    model::{Belonging, BelongingKind, Host, Process, Proof, Reading, UnknownKind},
    source::{FailureKind, ProcessError, ProcessSource, SourceError, SourceName, proc::ProcFs},
};
use jiff::Timestamp;
use rustix::fs::OFlags;

use crate::support::{Root, stat};

const CONTAINER: &str = "4f1d0c7e9b2a6538d1e0f7c4b3a29586e7d4c1b0a9f8e7d6c5b4a39281706f5e";

#[test]
fn a_process_with_all_it_has() {
    let root = Root::new();
    root.add(42, 12_345, 1000);
    root.write("42/cgroup", format!("0::/system.slice/docker-{CONTAINER}.scope\n"));
    let hz = i64::try_from(rustix::param::clock_ticks_per_second()).unwrap();
    assert_eq!(
        root.proc_fs().process(42),
        Ok(Process {
            user_slice: Reading::Known(None),
            pid: 42,
            start_ticks: 12_345,
            started_at: Timestamp::from_second(Root::BOOT_TIME + 12_345 / hz).unwrap(),
            uid: 1000,
            login_uid: Reading::Known(Some(1000)),
            comm: "python".to_owned(),
            exe: Reading::Known("python3.11".to_owned()),
            cmdline: Reading::Known("python train.py".to_owned()),
            containers: Reading::Known(vec![CONTAINER.parse().unwrap()]),
            users_group: None,
            belongs_to: vec![Belonging {
                id: Some(CONTAINER.to_owned()),
                name: Some(format!("docker {}", &CONTAINER[..12])),
                ..Belonging::new(BelongingKind::Container, Proof::Path)
            }],
        })
    );
    assert_eq!(root.proc_fs().start_ticks(42), Ok(12_345));
}

#[test]
fn a_process_that_is_not_there_is_gone() {
    let root = Root::new();
    for pid in [0, 43, u32::MAX] {
        assert_eq!(root.proc_fs().process(pid), Err(ProcessError::Gone { pid }));
        assert_eq!(root.proc_fs().start_ticks(pid), Err(ProcessError::Gone { pid }));
    }
}

#[test]
fn where_process_1_is_out_of_sight_nothing_is_said_to_be_gone() {
    let root = Root::new();
    fs::remove_dir_all(root.path().join("1")).unwrap();
    let path = root.path().join("43").display().to_string();
    let detail = "not to be seen: gone, or hidden from this user (hidepid)".to_owned();
    let unseen = ProcessError::Unreadable { pid: 43, path, detail };
    assert_eq!(root.proc_fs().process(43), Err(unseen.clone()));
    assert_eq!(root.proc_fs().start_ticks(43), Err(unseen));
}

/// Runs `change` at the moment when `file` of process 42 is being read, and says what came of the read.
fn read_while(file: &str, change: impl FnOnce(&Root)) -> Result<Process, ProcessError> {
    let root = Root::new();
    root.add(42, 100, 1000);
    let whole = fs::read(root.path().join("42").join(file)).unwrap();
    let pipe = root.pipe(&format!("42/{file}"));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let read = root.proc_fs().process(42);
            // Lets the writer go should nobody have read the pipe; writing to it then fails the test.
            let _ = fs::File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&pipe);
            read
        });
        // Opening waits for the reader to have opened it.
        let mut writer = fs::File::options().write(true).open(&pipe).unwrap();
        change(&root);
        writer.write_all(&whole).unwrap();
        drop(writer);
        reader.join().unwrap()
    })
}

const READ_IN_BETWEEN: [&str; 4] = ["status", "cgroup", "cmdline", "loginuid"];

#[test]
fn a_process_that_ends_while_it_is_read_is_gone() {
    for file in READ_IN_BETWEEN {
        let read = read_while(file, |root| fs::remove_dir_all(root.path().join("42")).unwrap());
        assert_eq!(read, Err(ProcessError::Gone { pid: 42 }), "{file}");
    }
}

#[test]
fn a_pid_that_is_reused_while_it_is_read_gives_no_mixture() {
    for file in READ_IN_BETWEEN {
        let read = read_while(file, |root| drop(root.write("42/stat", stat(42, "python", 101))));
        assert_eq!(read, Err(ProcessError::Gone { pid: 42 }), "{file}");
        let read = read_while(file, |root| drop(root.write("42/stat", stat(42, "renamed", 100))));
        assert_eq!(read.unwrap().comm, "python", "{file}");
    }
}

#[test]
fn a_thread_is_no_process() {
    let root = Root::new();
    root.add(43, 100, 1000);
    root.write("43/status", "Name:\tpython\nTgid:\t42\nUid:\t1000\t1000\t1000\t1000\n");
    assert_eq!(root.proc_fs().process(43), Err(ProcessError::Gone { pid: 43 }));
}

#[test]
fn a_kernel_thread_has_no_program_and_no_command_line() {
    let root = Root::new();
    let captured = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/proc/process/kthread");
    root.add(2, 24, 0);
    for file in ["stat", "status"] {
        root.write(&format!("2/{file}"), fs::read(format!("{captured}.{file}")).unwrap());
    }
    root.write("2/cmdline", "");
    root.write("2/loginuid", u32::MAX.to_string());
    fs::remove_file(root.path().join("2/exe")).unwrap();
    let process = root.proc_fs().process(2).unwrap();
    assert_eq!((process.comm.as_str(), process.uid, process.start_ticks), ("kthreadd", 0, 24));
    assert_eq!(process.cmdline, Reading::Known(String::new()));
    assert_eq!(process.login_uid, Reading::Known(None));
    assert_eq!(process.exe.unknown().unwrap().kind, UnknownKind::NotSupported);
}

#[test]
fn what_a_kernel_does_not_offer_is_unknown() {
    for (file, field) in [
        ("loginuid", (|p| p.login_uid.unknown().cloned()) as fn(&Process) -> _),
        ("cgroup", |p| p.containers.unknown().cloned()),
    ] {
        let root = Root::new();
        root.add(42, 100, 1000);
        fs::remove_file(root.path().join("42").join(file)).unwrap();
        let unknown = field(&root.proc_fs().process(42).unwrap()).unwrap();
        assert_eq!(unknown.kind, UnknownKind::NotSupported);
        assert!(unknown.detail.contains(&format!("/42/{file}: ")), "{unknown}");
    }
}

#[test]
fn nonsense_is_named_with_its_file() {
    for (file, content) in [("42/stat", "42 python"), ("42/status", "Tgid:\t42\n"), ("stat", "cpu 1\n")] {
        let root = Root::new();
        root.add(42, 100, 1000);
        let full = root.write(file, content).display().to_string();
        match root.proc_fs().process(42) {
            Err(ProcessError::Unreadable { pid: 42, path, .. }) => assert_eq!(path, full),
            other => panic!("{file}: {other:?}"),
        }
    }
    let root = Root::new();
    root.add(42, 100, 1000);
    root.write("42/loginuid", "nobody");
    let process = root.proc_fs().process(42).unwrap();
    assert_eq!(process.login_uid.unknown().unwrap().kind, UnknownKind::Failed);
}

#[test]
fn figures_beyond_time_itself_are_an_error() {
    for (ticks, boot_time) in [(u64::MAX, Root::BOOT_TIME), (0, i64::MAX), (u64::MAX, i64::MAX)] {
        let root = Root::new();
        root.add(42, ticks, 1000);
        root.write("stat", format!("btime {boot_time}\n"));
        assert!(matches!(root.proc_fs().process(42), Err(ProcessError::Unreadable { .. })), "{ticks} {boot_time}");
        assert_eq!(root.proc_fs().start_ticks(42), Ok(ticks));
    }
}

#[test]
fn a_clock_set_during_a_scan_moves_no_process() {
    let root = Root::new();
    root.add(42, 100, 1000);
    let proc_fs = root.proc_fs();
    let before = proc_fs.process(42).unwrap();
    root.write("stat", "btime 1600000000\n");
    assert_eq!(proc_fs.process(42).unwrap(), before);
}

#[test]
fn the_host() {
    let root = Root::new();
    let host = Host { name: "gpu01".to_owned(), boot_id: "4cf8b3e6-5f0d-4d5e-9a52-0e4d7c1c2a10".to_owned() };
    assert_eq!(root.proc_fs().host(), Ok(host));
}

fn host_failure(proc_fs: &ProcFs) -> (FailureKind, String) {
    match proc_fs.host() {
        Err(SourceError::Failed { source_name: SourceName::Proc, kind, detail }) => (kind, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_root_without_a_proc_is_a_failure_not_an_absence() {
    let (kind, detail) = host_failure(&ProcFs::new("/nowhere/proc"));
    assert_eq!(kind, FailureKind::Missing);
    assert!(detail.starts_with("/nowhere/proc/sys/kernel/hostname: "), "{detail}");

    let root = Root::new();
    root.write("sys/kernel/random/boot_id", "\n");
    let (kind, detail) = host_failure(&root.proc_fs());
    assert_eq!(kind, FailureKind::Nonsense);
    assert!(detail.ends_with("/sys/kernel/random/boot_id: empty"), "{detail}");

    let root = Root::new();
    root.write("file", "");
    assert_eq!(host_failure(&ProcFs::new(root.path().join("file"))).0, FailureKind::Erred);
}

#[test]
fn users_come_from_the_file_that_was_named() {
    let root = Root::new();
    assert_eq!(root.proc_fs().user_name(1000), Reading::Known("ada".to_owned()));
    let unknown = root.proc_fs().user_name(1001).unknown().unwrap().detail.clone();
    assert_eq!(unknown, format!("no user with uid 1001 in {}/passwd", root.path().display()));
}
