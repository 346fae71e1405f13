//! Writing to terminals: who is reached, what arrives, and what is left alone. On pseudo-terminals of a file system of the
//! test's own, so that nobody who is logged in sees anything of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

mod dev;
mod emulator;

use ds01_core::model::EngineName;
use std::{
    fs,
    os::{fd::AsRawFd, unix::fs::symlink},
    path::Path,
    time::{Duration, Instant},
};

use docker_rig::namespace::{inside, mount};
use ds01_core::{
    detect::{Origin, UserSource},
    idle::{Broadcast, Channel, ContainerFacts, Delivery, Message, Others, People, Reached, Severity},
    model::{ContainerStatus, Reading},
    source::terminals,
};
use rustix::{
    event::{PollFd, PollFlags},
    fs::{Mode, OFlags, inotify},
    time::Timespec,
};

use dev::{Dev, Screen, as_root};

const ALICE: u32 = 4_001;
const BOB: u32 = 4_002;

fn facts(user: Option<&str>) -> ContainerFacts {
    ContainerFacts {
        answered: true,
        engine: EngineName::DOCKER,
        id: "ab".repeat(32).parse().unwrap(),
        name: "train".to_owned(),
        labels: std::collections::BTreeMap::new(),
        origin: Origin::RawDocker,
        image: "busybox:latest".to_owned(),
        user_source: UserSource::Unknown,
        user_uid: None,
        user: user.map(ToOwned::to_owned),
        has_gpu: Some(true),
        gpus: Vec::new(),
        problem: None,
        status: ContainerStatus::Running,
        started_at: None,
        running_for: Reading::Known(Duration::ZERO),
        stop_timeout: None,
        auto_remove: false,
    }
}

fn people(dev: &Dev, proc: &Path, others: Others) -> People {
    let user_id = |name: &str| match name {
        "alice" => Some(ALICE),
        "bob" => Some(BOB),
        _ => None,
    };
    People { dev: dev.path().into(), proc: proc.into(), user_id: Box::new(user_id), despite_mesg: false, others }
}

const TEXT: &str = "+----+\n| hi |\n+----+\n";
const SHOWN: &str = "\r\n+----+\r\n| hi |\r\n+----+\r\n";

fn tell(people: &People, user: Option<&str>, pid: Option<u32>) -> Vec<Delivery> {
    let facts = facts(user);
    let (at, severity) = (jiff::Timestamp::now(), Severity::Warning);
    let (user, container) = (facts.user.as_deref(), Some(&facts));
    people.tell(&Message { text: TEXT, severity, user, container, pid, at, check: 1, ahead: None })
}

fn reached(channel: Channel, recipient: &str, places: &[String]) -> Delivery {
    let (recipient, reached) = (recipient.to_owned(), Reached::Delivered(places.to_vec()));
    Delivery { channel, recipient, reached, missed: Vec::new() }
}

#[test]
fn the_owner_is_told_once_at_each_terminal_and_others_where_that_is_on() {
    if !inside("the_owner_is_told_once_at_each_terminal_and_others_where_that_is_on", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let (one, two, other) = (dev.terminal(ALICE, 0o620), dev.terminal(ALICE, 0o620), dev.terminal(BOB, 0o620));
    let own = reached(Channel::Terminals, "alice", &[one.name(), two.name()]);
    assert_eq!(tell(&people(&dev, none.path(), Others::Silent), Some("alice"), None), std::slice::from_ref(&own));
    assert_eq!([one.shows(), two.shows(), other.shows()], [SHOWN, SHOWN, ""], "byte for byte");

    let everybody = people(&dev, none.path(), Others::EachTerminal);
    let rest = reached(Channel::Wall, "everybody else", &[other.name()]);
    assert_eq!(tell(&everybody, Some("alice"), None), [own, rest]);
    assert_eq!([one.shows(), two.shows(), other.shows()], [SHOWN; 3], "once each");

    // An owner by number, one who is nowhere, and none.
    let by_number = tell(&people(&dev, none.path(), Others::Silent), Some("4002"), None);
    assert_eq!(by_number, [reached(Channel::Terminals, "4002", &[other.name()])]);
    let carol = tell(&people(&dev, none.path(), Others::Silent), Some("carol"), None);
    assert_eq!(carol[0].reached, Reached::Nobody);
    assert_eq!(tell(&people(&dev, none.path(), Others::Silent), None, None)[0].reached, Reached::Nobody);
}

/// The picture of the host has whose process it is: no name service that is silent by now, or gives his name another number, sends
/// his notices elsewhere.
#[test]
fn an_owner_whose_number_is_known_is_told_whatever_the_name_service_says() {
    if !inside("an_owner_whose_number_is_known_is_told_whatever_the_name_service_says", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let (own, other) = (dev.terminal(ALICE, 0o620), dev.terminal(BOB, 0o620));
    for user in [Some("carol"), Some("bob"), Some("4002"), None] {
        let facts = ContainerFacts { user_uid: Some(ALICE), ..facts(user) };
        let (at, severity) = (jiff::Timestamp::now(), Severity::Warning);
        let (user, container) = (facts.user.as_deref(), Some(&facts));
        let message = Message { text: TEXT, severity, user, container, pid: None, at, check: 1, ahead: None };
        let told = people(&dev, none.path(), Others::Silent).tell(&message);
        assert_eq!(told[0].reached, Reached::Delivered(vec![own.name()]), "{user:?}");
    }
    assert_eq!(other.shows(), "");
}

/// Opening a terminal is something that its user can see, and on some lines does something.
#[test]
fn terminals_of_those_who_are_not_told_are_not_opened() {
    if !inside("terminals_of_those_who_are_not_told_are_not_opened", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let (own, other) = (dev.terminal(ALICE, 0o620), dev.terminal(BOB, 0o600));
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&watch, &other.path, inotify::WatchFlags::OPEN).unwrap();
    let was_opened = || rustix::io::read(&watch, &mut [0_u8; 4096][..]).is_ok();
    assert!(tell(&people(&dev, none.path(), Others::Silent), Some("alice"), None)[0].is_delivered());
    let everybody = people(&dev, none.path(), Others::EachTerminal);
    let owner_only = everybody.tell_owner(&Message::to("alice", TEXT, jiff::Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(owner_only.reached, Reached::Delivered(vec![own.name()]));
    assert!(!was_opened());

    // Nor to be listed.
    let listed = terminals::listed_of_host(dev.path()).unwrap();
    let listed: Vec<_> = listed.into_iter().map(|one| (one.owner, one.takes_messages, one.name)).collect();
    assert_eq!(listed, [(ALICE, true, own.name()), (BOB, false, other.name())]);
    assert!(!was_opened());
    assert!(terminals::listed_of_host(&none.path().join("gone")).is_err());
    tell(&everybody, Some("alice"), None);
    assert!(was_opened(), "as everybody is told");
}

/// A detached tmux takes what it is given, and nobody sees it.
#[test]
fn where_nobody_has_typed_for_hours_a_notice_lies_and_has_not_arrived() {
    if !inside("where_nobody_has_typed_for_hours_a_notice_lies_and_has_not_arrived", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let people = people(&dev, none.path(), Others::EachTerminal);
    let (own, other) = (dev.terminal(ALICE, 0o620), dev.terminal(BOB, 0o620));
    [&own, &other].iter().for_each(|screen| screen.was_typed_at(-9 * 3600));
    let told = tell(&people, Some("alice"), None);
    assert_eq!(told[0].reached, Reached::Written(vec![own.name()]));
    assert_eq!((own.shows().as_str(), told[0].confirms(), told[1].is_delivered()), (SHOWN, false, true));

    // It is not given the same at each check until he is there.
    let again = || {
        let message = Message::to("alice", TEXT, jiff::Timestamp::now());
        people.tell_owner(&message).unwrap()
    };
    assert_eq!((again().reached, own.shows().as_str()), (Reached::Nobody, ""));
    own.was_typed_at(-7 * 3600);
    let told = again();
    assert_eq!((told.confirms(), own.shows().as_str()), (true, SHOWN));
    own.was_typed_at(-9 * 3600);
    let recent = dev.terminal(ALICE, 0o620);
    let told = tell(&people, Some("alice"), None).remove(0);
    assert_eq!(told.reached, Reached::Delivered(vec![own.name(), recent.name()]), "where he is is enough");
}

/// Whoever may mount in a container can put a file system there whose server never answers.
#[test]
fn a_container_that_does_not_answer_is_left_and_its_owner_told_on_the_host() {
    if !inside("a_container_that_does_not_answer_is_left_and_its_owner_told_on_the_host", as_root) {
        return;
    }
    let host = Dev::new();
    let proc = tempfile::tempdir().unwrap();
    // The mount needs it without close-on-exec. Once it is closed, nobody waits for an answer any more: that comes first, before
    // the directory is removed.
    let Ok(server) = rustix::fs::open("/dev/fuse", OFlags::RDWR, Mode::empty()) else {
        eprintln!("skipped: no /dev/fuse");
        return;
    };
    let dead = proc.path().join("7/root/dev");
    fs::create_dir_all(&dead).unwrap();
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
    mount(&["-i", "-t", "fuse", "-o", &options, "dead"], &dead);
    let own = host.terminal(ALICE, 0o620);
    let told = tell(&people(&host, proc.path(), Others::Silent), Some("alice"), Some(7)).remove(0);
    assert_eq!((told.reached, own.shows().as_str()), (Reached::Delivered(vec![own.name()]), SHOWN));
    assert_eq!(told.missed, ["the container's terminals could not be looked at: no answer within 2s"]);
    drop(server);
}

/// `docker run -v /dev:/dev`.
#[test]
fn the_terminals_of_the_host_are_no_containers() {
    if !inside("the_terminals_of_the_host_are_no_containers", as_root) {
        return;
    }
    let dev = Dev::new();
    let proc = tempfile::tempdir().unwrap();
    let root = proc.path().join("7/root");
    fs::create_dir_all(root.join("dev/pts")).unwrap();
    mount(&["--bind", dev.path().join("pts").to_str().unwrap()], &root.join("dev/pts"));
    let (bobs, own) = (dev.terminal(BOB, 0o620), dev.terminal(ALICE, 0o620));
    let told = tell(&people(&dev, proc.path(), Others::Silent), Some("alice"), Some(7));
    assert_eq!(told, [reached(Channel::Terminals, "alice", &[own.name()])]);
    assert_eq!((bobs.shows().as_str(), own.shows().as_str()), ("", SHOWN), "once");
}

#[test]
fn whoever_wants_no_messages_gets_none_unless_the_policy_says_so() {
    if !inside("whoever_wants_no_messages_gets_none_unless_the_policy_says_so", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let quiet = dev.terminal(ALICE, 0o600);
    let mut people = people(&dev, none.path(), Others::Silent);
    let refused = tell(&people, Some("alice"), None);
    assert!(matches!(&refused[0].reached, Reached::Failed(why) if why.contains("mesg n")), "{refused:?}");
    assert_eq!(quiet.shows(), "");
    people.despite_mesg = true;
    assert!(tell(&people, Some("alice"), None)[0].is_delivered());
    assert_eq!(quiet.shows(), SHOWN);
}

#[test]
fn a_terminal_that_is_stopped_full_or_hung_up_holds_nobody_up() {
    if !inside("a_terminal_that_is_stopped_full_or_hung_up_holds_nobody_up", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let people = people(&dev, none.path(), Others::Silent);
    let (stopped, full, well) = (dev.terminal(ALICE, 0o620), dev.terminal(ALICE, 0o620), dev.terminal(ALICE, 0o620));
    stopped.stop();
    let filler =
        rustix::fs::open(&full.path, OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    let takes_more = || {
        let mut fds = [PollFd::new(&filler, PollFlags::OUT)];
        let limit = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        rustix::event::poll(&mut fds, Some(&limit)).unwrap() > 0
    };
    while takes_more() {
        while rustix::io::write(&filler, b"x").is_ok() {}
    }
    let hung_up = dev.terminal(ALICE, 0o620);
    let gone = hung_up.name();
    drop(hung_up);
    let begun = Instant::now();
    let delivery = tell(&people, Some("alice"), None).remove(0);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let places = reached(Channel::Terminals, "alice", &[well.name()]).reached;
    assert_eq!((delivery.channel, &delivery.reached), (Channel::Terminals, &places));
    assert_eq!(delivery.missed.len(), 2, "and where it did not arrive is not lost: {delivery}");
    assert!(delivery.to_string().contains(&format!("; not at {}: it takes nothing", stopped.name())), "{delivery}");
    assert_eq!(well.shows(), SHOWN);
    assert_ne!(gone, well.name());

    drop(well);
    let failed = tell(&people, Some("alice"), None).remove(0);
    let Reached::Failed(why) = failed.reached else { panic!("{failed:?}") };
    assert!(why.contains("it is full, or stopped"), "{why}");
    // A terminal that was asked is not this program's.
    assert!(rustix::fs::open("/dev/tty", OFlags::RDWR, Mode::empty()).is_err(), "no controlling terminal was won");
}

/// Each that was waited for on its own would take a fifth of a second.
#[test]
fn however_many_terminals_somebody_opens_he_holds_nobody_up() {
    if !inside("however_many_terminals_somebody_opens_he_holds_nobody_up", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let old: Vec<Screen> = (0..10).map(|_| dev.terminal(BOB, 0o620)).collect();
    old.iter().for_each(|screen| screen.was_typed_at(-3600));
    let stopped: Vec<Screen> = (0..30).map(|_| dev.terminal(BOB, 0o620)).collect();
    stopped.iter().for_each(Screen::stop);
    let (well, own) = (dev.terminal(BOB, 0o620), dev.terminal(ALICE, 0o620));
    let begun = Instant::now();
    let told = tell(&people(&dev, none.path(), Others::EachTerminal), Some("alice"), None);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(told[0], reached(Channel::Terminals, "alice", &[own.name()]));
    let Reached::Delivered(places) = &told[1].reached else { panic!("{told:?}") };
    assert!(places.contains(&well.name()), "{places:?}");
    assert_eq!((places.len(), told[1].missed.len()), (2, 30), "32 of one user, those first at which he typed last");
}

#[test]
fn one_that_cannot_be_opened_is_said() {
    if !inside("one_that_cannot_be_opened_is_said", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let screen = dev.terminal(ALICE, 0o620);
    // As for a device that the unit does not let through, or with too many open files.
    mount(&["-o", "remount,nodev"], &dev.path().join("pts"));
    let told = tell(&people(&dev, none.path(), Others::Silent), Some("alice"), None).remove(0);
    let Reached::Failed(why) = told.reached else { panic!("{told:?}") };
    assert_eq!(why, format!("{}: it can't be opened: Permission denied (os error 13)", screen.name()));
}

#[test]
fn the_terminals_of_a_container_are_told_and_nothing_that_was_planted_there() {
    if !inside("the_terminals_of_a_container_are_told_and_nothing_that_was_planted_there", as_root) {
        return;
    }
    let host = Dev::new();
    // A container's root directory as /proc/PID/root shows it, with a devpts of its own.
    let proc = tempfile::tempdir().unwrap();
    let root = proc.path().join("7/root");
    fs::create_dir_all(root.join("dev")).unwrap();
    let inner = Dev::new();
    fs::create_dir(root.join("dev/pts")).unwrap();
    mount(&["--bind", inner.path().join("pts").to_str().unwrap()], &root.join("dev/pts"));
    let screen = inner.terminal(0, 0o600);
    // Nobody sees the terminal that `docker run -dt` makes.
    let place = format!("in the container {}", screen.name());
    let container = people(&host, proc.path(), Others::Silent);
    let unseen = tell(&container, Some("alice"), Some(7)).remove(0);
    assert_eq!((screen.shows().as_str(), unseen.confirms()), (SHOWN, false));
    assert_eq!(unseen.reached, Reached::Written(vec![place]));
    screen.was_typed_at(60);
    let people = people(&host, proc.path(), Others::Silent);
    let told = tell(&people, Some("alice"), Some(7));
    assert_eq!(told, [reached(Channel::Terminals, "alice", &[format!("in the container {}", screen.name())])]);
    assert_eq!(screen.shows(), SHOWN);

    // Plain directories with a FIFO, a file, and a link to the host's terminal; links in the place of directories.
    let mine = host.terminal(BOB, 0o620);
    let planted = proc.path().join("8/root/dev/pts");
    fs::create_dir_all(&planted).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, planted.join("1"), rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
    fs::write(planted.join("7"), "").unwrap();
    symlink(&mine.path, planted.join("9")).unwrap();
    let linked = proc.path().join("9/root/dev");
    fs::create_dir_all(&linked).unwrap();
    symlink(host.path().join("pts"), linked.join("pts")).unwrap();
    let outer = proc.path().join("10/root");
    fs::create_dir_all(&outer).unwrap();
    symlink(host.path(), outer.join("dev")).unwrap();
    for pid in [8, 9, 10, 11] {
        let told = tell(&people, Some("alice"), Some(pid)).remove(0);
        assert_eq!(told.reached, Reached::Nobody, "{pid}");
        assert!(terminals::of_container(&terminals::root_of(proc.path(), pid), host.path()).is_empty());
    }
    assert_eq!((mine.shows(), fs::read_to_string(planted.join("7")).unwrap()), (String::new(), String::new()));
}
