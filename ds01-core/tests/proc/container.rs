//! Containers in proc and sys roots made by hand: control groups of every kind, and what is rare on a real host.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    thread,
    time::Duration,
};

use ds01_core::{
    model::{ContainerActivity, ContainerId, ContainerLife, Reading, UnknownKind},
    source::{ProcessSource, proc::ProcFs},
};

use crate::support::{Root, become_other_user, is_root, stat};

const A: &str = "4f1d0c7e9b2a6538d1e0f7c4b3a29586e7d4c1b0a9f8e7d6c5b4a39281706f5e";
const B: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const NET_DEV: &str = "Inter-|   Receive                            |  Transmit\n \
    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
    lo: 5000000 10 0 0 0 0 0 0 5000000 10 0 0 0 0 0 0\n  eth0: 1200 10 0 0 0 0 0 0 34 1 0 0 0 0 0 0\n";

fn id(text: &str) -> ContainerId {
    text.parse().unwrap()
}

fn life(pid: u32) -> ContainerLife {
    ContainerLife { id: id(A), pid, health_check: Vec::new() }
}

fn source(root: &Root) -> ProcFs {
    root.proc_fs().with_sys(root.path().join("sysfs"))
}

fn read(root: &Root) -> ContainerActivity {
    source(root).container(&life(42))
}

/// Container `A` with the main process 42, in the group of these lines of `/proc/42/cgroup`.
fn container(cgroup: &str) -> Root {
    let root = Root::new();
    symlink_in(&root, "1/ns/net", "net:[4026531840]");
    member(&root, 42, cgroup);
    symlink_in(&root, "42/ns/net", "net:[4026532000]");
    root.write("42/net/dev", NET_DEV);
    fs::create_dir(root.path().join("empty")).unwrap();
    symlink_in(&root, "42/root", &root.path().join("empty").display().to_string());
    root
}

fn member(root: &Root, pid: u32, cgroup: &str) {
    root.add(pid, u64::from(pid) * 100, 1000);
    root.write(&format!("{pid}/cgroup"), cgroup);
}

fn symlink_in(root: &Root, link: &str, target: &str) {
    let path = root.path().join(link);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(target, path).unwrap();
}

fn group(root: &Root, path: &str, files: &[(&str, &str)]) {
    for (file, content) in files {
        root.write(&format!("sysfs/fs/cgroup/{path}/{file}"), content);
    }
}

fn v2() -> (Root, String) {
    let path = format!("system.slice/docker-{A}.scope");
    let root = container(&format!("0::/{path}\n"));
    group(&root, &path, &[("cpu.stat", "usage_usec 1500000\n"), ("cgroup.procs", "42\n43\n")]);
    member(&root, 43, "");
    (root, path)
}

fn pids(activity: &ContainerActivity) -> Vec<u32> {
    activity.processes.known().unwrap_or_else(|| panic!("{activity:?}")).iter().map(|process| process.pid).collect()
}

fn kind<T: std::fmt::Debug>(reading: &Reading<T>) -> UnknownKind {
    reading.unknown().unwrap_or_else(|| panic!("{reading:?}")).kind
}

#[test]
fn version_2() {
    let (root, _) = v2();
    let activity = read(&root);
    assert_eq!(activity.cpu_time, Reading::Known(Duration::from_millis(1500)));
    assert_eq!(activity.net_bytes, Reading::Known(1234));
    assert_eq!(pids(&activity), [42, 43]);
    assert_eq!(activity.terminals, Reading::Known([].into()));
    let process = &activity.processes.known().unwrap()[0];
    let hz = rustix::param::clock_ticks_per_second();
    assert_eq!((process.name.as_str(), process.health_check), ("python", false));
    assert_eq!(process.started_boot_ms, 4_201 * 1000 / hz, "the end of its tick");
}

#[test]
fn version_1_and_hybrid() {
    let root =
        container(&format!("9:memory:/docker/{A}\n4:cpu,cpuacct:/docker/{A}\n0::/system.slice/containerd.service\n"));
    let files = [("cpuacct.usage", "2500000000\n"), ("cgroup.procs", "42\n")];
    group(&root, &format!("cpu,cpuacct/docker/{A}"), &files);
    let activity = read(&root);
    assert_eq!((activity.cpu_time.known(), pids(&activity)), (Some(&Duration::from_millis(2500)), vec![42]));

    let root = container(&format!("9:memory:/docker/{A}\n1:name=systemd:/docker/{A}\n0::/docker/{A}\n"));
    group(&root, &format!("memory/docker/{A}"), &[("cgroup.procs", "42\n"), ("memory.usage_in_bytes", "1\n")]);
    group(&root, &format!("unified/docker/{A}"), &[("cpu.stat", "usage_usec 900000\n"), ("cgroup.procs", "42\n")]);
    let activity = read(&root);
    assert_eq!((activity.cpu_time.known(), pids(&activity)), (Some(&Duration::from_millis(900)), vec![42]));
}

#[test]
fn groups_below_it_are_its_own_and_one_that_vanishes_takes_only_itself_away() {
    let (root, path) = v2();
    for (pid, below) in [(44, "init.scope"), (45, "system.slice/docker-inner.scope")] {
        group(&root, &format!("{path}/{below}"), &[("cgroup.procs", &format!("{pid}\n"))]);
        member(&root, pid, "");
    }
    group(&root, &format!("{path}/vanishing"), &[("cpu.stat", "")]);
    group(&root, &format!("system.slice/docker-{B}.scope"), &[("cgroup.procs", "46\n")]);
    assert_eq!(pids(&read(&root)), [42, 43, 44, 45]);
}

#[test]
fn a_group_that_is_gone_is_unknown_and_not_empty() {
    let (root, path) = v2();
    fs::remove_file(root.path().join(format!("sysfs/fs/cgroup/{path}/cgroup.procs"))).unwrap();
    assert_eq!(kind(&read(&root).processes), UnknownKind::Gone);
    fs::remove_dir_all(root.path().join(format!("sysfs/fs/cgroup/{path}"))).unwrap();
    let activity = read(&root);
    for kind in
        [kind(&activity.cpu_time), kind(&activity.net_bytes), kind(&activity.processes), kind(&activity.terminals)]
    {
        assert_eq!(kind, UnknownKind::Gone);
    }
}

#[test]
fn a_pid_that_is_gone_or_somebody_elses_tells_nothing() {
    let (root, _) = v2();
    let nothing = |pid| {
        let activity = source(&root).container(&life(pid));
        let kinds =
            [kind(&activity.cpu_time), kind(&activity.net_bytes), kind(&activity.processes), kind(&activity.terminals)];
        assert_eq!(kinds, [UnknownKind::Gone; 4], "{pid}");
    };
    nothing(99);
    root.write("42/cgroup", format!("0::/system.slice/docker-{B}.scope\n"));
    nothing(42);
    root.write("42/cgroup", "0::/user.slice\n");
    nothing(42);
}

#[test]
fn processes_that_this_pid_namespace_does_not_see_are_unknown() {
    let (root, path) = v2();
    group(&root, &path, &[("cgroup.procs", "42\n0\n")]);
    let activity = read(&root);
    assert_eq!(kind(&activity.processes), UnknownKind::NotSupported);
    assert!(activity.cpu_time.known().is_some(), "the rest is known");
}

#[test]
fn one_that_ended_is_left_out_and_one_that_makes_no_sense_hides_what_they_are() {
    let (root, path) = v2();
    group(&root, &path, &[("cgroup.procs", "42\n43\n44\n45\n")]);
    // 44 is gone since, 45 a zombie.
    root.add(45, 7, 1000);
    root.write("45/stat", stat(45, "python", 7).replace(" S ", " Z "));
    assert_eq!(pids(&read(&root)), [42, 43]);
    root.write("43/stat", "43 python");
    assert_eq!(kind(&read(&root).processes), UnknownKind::Failed);
}

#[test]
fn a_health_check_is_told_from_work() {
    let (root, _) = v2();
    // Its parent is process 1, which is no process of the container.
    root.write("43/cmdline", "/bin/sh\0-c\0curl -f localhost\0");
    let life = ContainerLife { health_check: ["CMD-SHELL", "curl -f localhost"].map(str::to_owned).into(), ..life(42) };
    let activity = source(&root).container(&life);
    let checks: Vec<bool> = activity.processes.known().unwrap().iter().map(|process| process.health_check).collect();
    assert_eq!(checks, [false, true]);
}

#[test]
fn network_counters_are_the_namespaces_own() {
    let (root, _) = v2();
    let replace = |target: &str| {
        fs::remove_file(root.path().join("42/ns/net")).unwrap();
        symlink_in(&root, "42/ns/net", target);
    };
    replace("net:[4026531840]");
    assert_eq!(read(&root).net_bytes.unknown().unwrap().to_string(), "not supported: on the host's network");
    replace("net:[4026532001]");
    root.write("42/net/dev", "no table\n");
    assert_eq!(kind(&read(&root).net_bytes), UnknownKind::Failed);
    fs::remove_file(root.path().join("42/net/dev")).unwrap();
    assert!(read(&root).net_bytes.unknown().is_some());
    fs::remove_file(root.path().join("1/ns/net")).unwrap();
    root.write("42/net/dev", NET_DEV);
    assert!(read(&root).net_bytes.unknown().is_some(), "whether it is the host's can't be told");
    symlink_in(&root, "self/ns/net", "net:[4026531840]");
    assert_eq!(read(&root).net_bytes, Reading::Known(1234), "but by this process, which is on the host's");
    replace("net:[4026531840]");
    assert_eq!(kind(&read(&root).net_bytes), UnknownKind::NotSupported);
    assert_eq!(pids(&read(&root)), [42, 43], "the rest is known");
}

#[test]
fn terminals_are_those_of_a_pseudo_terminal_file_system_with_no_link_on_the_way() {
    let (root, _) = v2();
    // One terminal there is for certain.
    let terminal = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
    let seen_through = |target: &str| {
        fs::remove_file(root.path().join("42/root")).unwrap();
        symlink_in(&root, "42/root", target);
        read(&root).terminals.into_known().unwrap().len()
    };
    assert!(seen_through("/") > 0, "the machine's own");
    let at = |name: &str| root.path().join(name).display().to_string();

    symlink_in(&root, "pts-link/dev/pts", "/dev/pts");
    assert_eq!(seen_through(&at("pts-link")), 0);
    symlink_in(&root, "dev-link/dev", "/dev");
    assert_eq!(seen_through(&at("dev-link")), 0);
    root.write("plain/dev/pts/0", "");
    assert_eq!(seen_through(&at("plain")), 0, "no terminal lies in a plain directory");
    root.write("file/dev/pts", "");
    assert_eq!(seen_through(&at("file")), 0);
    drop(terminal);

    fs::remove_file(root.path().join("42/root")).unwrap();
    assert!(read(&root).terminals.unknown().is_some());
}

#[test]
fn what_may_not_be_read_is_denied_and_not_nothing() {
    if !is_root("what may not be read") {
        return;
    }
    let (root, path) = v2();
    fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
    for secret in [&format!("sysfs/fs/cgroup/{path}/cpu.stat")[..], "42/ns", "43/stat", "empty"] {
        fs::set_permissions(root.path().join(secret), Permissions::from_mode(0o000)).unwrap();
    }
    root.write("empty/dev/pts/0", "");
    let source = source(&root);
    let activity = thread::spawn(move || {
        become_other_user();
        source.container(&life(42))
    });
    let activity = activity.join().unwrap();
    assert_eq!(kind(&activity.cpu_time), UnknownKind::Denied);
    assert_eq!(kind(&activity.net_bytes), UnknownKind::Denied);
    assert_eq!(kind(&activity.terminals), UnknownKind::Denied);
    assert!(activity.processes.unknown().is_some(), "{activity:?}");
}
