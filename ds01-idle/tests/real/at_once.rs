//! Two checks at once, and one that is killed.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
};

use docker_rig::wait_until;

use crate::{
    proxy::{Proxy, Then},
    reaper::Run,
    story::{DEADLINE, Story},
    told::{STOP, STOPPED, WARNING},
};

/// A door that stays shut until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Opens it at the latest when the test ends: so nobody waits for ever.
struct Opener(Arc<Gate>);

impl Opener {
    fn open(&self) {
        *self.0.open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.open();
    }
}

/// A check under way, which ends with the test, should the test fail.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn end(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails only for one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first is held up just before its stop. The second must not stop the same container, warn it or judge it by what the
/// first has not written down yet.
#[test]
fn the_second_waits_for_the_first_and_finds_its_work_done() {
    let Some(mut story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    let gate: Arc<Gate> = Arc::default();
    let opener = Opener(Arc::clone(&gate));
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains("/stop") {
            gate.pass();
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    let first = Running::start(&mut story.check_command(14));
    wait_until("the first wants to stop", DEADLINE, || proxy.seen().iter().any(|request| request.contains("/stop")));
    story.directly();

    let second = Running::start(story.check_command(14).args(["--deadline", "3600"]));
    let lock = fs::metadata(story.reaper.state_dir().join("idle-state.lock")).unwrap().ino();
    wait_until("the second waits for the lock", DEADLINE, || waits_for(second.0.id(), lock));
    opener.open();
    assert_eq!((first.end(), second.end()), (Some(0), Some(0)));
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!((story.done_to(&idle), story.notices().len()), (STOPPED.map(String::from).to_vec(), 2));
    assert_eq!(story.reaper.state()["checks"], 5);
}

#[test]
fn one_that_never_gets_the_lock_ends_with_75_and_touches_nobody() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    let path = story.reaper.state_dir().join("idle-state.lock");
    let lock = File::create(&path).unwrap();
    lock.lock().unwrap();
    let said = Run::of(story.check_command(14).args(["--deadline", "0.5"])).ends_with(75).stderr();
    let words = format!("ds01-idle: {} is locked by another run, which did not release it within ", path.display());
    assert!(said.starts_with(&words) && said.ends_with("; nobody was touched\n"), "{said}");
    assert_eq!((story.events().len(), story.done_to(&idle)), (1, vec![]));
    // To look needs no lock.
    Run::of(story.check_command(14).arg("--dry-run")).ends_with(0);
    Run::of(&mut story.command("status", 14)).ends_with(0);
    lock.unlock().unwrap();
    story.check(15);
    assert_eq!(story.done_to(&idle), STOPPED);
}

/// Killed when it had told people and not yet stopped: whoever ended the container then, the stop was announced, and is
/// reported by the next check, once.
#[test]
fn a_stop_that_a_killed_check_had_begun_is_reported_once() {
    let Some(mut story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    let gate: Arc<Gate> = Arc::default();
    let opener = Opener(Arc::clone(&gate));
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains("/stop") {
            gate.pass();
            return Then::Refuse(500, "too late");
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    let killed = Running::start(&mut story.check_command(14));
    wait_until("it wants to stop", DEADLINE, || proxy.seen().iter().any(|request| request.contains("/stop")));
    drop(killed);
    drop(opener);
    story.directly();
    assert_eq!((story.events(), story.done_to(&idle)), (vec!["idle_warning idle".to_owned()], vec![]));
    idle.docker(&["stop"]);

    // A check that fails before it does anything keeps it for the next one.
    Run::of(story.command("run", 15).args(["--container", "no-such-container"])).ends_with(1);
    assert_eq!(story.events(), ["idle_warning idle"]);
    story.checks([16, 17]);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.notices(), [format!("{WARNING}: idle"), format!("{STOP}: idle")]);
}

/// Whether the kernel has this process in the queue for a lock on this file.
fn waits_for(pid: u32, inode: u64) -> bool {
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let (pid, inode) = (format!(" {pid} "), format!(":{inode} "));
    locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&pid) && line.contains(&inode))
}
