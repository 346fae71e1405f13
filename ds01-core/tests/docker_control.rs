//! Orders to a real daemon, and what lies at a path in its containers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::{
    fs,
    time::{Duration, Instant},
};

use docker_rig::{BUSYBOX, Container, Rig, wait_until};
use ds01_core::{
    model::ContainerId,
    source::{
        Acted, ContainerControl, FailureKind, PathStat, SourceError,
        docker::{Docker, DockerOptions},
    },
};
use jiff::Timestamp;

/// More than the slowest machine needs for one container to change its state.
const DEADLINE: Duration = Duration::from_secs(60);

/// A grace that nobody here uses up.
const LONG: Duration = Duration::from_secs(300);

struct Door {
    docker: Docker,
    rig: Rig,
}

impl Door {
    fn open() -> Option<Self> {
        let rig = Rig::from_env()?;
        let options = DockerOptions { socket: rig.socket().to_owned(), ..DockerOptions::default() };
        Some(Self { docker: Docker::new(options).unwrap(), rig })
    }

    /// A container that runs this script, once it says that it is ready.
    fn script(&self, options: &[&str], script: &str) -> Container {
        let script = format!("{script}; echo ready; while :; do sleep 100000 & wait; done");
        let container = self.rig.run_container(&[options, &[BUSYBOX, "sh", "-c", &script]].concat());
        wait_until("the script is ready", DEADLINE, || container.docker(&["logs"]).contains("ready"));
        container
    }

    fn stat(&self, container: &Container, path: &str) -> PathStat {
        self.docker.path_stat(&id(container), path).unwrap()
    }
}

fn id(container: &Container) -> ContainerId {
    container.id().parse().unwrap()
}

fn state(container: &Container) -> (String, i32) {
    let text = container.inspect("{{.State.Status}} {{.State.ExitCode}}");
    let (status, code) = text.split_once(' ').unwrap();
    (status.to_owned(), code.parse().unwrap())
}

fn exited(code: i32) -> (String, i32) {
    ("exited".to_owned(), code)
}

fn refused<T: std::fmt::Debug>(result: Result<T, SourceError>) -> String {
    match result.unwrap_err() {
        SourceError::Failed { kind: FailureKind::Erred, detail, .. } => detail,
        other => panic!("not refused: {other}"),
    }
}

fn written() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

#[test]
fn what_lies_at_a_path() {
    let Some(door) = Door::open() else { return };
    let make = "mkdir -p /w/dir && touch -d '2026-03-02 12:00:00' /w/file && ln -s file /w/link && ln -s nowhere /w/dead \
        && ln -s dir /w/way && touch -d '2026-03-02 12:00:00' /w/dir/inner && mkfifo /w/fifo";
    let container = door.script(&["--env", "TZ=UTC"], make);
    let look = || {
        let at = |path: &str| door.stat(&container, path);
        assert_eq!(at("/w/absent"), PathStat::Absent);
        assert_eq!(at("/no/such/way"), PathStat::Absent);
        assert_eq!(at("/w/file"), PathStat::File(written()));
        assert_eq!(at("/w/dir"), PathStat::Directory);
        assert_eq!((at("/w/link"), at("/w/dead")), (PathStat::Link, PathStat::Link));
        assert_eq!(
            at("/w/way/inner"),
            PathStat::File(written()),
            "a link on the way is followed, within the container"
        );
        assert_eq!(at("/w/fifo"), PathStat::Other);
    };
    look();
    container.docker(&["pause"]);
    look();
    container.docker(&["unpause"]);
    container.docker(&["kill"]);
    wait_until("its end", DEADLINE, || state(&container).0 == "exited");
    look();
}

#[test]
fn mounts_are_a_part_of_its_files() {
    let Some(door) = Door::open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = fs::File::create(dir.path().join("kept")).unwrap();
    file.set_modified(written().into()).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("out")).unwrap();
    let bind = format!("{}:/bound", dir.path().display());
    let touch = "touch -d '2026-03-02 12:00:00' /volume/kept";
    let container = door.script(&["--env", "TZ=UTC", "--volume", &bind, "--volume", "/volume"], touch);
    assert_eq!(door.stat(&container, "/bound/kept"), PathStat::File(written()));
    assert_eq!(door.stat(&container, "/bound/out"), PathStat::Link);
    assert_eq!(door.stat(&container, "/bound"), PathStat::Directory);
    assert_eq!(door.stat(&container, "/volume/kept"), PathStat::File(written()));
    assert_eq!(door.stat(&container, "/volume/absent"), PathStat::Absent);
}

#[test]
fn looking_runs_nothing_in_a_container() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_sleeper(&[]);
    let since = Timestamp::now().as_second() - 1;
    assert_eq!(door.stat(&container, "/workspace/.keep-alive"), PathStat::Absent);
    door.docker.stop(&id(&container), Duration::ZERO).unwrap();
    let until = (Timestamp::now().as_second() + 1).to_string();
    let filter = format!("container={}", container.id());
    let format = "{{.Action}}";
    let since = since.to_string();
    let told =
        door.rig.docker(&["events", "--since", &since, "--until", &until, "--filter", &filter, "--format", format]);
    let actions: Vec<&str> = told.lines().collect();
    assert!(actions.contains(&"stop"), "{actions:?}");
    assert!(!actions.iter().any(|action| action.starts_with("exec")), "{actions:?}");
}

#[test]
fn a_stop_sends_its_own_signal_and_waits_for_its_end() {
    let Some(door) = Door::open() else { return };
    let plain = door.script(&[], "trap 'exit 3' TERM");
    assert_eq!(door.docker.stop(&id(&plain), LONG).unwrap(), Acted::Done);
    assert_eq!(state(&plain), exited(3));

    let own = door.script(&["--stop-signal", "USR1"], "trap 'exit 4' USR1; trap 'exit 5' TERM");
    assert_eq!(door.docker.stop(&id(&own), LONG).unwrap(), Acted::Done);
    assert_eq!(state(&own), exited(4));
}

#[test]
fn who_ignores_it_ends_after_the_grace_that_was_given_and_not_before() {
    let Some(door) = Door::open() else { return };
    // Its own is another one: which is the longer is not for the engine to say.
    for own in ["0", "3600"] {
        let stubborn = door.script(&["--stop-timeout", own], "trap '' TERM");
        let grace = Duration::from_secs(2);
        let start = Instant::now();
        assert_eq!(door.docker.stop(&id(&stubborn), grace).unwrap(), Acted::Done);
        assert!(start.elapsed() >= grace, "after {:?}", start.elapsed());
        assert_eq!(state(&stubborn), exited(137));
    }
}

#[test]
fn one_that_ended_before_is_as_good_and_one_that_is_gone_is_gone() {
    let Some(door) = Door::open() else { return };
    let container = door.rig.run_container(&[BUSYBOX, "true"]);
    wait_until("its end", DEADLINE, || state(&container) == exited(0));
    assert_eq!(door.docker.stop(&id(&container), LONG).unwrap(), Acted::Done);
    let made = door.rig.create_container(&[BUSYBOX, "true"]);
    assert_eq!(door.docker.stop(&id(&made), LONG).unwrap(), Acted::Done);

    let gone: ContainerId = "0123456789abcdef".repeat(4).parse().unwrap();
    assert_eq!(door.docker.stop(&gone, LONG).unwrap(), Acted::Gone);
    assert_eq!(door.docker.unpause(&gone).unwrap(), Acted::Gone);
    assert_eq!(door.docker.remove(&gone).unwrap(), Acted::Gone);
    assert!(door.docker.path_stat(&gone, "/x").is_err(), "not the absence of a file");
}

#[test]
fn a_paused_one_runs_on_and_can_end_by_itself() {
    let Some(door) = Door::open() else { return };
    let container = door.script(&[], "trap 'exit 3' TERM");
    assert!(refused(door.docker.unpause(&id(&container))).contains("not paused"));
    container.docker(&["pause"]);
    assert_eq!(door.docker.unpause(&id(&container)).unwrap(), Acted::Done);
    assert_eq!(state(&container).0, "running");
    assert_eq!(door.docker.stop(&id(&container), LONG).unwrap(), Acted::Done);
    assert_eq!(state(&container), exited(3));
}

/// A volume of the daemon's, removed with the test.
struct Volume<'a>(&'a Rig, String);

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let _ = self.0.client().args(["volume", "rm", "--force", &self.1]).output();
    }
}

#[test]
fn a_running_one_is_not_removed_and_volumes_outlive_those_that_are() {
    let Some(door) = Door::open() else { return };
    let named = Volume(&door.rig, Rig::unique_name("ds01-kept"));
    let mount = format!("{}:/named", named.1);
    let container = door.script(&["--volume", &mount, "--volume", "/nameless"], "echo work > /nameless/file");
    let format = "{{range .Mounts}}{{.Name}} {{end}}";
    let volumes = container.inspect(format);
    let nameless = volumes.split_whitespace().find(|name| **name != named.1).unwrap();
    let nameless = Volume(&door.rig, nameless.to_owned());

    assert!(refused(door.docker.remove(&id(&container))).contains("running container"));
    container.docker(&["pause"]);
    refused(door.docker.remove(&id(&container)));
    container.docker(&["unpause"]);
    assert_eq!(state(&container).0, "running");

    assert_eq!(door.docker.stop(&id(&container), Duration::ZERO).unwrap(), Acted::Done);
    assert_eq!(door.docker.remove(&id(&container)).unwrap(), Acted::Done);
    assert_eq!(door.docker.remove(&id(&container)).unwrap(), Acted::Gone);
    let left = door.rig.docker(&["volume", "ls", "--quiet"]);
    for volume in [&named, &nameless] {
        assert!(left.lines().any(|line| line == volume.1), "{} is not among {left}", volume.1);
    }
    let reader = door.rig.run_container(&["--volume", &format!("{}:/n", nameless.1), BUSYBOX, "cat", "/n/file"]);
    wait_until("it was read", DEADLINE, || reader.docker(&["logs"]) == "work");
}

#[test]
fn one_that_was_never_started_is_removed() {
    let Some(door) = Door::open() else { return };
    let made = door.rig.create_container(&["--gpus", "all", BUSYBOX, "true"]);
    assert_eq!(door.docker.remove(&id(&made)).unwrap(), Acted::Done);
    assert_eq!(door.docker.remove(&id(&made)).unwrap(), Acted::Gone);
}
