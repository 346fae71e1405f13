use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use crate::usage::{cpu_percent, measure};

use super::*;

const PID: u32 = 4711;

fn id() -> ContainerId {
    "3f2a9c0d1b2e".repeat(6)[..64].parse().unwrap()
}

/// A `/proc` and `/sys` of files that the test lays down, with ID in paths and contents replaced.
struct Host(TempDir);

impl Host {
    fn new(files: &[(&str, &str)]) -> Self {
        let host = Self(TempDir::new().unwrap());
        for (path, content) in files {
            let path = host.0.path().join(path.replace("ID", id().as_str()));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content.replace("ID", id().as_str())).unwrap();
        }
        host
    }

    fn roots(&self) -> Roots {
        Roots { proc: self.0.path().join("proc"), sys: self.0.path().join("sys") }
    }

    fn container(&self) -> Reading<Meter> {
        Meter::container(&self.roots(), PID, &id())
    }
}

fn figures(meter: Reading<Meter>) -> (Option<u64>, Option<u64>) {
    let meter = meter.into_known().unwrap();
    (meter.cpu_time().into_known().map(|time| time.as_millis() as u64), meter.memory_bytes().into_known())
}

const V2_FILES: [(&str, &str); 3] = [
    ("sys/fs/cgroup/system.slice/docker-ID.scope/cpu.stat", "usage_usec 1500000\nuser_usec 1\n"),
    ("sys/fs/cgroup/system.slice/docker-ID.scope/memory.current", "5000\n"),
    ("sys/fs/cgroup/system.slice/docker-ID.scope/memory.stat", "anon 1\ninactive_file 2000\n"),
];

const V1_FILES: [(&str, &str); 4] = [
    ("proc/4711/cgroup", "9:memory:/docker/ID\n4:cpu,cpuacct:/docker/ID\n0::/system.slice/containerd.service\n"),
    ("sys/fs/cgroup/cpu,cpuacct/docker/ID/cpuacct.usage", "2500000000\n"),
    ("sys/fs/cgroup/memory/docker/ID/memory.usage_in_bytes", "7000\n"),
    ("sys/fs/cgroup/memory/docker/ID/memory.stat", "inactive_file 1\ntotal_inactive_file 3000\n"),
];

#[test]
fn version_2() {
    let host = Host::new(&[&V2_FILES[..], &[("proc/4711/cgroup", "0::/system.slice/docker-ID.scope\n")]].concat());
    assert_eq!(figures(host.container()), (Some(1500), Some(3000)));
}

#[test]
fn the_container_counts_not_the_group_its_main_process_made_below() {
    let line = "0::/system.slice/docker-ID.scope/init.scope\n";
    let host = Host::new(&[&V2_FILES[..], &[("proc/4711/cgroup", line)]].concat());
    assert_eq!(figures(host.container()), (Some(1500), Some(3000)));
}

#[test]
fn version_1_with_joined_and_with_separate_controllers() {
    assert_eq!(figures(Host::new(&V1_FILES).container()), (Some(2500), Some(4000)));
    let mut files = V1_FILES;
    files[0].1 = "4:cpuacct,cpu:/docker/ID\n9:memory:/docker/ID\n";
    files[1].0 = "sys/fs/cgroup/cpuacct/docker/ID/cpuacct.usage";
    assert_eq!(figures(Host::new(&files).container()), (Some(2500), Some(4000)));
}

#[test]
fn hybrid_takes_from_version_2_what_version_1_does_not_count() {
    let host = Host::new(&[
        ("proc/4711/cgroup", "9:memory:/docker/ID\n1:name=systemd:/docker/ID\n0::/docker/ID\n"),
        ("sys/fs/cgroup/unified/docker/ID/cpu.stat", "usage_usec 900000\n"),
        V1_FILES[2],
        V1_FILES[3],
    ]);
    assert_eq!(figures(host.container()), (Some(900), Some(4000)));
}

/// Whoever is privileged in a container can make groups in it without end: its processes are unknown then, and nobody waits.
#[test]
fn below_groups_without_end_nobody_looks_for_processes() {
    let host = Host::new(&[&V2_FILES[..], &[("proc/4711/cgroup", "0::/system.slice/docker-ID.scope\n")]].concat());
    let top = host.0.path().join(format!("sys/fs/cgroup/system.slice/docker-{}.scope", id().as_str()));
    let group = |place: PathBuf| {
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("cgroup.procs"), "4711\n").unwrap();
    };
    group(top.clone());
    let pids = || host.container().into_known().unwrap().pids();
    assert_eq!(pids().into_known().unwrap(), [4711].into());
    // With the one above them, one too many.
    (0..4096).for_each(|number| group(top.join(number.to_string())));
    let why = pids();
    assert!(why.unknown().unwrap().to_string().contains("more than 4096 groups"), "{why:?}");
}

#[test]
fn a_group_that_is_not_the_containers_is_nobodys() {
    for cgroup in ["0::/system.slice/containerd.service\n", "0::/../docker/ID\n", "0::/\n", "", "garbage\n"] {
        let host = Host::new(&[
            ("proc/4711/cgroup", cgroup),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 1\n"),
            ("sys/fs/cgroup/system.slice/containerd.service/cpu.stat", "usage_usec 1\n"),
            ("sys/fs/docker/ID/cpu.stat", "usage_usec 1\n"),
        ]);
        let meter = host.container();
        assert_eq!(meter.unknown().map(|why| why.kind), Some(UnknownKind::Gone), "{cgroup:?}");
    }
    assert_eq!(Host::new(&[]).container().unknown().map(|why| why.kind), Some(UnknownKind::Gone));
}

#[test]
fn files_that_make_no_sense_are_unknown_not_zero() {
    let files = [
        ("proc/4711/cgroup", "0::/system.slice/docker-ID.scope\n"),
        ("sys/fs/cgroup/system.slice/docker-ID.scope/cpu.stat", "user_usec 1\n"),
        ("sys/fs/cgroup/system.slice/docker-ID.scope/memory.current", "max\n"),
    ];
    let host = Host::new(&files);
    let meter = host.container().into_known().unwrap();
    assert_eq!(meter.cpu_time().unknown().unwrap().kind, UnknownKind::Failed);
    assert_eq!(meter.memory_bytes().unknown().unwrap().kind, UnknownKind::Failed);
}

fn stat(name: &str, start_ticks: u64) -> String {
    format!(
        "{PID} ({name}) S 1 1 1 0 -1 4194304 10 20 30 40 250 50 0 0 20 0 9 0 {start_ticks} 999999 3 18446744073709551615"
    )
}

#[test]
fn figures_that_no_kernel_counts_to_are_the_largest_there_are() {
    let most = u64::MAX;
    let text = format!("{PID} (x) S 1 1 1 0 -1 0 1 2 3 4 {most} {most} 0 0 20 0 9 0 777 999999 {most} 0");
    let host = Host::new(&[("proc/4711/stat", text.as_str())]);
    let meter = Meter::process(&host.roots(), PID, 777);
    assert!(meter.cpu_time().known().is_some_and(|time| *time > Duration::from_secs(1 << 40)));
    assert_eq!(meter.memory_bytes(), Reading::Known(u64::MAX));
}

#[test]
fn a_process_is_told_by_its_start_whatever_its_name() {
    let text = stat("a) S 1 (b\n", 777);
    let host = Host::new(&[("proc/4711/stat", text.as_str())]);
    let meter = Meter::process(&host.roots(), PID, 777);
    assert_eq!(meter.cpu_time(), Reading::Known(Duration::from_secs(3)));
    assert_eq!(meter.memory_bytes(), Reading::Known(3 * rustix::param::page_size() as u64));
    let other = Meter::process(&host.roots(), PID, 778);
    assert_eq!(other.cpu_time().unknown().unwrap().kind, UnknownKind::Gone);
    assert_eq!(other.memory_bytes().unknown().unwrap().kind, UnknownKind::Gone);
}

#[test]
fn this_very_process_can_be_read() {
    let roots = Roots::default();
    let pid = std::process::id();
    let start_ticks =
        file::read_as(&proc_file(&roots.proc, pid, "stat"), Stat::parse).into_known().unwrap().start_ticks;
    let usage = measure(&[Reading::Known(Meter::process(&roots, pid, start_ticks))], Duration::from_millis(1));
    assert!(usage[0].memory_bytes.known().is_some_and(|bytes| *bytes > 100_000), "{usage:?}");
    assert!(usage[0].cpu_percent.known().is_some_and(|percent| *percent >= 0.0), "{usage:?}");
}

#[test]
fn measuring_keeps_the_order_and_the_reasons() {
    let host = Host::new(&[("proc/4711/stat", stat("x", 777).as_str())]);
    let gone = Reading::from(Unknown::new(UnknownKind::Denied, "no"));
    let here = Reading::Known(Meter::process(&host.roots(), PID, 777));
    let usage = measure(&[gone.clone(), here], Duration::ZERO);
    assert_eq!(usage[0].cpu_percent.unknown().unwrap().kind, UnknownKind::Denied);
    assert_eq!(usage[1].memory_bytes, Reading::Known(3 * rustix::param::page_size() as u64));
    assert_eq!(measure(&[gone], Duration::from_secs(3600))[0].memory_bytes.unknown().unwrap().detail, "no");
}

#[test]
fn percent_is_of_one_core_and_never_of_a_counter_that_went_back() {
    let ms = |n| Reading::Known(Duration::from_millis(n));
    assert_eq!(cpu_percent(ms(100), ms(600), Duration::from_millis(200)), Reading::Known(250.0));
    assert_eq!(cpu_percent(ms(600), ms(100), Duration::from_millis(200)).known(), None);
    assert_eq!(cpu_percent(ms(1), ms(1), Duration::ZERO).known(), None);
}

#[test]
fn bytes_of_all_disks() {
    let v2 = |stat: &str| {
        let path = "sys/fs/cgroup/system.slice/docker-ID.scope/io.stat";
        let files =
            [&V2_FILES[..], &[("proc/4711/cgroup", "0::/system.slice/docker-ID.scope\n"), (path, stat)]].concat();
        Host::new(&files).container().into_known().unwrap().disk_bytes()
    };
    let two = "8:16 rbytes=1000 wbytes=200 rios=2 wios=5 dbytes=7 dios=0\n259:0 rbytes=30 wbytes=4 rios=1 wios=1\n";
    assert_eq!(v2(two), Reading::Known(1234));
    assert_eq!(v2(""), Reading::Known(0), "it has not touched a disk");
    assert_eq!(v2("8:0 rbytes=x\n").unknown().unwrap().kind, UnknownKind::Failed);

    let v1 = |bytes: &str| {
        let proc = ("proc/4711/cgroup", "7:blkio:/docker/ID\n4:cpu,cpuacct:/docker/ID\n");
        let path = "sys/fs/cgroup/blkio/docker/ID/blkio.throttle.io_service_bytes";
        Host::new(&[&V1_FILES[1..], &[proc, (path, bytes)]].concat()).container().into_known().unwrap().disk_bytes()
    };
    assert_eq!(v1("8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n"), Reading::Known(30));
    assert_eq!(v1(""), Reading::Known(0));

    let without = Host::new(&[&V1_FILES[1..], &[("proc/4711/cgroup", "4:cpu,cpuacct:/docker/ID\n")]].concat());
    assert_eq!(
        without.container().into_known().unwrap().disk_bytes().unknown().unwrap().kind,
        UnknownKind::NotSupported
    );
    let no_file = Host::new(&[&V2_FILES[..], &[("proc/4711/cgroup", "0::/system.slice/docker-ID.scope\n")]].concat());
    assert!(no_file.container().into_known().unwrap().disk_bytes().unknown().is_some(), "no controller, and no zero");
}
