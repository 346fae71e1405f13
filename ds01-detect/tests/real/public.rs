//! What everybody may see, after scans of a real daemon and a real library.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use docker_rig::BUSYBOX;
use nvml_standin::{Code, Fault, Gpu, Process, Scenario, Utilization};
use serde_json::Value;

use crate::host::{A, B, Host, gpus};

fn busy(utilization: u32) -> Scenario {
    let mut scenario = gpus(|uuid| if uuid == B { vec![Process::new(4_000_000, 500)] } else { Vec::new() });
    let told = Some(Utilization { gpu: utilization, memory: 0 });
    scenario.gpus[1] = Gpu { utilization: told, power_mw: Some(301_500), ..scenario.gpus[1].clone() };
    scenario.gpus[0].faults.insert("*".to_owned(), Fault::Code(Code::GpuIsLost));
    scenario
}

#[test]
fn gpus_at_work_held_and_lost_are_written_for_everybody() {
    let Some(host) = Host::new() else { return };
    let public = tempfile::tempdir().unwrap();
    fs::set_permissions(public.path(), Permissions::from_mode(0o755)).unwrap();
    let container = host.rig.run_container(&["--label=ds01.user=ann", "--gpus=device=1", BUSYBOX, "sleep", "100000"]);
    let scan = |code| {
        host.detector.run(&["--public-dir", public.path().to_str().unwrap()]).ends_with(code);
        let file = public.path().join("gpus.json");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains(container.name()) && !text.contains(BUSYBOX), "neither names nor images: {text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let gpu = |picture: &Value, label: &str| {
        let gpus = picture["gpus"].as_array().unwrap();
        gpus.iter().find(|gpu| gpu["gpu"] == label).unwrap_or_else(|| panic!("{label}: {picture}")).clone()
    };
    let hers = |gpu: &Value| gpu["holders"].as_array().unwrap().iter().any(|holder| holder["user"] == "ann");

    scan(0);
    host.gpus.become_those_of(&busy(80));
    let picture = scan(1);
    let worked = gpu(&picture, "1");
    assert_eq!((&worked["uuid"], &worked["state"]), (&Value::from(B), &Value::from("at_work")));
    assert_eq!((&worked["utilization_percent"], &worked["power_watts"]), (&Value::from(80.0), &Value::from(301.5)));
    assert_eq!(worked["memory_used_mb"], 500);
    assert!(hers(&worked), "{worked}");
    let lost = gpu(&picture, "0");
    assert_eq!(lost["uuid"], A);
    assert_ne!(lost["state"], "free", "nobody can tell");
    assert_eq!((&gpu(&picture, "2")["state"], &gpu(&picture, "2:1")["gpu"]), (&"partitioned".into(), &"2:1".into()));

    host.gpus.become_those_of(&busy(0));
    let picture = scan(1);
    assert_eq!(gpu(&picture, "1")["state"], "held", "no check was made that would say whether it is idle");
    container.docker(&["kill"]);
    let picture = scan(1);
    assert!(!hers(&gpu(&picture, "1")), "who does not run holds nothing: {picture}");
}
