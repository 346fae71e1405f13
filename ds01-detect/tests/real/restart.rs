//! A scan remembers quiet containers without asking again. These tests try to make it miss a restart.

use std::{
    collections::BTreeSet,
    fs, thread,
    time::{Duration, Instant},
};

use docker_rig::{BUSYBOX, Container, wait_until};
use jiff::Timestamp;

use crate::{
    child::ProcRoot,
    host::{DEADLINE, Host, Life, life_in, life_in_docker},
    proxy::{Proxy, inspects_of, others},
};

const RESTART: [&str; 3] = ["restart", "--time", "0"];

/// A host whose detector reaches the rig through a proxy.
fn watched() -> Option<(Host, Proxy)> {
    let rig = docker_rig::Rig::from_env()?;
    let proxy = Proxy::before(rig.socket());
    Some((Host::behind(rig, proxy.socket()), proxy))
}

impl Host {
    /// Scans: the inventory must then tell the life that Docker tells.
    #[track_caller]
    fn scan_sees_the_life_of(&self, container: &Container, what: &str) {
        let entry = self.scanned(container);
        assert_eq!(life_in(&entry), life_in_docker(container), "{what}");
    }
}

fn wait_for(container: &Container, status: &str) {
    wait_until(status, DEADLINE, || container.inspect("{{.State.Status}}") == status);
}

#[test]
fn a_quiet_scan_asks_no_more_of_thirty_containers_than_of_three() {
    let Some((host, proxy)) = watched() else { return };
    let mut own =
        vec![host.rig.run_sleeper(&[]), host.rig.run_sleeper(&[]), host.rig.run_container(&[BUSYBOX, "true"])];
    own[1].docker(&["pause"]);
    wait_for(&own[2], "exited");
    // The requests of the second of two scans, once it inspected none of the containers: one that ended just now has to be
    // inspected until it did so longer ago than the last scan.
    let quiet = |own: &[Container]| {
        let mut requests = Vec::new();
        wait_until("a quiet scan", DEADLINE, || {
            proxy.take_requests();
            let said = host.scan().stderr();
            requests = proxy.take_requests();
            assert!(said.contains(&format!("sent {} requests to Docker\n", requests.len())), "{said}");
            own.iter().all(|container| inspects_of(container, &requests) == 0)
        });
        others(&requests)
    };
    host.scan();
    let first = proxy.take_requests();
    assert!(own.iter().all(|container| inspects_of(container, &first) == 1), "they are new");
    let with_three = quiet(&own);

    // A scan after each, as the timer would: Docker tells ages by the minute, and a minute without a scan can't be told from
    // a minute's life. The one that ended is known by its age alone, which a slow scan may not trust.
    for number in 3..30 {
        own.push(if number < 9 { host.rig.run_sleeper(&[]) } else { host.rig.create_container(&[BUSYBOX, "true"]) });
        proxy.take_requests();
        host.scan();
        let requests = proxy.take_requests();
        assert!(
            own[..2].iter().all(|container| inspects_of(container, &requests) == 0),
            "they are known: {requests:?}"
        );
        assert_eq!(inspects_of(&own[number], &requests), 1, "it is new");
    }
    assert_eq!(quiet(&own), with_three);
    assert_eq!(with_three, 2, "the version and the list");
}

#[test]
fn nothing_that_is_done_between_two_scans_hides_a_new_life() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&[]);
    host.scan_sees_the_life_of(&container, "the first life");
    let moves: &[&[&[&str]]] = &[
        &[&RESTART],
        &[&RESTART, &RESTART],
        &[&["pause"], &["unpause"], &RESTART],
        &[&RESTART, &["pause"]],
        &[&["unpause"], &RESTART, &["pause"], &["unpause"]],
        &[&["stop", "--time", "0"], &["start"]],
        &[&["kill"], &["start"], &["pause"]],
        &[&["unpause"]],
        &[&["kill"]],
        &[&["start"], &["kill"]],
        &[&["start"]],
    ];
    for verbs in moves {
        for verb in *verbs {
            container.docker(verb);
            // `kill` does not wait for the end.
            if verb[0] == "kill" {
                wait_for(&container, "exited");
            }
        }
        host.scan_sees_the_life_of(&container, &format!("after {verbs:?}"));
        host.scan_sees_the_life_of(&container, &format!("and still after {verbs:?}"));
    }
}

#[test]
fn one_that_ends_as_soon_as_it_starts_is_known_by_its_last_life() {
    let Some((host, proxy)) = watched() else { return };
    let container = host.rig.run_container(&[BUSYBOX, "true"]);
    wait_for(&container, "exited");
    for _ in 0..3 {
        // From a picture that is remembered: such a scan is the one that could miss something.
        wait_until("remembered", DEADLINE, || {
            proxy.take_requests();
            host.scan();
            inspects_of(&container, &proxy.take_requests()) == 0
        });
        let before = container.inspect("{{.State.FinishedAt}}");
        container.docker(&["start"]);
        wait_until("ended again", DEADLINE, || container.inspect("{{.State.FinishedAt}}") != before);
        wait_for(&container, "exited");
        host.scan_sees_the_life_of(&container, "right after");
    }
}

/// Restarts while a scan looks: the scan may tell either life, and the next one must tell the new one.
#[test]
fn a_restart_during_a_scan_is_seen_by_the_next() {
    const ROUNDS: u32 = 30;
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&[]);
    host.scan();
    let start = Instant::now();
    container.docker(&RESTART);
    let restart_takes = start.elapsed();
    for round in 0..ROUNDS {
        let before = life_in_docker(&container);
        // The scan's start moves through the restart, from just before it to just after.
        let delay = restart_takes * round / ROUNDS;
        thread::scope(|scope| {
            let restart = scope.spawn(|| container.docker(&RESTART));
            thread::sleep(delay);
            host.scan();
            restart.join().unwrap();
        });
        let after = life_in_docker(&container);
        assert_ne!(before["started_at"], after["started_at"]);
        host.scan_sees_the_life_of(&container, &format!("round {round}, scanned {delay:?} into the restart"));
        host.scan_sees_the_life_of(&container, &format!("round {round}, again"));
    }
}

#[test]
fn a_container_that_fails_over_and_over_is_told_as_it_was_during_the_scan() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_container(&["--restart=always", BUSYBOX, "sh", "-c", "usleep 100000; false"]);
    let start = |life: &Life| life["started_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let mut lives = BTreeSet::new();
    wait_until("four lives told", DEADLINE, || {
        let before = life_in_docker(&container);
        let told = life_in(&host.scanned(&container));
        let after = life_in_docker(&container);
        if before == after {
            assert_eq!(told, before);
        }
        assert!(start(&before) <= start(&told) && start(&told) <= start(&after), "{before:?} {told:?} {after:?}");
        lives.insert(start(&told));
        lives.len() >= 4
    });
    container.docker(&["stop", "--time", "0"]);
    wait_for(&container, "exited");
    host.scan_sees_the_life_of(&container, "at rest");
}

/// When its shim is killed, Docker starts the container again while the last life's main process is still to be seen: a
/// zombie, until somebody waits for it.
#[test]
fn a_main_process_that_nobody_waited_for_is_not_taken_for_the_new_life() {
    let Some(host) = Host::new() else { return };
    let container = host.rig.run_sleeper(&["--restart=always"]);
    for _ in 0..3 {
        host.scan_sees_the_life_of(&container, "before");
        let pid = container.inspect("{{.State.Pid}}");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let shim = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
        // Its parent is the shim of this container alone.
        assert!(fs::read_to_string(format!("/proc/{shim}/comm")).unwrap().starts_with("containerd-shim"));
        let killed = std::process::Command::new("kill").args(["-KILL", shim]).status().unwrap();
        assert!(killed.success());
        wait_until("a new life", DEADLINE, || {
            let now = container.inspect("{{.State.Status}} {{.State.Pid}}");
            now.starts_with("running") && !now.ends_with(&format!(" {pid}"))
        });
        host.scan_sees_the_life_of(&container, "after");
    }
}

/// Where `/proc` does not show Docker's processes, ages alone tell.
#[test]
fn by_ages_alone_no_restart_is_missed() {
    let Some((host, proxy)) = watched() else { return };
    let proc_root = ProcRoot::new();
    let host = Host { detector: host.detector.proc_root(proc_root.path()), ..host };
    let container = host.rig.run_sleeper(&[]);
    let age = || Timestamp::now().duration_since(container.inspect("{{.State.StartedAt}}").parse().unwrap());
    let scan_from_memory = || {
        wait_until("remembered", DEADLINE, || {
            proxy.take_requests();
            host.scan();
            inspects_of(&container, &proxy.take_requests()) == 0
        });
    };
    for seconds in [0, 2, 4] {
        scan_from_memory();
        container.docker(&RESTART);
        wait_until("of that age", DEADLINE, || age().as_secs() >= seconds);
        host.scan_sees_the_life_of(&container, &format!("{seconds} s after a restart"));
    }

    // A daemon that takes its time tells ages as of later than the scan began.
    scan_from_memory();
    container.docker(&RESTART);
    proxy.hold_back(Duration::from_secs(2));
    host.scan_sees_the_life_of(&container, "from a busy daemon");
}
