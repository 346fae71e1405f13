//! The `/proc` of the machine that runs the tests.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    process::{Command, Stdio},
    thread,
};

use ds01_core::{
    model::{Reading, UnknownKind},
    source::{ProcessError, ProcessSource, proc::ProcFs},
};
use jiff::Timestamp;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::support::{Guarded, OTHER_UID, Root, become_other_user, is_root};

/// A shell that says that it runs, and then waits for its input to end.
const READY: &str = "echo; read x";

fn proc_fs() -> ProcFs {
    ProcFs::new("/proc")
}

fn shell(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.args(["-c", READY]);
    command
}

#[test]
fn this_very_process() {
    let pid = std::process::id();
    let process = proc_fs().process(pid).unwrap();
    assert_eq!(process.pid, pid);
    assert_eq!(process.uid, rustix::process::geteuid().as_raw());
    let own = std::env::current_exe().unwrap();
    assert_eq!(process.exe, Reading::Known(own.file_name().unwrap().to_str().unwrap().to_owned()));
    assert_eq!(process.cmdline, Reading::Known(std::env::args().collect::<Vec<_>>().join(" ")));
    assert_eq!(proc_fs().start_ticks(pid), Ok(process.start_ticks));
    assert_eq!(proc_fs().process(pid), Ok(process));
}

#[test]
fn the_host_and_its_root_user() {
    let host = proc_fs().host().unwrap();
    assert_eq!(host.name, rustix::system::uname().nodename().to_str().unwrap());
    assert_eq!(host.boot_id.len(), 36);
    assert_eq!(proc_fs().user_name(0), Reading::Known("root".to_owned()));
}

#[test]
fn a_child_started_between_two_looks_at_the_clock() {
    let before = Timestamp::now().as_second();
    let child = Guarded::start(&mut shell("sh"));
    let after = Timestamp::now().as_second();
    let started_at = proc_fs().process(child.pid()).unwrap().started_at.as_second();
    // Boot time and ticks are both cut to what is below them: up to a second each.
    assert!((before - 2..=after + 1).contains(&started_at), "{before} <= {started_at} <= {after}");
}

#[test]
fn arguments_that_are_not_utf8() {
    let child = Guarded::start(shell("sh").arg(OsStr::from_bytes(b"caf\xff")).arg("").arg("x y"));
    let process = proc_fs().process(child.pid()).unwrap();
    assert_eq!(process.cmdline, Reading::Known(format!("sh -c {READY} caf\u{fffd}  x y")));
}

#[test]
fn an_empty_name_of_its_own() {
    let child = Guarded::start(shell("sh").arg0(""));
    let process = proc_fs().process(child.pid()).unwrap();
    assert_eq!(process.cmdline, Reading::Known(format!(" -c {READY}")));
    assert_eq!(process.comm, "sh");
}

#[test]
fn a_command_line_far_beyond_the_limit() {
    let child = Guarded::start(shell("sh").arg("y".repeat(100_000)));
    let cmdline = proc_fs().process(child.pid()).unwrap().cmdline.into_known().unwrap();
    assert!(cmdline.ends_with("yy…"), "{cmdline}");
    assert_eq!(cmdline.chars().count(), 4097);
}

#[test]
fn names_made_to_confuse() {
    let folder = tempfile::tempdir().unwrap();
    for (name, comm) in [
        (&b"a) (b\nR 1"[..], "a) (b\nR 1"),
        (b"x\nUid:\t7\t7\t7", "x\nUid:\t7\t7\t7"),
        (b"((((", "(((("),
        (b") S 1 1 1 1 1 1", ") S 1 1 1 1 1 1"),
        (b"caf\xff", "caf\u{fffd}"),
        ("ééééééééé".as_bytes(), "ééééééé\u{fffd}"),
    ] {
        let path = folder.path().join(OsStr::from_bytes(name));
        symlink("/bin/sh", &path).unwrap();
        let child = Guarded::start(&mut shell(&path));
        let process = proc_fs().process(child.pid()).unwrap();
        assert_eq!(process.comm, comm);
        assert_eq!(process.uid, rustix::process::geteuid().as_raw());
    }
}

#[test]
fn a_program_whose_file_was_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone-soon");
    fs::copy("/bin/sh", &path).unwrap();
    let child = Guarded::start(&mut shell(&path));
    fs::remove_file(&path).unwrap();
    assert_eq!(proc_fs().process(child.pid()).unwrap().exe, Reading::Known("gone-soon".to_owned()));
}

#[test]
fn a_child_that_ended_is_a_zombie_until_it_is_waited_for() {
    let mut child = Guarded(Command::new("true").stdin(Stdio::null()).spawn().unwrap());
    let pid = child.pid();
    let id = WaitId::Pid(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap());
    waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    assert!(matches!(proc_fs().start_ticks(pid), Err(ProcessError::Gone { .. })), "it runs no more");
    let zombie = proc_fs().process(pid).unwrap();
    assert_eq!(zombie.cmdline, Reading::Known(String::new()));
    assert_eq!(zombie.exe.unknown().unwrap().kind, UnknownKind::NotSupported);

    child.0.wait().unwrap();
    assert_eq!(proc_fs().process(pid), Err(ProcessError::Gone { pid }));
    assert_eq!(proc_fs().start_ticks(pid), Err(ProcessError::Gone { pid }));
}

#[test]
fn a_thread_is_no_process() {
    let thread = thread::spawn(|| {
        let link = fs::read_link("/proc/thread-self").unwrap();
        let id: u32 = link.file_name().unwrap().to_str().unwrap().parse().unwrap();
        (id, proc_fs().process(id))
    });
    let (id, read) = thread.join().unwrap();
    assert_eq!(read, Err(ProcessError::Gone { pid: id }));
}

#[test]
fn a_process_of_another_user() {
    if !is_root("a process of another user") {
        return;
    }
    let child = Guarded::start(shell("/bin/sh").current_dir("/").uid(OTHER_UID).gid(OTHER_UID));
    let process = proc_fs().process(child.pid()).unwrap();
    assert_eq!(process.uid, OTHER_UID);
    assert!(process.exe.known().is_some());
}

#[test]
fn without_privilege_the_program_of_another_user_is_denied_and_the_rest_is_known() {
    if !is_root("reading without privilege") {
        return;
    }
    let child = Guarded::start(&mut shell("sh"));
    let pid = child.pid();
    let process = thread::spawn(move || {
        become_other_user();
        proc_fs().process(pid)
    });
    let process = process.join().unwrap().unwrap();
    let exe = process.exe.unknown().unwrap();
    assert_eq!(exe.kind, UnknownKind::Denied);
    assert!(exe.detail.starts_with(&format!("/proc/{pid}/exe: ")), "{exe}");
    assert_eq!(process.cmdline, Reading::Known(format!("sh -c {READY}")));
    assert!(process.containers.known().is_some());
}

#[test]
fn a_proc_that_may_not_be_entered_is_denied() {
    if !is_root("a proc that may not be entered") {
        return;
    }
    let root = Root::new();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let proc_fs = root.proc_fs();
    let answers = thread::spawn(move || {
        become_other_user();
        (proc_fs.host(), proc_fs.process(1), proc_fs.user_name(0))
    });
    let (host, process, user) = answers.join().unwrap();
    assert!(host.unwrap_err().to_string().starts_with("proc: permission denied: "));
    assert!(matches!(process, Err(ProcessError::Unreadable { pid: 1, .. })), "{process:?}");
    assert_eq!(user.unknown().unwrap().kind, UnknownKind::Denied);
}
