//! Containers that users ask to keep, from the file that they drop to the stop that does not come.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ds01_core::{
    idle::{self, Checked, Request, rules::Waits},
    source::{
        Clock,
        fake::{Change, ContainerSpec},
    },
};
use serde_json::json;

use crate::{
    bench::{Bench, POLICY, STOP_AT, id, trainer},
    meddling::Engine,
};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;

/// Who runs the tests: files of others need root.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Alice's, by a label and by the user id of its main process.
fn hers(name: &str, pid: u32) -> ContainerSpec {
    ContainerSpec { uid: ALICE, ..trainer(name, pid) }
}

/// A host with a directory for requests, and users.
fn bench(policy: &str, containers: &[ContainerSpec]) -> Bench {
    let bench = without_names(policy, containers);
    name_users(&bench);
    bench
}

fn name_users(bench: &Bench) {
    bench.host.with_users([(0, "root"), (ALICE, "alice"), (BOB, "bob")].map(|(id, name)| (id, name.to_owned())).into());
}

/// A host whose name service does not answer.
fn without_names(policy: &str, containers: &[ContainerSpec]) -> Bench {
    let bench = Bench::new(policy, containers);
    fs::create_dir(bench.keep_dir()).unwrap();
    fs::set_permissions(bench.keep_dir(), Permissions::from_mode(0o1733)).unwrap();
    bench
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

fn files_in(dir: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn files(bench: &Bench) -> BTreeSet<PathBuf> {
    files_in(&bench.keep_dir())
}

/// The user asks at the host's time.
fn asks(bench: &Bench, uid: u32, container: &str, span: Duration, why: Option<&str>) {
    let dir = if uid == 0 { idle::keep_dir(&bench.keep_dir(), &bench.state_dir).unwrap() } else { bench.keep_dir() };
    asks_in(bench, &dir, uid, container, span, why);
}

fn asks_in(bench: &Bench, dir: &Path, uid: u32, container: &str, span: Duration, why: Option<&str>) {
    drop_as(dir, &*bench.sources.clock, uid, container, span, why);
}

fn drop_as(dir: &Path, clock: &dyn Clock, uid: u32, container: &str, span: Duration, why: Option<&str>) {
    let before = files_in(dir);
    let request =
        Request { container: container.to_owned(), seconds: span.as_secs(), why: why.map(str::to_owned), wait: None };
    idle::drop_request(dir, &request).unwrap();
    for path in files_in(dir).difference(&before) {
        let now = std::time::SystemTime::from(clock.now());
        fs::File::options().write(true).open(path).unwrap().set_modified(now).unwrap();
        chown(path, Some(uid), None).unwrap();
    }
}

fn left(checked: &Checked, name: &str) -> Option<Duration> {
    checked.state.kept.get(&id(checked, name)).and_then(idle::Kept::left)
}

fn refusals(bench: &Bench) -> Vec<String> {
    let refused = |event: &serde_json::Value| event["event_type"] == "maintenance.keep_refused";
    let reason = |event: serde_json::Value| event["details"]["reason"].as_str().unwrap().to_owned();
    bench.events().into_iter().filter(refused).map(reason).collect()
}

#[test]
fn its_owner_keeps_it_after_the_warning_and_when_that_is_over_it_is_warned_first() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    assert_eq!(bench.told(), ["idle_warning train"]);
    asks(&bench, ALICE, "train", hours(8), Some("overnight run"));
    let checked = bench.next_check();
    assert_eq!(left(&checked, "train"), Some(hours(8) - Duration::from_secs(300)), "from when it was asked");
    assert_eq!(checked.plan.decisions[&id(&checked, "train")].waits, Some(Waits::Asked));
    let event = &bench.events()[1];
    let expected = json!({"container": "train", "container_id": id(&checked, "train"), "by": "alice",
        "until": "2026-03-02T20:25:00Z", "left_seconds": 8 * 3600 - 300, "why": "overnight run"});
    assert_eq!(
        (&event["event_type"], &event["details"], &event["user"]),
        (&json!("maintenance.kept"), &expected, &json!("alice"))
    );
    assert!(files(&bench).is_empty(), "it is read once");

    (0..8 * 12 - 2).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.told(), ["idle_warning train", "kept train"]);
    bench.next_check();
    assert_eq!(bench.told(), ["idle_warning train", "kept train", "idle_warning train"]);
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn nobody_else_keeps_it_and_root_keeps_anybodys() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, BOB, "train", hours(8), None);
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
    assert_eq!(refusals(&bench), ["it belongs to alice, by its label ds01.user"]);
    let refused = &bench.events()[1];
    assert_eq!((&refused["user"], &refused["details"]["by"]), (&json!("bob"), &json!("bob")));

    let bench = self::bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, 0, "train", hours(100), None);
    assert_eq!(left(&bench.next_check(), "train"), Some(hours(100) - Duration::from_secs(300)), "root has no limit");
    assert_eq!(bench.stopped(), [""; 0]);
}

/// Whoever is root in a container makes files of any owner in a directory that is mounted into it, and moves them on the host.
#[test]
fn a_file_of_roots_where_users_drop_theirs_keeps_nothing() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks_in(&bench, &bench.keep_dir(), 0, "train", hours(24 * 365), None);
    let checked = bench.next_check();
    assert_eq!((left(&checked, "train"), bench.stopped()), (None, vec!["train".to_owned()]));
    assert!(refusals(&bench)[0].contains("nobody knows who put it there"), "{:?}", refusals(&bench));
    let refused = &bench.events()[1];
    assert_eq!(refused["details"]["by"], json!(null), "root is not told that it asked");
    assert!(files(&bench).is_empty());
}

#[test]
fn what_may_be_forged_makes_nothing_shorter() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(8), None);
    bench.next_check();
    asks(&bench, ALICE, "train", Duration::from_secs(400), None);
    let checked = bench.next_check();
    assert!(left(&checked, "train").is_some_and(|left| left > hours(7)), "{:?}", left(&checked, "train"));
}

/// Whoever makes a container writes its labels: they make nobody its owner.
#[test]
fn a_name_in_a_label_keeps_nothing() {
    if !is_root() {
        return;
    }
    // Bob made it, and wrote alice's name on it. Its main process is root's, or his.
    for uid in [0, BOB] {
        let labelled = ContainerSpec { uid, ..trainer("train", 501) };
        let bench = bench(POLICY, &[labelled]);
        bench.checks(STOP_AT - 1);
        asks(&bench, ALICE, "train", hours(8), None);
        asks(&bench, BOB, "train", hours(8), None);
        bench.next_check();
        assert_eq!(bench.stopped(), ["train"], "{uid}");
        let mut refusals = refusals(&bench);
        refusals.sort();
        assert!(refusals[0].starts_with("it belongs to alice"), "{refusals:?}");
        assert!(refusals[1].starts_with("only its label ds01.user says"), "{refusals:?}");
    }
}

#[test]
fn a_home_that_is_mounted_makes_an_owner_together_with_the_name() {
    if !is_root() {
        return;
    }
    let mut mounted = trainer("train", 501);
    mounted.binds = vec!["/home/alice/data".to_owned()];
    let bench = bench(POLICY, &[mounted]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(8), None);
    bench.next_check();
    assert_eq!((bench.stopped(), refusals(&bench)), (vec![], vec![]));
}

/// Between the moment at which a check reads what was dropped and the stop, minutes can pass.
#[test]
fn an_answer_that_comes_during_the_check_counts() {
    if !is_root() {
        return;
    }
    for while_told in [false, true] {
        let mut bench = bench(POLICY, &[hers("train", 501)]);
        let engine = Engine::of(&mut bench);
        bench.up_to_the_stop();
        let (dir, clock) = (bench.keep_dir(), Arc::clone(&bench.sources.clock));
        let ask = move || drop_as(&dir, &*clock, ALICE, "train", hours(8), None);
        if while_told {
            *bench.people.meanwhile.lock().unwrap() = Some(Box::new(ask));
        } else {
            engine.then(move |_| ask());
        }
        let checked = bench.check();
        assert_eq!(crate::bench::left(&checked, "train"), "alice asked to keep it just now");
        assert_eq!(bench.notices().len(), if while_told { 3 } else { 1 });
        assert_eq!(files(&bench).len(), 1, "the next check reads it");
        assert!(left(&bench.next_check(), "train").is_some());
        assert_eq!(bench.stopped(), [""; 0]);
    }
}

/// Or a file that is always there would keep it for ever.
#[test]
fn what_would_be_refused_holds_nothing_off() {
    if !is_root() {
        return;
    }
    let bench_with = |ask: fn(&Path, &dyn Clock)| {
        let mut bench = bench(&POLICY.replace("policies: {", "policies: {keep_max: 2h, "), &[hers("train", 501)]);
        let engine = Engine::of(&mut bench);
        bench.up_to_the_stop();
        let (dir, clock) = (bench.keep_dir(), Arc::clone(&bench.sources.clock));
        engine.then(move |_| ask(&dir, &*clock));
        bench.check();
        bench.stopped()
    };
    let stopped = ["train"];
    assert_eq!(bench_with(|dir, _| fs::write(dir.join("junk"), "junk").unwrap()), stopped);
    assert_eq!(bench_with(|dir, clock| drop_as(dir, clock, BOB, "train", hours(8), None)), stopped);
    assert_eq!(bench_with(|dir, clock| drop_as(dir, clock, ALICE, "other", hours(8), None)), stopped);
    assert_eq!(bench_with(|dir, clock| drop_as(dir, clock, 0, "train", hours(8), None)), stopped);
}

/// Who alice is, nobody knows.
#[test]
fn a_request_that_nobody_can_judge_yet_waits_for_an_hour() {
    if !is_root() {
        return;
    }
    let mut mounted = trainer("train", 501);
    mounted.binds = vec!["/home/alice/data".to_owned()];
    let down = || {
        let bench = without_names(POLICY, std::slice::from_ref(&mounted));
        bench.checks(STOP_AT - 1);
        asks(&bench, ALICE, "train", hours(8), None);
        bench
    };
    let bench = down();
    let checked = bench.next_check();
    assert_eq!(crate::bench::left(&checked, "train"), "whether its owner asked to keep it can't be told");
    assert_eq!((files(&bench).len(), refusals(&bench).len()), (1, 0));
    name_users(&bench);
    let checked = bench.next_check();
    assert_eq!((left(&checked, "train"), refusals(&bench).len()), (Some(hours(8) - Duration::from_secs(600)), 0));

    let bench = down();
    (0..13).for_each(|_| drop(bench.next_check()));
    assert_eq!((bench.stopped(), refusals(&bench).len(), files(&bench).len()), (vec!["train".to_owned()], 1, 0));
}

#[test]
fn repeated_requests_never_keep_it_beyond_the_most() {
    if !is_root() {
        return;
    }
    let bench = bench(&POLICY.replace("policies: {", "policies: {keep_max: 2h, "), &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    let begun = bench.sources.clock.since_boot();
    while bench.stopped().is_empty() {
        asks(&bench, ALICE, "train", hours(1), None);
        bench.next_check();
        assert!(
            bench.sources.clock.since_boot() - begun <= hours(2) + Duration::from_secs(900),
            "{:?}",
            refusals(&bench)
        );
    }
    assert!(bench.sources.clock.since_boot() - begun > hours(2));
    assert!(refusals(&bench)[0].starts_with("it was kept for 2h since it last worked"));
}

#[test]
fn work_in_between_begins_anew() {
    if !is_root() {
        return;
    }
    let bench = bench(&POLICY.replace("policies: {", "policies: {keep_max: 2h, "), &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(2), None);
    (0..12).for_each(|_| drop(bench.next_check()));
    let percent = |percent| Change { gpu_percent: [(501, percent)].into(), ..Change::default() };
    bench.change("train", percent(40));
    bench.next_check();
    bench.change("train", percent(0));
    bench.next_check();
    asks(&bench, ALICE, "train", hours(2), None);
    assert_eq!(left(&bench.next_check(), "train"), Some(hours(2) - Duration::from_secs(300)));
}

#[test]
fn its_run_time_ends_it_all_the_same() {
    if !is_root() {
        return;
    }
    let bench = bench(&POLICY.replace("max_runtime: null", "max_runtime: 24h30m"), &[hers("train", 501)]);
    bench.check();
    asks(&bench, ALICE, "train", hours(8), None);
    (0..7).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn a_hostile_request_harms_nothing() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501), hers("other", 502)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", Duration::from_secs(u64::MAX), Some("\u{1b}[2J\n{\"event_type\":\"x\"}\u{202e}"));
    asks(&bench, ALICE, &"\u{1b}[2J".repeat(300), hours(1), None);
    asks(&bench, ALICE, "", hours(1), None);
    let checked = bench.next_check();
    let kept = &checked.state.kept[&id(&checked, "train")];
    assert_eq!(kept.why.as_deref(), Some("\\x1b[2J\\n{\"event_type\":\"x\"}\\u{202e}"));
    assert_eq!(kept.left(), Some(hours(24) - Duration::from_secs(300)), "the policy's most");
    let log = serde_json::to_string(&bench.events()).unwrap();
    assert!(!log.contains('\u{202e}') && !log.contains("\\u001b"), "{log}");
    assert_eq!(refusals(&bench), ["there is no running GPU container of this name"; 2]);
}

#[test]
fn a_request_from_before_a_reboot_counts() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(8), None);
    bench.next_check();
    bench.host.reboot().unwrap();
    let checked = bench.next_check();
    assert!(left(&checked, "train").is_some_and(|left| left > hours(7) && left < hours(8)), "{:?}", checked.state.kept);

    // And one that nobody read before it.
    let bench = self::bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(8), None);
    bench.host.reboot().unwrap();
    assert!(left(&bench.next_check(), "train").is_some());
}

/// A check that is killed after it has written down what was asked finds the file again.
#[test]
fn reading_it_twice_adds_nothing() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(8), None);
    let file = files(&bench).pop_first().unwrap();
    let (bytes, at) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    let first = left(&bench.next_check(), "train").unwrap();
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
    chown(&file, Some(ALICE), None).unwrap();
    assert_eq!(left(&bench.next_check(), "train"), Some(first - Duration::from_secs(300)));
}

#[test]
fn a_directory_that_is_not_safe_is_said_and_nobody_is_kept() {
    if !is_root() {
        return;
    }
    let bench = bench(POLICY, &[hers("train", 501)]);
    bench.checks(STOP_AT - 1);
    asks(&bench, ALICE, "train", hours(8), None);
    fs::set_permissions(bench.keep_dir(), Permissions::from_mode(0o777)).unwrap();
    let checked = bench.next_check();
    assert!(checked.problems[0].starts_with("requests to keep containers are not read: "), "{:?}", checked.problems);
    assert_eq!(bench.stopped(), ["train"]);
}

/// As managed containers are: they run as root, and a label says whose they are.
#[test]
fn a_container_that_runs_as_root_is_kept_by_whose_directories_are_mounted_into_it() {
    if !is_root() {
        return;
    }
    let with = |name: &str, pid: u32, mounts: &[&str]| ContainerSpec {
        binds: mounts.iter().map(ToString::to_string).collect(),
        ..trainer(name, pid)
    };
    let containers = [
        with("hers", 501, &["/data/alice/work", "/opt/tools"]),
        with("bobs", 502, &["/data/alice/set", "/data/bob/work"]),
        with("gone", 503, &["/data/alice/work", "/data/gone"]),
        with("none", 504, &["/opt/tools"]),
    ];
    let bench = bench(POLICY, &containers);
    for (path, owner) in
        [("/data/alice/work", ALICE), ("/data/alice/set", ALICE), ("/data/bob/work", BOB), ("/opt/tools", 0)]
    {
        bench.host.with_directory(path, owner);
    }
    bench.check();
    containers.iter().for_each(|one| asks(&bench, ALICE, &one.name, hours(1), None));
    asks(&bench, BOB, "bobs", hours(1), None);
    let checked = bench.next_check();
    let kept = |name: &str| checked.state.kept.contains_key(&id(&checked, name));
    assert_eq!(["hers", "bobs", "gone", "none"].map(kept), [true, false, false, false], "{:?}", refusals(&bench));
    let theirs_alone = |why: &&String| why.ends_with("no directory of theirs alone is mounted into it");
    assert_eq!(refusals(&bench).iter().filter(theirs_alone).count(), 3, "{:?}", refusals(&bench));
}
