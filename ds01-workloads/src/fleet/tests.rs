use std::collections::BTreeSet;

use ds01_core::{
    detect::inventory::{Extra, SourceEntry, SourceState},
    table::Medium,
};

use super::{
    demo,
    host::{FailedSource, Host},
    seen::Seen,
    shown::Shown,
};
use crate::{
    row::{Change, Key, Row, Type},
    sort::sort,
    tests::{now, options},
};

/// A table of these hosts, as a terminal of that width, or a pipe, gets it.
fn drawn(hosts: Vec<Host>, arguments: &[&str], width: Option<usize>) -> String {
    let options = options(&[&["--fleet", "--demo"], arguments].concat());
    let shown = Shown::new(hosts, &options.filter, now());
    let mut rows = shown.rows();
    sort(&mut rows, options.sort);
    shown.draw(&rows, &options.layout, Medium { width, color: false })
}

fn sample() -> Vec<Host> {
    let Seen { hosts, .. } = demo::fleet(now());
    hosts
}

const MODES: [(&str, &[&str]); 5] = [
    ("usual", &[]),
    ("wide", &["--wide", "--all"]),
    ("by_user", &["--by-user"]),
    ("by_gpu", &["--by-gpu"]),
    ("filtered", &["--gpu-only", "--user", "erin", "--sort", "name"]),
];

#[test]
fn every_mode_at_every_width() {
    for (name, arguments) in MODES {
        let mut seen = String::new();
        for width in [80, 120, 200] {
            let text = drawn(sample(), arguments, Some(width));
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{line:?} is wider than {width}");
            }
            seen += &format!("--- {width} columns\n{text}");
        }
        seen += &format!("--- piped\n{}", drawn(sample(), arguments, None));
        insta::assert_snapshot!(name, seen);
    }
}

#[test]
fn what_was_is_never_shown_as_what_is() {
    for (_, arguments) in MODES {
        for width in [60, 80, 120] {
            let text = drawn(sample(), arguments, Some(width));
            let eval = text.lines().find(|line| line.contains("eval")).unwrap_or_default();
            assert!(eval.contains("was-running"), "{arguments:?} on {width}: {text}");
        }
    }
}

#[test]
fn names_of_hosts_may_be_anything_and_push_nothing_out() {
    let mut hosts = sample();
    for (host, name) in
        hosts.iter_mut().zip(["a\u{1b}[2J\n\u{202e}b", "训练训练训练训练训练", &"x".repeat(300), "", "-o", "<i>"])
    {
        host.host = name.to_owned();
    }
    for (_, arguments) in MODES {
        for width in [40, 80, 200] {
            let text = drawn(hosts.clone(), arguments, Some(width));
            assert!(text.lines().all(|line| ds01_core::table::width(line) <= width), "{text}");
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{text:?}");
        }
    }
}

#[test]
fn no_filter_hides_a_host_that_may_have_it() {
    for arguments in [
        &["--user", "nobody"][..],
        &["--type", "compose"],
        &["--gpu", "7"],
        &["--gpu-only"],
        &["--belongs-to", "slurm-job:42"],
    ] {
        let text = drawn(sample(), &[arguments, &["--columns", "host,status"]].concat(), None);
        for said in ["gpu04  failed", "gpu05  stale", "gpu06  silent"] {
            assert!(text.contains(said), "{arguments:?}: {text}");
        }
        // That nothing runs there is no answer to what was asked.
        assert!(!text.contains("empty"), "{text}");
    }
}

#[test]
fn what_is_not_current_is_not_counted_and_never_free() {
    let document = |hosts: Vec<Host>| {
        let shown = Shown::new(hosts, &options(&["--fleet", "--demo"]).filter, now());
        serde_json::to_value(shown.document("demo")).unwrap()["totals"].clone()
    };
    let hosts = sample();
    let whole = document(hosts.clone());
    // Without those that are silent or stale, nothing else changes.
    let current: Vec<Host> = hosts.into_iter().filter(Host::is_current).collect();
    let only_current = document(current);
    for name in ["containers", "containers_with_gpu", "host_processes", "gpus", "gpus_held"] {
        assert_eq!(whole[name], only_current[name], "{name}");
    }
    assert_eq!((whole["hosts"].as_u64(), only_current["hosts"].as_u64()), (Some(6), Some(4)));
    let text = drawn(sample(), &["--by-gpu"], None);
    let free: BTreeSet<&str> =
        text.lines().filter(|line| line.ends_with(": free")).map(|line| &line[..line.find(' ').unwrap()]).collect();
    assert_eq!(free, BTreeSet::from(["gpu03"]), "{text}");
    assert!(text.contains("gpu04 GPU 0 (NVIDIA H100 80GB HBM3, 80.0GiB): not known now"), "{text}");
}

/// Whatever failed may be what would tell of somebody who has it.
#[test]
fn no_gpu_is_free_where_any_source_failed() {
    for source in ["docker", "podman", "nvml", "amd", "proc"] {
        let mut hosts = sample();
        let empty = hosts.iter_mut().find(|host| host.host == "gpu03").unwrap();
        empty.failed_sources = vec![FailedSource { source: source.to_owned(), last_good: None }];
        let text = drawn(hosts, &["--by-gpu"], None);
        assert!(!text.contains(": free"), "{source}: {text}");
        assert!(text.contains("gpu03 GPU 0 (NVIDIA H100 80GB HBM3, 80.0GiB): not known now"), "{source}: {text}");
    }
}

#[test]
fn figures_beyond_all_measure_are_shown_and_nothing_wraps() {
    let mut hosts = sample();
    for host in &mut hosts {
        for process in host.host_processes.iter_mut().flatten() {
            (process.processes, process.gpu_memory_bytes) = (u64::MAX, Some(u64::MAX));
        }
        if let Some(list) = &mut host.host_processes {
            list.extend(list.clone());
        }
    }
    for (_, arguments) in MODES {
        drawn(hosts.clone(), arguments, None);
    }
    let text = drawn(hosts, &[], None);
    assert!(text.contains(&format!("{} host GPU processes", u64::MAX)), "{text}");
}

#[test]
fn the_same_container_id_on_two_hosts_is_two_workloads() {
    let hosts = sample();
    let of = |name: &str| {
        let mut host = hosts[1].clone();
        host.host = name.to_owned();
        host
    };
    let rows = |hosts: Vec<Host>| Shown::new(hosts, &options(&["--fleet", "--demo"]).filter, now()).rows();
    let keys = |rows: &[Row]| rows.iter().map(|row| (row.host.clone(), row.key.clone())).collect::<BTreeSet<_>>().len();
    let two = rows(vec![of("a"), of("b")]);
    assert_eq!(keys(&two), two.len());
    assert!(two.iter().any(|row| row.key == Key::User("gina".to_owned()) && row.kind == Type::HostProcess));
    assert!(two.iter().all(|row| row.change == Change::Same));
}

/// Over ssh a host tells its whole inventory.
#[test]
fn of_several_engines_one_that_failed_is_a_row_and_hides_nothing() {
    let mut inventory = crate::tests::inventory(vec![crate::tests::container("train", |_| {})], vec![]);
    let entry = |state| SourceEntry {
        state,
        since: crate::tests::ago(600),
        last_good: Some(crate::tests::ago(600)),
        error: None,
        hint: None,
        failed_since: None,
        last_good_since_boot_ms: None,
        extra: Extra::new(),
    };
    let states = [("docker", SourceState::Ok), ("podman", SourceState::Failed), ("docker:1001", SourceState::Failed)];
    inventory.sources = states.map(|(name, state)| (name.to_owned(), entry(state))).into();
    let text = drawn(vec![super::told::host("gpu01", &inventory, now())], &[], None);
    assert!(text.contains("train"), "{text}");
    assert_eq!(text.matches("podman failed since").count(), 1, "{text}");
    assert!(text.contains("its containers are not known"), "{text}");
    assert!(!text.contains("docker:1001"), "a user's own engine fails as its user likes: {text}");
}
