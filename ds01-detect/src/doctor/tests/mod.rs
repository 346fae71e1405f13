//! Findings and tables from facts that no machine has to have.

mod facts;

use std::time::Duration;

use ds01_core::{
    model::{Reading, Unknown, UnknownKind},
    table::Medium,
};
use jiff::ToSpan;

use super::{
    checks,
    facts::{DOCKER_SERVICE, Facts, Place, Stat, Units},
    finding::{Finding, Verdict},
    report,
};
use facts::{ailing, laptop, lookup, not_there, nothing_remembered, now, sound};

/// The finding of one check of the facts that this makes of sound ones.
#[track_caller]
fn assert_finds(check: &str, verdict: Verdict, says: &str, command: Option<&str>, change: impl FnOnce(&mut Facts)) {
    let mut facts = sound();
    change(&mut facts);
    let findings = checks::findings(&facts);
    let finding = findings.iter().find(|finding| finding.check == check).unwrap();
    assert_eq!((finding.verdict, finding.command.as_deref()), (verdict, command), "{finding:?}");
    assert!(finding.found.contains(says), "{finding:?}");
}

#[test]
fn a_docker_that_nobody_named_is_absent_unless_it_was_there_before() {
    let start = Some("sudo systemctl start docker");
    let unit_gone = |facts: &mut Facts| {
        if let Units::Told(units) = &mut facts.units {
            units.remove(DOCKER_SERVICE);
        }
    };
    assert_finds("docker-socket", Verdict::Warning, "no container is seen", None, |facts| {
        not_there(facts, true);
        nothing_remembered(facts);
        unit_gone(facts);
    });
    assert_finds("docker-socket", Verdict::Warning, "no container is seen", start, |facts| {
        not_there(facts, true);
        nothing_remembered(facts);
    });
    assert_finds("docker-socket", Verdict::Failed, "kept, marked stale", start, |facts| not_there(facts, true));
    let forget = Some("sudo ds01-detect --forget docker");
    assert_finds("docker-socket", Verdict::Failed, "kept, marked stale", forget, |facts| {
        not_there(facts, true);
        unit_gone(facts);
    });
}

#[test]
fn a_driver_that_nobody_named_is_absent_unless_it_was_there_before() {
    let forget = Some("sudo ds01-detect --forget nvml");
    assert_finds("nvml", Verdict::Failed, "kept, marked stale", forget, |facts| not_there(facts, false));
    assert_finds("nvml", Verdict::Warning, "no GPU of NVIDIA is on the PCI bus", None, |facts| {
        not_there(facts, false);
        nothing_remembered(facts);
    });
    assert_finds(
        "nvml",
        Verdict::Failed,
        "3 GPUs of NVIDIA on the PCI bus, and no driver",
        Some("lspci -d 10de: -nn"),
        |facts| {
            not_there(facts, false);
            nothing_remembered(facts);
            facts.gpu.on_bus = Some(3);
        },
    );
    assert_finds("nvml", Verdict::Warning, "no GPU is seen", None, |facts| {
        not_there(facts, false);
        nothing_remembered(facts);
        facts.gpu.on_bus = None;
    });
}

#[test]
fn a_lost_gpu_does_not_count_as_one_without_persistence_mode() {
    assert_finds("persistence-mode", Verdict::Ok, "on", None, |facts| {
        if let Ok(health) = &mut facts.gpu.driver {
            health.persistence_mode[1] =
                Unknown::new(UnknownKind::Lost, "nvmlDeviceGetPersistenceMode: GPU is lost").into();
        }
    });
}

#[test]
fn a_driver_that_keeps_no_groups_needs_no_links() {
    let without_links = |facts: &mut Facts, driver: &str| {
        if let (Ok(nodes), Some(Ok(info))) = (&mut facts.gpu.nodes, &mut facts.docker.info) {
            nodes.iter_mut().for_each(|node| node.linked = false);
            info.cgroup_driver = Some(driver.to_owned());
        }
    };
    assert_finds("dev-char-links", Verdict::Ok, "cgroupfs needs none", None, |facts| without_links(facts, "cgroupfs"));
    let create = Some("sudo nvidia-ctk system create-dev-char-symlinks --create-all");
    assert_finds("dev-char-links", Verdict::Failed, "nvidia0, nvidia1 and nvidiactl", create, |facts| {
        without_links(facts, "systemd");
    });
}

#[test]
fn of_many_users_those_without_a_name_are_told() {
    assert_finds("users", Verdict::Warning, "user id 1000 and 1002", Some("getent passwd 1000"), |facts| {
        facts.users.lookups = vec![
            lookup(0, Ok("root".to_owned())),
            lookup(1000, Err("no user")),
            lookup(1001, Ok("ann".to_owned())),
            lookup(1002, Err("no user")),
        ];
    });
    assert_finds("users", Verdict::Failed, "no answer within 5s", Some("getent passwd 1001"), |facts| {
        facts.users.lookups[2].answer = Err("no answer within 5s".to_owned());
    });
    assert_finds("users", Verdict::Warning, "user id 1000 took 1.2 s", Some("time getent passwd 1000"), |facts| {
        facts.users.lookups[1].answer = Ok((Reading::Known("ann".to_owned()), Duration::from_millis(1200)));
    });
}

#[test]
fn an_old_inventory_is_worse_where_a_timer_should_have_made_a_new_one() {
    let old = |facts: &mut Facts| {
        if let Ok(inventory) = &mut facts.files.inventory {
            inventory.last_scan = Some(now() - 91.seconds());
        }
    };
    let scan = Some("sudo ds01-detect");
    assert_finds("inventory", Verdict::Failed, "1m31s old", scan, old);
    assert_finds("inventory", Verdict::Warning, "1m31s old", scan, |facts| {
        old(facts);
        facts.units = Units::NoSystemd("no systemctl".to_owned());
    });
    assert_finds("inventory", Verdict::Ok, "1m30s old", None, |facts| {
        if let Ok(inventory) = &mut facts.files.inventory {
            inventory.last_scan = Some(now() - 90.seconds());
        }
    });
}

#[test]
fn memory_that_nobody_holds_any_more_is_named_with_its_pid() {
    let found = "GPU memory is held by processes that no longer exist: 10.0GiB on \
                 GPU-8f6d2c1a-4b3e-5a79-9c0d-1e2f3a4b5c6d by pid 29417";
    let example = include_bytes!("../../../../fixtures/inventory-example.json");
    let dead = ds01_core::detect::Inventory::from_json(example).unwrap().dead_processes;
    let look = Some("sudo fuser -v /dev/nvidia*");
    assert_finds("dead-processes", Verdict::Warning, found, look, |facts| {
        if let Ok(inventory) = &mut facts.files.inventory {
            inventory.dead_processes.clone_from(&dead);
        }
    });
    assert_finds("dead-processes", Verdict::Ok, "none holds GPU memory", None, |facts| {
        if let Ok(inventory) = &mut facts.files.inventory {
            inventory.dead_processes.clone_from(&dead);
            inventory.dead_processes.values_mut().for_each(|dead| dead.confirmed = false);
        }
    });
}

#[test]
fn the_group_that_may_use_docker_reads_what_is_kept() {
    let with = |place: &mut Place, change: fn(&mut Stat)| match place {
        Place::There(stat) => change(stat),
        other => panic!("{other:?}"),
    };
    let repair = "sudo chown root:docker /var/lib/ds01 && sudo chmod 2750 /var/lib/ds01";
    let open = "sudo chgrp docker /var/lib/ds01/workload-inventory.json && \
                sudo chmod 0640 /var/lib/ds01/workload-inventory.json";
    let unread = "group docker, which may use Docker, can't read /var/lib/ds01/workload-inventory.json";
    let lost = "mode 0750: no setgid bit: new files will not be readable for group docker";
    assert_finds("state-dir", Verdict::Warning, lost, Some(repair), |facts| {
        with(&mut facts.files.state, |dir| dir.mode = 0o750);
    });
    assert_finds("state-dir", Verdict::Warning, unread, Some(open), |facts| {
        with(&mut facts.files.inventory_place, |file| file.gid = 0);
    });
    // Its group is refused, whatever others may do.
    assert_finds("state-dir", Verdict::Warning, unread, Some(open), |facts| {
        with(&mut facts.files.inventory_place, |file| file.mode = 0o604);
    });
    assert_finds("state-dir", Verdict::Ok, "mode 2750", None, |facts| {
        with(&mut facts.files.inventory_place, |file| (file.gid, file.mode) = (0, 0o644));
    });
    assert_finds("state-dir", Verdict::Warning, unread, Some(&format!("{repair} && {open}")), |facts| {
        with(&mut facts.files.state, |dir| dir.gid = 0);
        with(&mut facts.files.inventory_place, |file| file.gid = 0);
    });
    // Where only root may use Docker, nobody else has to read.
    assert_finds("state-dir", Verdict::Ok, "mode 0750", None, |facts| {
        with(&mut facts.docker.node, |socket| socket.gid = 0);
        with(&mut facts.files.state, |dir| dir.mode = 0o750);
        with(&mut facts.files.inventory_place, |file| file.gid = 0);
    });
}

#[test]
fn tables() {
    for (name, facts) in [("sound", sound()), ("ailing", ailing()), ("laptop", laptop())] {
        let findings = checks::findings(&facts);
        for (medium, width) in [("80", Some(80)), ("200", Some(200)), ("piped", None)] {
            let table = report::table(&findings, Medium { width, color: false });
            insta::assert_snapshot!(format!("{name}_{medium}"), table);
        }
    }
    let colored = report::table(&checks::findings(&ailing()), Medium { width: Some(80), color: true });
    insta::assert_snapshot!("ailing_80_in_colour", colored.replace('\u{1b}', "␛"));
}

#[test]
fn json() {
    let findings = checks::findings(&ailing());
    let json = String::from_utf8(report::json(&findings, now()).unwrap()).unwrap();
    insta::assert_snapshot!("ailing_json", json);
}

#[test]
fn no_check_has_the_name_of_another() {
    let findings = checks::findings(&sound());
    let names: std::collections::BTreeSet<&str> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(names.len(), findings.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    let bad: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
}
