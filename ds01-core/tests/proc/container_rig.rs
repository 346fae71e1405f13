//! Containers of a real daemon, through the machine's own `/proc`.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use docker_rig::{BUSYBOX, Container, Rig, wait_until};
use ds01_core::{
    idle::ProcessActivity,
    model::{ContainerActivity, ContainerLife, Reading, RunningProcess, UnknownKind},
    source::{Clock, ProcessSource, SystemClock, proc::ProcFs},
};

use crate::support::become_other_user;

/// More than the slowest machine needs.
const DEADLINE: Duration = Duration::from_secs(60);

fn life(container: &Container, health_check: &[&str]) -> ContainerLife {
    ContainerLife {
        id: container.id().parse().unwrap(),
        pid: container.inspect("{{.State.Pid}}").parse().unwrap(),
        health_check: health_check.iter().map(ToString::to_string).collect(),
    }
}

fn read(life: &ContainerLife) -> ContainerActivity {
    ProcFs::new("/proc").container(life)
}

fn processes(life: &ContainerLife) -> Vec<RunningProcess> {
    read(life).processes.into_known().unwrap()
}

fn newest(life: &ContainerLife) -> Option<ds01_core::idle::evidence::StartedProcess> {
    ProcessActivity::of(processes(life), [].into()).newest
}

fn is_newest(life: &ContainerLife, name: &str) -> bool {
    newest(life).is_some_and(|newest| newest.name == name)
}

/// Runs a shell in it, which ends when the container does.
fn exec(container: &Container, rig: &Rig, script: &str) {
    rig.docker(&["exec", "--detach", container.id(), "sh", "-c", script]);
}

/// Runs a program of this name, which is neither a shell nor waits.
fn program(name: &str) -> String {
    format!(
        "printf '#!/bin/sh\\nread x < /fifo\\n' > /tmp/{name}; chmod 755 /tmp/{name}; mkfifo /fifo; exec /tmp/{name}"
    )
}

#[test]
fn one_that_burns_cpu_and_one_that_sleeps() {
    let Some(rig) = Rig::from_env() else { return };
    let busy = rig.run_container(&[BUSYBOX, "sh", "-c", "while :; do :; done"]);
    let life = life(&busy, &[]);
    let used = || read(&life).cpu_time.into_known().unwrap();
    let before = used();
    wait_until("a tenth of a second of work", DEADLINE, || used() >= before + Duration::from_millis(100));
    assert_eq!(read(&life).net_bytes, Reading::Known(0), "a network of its own without an interface");
}

#[test]
fn a_program_that_began_is_the_newest_and_a_shell_is_nobodys_work() {
    let Some(rig) = Rig::from_env() else { return };
    let container = rig.run_sleeper(&[]);
    let life = life(&container, &[]);
    assert_eq!(newest(&life), None, "it sleeps");

    exec(&container, &rig, "sleep 100000; true");
    // Until it is a shell, it is the engine's own program on its way there.
    wait_until("the shell and its child", DEADLINE, || {
        let mut names: Vec<String> = processes(&life).into_iter().map(|process| process.name).collect();
        names.sort_unstable();
        names == ["sh", "sleep", "sleep"]
    });
    assert_eq!(newest(&life), None, "a shell that waits");

    let before = SystemClock.since_boot();
    exec(&container, &rig, &program("train.py"));
    wait_until("the program", DEADLINE, || is_newest(&life, "train.py"));
    let found = newest(&life).unwrap();
    let now = SystemClock.since_boot() + Duration::from_millis(10);
    assert!((before.as_millis()..=now.as_millis()).contains(&u128::from(found.started_boot_ms)), "{found:?}");
}

#[test]
fn dockers_health_check_is_nobodys_work_and_what_runs_beside_it_is() {
    let Some(rig) = Rig::from_env() else { return };
    for check in ["yes > /dev/null; exit 0", "yes /dev/null"] {
        let options = ["--health-cmd", check, "--health-interval", "1s", "--health-timeout", "1h"];
        let container = rig.run_sleeper(&options);
        let test = container.inspect("{{json .Config.Healthcheck.Test}}");
        let test: Vec<String> = serde_json::from_str(&test).unwrap();
        let life = life(&container, &test.iter().map(String::as_str).collect::<Vec<_>>());
        let names = |checks: bool| {
            let all = processes(&life).into_iter().filter(|process| process.health_check == checks);
            all.map(|process| process.name).collect::<Vec<_>>()
        };
        wait_until("the check", DEADLINE, || processes(&life).iter().any(|process| process.name == "yes"));
        assert!(names(true).contains(&"yes".to_owned()), "{check}: {:?}", processes(&life));
        wait_until("nobody else", DEADLINE, || newest(&life).is_none());
        exec(&container, &rig, &program("train.py"));
        wait_until("the program", DEADLINE, || is_newest(&life, "train.py"));
        assert!(names(false).contains(&"train.py".to_owned()), "{check}");
    }
}

#[test]
fn what_nobody_waited_for_is_left_out() {
    let Some(rig) = Rig::from_env() else { return };
    let container = rig.run_container(&[BUSYBOX, "sh", "-c", "true & exec sleep 100000"]);
    let life = life(&container, &[]);
    let children = || fs::read_to_string(format!("/proc/{0}/task/{0}/children", life.pid)).unwrap_or_default();
    let is_zombie = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z"))
    };
    wait_until("a zombie", DEADLINE, || children().split_whitespace().any(is_zombie));
    assert_eq!(processes(&life).iter().map(|process| process.pid).collect::<Vec<_>>(), [life.pid]);
}

/// Types into a container's terminal until its access time changes. The kernel keeps it in steps of eight seconds.
#[test]
fn input_at_a_terminal_changes_its_time() {
    let Some(rig) = Rig::from_env() else { return };
    let container = rig.run_container(&["--interactive", "--tty", BUSYBOX, "cat"]);
    let life = life(&container, &[]);
    let times = || read(&life).terminals.into_known().unwrap();
    wait_until("its terminal", DEADLINE, || times().contains_key("0"));
    let before = times();
    assert_eq!(before.keys().collect::<Vec<_>>(), ["0"], "and no multiplexer");

    let mut terminal = UnixStream::connect(rig.socket()).unwrap();
    let path = format!("/containers/{}/attach?stream=1&stdin=1", container.id());
    write!(terminal, "POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n").unwrap();
    let mut head = [0; 12];
    terminal.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    wait_until("a later input", DEADLINE, || {
        terminal.write_all(b"x\n").unwrap();
        times()["0"] > before["0"]
    });
}

#[test]
fn a_directory_or_a_link_in_the_place_of_the_terminals_is_not_entered() {
    let Some(rig) = Rig::from_env() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("0"), "").unwrap();
    let bind = format!("{}:/dev/pts", dir.path().display());
    let bound = rig.run_sleeper(&["--volume", &bind]);
    let bound_life = life(&bound, &[]);
    assert!(fs::exists(format!("/proc/{}/root/dev/pts/0", bound_life.pid)).unwrap(), "it is in that place");
    assert_eq!(read(&bound_life).terminals, Reading::Known([].into()));

    // Another file system of terminals, with one in it, behind a link.
    let script = "mkdir /other && mount -t devpts devpts /other && exec 3<>/other/ptmx && umount /dev/pts && \
        rmdir /dev/pts && ln -s /other /dev/pts && exec sleep 100000";
    let may_mount = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"];
    let linked = rig.run_container(&[&may_mount[..], &[BUSYBOX, "sh", "-c", script]].concat());
    let linked_life = life(&linked, &[]);
    let root = format!("/proc/{}/root", linked_life.pid);
    wait_until("the link", DEADLINE, || fs::read_link(format!("{root}/dev/pts")).is_ok());
    assert!(fs::exists(format!("{root}/other/0")).unwrap(), "there is a terminal");
    assert_eq!(read(&linked_life).terminals, Reading::Known([].into()));
}

#[test]
fn one_that_ended_tells_nothing() {
    let Some(rig) = Rig::from_env() else { return };
    let container = rig.run_sleeper(&[]);
    let life = life(&container, &[]);
    assert_eq!(processes(&life).len(), 1);
    container.docker(&["kill"]);
    wait_until("its end", DEADLINE, || container.inspect("{{.State.Running}}") == "false");
    let ContainerActivity { cpu_time, net_bytes, processes, terminals } = read(&life);
    assert!(cpu_time.unknown().is_some() && net_bytes.unknown().is_some());
    assert!(processes.unknown().is_some() && terminals.unknown().is_some());
}

#[test]
fn without_privilege_counters_and_processes_are_known_and_the_rest_is_denied() {
    let Some(rig) = Rig::from_env() else { return };
    let container = rig.run_sleeper(&[]);
    let life = life(&container, &[]);
    let activity = thread::spawn(move || {
        become_other_user();
        read(&life)
    });
    let activity = activity.join().unwrap();
    assert!(activity.cpu_time.known().is_some() && activity.processes.known().is_some(), "{activity:?}");
    for kind in [activity.net_bytes.unknown().unwrap().kind, activity.terminals.unknown().unwrap().kind] {
        assert_eq!(kind, UnknownKind::Denied);
    }
}
