//! GPUs of AMD's beside one of NVIDIA's: the whole program, on a `/sys` as AMD's driver fills it.

use std::path::Path;

use docker_rig::fake_daemon::{Containers, FakeDaemon};
use nvml_standin::{Gpu, Process, Scenario};
use serde_json::{Value, json};

use crate::{
    child::ProcRoot,
    host::A,
    support::{Detector, Gpus},
};

const SYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/amd/two-mi210/sys");

#[test]
fn who_computes_on_amds_gpus_is_in_the_picture() {
    const NVIDIAS: u32 = 5000;
    let daemon = FakeDaemon::start(|request| Containers::new("1.41", "1.12").answer(request)).unwrap();
    let proc_root = ProcRoot::new();
    let gpu = Gpu { processes: vec![Process::new(NVIDIAS, 7)], ..Gpu::new(A, 81_920) };
    let library = Gpus::new(&Scenario::default().gpu(gpu));
    let detector = Detector::new().docker(daemon.socket()).nvml(library.library()).proc_root(proc_root.path());
    let detector = detector.sys_root(Path::new(SYS));
    for pid in [4242, 4343, 4444, NVIDIAS] {
        proc_root.put(pid, 54_321, 1000, b"python3\0train.py\0");
    }
    detector.run(&[]).ends_with(0);
    detector.run(&[]).ends_with(0);
    let inventory = detector.inventory();
    let gpus = inventory["gpus"].as_array().unwrap();
    let of = |field: &str| -> Vec<Value> { gpus.iter().map(|gpu| gpu[field].clone()).collect() };
    let (first, second) = ("GPU-4fd3d0e445b9207e", "GPU-6c62a3758b84fd47");
    assert_eq!(of("uuid"), [json!(A), json!(first), json!(second)]);
    assert_eq!(of("index"), [json!(0), json!(0), json!(1)]);
    assert_eq!(of("vendor"), [Value::Null, json!("amd"), json!("amd")]);
    assert_eq!(gpus[1]["usage"]["utilization"], json!({ "percent": 93.0, "source": "busy" }));
    assert_eq!((&gpus[1]["usage"]["power_watts"], &gpus[1]["name"]), (&json!(261.0), &json!("AMD Instinct MI210")));
    assert_eq!(inventory["sources"]["amd"]["state"], "ok");
    let held = |pid: u32| {
        let entry = &inventory["host_processes"][pid.to_string()];
        (entry["gpu_uuid"].clone(), entry["gpu_memory_mb"].clone())
    };
    assert_eq!(held(4242), (json!(first), json!(20_480)));
    assert_eq!(held(4343), (json!(second), json!(0)));
    assert_eq!(held(NVIDIAS), (json!(A), json!(7)));
    assert_eq!(held(4444), (Value::Null, Value::Null), "it uses none");
}
