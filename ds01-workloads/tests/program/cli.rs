//! The program in a pipe: what it prints where, and how it ends.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
    time::Duration,
};

use ds01_core::detect::{
    Inventory,
    inventory::{Extra, GpuUse, ProcessEntry, SourceEntry, SourceState},
};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::common::{State, ds01, inventory, on, outcome, program};

const FRESH: Duration = Duration::from_secs(5);

#[test]
fn a_fresh_inventory_is_shown_and_nothing_is_said() {
    let state = State::new(&["thesis", "web"], FRESH);
    let (out, err, code) = outcome(on(&state, &[]));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "TYPE        USER   GPU(S)  STATUS   AGE  NAME");
    assert_eq!(lines[1], "raw-docker  alice  -       running  12d  thesis");
    assert_eq!(lines[2], "raw-docker  alice  -       running  12d  web");
    assert!(lines[3].ends_with("s ago: 2 containers, 0 with GPU, 0 host GPU processes"), "{out}");
    assert_eq!((err.as_str(), code), ("", 0));
}

#[test]
fn an_old_one_is_shown_with_what_to_look_at() {
    let state = State::new(&["thesis"], Duration::from_secs(300));
    let (out, err, code) = outcome(on(&state, &[]));
    assert!(out.contains("thesis"));
    assert!(err.starts_with("ds01-workloads: warning: the last scan was 5m"), "{err}");
    assert!(err.contains("systemctl status ds01-workload-detector.timer"), "{err}");
    assert_eq!(code, 0);
    let (_, err, _) = outcome(on(&State::new(&[], Duration::from_secs(80)), &[]));
    assert_eq!(err, "", "two scans late is no reason to worry");
}

#[test]
fn a_source_that_failed_is_said_with_what_to_look_at() {
    let state = State::empty();
    let mut host = inventory(&["thesis"], FRESH);
    let failed = SourceEntry {
        state: SourceState::Failed,
        since: Timestamp::now() - Duration::from_secs(600),
        last_good: Some(Timestamp::now() - Duration::from_secs(630)),
        error: Some("docker: timed out: \x1b[2J".to_owned()),
        hint: Some("see `systemctl status docker`".to_owned()),
        failed_since: None,
        last_good_since_boot_ms: None,
        extra: Extra::new(),
    };
    host.sources.insert("docker".to_owned(), failed);
    state.save(&host);
    for arguments in [&[][..], &["--json"]] {
        let (out, err, code) = outcome(on(&state, arguments));
        assert!(out.contains("thesis"));
        assert_eq!(
            err,
            "ds01-workloads: warning: docker has failed for 10m (timed out: \\x1b[2J): \
             what is shown of containers is 10m old; see `systemctl status docker`\n"
        );
        assert_eq!(code, 0);
    }
}

#[test]
fn without_an_inventory_it_says_so_and_exits_3() {
    for arguments in [&[][..], &["--wide", "--by-user"], &["--json"]] {
        let (out, err, code) = outcome(on(&State::empty(), arguments));
        assert_eq!((out.as_str(), code), ("", 3));
        assert!(err.contains("ds01-workload-detector.timer") && err.contains("--live"), "{err}");
    }
}

#[test]
fn an_inventory_of_no_use_is_told_apart_and_exits_1() {
    for (bytes, said) in [
        (&b"{\"schema_version\": \"1\""[..], "is corrupt"),
        (b"", "is corrupt"),
        (b"\xff\xfe", "is corrupt"),
        (b"{\"schema_version\": \"2\", \"new\": []}", "written by another version: schema_version is \"2\""),
    ] {
        let state = State::empty();
        state.write(bytes);
        let (out, err, code) = outcome(on(&state, &[]));
        assert_eq!((out.as_str(), code), ("", 1));
        assert!(err.contains(said), "{err}");
    }
}

#[test]
fn who_may_not_read_it_is_told_which_group_to_join() {
    let state = State::new(&["thesis"], FRESH);
    fs::set_permissions(state.file(), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Root may read everything: the program runs as nobody, from where nobody may run it.
    let bin = TempDir::new().unwrap();
    fs::set_permissions(bin.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = bin.path().join("ds01-workloads");
    fs::copy(program(), &copy).unwrap();
    let mut command = Command::new(copy);
    command.env_clear().arg("--state-dir").arg(state.path());
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let (out, err, code) = outcome(command);
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("may not read") && err.contains("ask an administrator"), "{err}");
}

#[test]
fn json_is_the_inventory_and_nothing_else() {
    let state = State::new(&["thesis", "web"], Duration::from_secs(300));
    let (out, err, _) = outcome(on(&state, &["--json"]));
    assert!(err.contains("warning"), "what is wrong goes to stderr");
    assert_eq!(Inventory::from_json(out.as_bytes()).unwrap().containers.len(), 2);
    let (out, _, _) = outcome(on(&state, &["--json", "--user", "nobody"]));
    let filtered = Inventory::from_json(out.as_bytes()).unwrap();
    assert!(filtered.containers.is_empty() && filtered.last_scan.is_some());
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let names: Vec<String> = (0..5000).map(|n| format!("container-{n}")).collect();
    let state = State::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), FRESH);
    for arguments in [&[][..], &["--json"], &["--by-user"], &["--watch", "0.2"]] {
        let mut child = on(&state, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        drop(out);
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn an_unknown_type_or_column_names_the_valid_ones() {
    let (_, err, code) = outcome(ds01(&["--type", "vm"]));
    assert_eq!(code, 2);
    assert!(err.contains("ds01-managed, devcontainer, compose, raw-docker, unknown, host-process"), "{err}");
    let (_, err, code) = outcome(ds01(&["--sort", "colour"]));
    assert_eq!(code, 2);
    assert!(
        err.contains("type, user, gpus, status, age, name, id, engine, image, belongs-to, cpu, memory, gpu-mem"),
        "{err}"
    );
    for bad in [&["--watch", "0"][..], &["--watch", "x"], &["--watch", "--json"], &["--live", "--demo"], &["stray"]] {
        assert_eq!(outcome(ds01(bad)).2, 2, "{bad:?}");
    }
}

#[test]
fn a_word_that_is_no_command_is_answered_alike_before_and_after_a_flag() {
    for arguments in [&["gpu0"][..], &["gpu0", "--demo"], &["--demo", "gpu0"]] {
        let (_, err, code) = outcome(ds01(arguments));
        assert_eq!(code, 2);
        assert!(err.contains("did you mean this? --gpu 0 shows"), "{arguments:?}: {err}");
    }
    let (_, err, _) = outcome(ds01(&["--demo", "events"]));
    assert!(err.contains("'events' cannot be used with '--demo'"), "{err}");
}

#[test]
fn the_types_of_the_policy_are_taken_too() {
    for (policy, inventory) in [("docker", "raw-docker"), ("managed", "ds01-managed"), ("compose", "compose")] {
        let names = |kind: &str| outcome(ds01(&["--demo", "-o", "name", "--type", kind])).0;
        assert!(!names(policy).is_empty());
        assert_eq!(names(policy), names(inventory), "{policy}");
    }
}

#[test]
fn who_asks_for_what_is_not_here_is_told_so() {
    let said = |arguments: &[&str]| {
        let (_, err, code) = outcome(ds01(&[&["--demo"], arguments].concat()));
        assert_eq!(code, 0, "{arguments:?}");
        err
    };
    for form in [&[][..], &["--json"], &["-q"]] {
        let gpu = said(&[&["--gpu", "9"], form].concat());
        assert!(gpu.contains("this host has no GPU 9: it has 0, 1, 2, 3, 3:0, 3:1, 3:2"), "{gpu}");
        let user = said(&[&["--user", "nobody"], form].concat());
        assert!(user.contains("nobody of the name nobody has a workload here"), "{user}");
    }
    assert_eq!(said(&["--gpu", "3", "--gpu", "3:0", "--user", "alice"]), "");
}

#[test]
fn figures_that_a_sample_host_can_not_have_are_explained() {
    let (out, ..) = outcome(ds01(&["--demo", "--wide"]));
    assert!(out.contains("\nno CPU% and MEMORY: a sample host has no processes to measure\n"), "{out}");
    assert!(!outcome(ds01(&["--demo"])).0.contains("sample host"));
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let colored = |mut command: Command, variable: Option<&str>| {
        command.envs(variable.map(|name| (name, "1")));
        outcome(command).0.contains('\x1b')
    };
    assert!(!colored(ds01(&["--demo"]), None));
    assert!(colored(ds01(&["--demo", "--color", "always"]), None));
    assert!(colored(ds01(&["--demo", "--color", "always"]), Some("NO_COLOR")));
}

#[test]
fn in_a_pipe_watch_prints_one_table_after_another() {
    let state = State::new(&["thesis"], FRESH);
    let mut child = on(&state, &["--watch", "0.2"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut table =
        || -> Vec<String> { lines.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty()).collect() };
    let first = table();
    assert_eq!(first.len(), 3);
    assert!(!first.join("\n").contains('\x1b'));
    state.save(&inventory(&["thesis", "web"], FRESH));
    // However many tables the old inventory still fills, the new one is seen, with its mark.
    let marked =
        std::iter::repeat_with(&mut table).find(|table| table.iter().any(|line| line.starts_with('+'))).unwrap();
    assert!(marked.iter().any(|line| line.starts_with("+  raw-docker") && line.ends_with("web")), "{marked:?}");
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn in_a_pipe_watch_says_what_is_wrong_on_standard_error() {
    let state = State::new(&["thesis"], Duration::from_secs(300));
    let mut child = on(&state, &["--watch", "0.2"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    // Without its reader the program ends, and with it what it says.
    drop(out);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(first.contains("TYPE"), "{first}");
    assert!(err.contains("warning: the last scan was 5m"), "{err}");
}

#[test]
fn a_watched_demo_does_not_change_between_draws() {
    let mut child = ds01(&["--demo", "--watch", "0.2"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // Long enough for the clock to show another second.
    let marked: Vec<String> = lines.take(17 * 8).filter(|line| line.starts_with(['+', '-'])).collect();
    child.wait().unwrap();
    assert!(marked.is_empty(), "{marked:?}");
}

#[test]
fn the_demo_shows_both_host_processes_confirmed() {
    let (out, err, code) = outcome(ds01(&["--demo"]));
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(out.lines().filter(|line| line.starts_with("host-process")).count(), 2, "{out}");
    assert!(out.lines().last().unwrap().contains(", 2 host GPU processes"));
    insta::assert_snapshot!("demo", out);
}

#[test]
fn a_live_scan_says_what_it_could_not_read() {
    let nowhere = TempDir::new().unwrap();
    let socket = format!("unix://{}/docker.sock", nowhere.path().display());
    let (out, err, code) = outcome(ds01(&["--live", "--docker-host", &socket]));
    assert!(err.contains("docker failed (missing") && err.contains("nothing is known of containers"), "{err}");
    assert!(out.ends_with("s ago: 0 containers, 0 with GPU, 0 host GPU processes\n"), "{out}");
    assert_eq!(code, 0);
    let (_, err, code) = outcome(ds01(&["--live", "--docker-host", "tcp://10.0.0.1:2375"]));
    assert!(err.contains("Docker is reached through a Unix socket"), "{err}");
    assert_eq!(code, 2, "it is the command line that is wrong");
    // An address that only --live needs is nobody's business otherwise.
    let mut command = ds01(&["--demo"]);
    command.env("DOCKER_HOST", "tcp://10.0.0.1:2375");
    assert_eq!(outcome(command).2, 0);
}

#[test]
fn wide_reads_what_a_process_uses_now() {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let start_ticks = stat.rsplit(')').next().unwrap().split_ascii_whitespace().nth(19).unwrap().parse().unwrap();
    let time = Timestamp::now();
    let this = ProcessEntry {
        pid: std::process::id(),
        started_at: time,
        user: "alice".to_owned(),
        user_remembered: None,
        uid: 1001,
        name: "cli".to_owned(),
        cmdline: None,
        gpu_memory_mb: None,
        gpu_uuid: None,
        gpus: vec![GpuUse { gpu_uuid: "GPU-0".to_owned(), memory_mb: None, memory_unknown: None }],
        in_container: false,
        container_id: None,
        belongs_to: Vec::new(),
        detected_at: time,
        stale: false,
        start_ticks,
        extra: Extra::new(),
    };
    let state = State::empty();
    let mut host = inventory(&["down"], FRESH);
    host.host_processes.insert(this.pid, this);
    state.save(&host);
    let (out, _, _) = outcome(on(&state, &["--wide"]));
    let row = out.lines().find(|line| line.starts_with("host-process")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert!(cells[8].parse::<f64>().is_ok(), "CPU%: {row}");
    assert!(cells[9].ends_with("MiB") || cells[9].ends_with("KiB"), "MEMORY: {row}");
    let row = out.lines().find(|line| line.starts_with("raw-docker")).unwrap();
    assert!(row.split_whitespace().rev().take(3).all(|cell| cell == "-"), "{row}");
}

#[test]
fn wide_reads_a_container_through_its_control_group() {
    let state = State::empty();
    let mut host = inventory(&["thesis"], FRESH);
    let entry = host.containers.values_mut().next().unwrap();
    entry.pid = Some(4711);
    let scope = format!("system.slice/docker-{}.scope", entry.full_id);
    state.save(&host);
    let root = TempDir::new().unwrap();
    for (path, content) in [
        ("proc/4711/cgroup".to_owned(), format!("0::/{scope}\n")),
        (format!("sys/fs/cgroup/{scope}/cpu.stat"), "usage_usec 12\n".to_owned()),
        (format!("sys/fs/cgroup/{scope}/memory.current"), "7340032\n".to_owned()),
        (format!("sys/fs/cgroup/{scope}/memory.stat"), "inactive_file 2097152\n".to_owned()),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let mut command = on(&state, &["--wide"]);
    command.arg("--proc-root").arg(root.path().join("proc")).arg("--sys-root").arg(root.path().join("sys"));
    let (out, _, _) = outcome(command);
    assert!(out.contains("busybox:latest   0.0    5MiB        -\n"), "{out}");
}

#[test]
fn packaging_gets_a_man_page_and_completions() {
    for (what, part) in [
        ("man", ".TH ds01-workloads 1"),
        ("completions-bash", "--gpu-only"),
        ("completions-zsh", "#compdef ds01-workloads"),
        ("completions-fish", "complete -c ds01-workloads"),
    ] {
        let (out, err, code) = outcome(ds01(&["--generate", what]));
        assert!(out.contains(part), "{what}: {out}");
        assert_eq!((err.as_str(), code), ("", 0));
    }
    assert!(!outcome(ds01(&["--help"])).0.contains("--generate"));
}

#[test]
fn the_tiers_of_help() {
    let (short, _, _) = outcome(ds01(&["--help"]));
    let (info, _, _) = outcome(ds01(&["--info"]));
    let (concepts, _, _) = outcome(ds01(&["--concepts"]));
    assert!(short.lines().count() < 64 && info.lines().count() > 100 && concepts.lines().count() > 50);
    insta::assert_snapshot!("info", info);
    assert_eq!(outcome(ds01(&["--guided"])).2, 0, "no input is the end of the questions");
}
