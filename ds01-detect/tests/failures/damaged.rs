//! Inventories that are of no use, and those that hold more than this version knows.

use std::fs;

use serde_json::{Value, json};

use crate::{
    doors::{Doors, World},
    support::Detector,
};

/// A detector after two good scans, with what it saved.
fn seeded(world: &World) -> (Detector, Value) {
    let detector = Detector::new();
    for moment in ["first", "second"] {
        world.sound(moment).scan(&detector).ends_with(0);
    }
    let inventory = detector.inventory();
    (detector, inventory)
}

#[test]
fn a_file_of_no_use_is_set_aside_and_the_scan_goes_on() {
    let world = World::new();
    let (detector, sound) = seeded(&world);
    let file = detector.state_dir().join("workload-inventory.json");
    let sound = serde_json::to_vec(&sound).unwrap();
    let half = &sound[..sound.len() / 2];
    let other_version = br#"{"schema_version":"2","containers":[]}"#;
    let numbered = br#"{"schema_version":1}"#;
    let deep = "[".repeat(1_000_000).into_bytes();
    let cases: [(&[u8], &str); 6] = [
        (half, "corrupt: "),
        (b"", "corrupt: "),
        (b"\xff\xfe\x00garbage", "corrupt: "),
        (&deep, "corrupt: "),
        (other_version, "written by another version: schema_version is \"2\", this program reads 1"),
        (numbered, "written by another version: schema_version is 1, this program reads 1"),
    ];
    let mut kept = Vec::new();
    for (bytes, words) in cases {
        fs::write(&file, bytes).unwrap();
        let said = world.sound("second").scan(&detector).ends_with(0).stderr();
        assert!(said.contains(words) && said.contains(file.to_str().unwrap()), "{said}");
        assert_eq!(detector.inventory()["containers"].as_object().unwrap().len(), 3);
        kept.push(bytes.to_vec());

        // Several within a second get names of their own; none replaces another.
        let mut aside: Vec<Vec<u8>> = fs::read_dir(detector.state_dir())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().contains(".corrupt-"))
            .inspect(|path| assert!(said.contains(path.to_str().unwrap()) || kept.len() > 1, "{said}"))
            .map(|path| fs::read(path).unwrap())
            .collect();
        aside.sort();
        let mut expected = kept.clone();
        expected.sort();
        assert!(aside == expected, "not all of them are kept as they were");
    }
}

/// The places in an inventory where another version may have put fields of its own.
const LEVELS: [&str; 10] = [
    "",
    "/host",
    "/sources/docker",
    "/sources/nvml",
    "/gpus/0",
    "/gpus/2/mig_instances/0",
    "/containers/000000000001",
    "/containers/000000000001/gpu_processes/0",
    "/host_processes/2003",
    "/_pending_processes/3001",
];

#[test]
fn fields_of_another_version_survive_good_scans_and_bad_ones() {
    let world = World::new();
    let (detector, mut inventory) = seeded(&world);
    let unknown = json!({ "of": ["a later", { "version": 1.5 }], "null": null });
    for level in LEVELS {
        inventory.pointer_mut(level).unwrap()["x_later"] = unknown.clone();
    }
    let file = detector.state_dir().join("workload-inventory.json");
    fs::write(&file, serde_json::to_vec(&inventory).unwrap()).unwrap();
    let check = |pending_at: &str| {
        let inventory = detector.inventory();
        for level in LEVELS {
            let level = level.replace("/_pending_processes/3001", pending_at);
            let there = inventory.pointer(&level).and_then(|entry| entry.get("x_later"));
            assert_eq!(there, Some(&unknown), "{level}");
        }
    };
    let absent = world.sound("second");
    let absent = Doors { socket: "/nonexistent".as_ref(), library: "/nonexistent".as_ref(), ..absent };
    absent.scan(&detector).ends_with(1);
    check("/_pending_processes/3001");
    world.sound("second").scan(&detector).ends_with(0);
    check("/host_processes/3001");
    world.sound("second").scan(&detector).ends_with(0);
    check("/host_processes/3001");
}
