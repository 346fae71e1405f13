//! Sources that are not there: from the start, since the last scan, or for good on the admin's word.

use std::path::Path;

use serde_json::Value;

use crate::{
    cells::{Cell, Docker, Nvml},
    doors::World,
    namespace::{inside, mount},
    support::Detector,
};

/// Two good scans, so that there are containers and host processes.
fn seeded(world: &World) -> Detector {
    let detector = Detector::new();
    for moment in ["first", "second"] {
        world.sound(moment).scan(&detector).ends_with(0);
    }
    detector
}

fn count(inventory: &Value, list: &str) -> usize {
    inventory[list].as_object().map_or_else(|| inventory[list].as_array().unwrap().len(), serde_json::Map::len)
}

/// How often an event of this type was emitted.
fn told(detector: &Detector, event_type: &str) -> usize {
    let event_type = format!("detection.{event_type}");
    detector.events().iter().filter(|event| event["event_type"] == event_type.as_str()).count()
}

#[test]
fn a_socket_that_was_named_is_never_absent() {
    let world = World::new();
    let root = world.sound("first").proc_root.to_owned();
    let detector = Detector::new().docker(Path::new("/nonexistent/docker.sock")).proc_root(&root);
    let said = detector.run(&[]).ends_with(1).stderr();
    assert!(said.contains("docker: missing") && said.contains("/nonexistent/docker.sock"), "{said}");
    assert_eq!(detector.inventory()["sources"]["docker"]["state"], "failed");
    assert_eq!(told(&detector, "source_failed"), 1);
}

#[test]
fn a_library_that_was_named_is_never_absent() {
    let world = World::new();
    let sound = world.sound("first");
    let (socket, root) = (sound.socket.to_owned(), sound.proc_root.to_owned());
    let detector = Detector::new().docker(&socket).proc_root(&root).nvml(Path::new("/nonexistent/libnvidia-ml.so.1"));
    let said = detector.run(&[]).ends_with(1).stderr();
    assert!(said.contains("nvml: missing") && said.contains("/nonexistent/libnvidia-ml.so.1"), "{said}");
    assert_eq!(detector.inventory()["sources"]["nvml"]["state"], "failed");
}

#[test]
fn docker_is_forgotten_on_the_admins_word() {
    let world = World::new();
    let detector = seeded(&world);
    let gone = world.troubled(Cell { docker: Docker::Absent, ..Cell::FINE });
    gone.scan(&detector).ends_with(1);
    assert_eq!(count(&detector.inventory(), "containers"), 3);

    let flags = gone.flags();
    let forget: Vec<&str> = ["--forget", "docker"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    detector.run(&forget).ends_with(0);
    let inventory = detector.inventory();
    assert_eq!((count(&inventory, "containers"), count(&inventory, "gpus")), (0, 3));
    assert_eq!(inventory["sources"]["docker"]["state"], "absent");
    assert_eq!((told(&detector, "container_exited"), told(&detector, "host_gpu_process_exited")), (3, 0));

    // Said again, and no longer needed, it does no harm; nor where Docker is there after all.
    detector.run(&forget).ends_with(0);
    assert_eq!(told(&detector, "container_exited"), 3);
    let flags = world.sound("second").flags();
    let forget: Vec<&str> = ["--forget", "docker"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    detector.run(&forget).ends_with(0);
    assert_eq!(count(&detector.inventory(), "containers"), 3);
}

#[test]
fn nvml_is_forgotten_on_the_admins_word() {
    let world = World::new();
    let detector = seeded(&world);
    let gone = world.troubled(Cell { nvml: Nvml::Absent, ..Cell::FINE });
    gone.scan(&detector).ends_with(1);
    assert_eq!(count(&detector.inventory(), "host_processes"), 5);

    let flags = gone.flags();
    let forget: Vec<&str> = ["--forget", "nvml"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    detector.run(&forget).ends_with(0);
    let inventory = detector.inventory();
    let left = ["gpus", "host_processes", "_pending_processes", "containers"].map(|list| count(&inventory, list));
    assert_eq!(left, [0, 0, 0, 3]);
    assert_eq!(inventory["sources"]["nvml"]["state"], "absent");
    assert_eq!((told(&detector, "host_gpu_process_exited"), told(&detector, "container_exited")), (5, 0));
    let train = &inventory["containers"]["000000000001"];
    assert_eq!((&train["gpu_processes"], &train["has_gpu"]), (&serde_json::json!([]), &Value::Bool(true)));
}

#[test]
fn what_was_never_there_is_absent_and_what_was_is_not() {
    if !inside("gone::what_was_never_there_is_absent_and_what_was_is_not") {
        return;
    }
    // Nothing where Docker's socket is by default.
    mount(&["-t", "tmpfs", "tmpfs"], Path::new("/run"));
    let world = World::new();
    let sound = world.sound("first");
    let library = sound.library.to_str().unwrap();
    let unnamed = ["--nvml-library", library, "--proc-root", sound.proc_root.to_str().unwrap()];

    let never = Detector::new();
    never.run(&unnamed).ends_with(0);
    assert_eq!(never.inventory()["sources"]["docker"]["state"], "absent");
    assert_eq!(told(&never, "source_failed"), 0);

    let once = seeded(&world);
    let said = once.run(&unnamed).ends_with(1).stderr();
    assert!(said.contains("docker: missing") && said.contains("--forget docker"), "{said}");
    assert_eq!(count(&once.inventory(), "containers"), 3);
    assert_eq!((told(&once, "source_failed"), told(&once, "container_exited")), (1, 0));
}
