use super::*;
use crate::{fleet::host::Container, gpus::Hold, row::Type};

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn seconds_ago(seconds: i64) -> f64 {
    (now().as_second() - seconds) as f64
}

/// What Prometheus told of hosts.
struct Told(Gather);

impl Told {
    fn new() -> Self {
        Self(Gather::new("instance"))
    }

    /// A series of a target, as `name{labels} value`.
    fn tell(&mut self, instance: &str, name: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.tell_with(&[("instance", instance), ("job", "ds01")], name, labels, value)
    }

    fn tell_with(&mut self, target: &[(&str, &str)], name: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let name = format!("ds01_{name}");
        let labels = [&[("__name__", name.as_str())], target, labels].concat();
        self.0.take(Question::Now, &Sample::of(&labels, value));
        self
    }

    /// A host that was scanned and scraped just now.
    fn scanned(&mut self, instance: &str) -> &mut Self {
        self.scanned_as(&[("instance", instance), ("job", "ds01")], 5)
    }

    fn scanned_as(&mut self, target: &[(&str, &str)], ago: i64) -> &mut Self {
        self.tell_with(target, "scan_timestamp_seconds", &[], seconds_ago(ago));
        self.0.take(Question::Scraped, &Sample::of(target, seconds_ago(1)));
        self.0.take(Question::Last, &Sample::of(target, seconds_ago(ago)));
        self
    }

    fn gpu(&mut self, instance: &str, gpu: &str, uuid: &str) -> &mut Self {
        self.tell(instance, "gpu_info", &[("gpu", gpu), ("uuid", uuid), ("model", "H100"), ("profile", "")], 1.0)
    }

    fn hosts(&mut self) -> (Vec<Host>, Vec<String>) {
        std::mem::replace(&mut self.0, Gather::new("instance")).hosts(&[], now())
    }
}

fn only(hosts: Vec<Host>) -> Host {
    assert_eq!(hosts.len(), 1, "{hosts:#?}");
    hosts.into_iter().next().unwrap()
}

fn only_container(host: &Host) -> &Container {
    let containers = host.containers.as_ref().unwrap();
    assert_eq!(containers.len(), 1, "{containers:#?}");
    &containers[0]
}

#[test]
fn a_container_is_joined_from_its_series() {
    let mut told = Told::new();
    told.scanned("gpu01:9100").gpu("gpu01:9100", "0", "GPU-0").gpu("gpu01:9100", "1:0", "MIG-1");
    let info =
        [("id", "abc"), ("name", "train"), ("user", "alice"), ("user_source", "label:ds01.user"), ("type", "compose")];
    told.tell("gpu01:9100", "container_info", &[&info[..], &[("image", "pytorch")]].concat(), 1.0)
        .tell("gpu01:9100", "container_status", &[("id", "abc"), ("status", "paused")], 1.0)
        .tell("gpu01:9100", "container_start_time_seconds", &[("id", "abc")], seconds_ago(3600))
        .tell("gpu01:9100", "container_gpu_allocated", &[("id", "abc"), ("uuid", "GPU-0")], 1.0)
        .tell("gpu01:9100", "container_gpu_allocated", &[("id", "abc"), ("uuid", "MIG-1")], 1.0)
        .tell("gpu01:9100", "container_gpu_context", &[("id", "abc"), ("uuid", "MIG-1")], 1.0)
        .tell("gpu01:9100", "container_gpu_memory_used_bytes", &[("id", "abc"), ("uuid", "MIG-1")], 2e9)
        .tell("gpu01:9100", "host_gpu_processes", &[("user", "ben"), ("uuid", "GPU-0")], 3.0)
        .tell("gpu01:9100", "host_gpu_memory_used_bytes", &[("user", "ben"), ("uuid", "GPU-0")], 1e9);
    let (hosts, said) = told.hosts();
    assert_eq!(said, Vec::<String>::new());
    let host = only(hosts);
    assert_eq!((host.host.as_str(), host.state, &host.why), ("gpu01", State::Answers, &None));
    let container = only_container(&host);
    assert_eq!((container.user.as_deref(), container.kind), (Some("alice"), Type::Compose));
    assert_eq!((container.status.as_deref(), container.gpu_memory_bytes), (Some("paused"), Some(2_000_000_000)));
    assert_eq!(container.started_at, Some(now() - Duration::from_secs(3600)));
    let holds: Vec<(&str, Hold)> = container.gpus.iter().map(|held| (held.gpu.as_str(), held.hold)).collect();
    assert_eq!(holds, [("0", Hold::Given), ("1:0", Hold::Held)]);
    let processes = host.host_processes.unwrap();
    assert_eq!((processes[0].user.as_deref(), processes[0].processes), (Some("ben"), 3));
    assert_eq!(processes[0].gpu_memory_bytes, Some(1_000_000_000));
}

/// It is given every GPU, and takes none from anybody.
#[test]
fn the_platforms_own_are_nobody_who_holds_a_gpu() {
    let mut told = Told::new();
    told.scanned("gpu01:9100").gpu("gpu01:9100", "0", "GPU-0").gpu("gpu01:9100", "1", "GPU-1");
    for (id, uuids) in [("dcgm", &["GPU-0", "GPU-1"][..]), ("train", &["GPU-1"])] {
        told.tell("gpu01:9100", "container_info", &[("id", id), ("name", id)], 1.0);
        for uuid in uuids {
            told.tell("gpu01:9100", "container_gpu_allocated", &[("id", id), ("uuid", uuid)], 1.0);
        }
    }
    told.tell("gpu01:9100", "container_infrastructure", &[("id", "dcgm")], 1.0);
    let host = only(told.hosts().0);
    assert_eq!(host.taken(), ["1"].into());
    let rows: Vec<_> = host.containers.iter().flatten().map(|one| host.container_row(one, now())).collect();
    assert_eq!(rows.iter().map(|row| row.infrastructure).collect::<Vec<_>>(), [true, false]);
    let groups = crate::fleet::groups::by_gpu(std::slice::from_ref(&host), &rows.iter().collect::<Vec<_>>(), false);
    let headings: Vec<&str> = groups.iter().filter_map(|group| group.heading.as_deref()).collect();
    assert_eq!(headings, ["gpu01 GPU 0 (H100): free", "gpu01 GPU 1 (H100): given to 1 workload, no context seen"]);
    assert_eq!(groups[0].rows.len(), 1, "it is shown all the same");
}

#[test]
fn a_host_whose_scan_is_old_is_not_current_although_its_exporter_answers() {
    let mut told = Told::new();
    told.scanned_as(&[("instance", "gpu01:9100"), ("job", "node")], 2 * 3600);
    told.scanned_as(&[("instance", "gpu02:9100"), ("job", "node")], 90);
    let (hosts, _) = told.hosts();
    assert_eq!((hosts[0].state, hosts[1].state), (State::Stale, State::Answers));
    assert_eq!(hosts[0].last_word, Some(now() - Duration::from_secs(7200)));
    assert!(hosts[0].why.as_ref().unwrap().contains("2h ago"), "{:?}", hosts[0].why);
    // One that has lost the series that says when.
    told.gpu("gpu03:9100", "0", "GPU-0");
    let host = only(told.hosts().0);
    assert_eq!((host.state, host.last_word), (State::Stale, None));
}

#[test]
fn a_host_that_is_gone_is_silent_with_its_last_word() {
    let mut told = Told::new();
    let target = [("instance", "gpu07:9100"), ("job", "ds01")];
    told.0.take(Question::Last, &Sample::of(&target, seconds_ago(4000)));
    // The same host under another port, earlier.
    told.0.take(Question::Last, &Sample::of(&[("instance", "gpu07:1234")], seconds_ago(9000)));
    told.0.take(Question::Scraped, &Sample::of(&[&[("__name__", "up")], &target[..]].concat(), 0.0));
    // One that never spoke.
    told.0.take(Question::Scraped, &Sample::of(&[("__name__", "up"), ("instance", "new:1"), ("job", "ds01")], 1.0));
    let (hosts, said) = told.0.hosts(&["gpu07".to_owned(), "root@gpu99".to_owned()], now());
    assert_eq!(said, Vec::<String>::new());
    let told: Vec<(&str, State, Option<i64>)> = hosts
        .iter()
        .map(|host| (host.host.as_str(), host.state, host.last_word.map(|last| now().as_second() - last.as_second())))
        .collect();
    assert_eq!(
        told,
        [("gpu07", State::Silent, Some(4000)), ("gpu99", State::Silent, None), ("new", State::Silent, None)]
    );
    let why: Vec<&str> = hosts.iter().map(|host| host.why.as_deref().unwrap()).collect();
    assert!(why[0].contains("does not answer Prometheus"), "{why:?}");
    assert!(why[1].contains("knows no host of this name"), "{why:?}");
    assert!(why[2].contains("without ds01's series"), "{why:?}");
    assert!(hosts.iter().all(|host| host.containers.is_none() && host.gpus.is_none() && host.host_processes.is_none()));
}

#[test]
fn what_a_failed_source_would_tell_is_unknown_and_not_empty() {
    let mut told = Told::new();
    told.scanned("a:1").gpu("a:1", "0", "GPU-0").tell("a:1", "source_up", &[("source", "docker")], 0.0).tell(
        "a:1",
        "source_last_good_timestamp_seconds",
        &[("source", "docker")],
        seconds_ago(600),
    );
    told.tell("a:1", "source_up", &[("source", "nvml")], 1.0);
    let host = only(told.hosts().0);
    assert_eq!((host.containers, host.gpus.map(|gpus| gpus.len())), (None, Some(1)));
    assert_eq!(
        host.failed_sources,
        [FailedSource { source: "docker".to_owned(), last_good: Some(now() - Duration::from_secs(600)) }]
    );
    for maker in ["nvml", "amd"] {
        told.scanned("a:1").tell("a:1", "source_up", &[("source", maker)], 0.0);
        told.tell("a:1", "container_info", &[("id", "abc"), ("name", "x")], 1.0);
        told.tell("a:1", "container_gpu_allocated", &[("id", "abc"), ("uuid", "GPU-0123456789abcdef")], 1.0);
        let host = only(told.hosts().0);
        assert_eq!((&host.gpus, &host.host_processes), (&None, &None));
        let container = only_container(&host);
        assert_eq!((container.gpus[0].hold, container.gpus[0].gpu.as_str()), (Hold::Untold, "GPU-01234567"));
        assert_eq!(container.gpu_memory_bytes, None);
        // One that seems to have none.
        told.scanned("a:1").tell("a:1", "source_up", &[("source", maker)], 0.0);
        told.tell("a:1", "container_info", &[("id", "abc"), ("name", "x")], 1.0);
        assert_eq!(only_container(&only(told.hosts().0)).has_gpu, None, "{maker}");
    }
}

/// What the others told is known, and that it is not all.
#[test]
fn of_several_engines_one_that_failed_takes_nothing_of_the_others() {
    let mut told = Told::new();
    told.scanned("a:1").gpu("a:1", "0", "GPU-0");
    for (source, up) in [("docker", 1.0), ("podman", 0.0), ("nvml", 1.0)] {
        told.tell("a:1", "source_up", &[("source", source)], up);
    }
    told.tell(
        "a:1",
        "container_info",
        &[("id", "abc"), ("name", "train"), ("user", "alice"), ("type", "compose")],
        1.0,
    );
    let host = only(told.hosts().0);
    assert_eq!(only_container(&host).name, "train");
    let failed: Vec<&str> = host.failed_sources.iter().map(|failed| failed.source.as_str()).collect();
    assert_eq!((host.state, failed), (State::Answers, vec!["podman"]));
    told.scanned("a:1").tell("a:1", "source_up", &[("source", "docker")], 0.0);
    told.tell("a:1", "source_up", &[("source", "podman")], 0.0);
    assert!(only(told.hosts().0).containers.is_none(), "where none told anything, nothing is known");
}

#[test]
fn a_host_that_is_scraped_twice_is_shown_once_and_said() {
    let mut told = Told::new();
    for (instance, job, ago) in [("gpu01:9100", "node", 20), ("gpu01:9999", "ds01", 5)] {
        let target = [("instance", instance), ("job", job)];
        told.scanned_as(&target, ago);
        told.tell_with(&target, "gpu_info", &[("uuid", "GPU-0"), ("gpu", "0")], 1.0);
        told.tell_with(&target, "container_info", &[("id", "abc"), ("name", job)], 1.0);
    }
    let (hosts, said) = told.hosts();
    let host = only(hosts);
    // The one with the newer scan.
    assert_eq!(only_container(&host).name, "ds01");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("gpu01 is scraped more than once: gpu01:9100 (job=node)"), "{said:?}");
}

#[test]
fn two_machines_of_one_name_are_two_rows() {
    let mut told = Told::new();
    for cluster in ["lab", "hpc"] {
        let target = [("instance", "localhost:9100"), ("job", "node"), ("cluster", cluster)];
        told.scanned_as(&target, 5);
        told.tell_with(&target, "gpu_info", &[("uuid", cluster), ("gpu", "0")], 1.0);
    }
    let (hosts, said) = told.hosts();
    let names: Vec<&str> = hosts.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(names, ["localhost:9100 (cluster=hpc, job=node)", "localhost:9100 (cluster=lab, job=node)"]);
    assert!(said[0].contains("2 machines are called localhost"), "{said:?}");
}

/// What is shown of hosts: name, state, containers.
fn seen(hosts: &[Host]) -> Vec<(&str, State, Option<usize>)> {
    hosts.iter().map(|host| (host.host.as_str(), host.state, host.containers.as_ref().map(Vec::len))).collect()
}

/// One at work, one where nothing runs whose scan is newer, one that fell silent: each is a row.
#[test]
fn machines_of_one_name_do_not_vanish_behind_each_other() {
    let of = |site: &'static str| [("instance", "twin:9100"), ("job", "node"), ("site", site)];
    let mut told = Told::new();
    told.scanned_as(&of("a"), 20).scanned_as(&of("b"), 2);
    for n in 0..9 {
        told.tell_with(&of("a"), "container_info", &[("id", &format!("a{n}")), ("name", "train")], 1.0);
    }
    told.0.take(Question::Last, &Sample::of(&of("c"), seconds_ago(4000)));
    told.0.take(Question::Last, &Sample::of(&of("d"), seconds_ago(5000)));
    // Before it had the label, it was one of these.
    told.0.take(Question::Last, &Sample::of(&[("instance", "twin:9100"), ("job", "node")], seconds_ago(9000)));
    let (hosts, said) = told.hosts();
    let rows = [
        ("twin:9100 (job=node, site=a)", State::Answers, Some(9)),
        ("twin:9100 (job=node, site=b)", State::Answers, Some(0)),
        ("twin:9100 (job=node, site=c)", State::Silent, None),
        ("twin:9100 (job=node, site=d)", State::Silent, None),
    ];
    assert_eq!(seen(&hosts), rows);
    assert_eq!(hosts[2].last_word, Some(now() - Duration::from_secs(4000)));
    assert_eq!(said, ["4 machines are called twin: each is shown with its labels"]);
}

#[test]
fn of_a_machine_that_is_scraped_twice_what_tells_something_is_shown() {
    let of = |port: &'static str, job| [("instance", port), ("job", job)];
    let mut told = Told::new();
    told.scanned_as(&of("gpu01:9100", "node"), 20).scanned_as(&of("gpu01:9999", "ds01"), 2);
    told.tell_with(&of("gpu01:9100", "node"), "container_info", &[("id", "abc")], 1.0);
    let (hosts, said) = told.hosts();
    assert_eq!(seen(&hosts), [("gpu01", State::Answers, Some(1))]);
    assert_eq!(hosts[0].last_word, Some(now() - Duration::from_secs(2)));
    assert!(said[0].contains("gpu01:9999 (job=ds01) is left out"), "{said:?}");
    // But not what was so hours ago.
    told.scanned_as(&of("gpu01:9100", "node"), 7200).scanned_as(&of("gpu01:9999", "ds01"), 2);
    told.tell_with(&of("gpu01:9100", "node"), "container_info", &[("id", "abc")], 1.0);
    assert_eq!(seen(&told.hosts().0), [("gpu01", State::Answers, Some(0))]);
}

#[test]
fn a_host_can_be_named_by_any_label_also_by_one_of_ds01s_own_names() {
    let mut gather = Gather::new("name");
    let series = |host: &str, moved: &str| {
        let labels = [("__name__", "ds01_container_info"), ("name", host), ("exported_name", moved), ("id", "abc")];
        Sample::of(&labels, 1.0)
    };
    gather.take(Question::Now, &series("gpu01", "train"));
    // One that has no name of its own.
    gather.take(Question::Now, &series("gpu02", ""));
    let (hosts, said) = gather.hosts(&[], now());
    let names: Vec<(&str, &str)> =
        hosts.iter().map(|host| (host.host.as_str(), only_container(host).name.as_str())).collect();
    assert_eq!(names, [("gpu01", "train"), ("gpu02", "abc")]);
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn missing_labels_empty_identities_and_labels_that_the_scrape_took_away() {
    let mut told = Told::new();
    told.scanned("a:1");
    // Without what makes them of use.
    for (name, labels) in [
        ("container_info", &[("name", "x")][..]),
        ("gpu_info", &[("gpu", "0")]),
        ("container_gpu_context", &[("id", "abc")]),
        ("source_up", &[]),
        ("host_gpu_processes", &[("user", "al")]),
        ("something_new", &[("id", "def")]),
    ] {
        told.tell("a:1", name, labels, 1.0);
    }
    // Identities are left out on that host; and the scrape configuration has a label `type` of its own.
    let labels =
        [("id", "abc"), ("name", ""), ("user", ""), ("image", ""), ("type", "rack-4"), ("exported_type", "compose")];
    told.tell("a:1", "container_info", &labels, 1.0);
    told.0.take(Question::Now, &Sample::of(&[("__name__", "ds01_container_info"), ("id", "x")], 1.0));
    let (hosts, said) = told.hosts();
    let host = only(hosts);
    let container = only_container(&host);
    assert_eq!((container.name.as_str(), &container.user, container.kind), ("abc", &None, Type::Compose));
    assert_eq!((container.status.as_deref(), container.started_at), (None, None));
    assert!(said[0].contains("1 series have no label instance"), "{said:?}");
    // The same series twice within a target.
    told.scanned("a:1").tell("a:1", "container_info", &[("id", "abc"), ("name", "old")], 1.0);
    told.tell("a:1", "container_info", &[("id", "abc"), ("name", "new")], 1.0);
    let (hosts, said) = told.hosts();
    assert_eq!(only_container(&only(hosts)).name, "old");
    assert!(said[0].contains("told twice"), "{said:?}");
}

#[test]
fn figures_that_no_host_can_have_are_left_out() {
    let mut told = Told::new();
    told.scanned("a:1").gpu("a:1", "0", "GPU-0");
    for value in [-5.0, 8e18, 1e300, f64::NAN] {
        told.tell("a:1", "gpu_memory_bytes", &[("uuid", "GPU-0")], value);
        told.tell("a:1", "container_start_time_seconds", &[("id", "abc")], value);
        told.tell("a:1", "host_gpu_processes", &[("user", "al"), ("uuid", "GPU-0")], value);
    }
    // As much as can be, often enough that no sum of it can be.
    for n in 0..2050 {
        let uuid = format!("GPU-{n}");
        let most = 9_007_199_254_740_992.0;
        told.tell("a:1", "host_gpu_memory_used_bytes", &[("user", "ben"), ("uuid", &uuid)], most);
        told.tell("a:1", "container_gpu_context", &[("id", "abc"), ("uuid", &uuid)], 1.0);
        told.tell("a:1", "container_gpu_memory_used_bytes", &[("id", "abc"), ("uuid", &uuid)], most);
    }
    let host = only(told.hosts().0);
    assert_eq!(host.gpus.as_ref().unwrap()[0].memory_bytes, None);
    assert_eq!(only_container(&host).started_at, None);
    assert_eq!(only_container(&host).gpu_memory_bytes, Some(u64::MAX));
    let ben = host.host_processes.iter().flatten().find(|process| process.user.as_deref() == Some("ben"));
    assert_eq!(ben.unwrap().gpu_memory_bytes, Some(u64::MAX));
    assert_eq!((instant(-1.0), instant(1e300), instant(f64::INFINITY)), (None, None, None));
}

#[test]
fn a_port_is_no_part_of_a_name() {
    for (instance, name) in [
        ("gpu01:9100", "gpu01"),
        ("gpu01", "gpu01"),
        ("10.0.0.7:9100", "10.0.0.7"),
        ("[fe80::1]:9100", "[fe80::1]"),
        ("fe80::1", "fe80::1"),
        ("gpu01:", "gpu01:"),
        (":9100", ":9100"),
        ("gpu01:metrics", "gpu01:metrics"),
    ] {
        assert_eq!(without_port(instance), name);
    }
}
