//! Notices on their way through hooks: real files and processes, and a clock that the tests set.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use ds01_core::{
    outbox::{About, Deliverer, Ended, Entry, News, Outbox, Round, SCHEMA_VERSION},
    store::StoreError,
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

/// Longer than a hook of these tests takes on any machine.
const LIMIT: Duration = Duration::from_secs(60);

struct Post {
    dir: TempDir,
    outbox: Outbox,
    limit: Duration,
}

fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

impl Post {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
            path
        };
        let trusted = rustix::process::geteuid().as_raw();
        let outbox = Outbox { dir: make("outbox"), results: make("results"), hooks: make("notify.d"), trusted };
        Self { outbox, dir, limit: LIMIT }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A hook whose runs each leave a line in a file of its name.
    fn hook(&self, name: &str, script: &str) {
        let path = self.outbox.hooks.join(name);
        let text = format!("#!/bin/sh\necho run >>{}\n{script}\n", self.path(name).display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn runs(&self, name: &str) -> usize {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().count()
    }

    fn put(&self, hooks: &[&str]) -> Entry {
        let entry = entry(hooks);
        self.outbox.put(&entry).unwrap();
        entry
    }

    fn round(&self, at: Timestamp) -> Round {
        self.deliverer().round(&move || at).unwrap()
    }

    /// Alone in its own right. A child that another test starts has the lock, too, until it has become another program.
    fn deliverer(&self) -> Deliverer {
        let begin = Instant::now();
        loop {
            let Outbox { dir, results, hooks, trusted } = self.outbox.clone();
            match Deliverer::open(&dir, &results, hooks, trusted, self.limit) {
                Err(StoreError::Locked { .. }) if begin.elapsed() < LIMIT => thread::yield_now(),
                opened => return opened.unwrap(),
            }
        }
    }

    fn news(&self, at: Timestamp) -> Vec<News> {
        let (news, problems) = self.outbox.news(at);
        assert_eq!(problems, [""; 0]);
        news
    }

    /// Takes news in, as a check does: each hook with what became of it.
    fn taken_in(&self, at: Timestamp) -> Vec<(String, Ended)> {
        let news = self.news(at);
        self.outbox.settle(&news).unwrap();
        news.into_iter().map(|one| (one.hook, one.ended)).collect()
    }

    fn files(&self, dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort_unstable();
        names
    }

    fn result(&self, entry: &Entry, hook: &str) -> PathBuf {
        self.outbox.results.join(format!("{}.{hook}", entry.id))
    }
}

fn entry(hooks: &[&str]) -> Entry {
    Entry {
        schema_version: SCHEMA_VERSION.to_owned(),
        id: Entry::id_of(noon(), "abababababab", "warning"),
        time: noon(),
        severity: "warning".to_owned(),
        user: Some("alice".to_owned()),
        address: Some("alice@x.org".to_owned()),
        container: About { name: "train \"$(id)\"".to_owned(), id: "ab".repeat(32), r#type: "docker".to_owned() },
        subject: "[ds01] WILL BE STOPPED: train".to_owned(),
        text: "+--+\n| \"a\" |\n+--+\n".to_owned(),
        stop_in_seconds: Some(300),
        check: 7,
        hooks: hooks.iter().map(|hook| (*hook).to_owned()).collect(),
        reported: Vec::new(),
    }
}

fn delivered(hook: &str, place: &str) -> (String, Ended) {
    (hook.to_owned(), Ended::Delivered(place.to_owned()))
}

#[test]
fn a_hook_gets_the_notice_whole_and_its_first_words_say_where_it_arrived() {
    let post = Post::new();
    let out = post.path("out");
    let env =
        r#"printf '%s|' "$DS01_USER" "$DS01_ADDRESS" "$DS01_SEVERITY" "$DS01_CONTAINER" "$DS01_TEXT_JSON" "$HOME""#;
    post.hook("mail", &format!("{{ {env}; cat; }} >{}; echo alice@x.org; echo more", out.display()));
    let entry = post.put(&["mail"]);
    let round = post.round(noon());
    assert_eq!(round.next, None);
    assert!(round.said.contains(&"mail: more".to_owned()), "{:?}", round.said);
    let text = fs::read_to_string(out).unwrap();
    let (fields, json) = text.split_once("||").unwrap();
    assert_eq!(fields, r#"alice|alice@x.org|warning|train "$(id)"|"+--+\n| \"a\" |\n+--+\n""#);
    assert_eq!(serde_json::from_str::<Entry>(json).unwrap(), entry);
    assert_eq!(post.taken_in(noon()), [delivered("mail", "alice@x.org")]);
    assert_eq!(post.files(&post.outbox.dir), [""; 0], "it is done");
    assert_eq!(post.taken_in(noon()), []);
    post.round(noon());
    assert_eq!(post.files(&post.outbox.results), [""; 0]);
    assert_eq!(post.runs("mail"), 1);
}

#[test]
fn who_has_it_gets_it_no_more_and_who_has_not_is_tried_with_growing_pauses_for_a_day() {
    let post = Post::new();
    post.hook("good", "echo there");
    post.hook("bad", "echo no route >&2; exit 7");
    post.put(&["bad", "good"]);
    let first = post.round(noon());
    assert_eq!((first.next, post.runs("good"), post.runs("bad")), (Some(after(60)), 1, 1));
    assert_eq!(post.taken_in(after(1)), [delivered("good", "there")]);
    assert_eq!(post.taken_in(after(2)), [], "said once");

    // Each time it is due, and a second before.
    let mut at = 60;
    for pause in [120, 240, 480, 960, 1920, 3600, 3600] {
        let runs = post.runs("bad");
        assert_eq!(post.round(after(at - 1)).next, Some(after(at)));
        assert_eq!(post.runs("bad"), runs);
        assert_eq!(post.round(after(at)).next, Some(after(at + pause)));
        assert_eq!(post.runs("bad"), runs + 1);
        at += pause;
    }
    assert_eq!(post.taken_in(after(at)), []);
    let day = 24 * 3600;
    assert_eq!(post.round(after(day)).next, None, "given up");
    let why = "exit status: 7: no route".to_owned();
    assert_eq!(post.taken_in(after(day)), [("bad".to_owned(), Ended::Failed(why))]);
    assert_eq!((post.runs("good"), post.files(&post.outbox.dir).len()), (1, 0));
}

#[test]
fn one_that_hangs_is_ended_with_all_that_it_started_and_delays_no_other() {
    let mut post = Post::new();
    post.limit = Duration::from_millis(300);
    let pids = post.path("pids");
    post.hook("hangs", &format!("sleep 1000 & echo $! $$ >{}; yes", pids.display()));
    post.hook("quick", "sleep 1000 & echo there");
    post.put(&["hangs", "quick"]);
    let begin = Instant::now();
    let round = post.round(noon());
    assert!(begin.elapsed() < Duration::from_secs(900));
    assert_eq!(round.next, Some(after(60)));
    assert!(round.said.iter().any(|line| line.contains("it was not done after")), "{:?}", round.said);
    assert_eq!(post.taken_in(noon()), [delivered("quick", "there")]);
    for pid in fs::read_to_string(pids).unwrap().split_whitespace() {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{pid} lives on: {state}");
    }
}

/// It left its process group, so that it is not ended with it. It ends with the service.
#[test]
fn one_that_leaves_something_behind_is_not_listened_to_any_more() {
    let post = Post::new();
    let (gone, closed) = (post.path("gone"), post.path("closed"));
    let left = format!(
        "trap '' PIPE; echo >{}; while echo x 2>/dev/null; do :; done; echo >{}",
        gone.display(),
        closed.display()
    );
    // Until it has left, it is ended with the others.
    let waits = format!("until [ -e {} ]; do sleep 0.01; done", gone.display());
    post.hook("mail", &format!("echo alice@x.org; setsid sh -c \"{left}\" & {waits}; exit 0"));
    post.put(&["mail"]);
    assert!(post.round(after(1)).said.iter().any(|said| said.ends_with("delivered: alice@x.org")));
    let begun = Instant::now();
    while !post.path("closed").exists() {
        assert!(begun.elapsed() < LIMIT, "somebody reads it still");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_can_not_be_read_ends_nothing_for_the_others() {
    let post = Post::new();
    post.hook("mail", "echo alice@x.org");
    fs::create_dir(post.outbox.dir.join("0000000000000-bad.json")).unwrap();
    fs::create_dir(post.outbox.results.join("leftover")).unwrap();
    post.put(&["mail"]);
    let round = post.round(after(1));
    assert_eq!(post.runs("mail"), 1);
    let said = round.said.join("\n");
    assert!(said.contains("0000000000000-bad.json") && said.contains("leftover"), "{said}");
    let (news, problems) = post.outbox.news(after(2));
    assert_eq!((news.len(), problems.len()), (1, 1), "{problems:?}");
}

#[test]
fn of_a_gigabyte_of_words_the_first_few_are_kept() {
    let post = Post::new();
    post.hook("mail", "echo there; head -c 1000000000 /dev/zero; exit 0");
    post.put(&["mail"]);
    let round = post.round(noon());
    assert!(round.said.iter().map(String::len).sum::<usize>() < 30_000);
    assert_eq!(post.taken_in(noon()), [delivered("mail", "there")]);
}

#[test]
fn one_that_is_gone_or_not_safe_any_more_is_not_run_and_said_so() {
    let post = Post::new();
    post.hook("mail", "echo there");
    post.put(&["gone", "mail"]);
    fs::set_permissions(post.outbox.hooks.join("mail"), fs::Permissions::from_mode(0o757)).unwrap();
    let round = post.round(noon());
    let words = round.said.join("\n");
    assert!(words.contains("No such file") && words.contains("others than its owner can write to it"), "{words}");
    assert_eq!((post.runs("mail"), round.next), (0, Some(after(60))));
    fs::set_permissions(post.outbox.hooks.join("mail"), fs::Permissions::from_mode(0o755)).unwrap();
    post.round(after(60));
    assert_eq!(post.taken_in(after(61)), [delivered("mail", "there")]);
}

#[test]
fn what_the_deliverer_writes_is_believed_about_the_notice_only_and_read_up_to_a_limit() {
    let post = Post::new();
    let entry = post.put(&["mail"]);
    let path = post.result(&entry, "mail");
    let result = |id: &str, words: &str| {
        format!(
            r#"{{"schema_version":"1","id":"{id}","hook":"mail","result":"delivered","attempts":1,"not_before":"2026-03-02T12:00:00Z","where":"{words}"}}"#
        )
    };
    for text in
        [String::new(), "[".repeat(8000), result("other", "x"), result(&entry.id, &"x".repeat(9000)), "null".to_owned()]
    {
        fs::write(&path, text).unwrap();
        assert_eq!(post.news(noon()), []);
    }
    fs::remove_file(&path).unwrap();
    let elsewhere = post.path("elsewhere");
    fs::write(&elsewhere, result(&entry.id, "x")).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_eq!(post.news(noon()), [], "a link");
    fs::remove_file(&path).unwrap();
    fs::write(&path, result(&entry.id, &format!("\\u001b[2J{}", "x".repeat(1000)))).unwrap();
    let Ended::Delivered(place) = post.news(noon())[0].ended.clone() else { panic!("it was delivered") };
    assert!(place.starts_with("\\x1b[2Jxxx") && place.len() < 350, "{place}");
}

/// A check that is killed before it has remembered takes the same news in again; one that is killed while it writes leaves
/// nothing half done.
#[test]
fn a_check_that_is_killed_loses_nothing() {
    let post = Post::new();
    post.hook("mail", "echo there");
    let entry = post.put(&["mail"]);
    fs::write(post.outbox.dir.join(format!(".{}.json.tmp-0123456789abcdef", entry.id)), "{\"half").unwrap();
    post.round(noon());
    assert_eq!(post.news(noon()), post.news(noon()));
    post.outbox.put(&entry).unwrap();
    assert_eq!(post.taken_in(noon()), [delivered("mail", "there")], "written twice, it is one notice");
    assert!(fs::read_dir(&post.outbox.dir).unwrap().next().is_none(), "and the litter is gone");
}

/// Between the end of a hook and the note of it, a deliverer that is killed runs the hook once more; before and after that
/// it does not.
#[test]
fn a_deliverer_that_is_killed_loses_nothing_and_waits_before_it_tries_again() {
    let post = Post::new();
    post.hook("mail", "echo there");
    let entry = post.put(&["mail"]);
    // Killed while the hook ran: only the note that it is tried was written.
    post.round(noon());
    let path = post.result(&entry, "mail");
    let noted = fs::read_to_string(&path).unwrap();
    let pending = noted.replace("\"delivered\"", "\"pending\"").replace("12:00:00Z", "12:01:00Z");
    fs::write(&path, pending).unwrap();
    fs::write(post.outbox.results.join(format!(".{}.mail.tmp-0123", entry.id)), "half").unwrap();
    assert_eq!(post.round(after(59)).next, Some(after(60)));
    assert_eq!(post.runs("mail"), 1);
    assert_eq!(post.round(after(60)).next, None);
    assert_eq!((post.runs("mail"), post.files(&post.outbox.results).len()), (2, 1));
    // Whatever a crash of the host leaves in its place.
    fs::write(&path, "").unwrap();
    post.round(after(61));
    assert_eq!((post.runs("mail"), post.taken_in(after(62))), (3, vec![delivered("mail", "there")]));
}

#[test]
fn a_clock_that_was_set_back_lets_nobody_wait_for_longer_than_a_pause() {
    let post = Post::new();
    post.hook("mail", "exit 1");
    post.put(&["mail"]);
    post.round(after(30 * 24 * 3600 - 1));
    post.round(noon());
    assert_eq!(post.runs("mail"), 1, "given up at the first try: it was a month old");
    let post = Post::new();
    post.hook("mail", "exit 1");
    post.put(&["mail"]);
    post.round(after(20 * 3600));
    post.round(noon());
    assert_eq!(post.runs("mail"), 2);
}

/// Once, it waited until the clock had come to the time at which it was written.
#[test]
fn a_notice_that_was_written_before_the_clock_was_set_back_is_delivered_at_once() {
    let post = Post::new();
    post.hook("mail", "echo there");
    post.outbox.put(&Entry { time: after(3_500), ..entry(&["mail"]) }).unwrap();
    assert_eq!((post.round(noon()).next, post.runs("mail")), (None, 1));
    assert_eq!(post.taken_in(noon()), [delivered("mail", "there")]);
}

#[test]
fn a_full_outbox_and_a_result_that_can_not_be_kept_are_said_so() {
    let post = Post::new();
    for n in 0..500 {
        post.outbox.put(&Entry { id: format!("{n:03}"), ..entry(&["mail"]) }).unwrap();
    }
    let error = post.outbox.put(&entry(&["mail"])).unwrap_err();
    assert!(error.contains("is full: 500 notices wait"), "{error}");
    let large = Entry { id: "000".to_owned(), text: "x".repeat(40_000), ..entry(&["mail"]) };
    assert!(post.outbox.put(&large).unwrap_err().contains("bytes"));
}

#[test]
fn what_nobody_works_on_is_given_up_after_two_days() {
    let post = Post::new();
    post.put(&["mail"]);
    assert_eq!(post.taken_in(after(2 * 24 * 3600)), []);
    let taken = post.taken_in(after(2 * 24 * 3600 + 1));
    assert!(matches!(&taken[..], [(_, Ended::Failed(why))] if why.contains("nobody ran it")), "{taken:?}");
    assert_eq!(post.files(&post.outbox.dir), [""; 0]);
}

/// Nothing can be added to the last time that there is.
#[test]
fn a_notice_from_the_end_of_time_ends_neither_a_check_nor_a_round() {
    let post = Post::new();
    post.hook("mail", "exit 1");
    post.outbox.put(&Entry { time: Timestamp::MAX, ..entry(&["mail"]) }).unwrap();
    assert_eq!(post.taken_in(noon()), []);
    let said = post.round(noon()).said.join("\n");
    assert!(said.contains("to be tried again"), "{said}");
}

/// What is still under way is looked for again after each check, should systemd have missed it.
#[test]
fn each_check_wakes_the_deliverer_while_something_is_under_way() {
    let post = Post::new();
    post.outbox.settle(&[]).unwrap();
    assert!(fs::read_dir(&post.outbox.dir).unwrap().next().is_none());
    post.put(&["mail"]);
    post.outbox.settle(&[]).unwrap();
    assert!(post.outbox.dir.join(".wake").exists());
}

#[test]
fn one_deliverer_at_a_time() {
    let post = Post::new();
    let open = || {
        let Outbox { dir, results, hooks, trusted } = post.outbox.clone();
        Deliverer::open(&dir, &results, hooks, trusted, LIMIT)
    };
    let first = post.deliverer();
    assert!(open().is_err());
    drop(first);
    drop(post.deliverer());
}
