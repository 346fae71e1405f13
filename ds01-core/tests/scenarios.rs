//! Plays every scenario of `fixtures/scenarios` through the pipeline: each step has to emit what the file says.
#![cfg(feature = "fakes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use std::time::Duration;

use ds01_core::{
    detect::{Inventory, Settings, diff, look},
    event::{Details, Event},
    source::fake::{FakeHost, Scenario, ScenarioError, Step},
};

fn subject(event: &Event) -> String {
    let about = match &event.details {
        Details::ContainerDiscovered { name, .. }
        | Details::ContainerExited { name, .. }
        | Details::ContainerStatusChanged { name, .. }
        | Details::ClassificationChanged { name, .. } => name.clone(),
        Details::HostGpuProcessDiscovered { pid, .. } | Details::HostGpuProcessExited { pid, .. } => pid.to_string(),
        Details::SourceFailed { source, .. } | Details::SourceRecovered { source, .. } => source.to_string(),
        other => panic!("no event of detection: {}", other.event_type()),
    };
    format!("{} {about}", event.details.event_type())
}

/// Plays a scenario, and shows `check` each scan with the inventory after it.
fn play(scenario: &Scenario, mut check: impl FnMut(usize, &FakeHost, &Inventory)) {
    let mut inventory = Inventory::empty();
    let mut number = 0;
    scenario
        .play(|step: &Step, host| {
            number += 1;
            let next = look(&host.sources(), &inventory, Duration::from_secs(60), &Settings::default());
            let events: Vec<String> = diff(&inventory, &next).iter().map(subject).collect();
            if let Some(expected) = &step.events {
                assert_eq!(&events, expected, "step {number}: {}", step.says);
            }
            let written = next.to_json().unwrap();
            assert_eq!(Inventory::from_json(&written).unwrap(), next, "an inventory survives its file");
            check(number, host, &next);
            inventory = next;
            Ok::<(), ScenarioError>(())
        })
        .unwrap();
}

fn scenario(name: &str) -> Scenario {
    let path = format!("{}/../fixtures/scenarios/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    Scenario::from_yaml(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_file_emits_what_it_says() {
    let folder = format!("{}/../fixtures/scenarios", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        println!("scenario {name}");
        play(&scenario(&name), |_, _, _| {});
    }
}

#[test]
fn the_lab_at_noon_is_what_the_readme_says() {
    play(&Scenario::teaching_lab().unwrap(), |number, _, inventory| {
        let summary = inventory.summary();
        assert_eq!(inventory.gpus.len(), 4);
        assert!((12..=16).contains(&summary.containers));
        let waiting = if number == 1 { (0, 3) } else { (2, 0) };
        assert_eq!((summary.host_processes, summary.pending), waiting, "the system's own process is left out");
    });
}

#[test]
fn during_an_outage_entries_are_stale_and_afterwards_fresh() {
    play(&scenario("docker-outage"), |number, _, inventory| {
        let out = (3..=5).contains(&number);
        let train = inventory.containers.values().find(|entry| entry.name == "train").unwrap();
        assert_eq!(train.stale, out, "step {number}");
        assert_eq!(train.gpu_memory_mb, Some(20480), "NVML goes on telling who uses what");
        assert_eq!(inventory.containers.values().any(|entry| entry.name == "web"), number < 6);
        assert!(inventory.host_processes.values().all(|entry| entry.pid == 5001), "step {number}");
    });
}

#[test]
fn a_lost_gpu_keeps_its_processes_until_they_end() {
    play(&scenario("gpu-falls-off-the-bus"), |number, _, inventory| {
        let held = |pid| inventory.host_processes.get(&pid).map(|entry| (entry.gpus.len(), entry.gpu_memory_mb));
        let train = inventory.containers.values().next().unwrap();
        assert_eq!(train.gpu_processes.as_ref().unwrap().len(), 1, "step {number}");
        assert_eq!(inventory.gpus.len(), 2);
        match number {
            2 => assert_eq!((held(4002), held(4003)), (Some((1, Some(1024))), Some((2, Some(2048))))),
            3 | 4 => {
                assert_eq!((held(4002), held(4003)), (Some((1, Some(1024))), Some((2, Some(2048)))));
                assert!(inventory.gpus[1].stale && !inventory.gpus[0].stale);
                assert!(inventory.host_processes[&4002].stale);
            }
            5 => assert_eq!(held(4002), None),
            _ => {}
        }
    });
}

#[test]
fn a_restart_is_seen_and_a_quiet_host_is_not_inspected() {
    let mut lives = Vec::new();
    let mut inspected = Vec::new();
    play(&scenario("restarts-and-renames"), |_, host, inventory| {
        let entry = inventory.containers.values().next().unwrap();
        lives.push((entry.started_at, entry.pid));
        inspected.push(host.inspected());
    });
    assert_ne!(lives[1], lives[2], "the restart between two scans");
    assert_eq!(lives[2], lives[3], "a pause is no new life");
    assert_eq!(lives[4].1, None);
    assert_eq!(inspected[3], inspected[2], "paused and renamed: known by its main process");
}

#[test]
fn a_story_can_be_told_as_if_it_ended_now() {
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let mut last = None;
    play(&scenario("docker-outage").ending_at(now), |_, _, inventory| last = inventory.last_scan);
    assert_eq!(last, Some(now));
}

/// The figures are those with which the fuzzer made it panic.
#[test]
fn a_story_of_absurd_figures_is_told_or_refused() {
    let told = |start: &str, step: &str| {
        let gpu = "gpus: [{ index: 4294967295, uuid: G, name: g, memory_mb: 1 }]";
        let text =
            format!("about: x\nhost: h\nstart: {start}\n{gpu}\nsteps:\n  - {step}\n  - {{ after: 99999999h }}\n");
        let told = Scenario::from_yaml(&text);
        if let Ok(story) = &told {
            play(story, |_, _, _| {});
            let ending = story.clone().ending_at("2030-01-01T00:00:00Z".parse().unwrap());
            assert_eq!(ending.steps, story.steps);
        }
        told.map(drop).map_err(|error| error.to_string())
    };
    let work = "{ cpu_percent: .inf, net_bytes_per_second: 18446744073709551615 }";
    let container = format!("{{ appear: {{ containers: [{{ name: a, work: {work}, keep_alive: 99999999h }}] }} }}");
    assert_eq!(told("2026-03-02T12:00:00Z", &container), Ok(()));
    assert_eq!(told("9999-12-30T22:00:00Z", &container), Ok(()));
    assert_eq!(told("-009999-01-02T02:00:00Z", "{ after: 2h }"), Ok(()));
    let long = told("2026-03-02T12:00:00Z", "{ appear: { containers: [{ name: a, up_for: 99999999h }] } }");
    assert!(long.clone().unwrap_err().contains("before the host was booted"), "{long:?}");
}

#[test]
fn a_story_that_cannot_be_is_refused_with_its_step() {
    let refused = |steps: &str| {
        let text = format!("about: x\nhost: h\nstart: 2026-03-02T12:00:00Z\nsteps:\n{steps}");
        Scenario::from_yaml(&text).unwrap_err().to_string()
    };
    assert!(refused("  - disappear: { processes: [7] }").contains("step 1: there is no process 7"));
    assert!(refused("  - {}\n  - change: { a: { restart: true } }").contains("step 2: there is no container a"));
    assert!(refused("  - appear: { processes: [{ pid: 7, gpus: { \"0\": 1 } }] }").contains("GPU \"0\""));
    assert!(refused("  - lost_gpus: [3]").contains("GPU 3"));
    assert!(refused("  - apear: {}").contains("apear"));
    assert!(refused("  - after: soon").contains("soon"));
}
