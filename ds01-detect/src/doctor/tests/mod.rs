//! Findings and tables from facts that no machine has to have.

mod facts;
mod notices;

use std::time::Duration;

use ds01_core::{
    detect::inventory::ContainerProcess,
    model::{Mig, Reading, Unknown, UnknownKind},
    source::{FailureKind, SourceError, SourceName},
    table::Medium,
};
use jiff::ToSpan;

use super::{
    checks,
    facts::{DOCKER_SERVICE, Facts, NoSample, Place, SAMPLER_SERVICE, Stat, Units},
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

/// A host on which nothing samples, and one container has a GPU.
fn without_sampler(facts: &mut Facts) {
    facts.sampler.newest = Ok(None);
    set_sampler(facts, "inactive", "disabled");
    with_containers(facts, &["GPU-0"]);
}

fn set_sampler(facts: &mut Facts, active: &str, enabled: &str) {
    if let Units::Told(units) = &mut facts.units {
        let unit = units.get_mut(SAMPLER_SERVICE).unwrap();
        (unit.active, unit.enabled) = (active.to_owned(), enabled.to_owned());
    }
}

/// These running containers alone, each with that GPU, and no process outside of them.
fn with_containers(facts: &mut Facts, gpus: &[&str]) {
    let inventory = facts.files.inventory.as_mut().unwrap();
    let mut one = inventory.containers.values().find(|container| container.status.is_up()).unwrap().clone();
    one.gpu_processes = None;
    inventory.containers.clear();
    for (number, gpu) in gpus.iter().enumerate() {
        one.gpus = vec![(*gpu).to_owned()];
        inventory.containers.insert(format!("{number}"), one.clone());
    }
    inventory.host_processes.clear();
}

const ENABLE_SAMPLER: Option<&str> = Some("sudo systemctl enable --now --no-reload ds01-gpu-sampler.service");

#[test]
fn a_sample_is_fresh_for_half_a_minute() {
    for (age, says, verdict) in [(30, "last sample 30s ago", Verdict::Ok), (31, "31s ago", Verdict::Warning)] {
        let journal = (age > 30).then_some("sudo journalctl -u ds01-gpu-sampler.service -n 20");
        assert_finds("gpu-sampler", verdict, says, journal, |facts| {
            facts.sampler.newest = Ok(Some(Duration::from_secs(age)));
        });
    }
    // What samples is judged by its samples, whoever runs it.
    assert_finds("gpu-sampler", Verdict::Ok, "last sample 4s ago", None, |facts| {
        set_sampler(facts, "inactive", "disabled");
        not_there(facts, false);
    });
}

#[test]
fn without_a_sampler_it_matters_which_gpus_are_shared() {
    let found = "inactive, disabled, no sample since the last boot: on GPU 1 (shared), idle time counts only as far as";
    assert_finds("gpu-sampler", Verdict::Warning, found, ENABLE_SAMPLER, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-1", "GPU-1"]);
    });
    // One that was given none, and uses it.
    assert_finds("gpu-sampler", Verdict::Warning, "on GPU 0 (shared)", ENABLE_SAMPLER, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-9"]);
        let containers = &mut facts.files.inventory.as_mut().unwrap().containers;
        containers.get_mut("1").unwrap().gpu_processes = Some(vec![process_on("GPU-0")]);
    });
    // A process of the host beside a container; not where there is no container.
    for (gpus, verdict, command) in
        [(&["GPU-0"][..], Verdict::Warning, ENABLE_SAMPLER), (&["GPU-1"], Verdict::Ok, None), (&[], Verdict::Ok, None)]
    {
        assert_finds("gpu-sampler", verdict, "inactive, disabled", command, |facts| {
            let processes = facts.files.inventory.as_ref().unwrap().host_processes.clone();
            without_sampler(facts);
            with_containers(facts, gpus);
            let inventory = facts.files.inventory.as_mut().unwrap();
            inventory.host_processes = processes;
            inventory.host_processes.values_mut().for_each(|process| process.gpus = process_on("GPU-0").gpus);
            assert!(!inventory.host_processes.is_empty());
        });
    }
    assert_finds("gpu-sampler", Verdict::Ok, "no GPU is shared or in MIG mode", None, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-1"]);
    });
    // Those that are not running share nothing.
    assert_finds("gpu-sampler", Verdict::Ok, "no GPU is shared or in MIG mode", None, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-0"]);
        let containers = &mut facts.files.inventory.as_mut().unwrap().containers;
        containers.get_mut("1").unwrap().status = "exited".to_owned().into();
    });
    assert_finds("gpu-sampler", Verdict::Warning, "on GPU 0 (MIG mode), idle time", ENABLE_SAMPLER, |facts| {
        without_sampler(facts);
        nothing_remembered(facts);
        let snapshot = facts.gpu.gpus.as_mut().unwrap();
        if let Reading::Known(gpu) = &mut snapshot.gpus[0].gpu {
            gpu.mig = Reading::Known(Mig::Enabled(Vec::new()));
        }
    });
}

fn process_on(gpu: &str) -> ContainerProcess {
    serde_json::from_value(serde_json::json!({
        "pid": 7, "name": "python", "gpus": [{ "gpu_uuid": gpu, "memory_mb": 1 }]
    }))
    .unwrap()
}

#[test]
fn what_makes_a_sampler_run_depends_on_its_unit() {
    let journal = "sudo journalctl -u ds01-gpu-sampler.service -n 20";
    for (active, enabled, shared, alone) in [
        ("inactive", "enabled", Some("sudo systemctl start ds01-gpu-sampler.service"), None),
        ("inactive", "disabled", ENABLE_SAMPLER, None),
        ("active", "enabled", Some(journal), Some(journal)),
        ("activating", "enabled", Some(journal), Some(journal)),
        ("failed", "enabled", Some(journal), Some(journal)),
    ] {
        let says = format!("{active}, {enabled}");
        let alone_is = if alone.is_some() { Verdict::Warning } else { Verdict::Ok };
        for (gpus, verdict, command) in [(2, Verdict::Warning, shared), (1, alone_is, alone)] {
            assert_finds("gpu-sampler", verdict, &says, command, |facts| {
                without_sampler(facts);
                set_sampler(facts, active, enabled);
                with_containers(facts, &["GPU-0", "GPU-0"][..gpus]);
            });
        }
    }
    let by_hand = Some("sudo ds01-detect sample");
    assert_finds("gpu-sampler", Verdict::Warning, "not installed, no sample", by_hand, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-0"]);
        if let Units::Told(units) = &mut facts.units {
            units.remove(SAMPLER_SERVICE);
        }
    });
    assert_finds("gpu-sampler", Verdict::Warning, "no systemctl, last sample 5m ago", by_hand, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-0"]);
        facts.units = Units::NoSystemd("no systemctl".to_owned());
        facts.sampler.newest = Ok(Some(Duration::from_secs(300)));
    });
    let unmask = Some("sudo systemctl unmask --no-reload ds01-gpu-sampler.service");
    assert_finds("gpu-sampler", Verdict::Warning, "masked", unmask, |facts| {
        without_sampler(facts);
        with_containers(facts, &["GPU-0", "GPU-0"]);
        if let Units::Told(units) = &mut facts.units {
            units.get_mut(SAMPLER_SERVICE).unwrap().load = "masked".to_owned();
        }
    });
}

#[test]
fn where_nothing_can_be_sampled_no_sampler_is_missed() {
    assert_finds("gpu-sampler", Verdict::Skipped, "there is no driver to ask", None, |facts| {
        without_sampler(facts);
        not_there(facts, false);
    });
    assert_finds("gpu-sampler", Verdict::Skipped, "there is no GPU", None, |facts| {
        without_sampler(facts);
        facts.gpu.gpus.as_mut().unwrap().gpus.clear();
    });
    assert_finds("gpu-sampler", Verdict::Skipped, "NVML did not answer", None, |facts| {
        without_sampler(facts);
        facts.gpu.gpus = Err(SourceError::failed(SourceName::Nvml, FailureKind::TimedOut, "no answer within 5s"));
    });
}

#[test]
fn samples_that_cannot_be_read_are_told() {
    let as_root = Some("sudo ds01-detect doctor");
    assert_finds("gpu-sampler", Verdict::Warning, "/run/ds01 is not for user id 1000", as_root, |facts| {
        facts.uid = 1000;
        facts.sampler.newest = Err(NoSample::Denied);
    });
    assert_finds("gpu-sampler", Verdict::Warning, "can't be read: torn", Some("ls -la /run/ds01"), |facts| {
        facts.sampler.newest = Err(NoSample::Unreadable("torn".to_owned()));
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
