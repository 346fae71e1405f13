//! Who is not known to have heard his warning is not stopped for idleness, where the policy says so.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use ds01_core::{
    idle::{self, Action, Channels, Checked, Hands, Login, Others, People, rules::Waits},
    outbox::{Deliverer, Outbox},
};

use crate::bench::{Bench, POLICY, STOP_AT, action, id, trainer};

fn waits(checked: &Checked) -> Option<Waits> {
    checked.plan.decisions[&id(checked, "train")].waits.clone()
}

fn required(what: &str) -> String {
    format!("{POLICY}notify: {{require_delivery: {what}}}\n")
}

#[test]
fn without_anybody_who_heard_it_nobody_is_stopped_and_each_check_tries_his_terminals() {
    let bench = Bench::new(&required("any"), &[trainer("train", 501)]);
    *bench.people.deaf.lock().unwrap() = true;
    bench.checks(STOP_AT + 3);
    let withheld = bench.next_check();
    assert_eq!((action(&withheld, "train"), waits(&withheld)), (Action::Nothing, Some(Waits::Untold)));
    assert_eq!((bench.stopped(), bench.told()), (vec![], vec!["idle_warning train".to_owned()]));
    assert!(bench.people.tried.load(SeqCst) > 2);

    // He logs in: he is warned, and gets the time that a late warning announces.
    *bench.people.deaf.lock().unwrap() = false;
    bench.next_check();
    assert_eq!(bench.stopped(), [""; 0]);
    assert_eq!(bench.told(), ["idle_warning train", "idle_warning train"]);
    assert_eq!(bench.events()[1]["details"]["stop_in_seconds"], 240);
    bench.next_check();
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn who_heard_it_at_his_terminal_is_stopped_as_ever() {
    let bench = Bench::new(&required("any"), &[trainer("train", 501)]);
    bench.checks(STOP_AT);
    assert_eq!(bench.stopped(), ["train"]);
}

#[test]
fn another_channel_than_the_one_that_is_asked_for_is_not_enough() {
    let bench = Bench::new(&required("['hook:mail']"), &[trainer("train", 501)]);
    bench.checks(STOP_AT + 5);
    assert_eq!(bench.stopped(), [""; 0]);
    assert_eq!(bench.people.tried.load(SeqCst), 0, "his terminals are of no use");
}

#[test]
fn its_run_time_ends_it_all_the_same() {
    let text = required("any").replace("max_runtime: null", "max_runtime: 24h30m");
    let bench = Bench::new(&text, &[trainer("train", 501)]);
    *bench.people.deaf.lock().unwrap() = true;
    bench.checks(STOP_AT);
    assert_eq!(bench.stopped(), ["train"]);
}

/// A host whose notices take all ways, with one hook.
struct Post {
    bench: Bench,
    outbox: Outbox,
}

impl Post {
    fn new(policy: &str, hook: &str) -> Self {
        let bench = Bench::new(policy, &[trainer("train", 501)]);
        let make = |name: &str, mode: u32| {
            let path = bench.dir().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let trusted = rustix::process::geteuid().as_raw();
        let hooks = make("notify.d", 0o755);
        make("notices", 0o711);
        make("dev", 0o755);
        let outbox = Outbox { dir: make("outbox", 0o750), results: make("results", 0o750), hooks, trusted };
        let post = Self { bench, outbox };
        post.hook(hook);
        post
    }

    fn hook(&self, script: &str) {
        let path = self.outbox.hooks.join("mail");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn check(&self) -> Checked {
        self.bench.host.advance(Duration::from_secs(300));
        let me = rustix::process::geteuid().as_raw();
        let people = People {
            dev: self.bench.dir().join("dev"),
            proc: "/nonexistent".into(),
            user_id: Box::new(move |_| Some(me)),
            despite_mesg: false,
            others: Others::Silent,
        };
        let options = self.bench.options();
        let channels = Channels {
            people,
            notify: options.policy.notify.clone(),
            outbox: self.outbox.clone(),
            login: Login::new(&self.bench.state_dir, self.bench.dir().join("notices")),
        };
        let hands = Hands {
            controls: ds01_core::source::Controls::docker(Arc::clone(&self.bench.control)),
            broadcast: Arc::new(channels),
        };
        idle::run(&self.bench.sources, &hands, &options).unwrap()
    }

    fn deliver(&self) {
        let Outbox { dir, results, hooks, trusted } = self.outbox.clone();
        let deliverer = Deliverer::open(&dir, &results, hooks, trusted, Duration::from_secs(60)).unwrap();
        deliverer.round(&|| self.bench.sources.clock.now()).unwrap();
    }

    /// The events about notices: what happened, and on which channel.
    fn notices(&self) -> Vec<String> {
        let words = |event: &serde_json::Value| {
            let action = event["event_type"].as_str()?.strip_prefix("notice.")?.to_owned();
            Some(format!(
                "{action} {} {}",
                event["details"]["channel"].as_str()?,
                event["details"]["severity"].as_str()?
            ))
        };
        self.bench.all_events().iter().filter_map(words).collect()
    }

    fn at_login(&self) -> String {
        let me = rustix::process::geteuid().as_raw();
        fs::read_to_string(self.bench.dir().join("notices").join(me.to_string())).unwrap_or_default()
    }
}

#[test]
fn a_hook_that_succeeded_is_a_confirmation_that_the_next_check_sees() {
    let post = Post::new(&required("any"), "echo alice@x.org");
    (0..STOP_AT - 1).for_each(|_| drop(post.check()));
    let at_warning = ["failed terminals warning", "written hooks warning", "written login warning"];
    assert_eq!(post.notices(), at_warning);
    assert_eq!(post.at_login().matches(" open ").count(), 1, "{}", post.at_login());
    let withheld = post.check();
    assert_eq!(waits(&withheld), Some(Waits::Untold));

    post.deliver();
    let told = post.check();
    assert_eq!(post.notices()[3..], ["delivered hook:mail warning"]);
    let warning = told.state.tracks[&id(&told, "train")].warning.clone().unwrap();
    assert_eq!(warning.confirmed, ["hook:mail"]);
    assert_eq!(post.bench.stopped(), [""; 0], "it came after the announced time, so he has time to answer");
    post.check();
    assert_eq!(post.bench.stopped(), ["train"]);
    assert!(post.at_login().contains(" past "), "{}", post.at_login());
    post.check();
    assert!(!post.at_login().contains(" open "), "{}", post.at_login());
    let of_warning: Vec<String> = post.notices().into_iter().filter(|one| one.contains("hook:mail warning")).collect();
    assert_eq!(of_warning.len(), 1, "said once");
}

#[test]
fn a_warning_that_its_hook_gave_up_is_given_anew() {
    let post = Post::new(&required("[hooks]"), "echo no route; exit 1");
    (0..STOP_AT + 1).for_each(|_| drop(post.check()));
    post.bench.host.advance(Duration::from_secs(25 * 3600));
    post.deliver();
    post.check();
    let failed: Vec<String> = post.notices().into_iter().filter(|one| one.starts_with("failed hook")).collect();
    assert_eq!(failed, ["failed hook:mail warning"]);
    post.hook("echo alice@x.org");
    while post.bench.told().len() < 2 {
        post.check();
    }
    post.deliver();
    (0..3).for_each(|_| drop(post.check()));
    assert_eq!(post.bench.stopped(), ["train"]);
}

#[test]
fn who_wants_quiet_is_told_by_hook_and_at_login_only() {
    let text = format!("{POLICY}notify: {{users: {{alice: {{quiet: true, address: a@x.org}}}}}}\n");
    let post = Post::new(&text, "echo \"$DS01_ADDRESS\"");
    (0..STOP_AT - 1).for_each(|_| drop(post.check()));
    assert_eq!(post.notices(), ["written hooks warning", "written login warning"]);
    post.deliver();
    post.check();
    let places: Vec<_> =
        post.bench.all_events().into_iter().map(|event| event["details"]["places"][0].clone()).collect();
    assert!(places.contains(&serde_json::json!("a@x.org")), "{places:?}");
}

#[test]
fn a_notice_takes_the_ways_of_its_severity() {
    let text = format!("{POLICY}notify: {{channels: {{warning: [login], stop: []}}}}\n");
    let post = Post::new(&text, "exit 0");
    (0..STOP_AT + 1).for_each(|_| drop(post.check()));
    assert_eq!(post.notices(), ["written login warning"]);
    assert_eq!(post.bench.stopped(), ["train"]);
}
