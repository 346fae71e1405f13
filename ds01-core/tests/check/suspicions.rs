//! What looks wrong, and what looks like it and is not: from a host in memory to the list, the event and the count. Nobody is ever
//! stopped for it.

use std::time::Duration;

use ds01_core::{
    idle::{self, Checked},
    model::SuspicionKind,
    scan::{self, ScanOptions},
    source::fake::{Change, ContainerSpec, GpuRequest, ProcessSpec, Work},
};

use crate::bench::{Bench, POLICY, trainer};

const CHECK: Duration = Duration::from_secs(300);

fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

/// `exempt_by_label train`, for each.
fn suspected(checked: &Checked) -> Vec<String> {
    let words = |one: &ds01_core::idle::Suspicion| match &one.container {
        Some((_, name)) => format!("{} {name}", one.kind),
        None => one.kind.to_string(),
    };
    checked.suspicions.iter().map(words).collect()
}

fn raised(bench: &Bench) -> Vec<String> {
    let events = bench.events().into_iter().filter(|event| event["event_type"] == "suspicion.raised");
    let words = |event: serde_json::Value| {
        format!("{} {}", event["details"]["kind"].as_str().unwrap(), event["details"]["container"].as_str().unwrap())
    };
    events.map(words).collect()
}

/// Checks five minutes apart for so long.
fn watch(bench: &Bench, time: Duration) -> Checked {
    let checks = time.as_secs() / CHECK.as_secs();
    (1..checks).for_each(|_| drop(bench.next_check()));
    bench.next_check()
}

fn labelled(name: &str, pid: u32, label: (&str, &str)) -> ContainerSpec {
    let mut spec = trainer(name, pid);
    spec.labels.insert(label.0.to_owned(), label.1.to_owned());
    spec
}

#[test]
fn who_is_exempt_by_its_own_label_is_shown_unless_the_policy_names_it() {
    let containers = [
        labelled("secret", 501, ("ds01.protected", "yes")),
        labelled("ours", 502, ("ds01.protected", "yes")),
        labelled("watcher", 503, ("ds01.monitoring", "true")),
        labelled("plain", 504, ("ds01.protected", "false")),
        ContainerSpec { image: "lab/exporter:2".to_owned(), ..labelled("exporter", 505, ("ds01.monitoring", "true")) },
        ContainerSpec { gpus: None, processes: Vec::new(), ..labelled("web", 506, ("ds01.protected", "yes")) },
    ];
    let named = "monitoring: {infrastructure_containers: [ours], infrastructure_images: [lab/exporter]}\n";
    let bench = Bench::new(&format!("{POLICY}{named}"), &containers);
    let checked = bench.check();
    assert_eq!(suspected(&checked), ["exempt_by_label secret", "exempt_by_label watcher"]);
    let evidence = &checked.suspicions[0].evidence;
    assert!(evidence.contains("label ds01.protected"), "{evidence}");
    assert!(checked.suspicions[0].advice.contains("`trust_labels`"));
    assert_eq!(checked.state.habits.counts()[&SuspicionKind::ExemptByLabel], 2);

    // Told once, and nothing more comes of it.
    watch(&bench, hours(2));
    assert_eq!(raised(&bench), ["exempt_by_label secret", "exempt_by_label watcher"]);
    assert_eq!(bench.stopped(), ["plain"]);
}

#[test]
fn an_owner_whom_the_policy_names_is_no_suspicion() {
    let secret = || labelled("secret", 501, ("ds01.protected", "yes"));
    let overridden = "user_overrides: {alice: {idle_timeout: null}}\n";
    let bench = Bench::new(&format!("{POLICY}{overridden}"), &[secret()]);
    assert_eq!(suspected(&bench.check()), [""; 0]);
    let mut bench = Bench::new(POLICY, &[secret()]);
    let exempt =
        "exemptions: [{username: alice, exempt_from: [idle_timeout], reason: x, approved_by: y, expires_on: null}]\n";
    bench.policy = crate::bench::policy(POLICY, Some(exempt));
    assert_eq!(suspected(&bench.check()), [""; 0]);
}

#[test]
fn a_dev_container_is_shown_once_it_idles_for_longer_than_it_could_without_its_label() {
    let types = "container_types: {devcontainer: {idle_timeout: null}}\n";
    let mut busy = labelled("used", 502, ("devcontainer.config_file", "x"));
    // Beside work of others, idle time is not seen.
    busy.gpus = Some(GpuRequest::Ids(vec!["1".to_owned()]));
    (busy.processes[0].gpus, busy.processes[0].gpu_percent) = ([("1".to_owned(), Some(1_000))].into(), 40);
    let containers =
        [labelled("ide", 501, ("devcontainer.local_folder", "/home/alice/x")), busy, trainer("vsc-old", 503)];
    let bench = Bench::new(&format!("{POLICY}{types}"), &containers);
    assert_eq!(suspected(&bench.check()), [""; 0]);
    let checked = watch(&bench, hours(1));
    assert_eq!(suspected(&checked), ["exempt_by_label ide", "exempt_by_label vsc-old"]);
    assert!(checked.suspicions[0].evidence.contains("devcontainer.*"), "{}", checked.suspicions[0].evidence);
    assert!(checked.suspicions[1].evidence.contains("vsc-*"), "{}", checked.suspicions[1].evidence);
    assert_eq!(bench.stopped(), [""; 0]);
}

#[test]
fn a_policy_that_trusts_no_labels_stops_who_is_idle_whatever_it_wrote() {
    let types = "container_types: {devcontainer: {idle_timeout: null}}\n";
    let text = |more: &str| format!("{POLICY}{types}{more}");
    let containers = || {
        [
            labelled("ide", 501, ("devcontainer.local_folder", "/home/alice/x")),
            labelled("secret", 502, ("ds01.protected", "yes")),
            labelled("watcher", 503, ("ds01.monitoring", "true")),
            trainer("vsc-old", 504),
        ]
    };
    let as_shipped = Bench::new(&text(""), &containers());
    watch(&as_shipped, hours(2));
    assert_eq!(as_shipped.stopped(), [""; 0]);

    let strict = Bench::new(&text("monitoring: {trust_labels: []}\n"), &containers());
    let checked = watch(&strict, hours(2));
    assert_eq!(strict.stopped(), ["ide", "secret", "vsc-old", "watcher"]);
    assert_eq!(
        (suspected(&checked).len(), raised(&strict).len()),
        (0, 0),
        "a label that does not count exempts nobody"
    );

    let some = Bench::new(&text("monitoring: {trust_labels: [ds01.monitoring, vsc-*]}\n"), &containers());
    watch(&some, hours(2));
    assert_eq!(some.stopped(), ["ide", "secret"]);
}

/// Its keep-alive file is touched twice a day.
fn touched(work_hours: u64) -> (Bench, Checked) {
    let mut spec = trainer("kept", 501);
    spec.keep_alive = Some(jiff::SignedDuration::ZERO);
    let bench = Bench::new(POLICY, &[spec]);
    let percent = |percent| Change { gpu_percent: [(501, percent)].into(), ..Change::default() };
    let mut last = None;
    for hour in 0..74 {
        let works = hour % 24 < work_hours;
        bench.change("kept", percent(if works { 60 } else { 0 }));
        if hour % 12 == 11 {
            bench.host.touch_keep_alive("kept").unwrap();
        }
        // Idle time is what was observed: looks no further than ten minutes apart.
        for _ in 0..6 {
            bench.host.advance(2 * CHECK);
            last = Some(bench.check());
        }
    }
    (bench, last.unwrap())
}

#[test]
fn a_container_that_is_kept_for_days_is_shown_unless_it_works_in_between() {
    let (bench, checked) = touched(0);
    assert_eq!(suspected(&checked), ["kept_for_days kept"]);
    let evidence = &checked.suspicions[0].evidence;
    assert!(evidence.starts_with("kept for 3d") && evidence.contains("its keep-alive file, renewed"), "{evidence}");
    assert_eq!((raised(&bench).len(), bench.stopped().len()), (1, 0));

    let (_, checked) = touched(6);
    assert_eq!(suspected(&checked), [""; 0], "six hours of work a day");
}

#[test]
fn a_gpu_that_is_busy_for_hours_with_nothing_to_show_is_told_of() {
    let hangs = |name: &str, pid: u32| {
        let mut spec = trainer(name, pid);
        spec.processes[0].gpu_percent = 100;
        spec.processes[0].no_memory_traffic = true;
        spec
    };
    let with = |name: &str, pid: u32, work: Work| ContainerSpec { work, ..hangs(name, pid) };
    let trains = |name: &str, pid: u32| {
        let mut spec = hangs(name, pid);
        spec.processes[0].no_memory_traffic = false;
        spec
    };
    let alone = |spec: ContainerSpec| {
        let bench = Bench::new(POLICY, &[spec]);
        let before = watch(&bench, hours(2));
        assert_eq!(suspected(&before), [""; 0], "not yet");
        (suspected(&watch(&bench, hours(1))), raised(&bench), bench.stopped())
    };
    let hung = |name: &str| vec![format!("busy_and_hung {name}")];
    assert_eq!(alone(hangs("deadlock", 501)), (hung("deadlock"), hung("deadlock"), vec![]));
    let nothing = || (vec![], vec![], vec![]);
    assert_eq!(alone(trains("train", 501)), nothing());
    let writes = Work { disk_bytes_per_second: 10_000, ..Work::default() };
    assert_eq!(alone(with("writes", 501, writes)), nothing());
    let sends = Work { net_bytes_per_second: 10_000, ..Work::default() };
    assert_eq!(alone(with("sends", 501, sends)), nothing());
    assert_eq!(alone(with("computes", 501, Work { cpu_percent: 90.0, ..Work::default() })), nothing());
}

/// For over three hours, the detector looks every 30 seconds, and the container works in every tenth of these half minutes in which
/// `works` says so.
fn in_beats(spec: ContainerSpec, works: impl Fn(u64) -> Option<Change>) -> (Bench, Checked) {
    let bench = Bench::new(POLICY, &[spec]);
    let rests = || Change { gpu_percent: [(501, 0)].into(), work: Some(Work::default()), ..Change::default() };
    let idle::CheckOptions { state_dir, events, deadline, settings, .. } = bench.options();
    let options = ScanOptions { state_dir, events, deadline, settings, metrics: None };
    let mut last = None;
    for n in 0..400 {
        bench.change("train", works(n).unwrap_or_else(rests));
        // A check falls between two scans.
        let (early, late) = if n % 10 == 9 { (5, 25) } else { (0, 30) };
        if early > 0 {
            bench.host.advance(Duration::from_secs(early));
            last = Some(bench.check());
        }
        bench.host.advance(Duration::from_secs(late));
        scan::run(&bench.sources, &options).unwrap();
    }
    (bench, last.unwrap())
}

#[test]
fn a_script_that_keeps_a_container_busy_is_shown_and_work_at_even_intervals_is_not() {
    let burst = |percent| Change { gpu_percent: [(501, percent)].into(), ..Change::default() };
    let (bench, checked) = in_beats(trainer("train", 501), |n| (n % 10 == 4).then(|| burst(3)));
    assert_eq!(suspected(&checked), ["kept_busy train"]);
    let evidence = &checked.suspicions[0].evidence;
    assert!(
        evidence.contains(" times 0.9 s of GPU time at most, every 29") && evidence.contains(" to 30"),
        "{evidence}"
    );
    assert_eq!((raised(&bench), bench.stopped().len()), (vec!["kept_busy train".to_owned()], 0));

    // A job that cron starts: a program each time.
    let job = |n: u64| ProcessSpec {
        pid: 600 + u32::try_from(n).unwrap(),
        name: "python3".to_owned(),
        ..ProcessSpec::default()
    };
    let (_, cron) =
        in_beats(trainer("train", 501), |n| (n % 10 == 4).then(|| Change { processes: vec![job(n)], ..burst(3) }));
    assert_eq!(suspected(&cron), [""; 0]);
    // A training whose epochs are even: it works most of the time.
    let (_, epochs) = in_beats(trainer("train", 501), |n| (n % 10 < 8).then(|| burst(90)));
    assert_eq!(suspected(&epochs), [""; 0]);
    // A small server that is asked every five minutes: the question comes over the network.
    let asked = Work { net_bytes_per_second: 40, ..Work::default() };
    let (_, server) =
        in_beats(trainer("train", 501), |n| (n % 10 == 4).then(|| Change { work: Some(asked), ..burst(3) }));
    assert_eq!(suspected(&server), [""; 0]);
}

#[test]
fn a_check_of_one_container_and_a_look_before_it_tell_nobody_anything() {
    let mut bench = Bench::new(POLICY, &[labelled("secret", 501, ("ds01.protected", "yes")), trainer("train", 502)]);
    bench.only = vec!["train".to_owned()];
    assert_eq!((suspected(&bench.check()), raised(&bench)), (vec![], vec![]));
    bench.only = Vec::new();
    let hands = idle::Hands {
        controls: ds01_core::source::Controls::docker(std::sync::Arc::clone(&bench.control)),
        broadcast: bench.people.clone(),
    };
    let seen = idle::preview(&bench.sources, &hands, &bench.options()).unwrap();
    assert_eq!((suspected(&seen), raised(&bench)), (vec!["exempt_by_label secret".to_owned()], vec![]));
    bench.next_check();
    assert_eq!(raised(&bench), ["exempt_by_label secret"]);
}
