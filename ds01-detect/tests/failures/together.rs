//! Two runs at once.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    process::{Child, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use docker_rig::fake_daemon::FakeDaemon;

use crate::{
    host::{Moment, ProcRoot, containers},
    support::Detector,
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

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

#[test]
fn the_second_run_waits_for_the_first() {
    let root = ProcRoot::new(Moment::First);
    let gate = Arc::new(Gate::default());
    let detector = Arc::new(Detector::new());
    let inventory = detector.state_dir().join("workload-inventory.json");
    let slow = FakeDaemon::start({
        let gate = Arc::clone(&gate);
        move |request| {
            gate.pass();
            containers(Moment::First, None).answer(request)
        }
    })
    .unwrap();
    // Whoever asks this one must find what the first run saved.
    let too_early = Arc::new(Mutex::new(false));
    let quick = FakeDaemon::start({
        let (inventory, too_early) = (inventory.clone(), Arc::clone(&too_early));
        move |request| {
            *too_early.lock().unwrap() |= !inventory.exists();
            containers(Moment::Changed, None).answer(request)
        }
    })
    .unwrap();

    let start = |daemon: &FakeDaemon| {
        let mut command = detector.command();
        command.arg("--docker-host").arg(format!("unix://{}", daemon.socket().display()));
        command.arg("--proc-root").arg(root.path()).args(["--deadline", "3600"]);
        Running(command.stderr(Stdio::null()).spawn().unwrap())
    };
    let first = start(&slow);
    wait_until(|| !slow.requests().is_empty());
    let second = start(&quick);
    let lock = detector.state_dir().join("workload-inventory.lock");
    wait_until(|| waits_for(second.0.id(), fs::metadata(&lock).unwrap().ino()));
    gate.open();
    assert_eq!((first.end(), second.end()), (Some(0), Some(0)));
    assert!(!*too_early.lock().unwrap());

    let told: Vec<String> =
        detector.events().iter().map(|event| event["details"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ["c1", "c2", "c3", "c4", "c3"], "the second compared with what the first had saved");
}

#[test]
fn a_run_that_never_gets_the_lock_says_so() {
    let detector = Detector::new();
    let root = ProcRoot::new(Moment::First);
    let root = root.path().to_str().unwrap();
    // Whether Docker or NVML is on this machine is no matter here: neither is asked.
    fs::create_dir(detector.state_dir()).unwrap();
    let path = detector.state_dir().join("workload-inventory.lock");
    let lock = File::create(&path).unwrap();
    lock.lock().unwrap();
    let said = detector.run(&["--deadline", "0.5", "--proc-root", root]).ends_with(75).stderr();
    assert!(said.contains(&format!("{} is locked by another run", path.display())), "{said}");
    assert!(!detector.state_dir().join("workload-inventory.json").exists());
    assert_eq!(detector.events().len(), 0);
    // To look needs no lock.
    let printed = detector.command().args(["--dry-run", "--proc-root", root]).output().unwrap();
    assert!(printed.status.code() != Some(75) && printed.stdout.starts_with(b"{"), "{printed:?}");
}

/// Whether the kernel has this process in the queue for a lock on this file.
fn waits_for(pid: u32, inode: u64) -> bool {
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let (pid, inode) = (format!(" {pid} "), format!(":{inode} "));
    locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&pid) && line.contains(&inode))
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// A child that ends with the test, should the test fail.
struct Running(Child);

impl Running {
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
