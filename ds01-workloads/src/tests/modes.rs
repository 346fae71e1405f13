//! Every mode at the widths of real terminals, and in a pipe.

use ds01_core::{
    detect::{Origin, inventory::DeadProcess},
    model::{ContainerStatus, Remembered},
};

use super::{ago, container, given, gpu_uuid, host, inventory, piped, process, shown};

const MODES: [(&str, &[&str]); 5] = [
    ("usual", &[]),
    ("wide", &["--wide", "--all"]),
    ("by_user", &["--by-user", "--all"]),
    ("by_user_wide", &["--by-user", "--wide"]),
    ("filtered", &["--gpu-only", "--sort", "name"]),
];

#[test]
fn every_mode_at_every_width() {
    let host = host();
    for (name, arguments) in MODES {
        let mut seen = String::new();
        for width in [60, 80, 120, 200] {
            let text = shown(&host, arguments, Some(width), false);
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{line:?} is wider than {width}");
            }
            seen += &format!("--- {width} columns\n{text}");
        }
        seen += &format!("--- piped\n{}", piped(&host, arguments));
        insta::assert_snapshot!(name, seen);
    }
}

#[test]
fn colours_tell_the_three_categories_apart() {
    insta::assert_snapshot!("colour", shown(&host(), &[], Some(80), true).replace('\x1b', "ESC"));
}

#[test]
fn colour_and_width_change_nothing_else() {
    let strip = |text: &str| {
        let mut plain = String::new();
        for (at, part) in text.split('\x1b').enumerate() {
            plain += if at == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        plain
    };
    for (_, arguments) in MODES {
        for width in [Some(60), Some(200), None] {
            let colored = shown(&host(), arguments, width, true);
            assert_eq!(strip(&colored), shown(&host(), arguments, width, false));
        }
    }
}

#[test]
fn wide_says_since_when_a_name_is_remembered() {
    let remembered = Remembered { as_of: ago(7200), why: "no user with uid 1001".to_owned() };
    let mut host =
        inventory(vec![container("c", |c| c.user = "carol".to_owned())], vec![process(7, "alice", "x", &[])]);
    host.containers.values_mut().for_each(|entry| entry.user_remembered = Some(remembered.clone()));
    host.host_processes.values_mut().for_each(|entry| entry.user_remembered = Some(remembered.clone()));
    for (arguments, shown) in [(&["--wide"][..], true), (&[][..], false)] {
        let table = piped(&host, arguments);
        for said in ["carol (2h ago)", "alice (2h ago)"] {
            assert_eq!(table.contains(said), shown, "{table}");
        }
        assert!(table.contains("carol") && table.contains("alice"), "{table}");
    }
}

#[test]
fn nothing_and_one_row() {
    insta::assert_snapshot!(piped(&inventory(vec![], vec![]), &[]), @r"
    TYPE  USER  GPU(S)  STATUS  AGE  NAME
    12s ago: 0 containers, 0 with GPU, 0 host GPU processes
    ");
    insta::assert_snapshot!(piped(&inventory(vec![container("a", |_| {})], vec![]), &["--by-user"]), @r"
      TYPE        GPU(S)  STATUS   AGE  NAME
    unknown: 1 workload, no GPU, GPU memory 0B
      raw-docker  -       running  1h   a
    12s ago: 1 container, 0 with GPU, 0 host GPU processes
    ");
}

#[test]
fn a_thousand_rows() {
    let containers = (0..1000).map(|n| container(&format!("c{n}"), |_| {})).collect();
    let text = piped(&inventory(containers, vec![]), &[]);
    assert_eq!(text.lines().count(), 1002);
    assert_eq!(text.lines().last(), Some("12s ago: 1000 containers, 0 with GPU, 0 host GPU processes"));
}

#[test]
fn wide_and_combining_characters_and_a_long_command() {
    let long = format!("python3 {}", "x".repeat(292));
    let chinese = container("训练-实验", |c| c.image = "图像/пример:e\u{301}".to_owned());
    let host = inventory(vec![chinese, container("b", |_| {})], vec![process(1, "al", &long, &[&gpu_uuid(0)])]);
    let mut seen = String::new();
    for width in [60, 120] {
        seen += &format!("--- {width} columns\n{}", shown(&host, &["--wide"], Some(width), false));
    }
    insta::assert_snapshot!("unicode", seen);
    let pipe = piped(&host, &[]);
    assert!(pipe.contains(&long), "a pipe gets all of it");
}

#[test]
fn every_column_sorts_by_what_it_shows() {
    let host = host();
    let first = |column: &str| {
        let text = piped(&host, &["--all", "--wide", "--sort", column]);
        let row = text.lines().nth(1).unwrap();
        row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).nth(5).unwrap().to_owned()
    };
    for (column, name) in [
        ("type", "thesis"),
        ("user", "ollama"),
        ("gpus", "thesis"),
        ("status", "old"),
        ("age", "old"),
        ("name", "broken"),
        ("id", "python3 train.py --epochs 90 --data /srv/imagenet"),
        ("image", "notebook"),
        ("cpu", "ollama"),
        ("memory", "ollama"),
        ("gpu-mem", "thesis"),
    ] {
        assert_eq!(first(column), name, "--sort {column}");
    }
}

#[test]
fn by_default_holders_come_first_then_users_then_the_oldest() {
    let text = piped(&host(), &[]);
    let names: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(5)).collect();
    assert_eq!(
        names,
        ["ollama", "thesis", "python3", "notebook", "vsc-llm-finetuning-4f1c0a", "broken", "shop-web-1", "with"]
    );
}

#[test]
fn processes_seen_once_are_shown_by_a_live_scan_only() {
    let mut host = inventory(vec![], vec![]);
    host.pending_processes.insert(7, process(7, "eve", "probe", &[&gpu_uuid(0)]));
    assert!(!piped(&host, &[]).contains("probe"));
    assert!(piped(&host, &["--live"]).contains("host-process  eve   0=2.0GiB  new     2h   probe"));
}

#[test]
fn what_is_stopped_has_no_gpu_and_no_gpu_memory() {
    let stopped = container("old", |c| {
        given(c, &[&gpu_uuid(0)]);
        c.status = ContainerStatus::Exited;
        c.gpu_memory_mb = None;
    });
    let text = piped(&inventory(vec![stopped], vec![]), &["--by-user", "--all"]);
    assert!(text.contains("\nunknown: 1 workload, no GPU, GPU memory 0B\n"), "{text}");
}

#[test]
fn who_is_unknown_comes_last() {
    let user = |name: &str| container(name, |c| c.user = name.to_owned());
    let host = inventory(vec![user("zoe"), user("unknown"), user("victor")], vec![]);
    let text = piped(&host, &["--by-user"]);
    let order: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("workload"))
        .filter_map(|line| Some(line.split_once(": ")?.0))
        .collect();
    assert_eq!(order, ["victor", "zoe", "unknown"]);
}

#[test]
fn an_unknown_origin_is_listed_among_the_unmanaged() {
    let host = inventory(vec![container("x", |c| c.origin = Origin::Unknown)], vec![]);
    assert!(piped(&host, &["--type", "unknown"]).contains("\nunknown  unknown"));
}

#[test]
fn memory_of_a_dead_process_has_a_row_and_is_counted_apart() {
    let mut host = inventory(vec![], vec![process(7, "bob", "python3 train.py", &[&gpu_uuid(1)])]);
    let gpus = process(9, "", "", &[&gpu_uuid(0)]).gpus;
    let dead = |confirmed| DeadProcess {
        pid: 9,
        gpus: gpus.clone(),
        gpu_memory_mb: Some(2048),
        since: ago(600),
        confirmed,
        extra: Default::default(),
    };
    host.dead_processes.insert(9, dead(false));
    assert_eq!(piped(&host, &[]).lines().count(), 3, "one scan alone may have met a process that was ending");
    host.dead_processes.insert(9, dead(true));
    let text = piped(&host, &[]);
    assert!(text.contains("dead-process  unknown  0=2.0GiB  dead     10m  pid 9, no longer exists\n"), "{text}");
    assert!(text.ends_with("12s ago: 0 containers, 0 with GPU, 1 host GPU process, 1 dead one\n"), "{text}");
    assert_eq!(piped(&host, &["--type", "host-process"]).lines().count(), 3);
    assert_eq!(piped(&host, &["--gpu", "0"]).lines().count(), 3);
}

#[test]
fn names_are_cut_last_and_what_tells_no_rows_apart_gives_way() {
    let names = ["vsc-thesis-of-alice-1", "vsc-thesis-of-alice-2"];
    let containers = names.map(|name| container(name, |c| c.user = format!("{name}@uni.example"))).into();
    let text = shown(&inventory(containers, vec![]), &[], Some(60), false);
    let rows: Vec<&str> = text.lines().skip(1).take(2).collect();
    assert_ne!(rows[0], rows[1]);
    assert!(rows[0].ends_with("alice-1") && rows[1].ends_with("alice-2"), "{text}");
    assert!(text.contains("\nno room for TYPE, GPU(S), STATUS, AGE\n"), "{text}");
}

#[test]
fn a_heading_tells_gpus_from_instances_and_keeps_the_brackets_of_what_nobody_uses() {
    let text = piped(&host(), &["--by-user"]);
    assert!(text.contains("\nalice: 2 workloads, 1 GPU and 1 MIG instance [0,(1:0)], "), "{text}");
}
