//! Users who ask to be told when a GPU is free, from the file that they drop to the notice.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    time::Duration,
};

use ds01_core::{
    idle::{self, Request, gpus::Wanted},
    source::fake::{Disappear, Step},
};

use crate::bench::{Bench, POLICY, trainer};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;

fn bench() -> Bench {
    let bench = Bench::new(POLICY, &[trainer("train", 501)]);
    fs::create_dir(bench.keep_dir()).unwrap();
    fs::set_permissions(bench.keep_dir(), Permissions::from_mode(0o1733)).unwrap();
    bench.host.with_users([(0, "root"), (ALICE, "alice"), (BOB, "bob")].map(|(id, name)| (id, name.to_owned())).into());
    bench
}

/// The user asks at the host's time; who is not root asks as himself.
fn asks(bench: &Bench, uid: u32, gpus: u64, span: Duration) {
    let wanted = Wanted { gpus, ..Wanted::default() };
    idle::drop_request(&bench.keep_dir(), &Request::for_notice(wanted, span)).unwrap();
    let now = std::time::SystemTime::from(bench.sources.clock.now());
    for entry in fs::read_dir(bench.keep_dir()).unwrap() {
        let path = entry.unwrap().path();
        fs::File::options().write(true).open(&path).unwrap().set_modified(now).unwrap();
        if fs::metadata(&path).unwrap().len() > 0 && rustix::process::geteuid().is_root() {
            chown(path, Some(uid), None).unwrap();
        }
    }
}

fn told(bench: &Bench) -> Vec<String> {
    let alone = bench.people.alone.lock().unwrap();
    alone.iter().filter(|text| text.contains("A GPU IS FREE")).cloned().collect()
}

fn frees_the_first(bench: &Bench) {
    let gone = Disappear { containers: vec!["train".into()], ..Disappear::default() };
    bench.host.apply(&Step { disappear: gone, ..Step::default() }, false).unwrap();
}

#[test]
fn whoever_asked_is_told_once_when_there_are_enough() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = bench();
    asks(&bench, BOB, 2, Duration::from_secs(24 * 3600));
    let checked = bench.next_check();
    assert_eq!(told(&bench), Vec::<String>::new(), "one of the two is held");
    assert_eq!((checked.state.waiting.len(), checked.state.waiting[0].by.as_str()), (1, "bob"));
    assert_eq!(fs::read_dir(bench.keep_dir()).unwrap().count(), 0, "it is read once");
    bench.next_check();
    frees_the_first(&bench);
    let checked = bench.next_check();
    let [text] = &told(&bench)[..] else { panic!("{:?}", told(&bench)) };
    assert!(
        text.starts_with("bob: ")
            && text.contains("2 GPUs on lab")
            && text.contains("Free now: 0 (")
            && text.contains("1 ("),
        "{text}"
    );
    assert!(checked.state.waiting.is_empty());
    bench.next_check();
    assert_eq!(told(&bench).len(), 1);
}

#[test]
fn what_is_free_already_is_told_at_the_next_check() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = bench();
    asks(&bench, ALICE, 1, Duration::from_secs(3600));
    bench.next_check();
    assert!(told(&bench)[0].contains("Free now: 1 ("), "{:?}", told(&bench));
}

#[test]
fn a_request_ends_with_its_time_and_keeps_no_container() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = bench();
    asks(&bench, ALICE, 2, Duration::from_secs(600));
    let checked = bench.next_check();
    assert!(checked.state.kept.is_empty(), "nothing is kept by asking for a notice: {:?}", checked.state.kept);
    assert_eq!(checked.state.waiting.len(), 1);
    bench.next_check();
    let checked = bench.next_check();
    assert!(checked.state.waiting.is_empty(), "{:?}", checked.state.waiting);
    frees_the_first(&bench);
    bench.next_check();
    assert_eq!(told(&bench), Vec::<String>::new());
}

#[test]
fn what_no_host_has_and_what_lies_there_in_roots_name_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = bench();
    asks(&bench, ALICE, 0, Duration::from_secs(600));
    let checked = bench.next_check();
    assert!(checked.state.waiting.is_empty());
    asks(&bench, 0, 1, Duration::from_secs(600));
    let checked = bench.next_check();
    assert!(checked.state.waiting.is_empty());
    let refused = bench.events().into_iter().filter(|event| event["event_type"] == "maintenance.keep_refused").count();
    assert_eq!((refused, told(&bench)), (2, Vec::new()));
}
