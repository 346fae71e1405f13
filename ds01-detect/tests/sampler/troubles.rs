//! What becomes of samples in trouble: less is seen, and nothing else happens.

use std::{
    fs::{self, File},
    io::Write,
};

use docker_rig::namespace;
use nvml_standin::{Code, Fault, Gpu, Scenario};

use crate::{gpus::Gpus, run::Place};

const WELL: &str = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const AILING: &str = "GPU-bbbbbbbb-0000-4000-8000-000000000000";

fn two() -> Scenario {
    Scenario::default().gpu(Gpu::new(WELL, 81_920)).gpu(Gpu::new(AILING, 81_920))
}

fn with_fault(function: &str, fault: Fault) -> Scenario {
    let mut scenario = two();
    scenario.gpus[1].faults.insert(function.to_owned(), fault);
    scenario
}

#[test]
fn without_a_driver_it_waits_for_one() {
    let place = Place::new();
    let gpus = Gpus::new(&two());
    let hidden = gpus.library().with_extension("hidden");
    fs::rename(gpus.library(), &hidden).unwrap();
    let mut running = place.start(&gpus, 50);
    let said = running.says();
    assert!(said.starts_with("ds01-detect: nvml: ") && said.contains("No such file"), "{said}");
    assert_eq!(running.says().trim(), "what is done on the GPUs meanwhile is not seen; this goes on trying");
    fs::rename(hidden, gpus.library()).unwrap();
    assert_eq!(running.says(), "ds01-detect: the GPUs are watched again", "said once, not at each try");
    assert_eq!(place.wait_for("a sample", |samples| !samples.is_empty())[0].devices.len(), 2);
}

#[test]
fn of_a_lost_gpu_nothing_is_seen_and_of_the_others_all() {
    let place = Place::new();
    let gpus = Gpus::new(&two());
    let mut running = place.start(&gpus, 50);
    place.wait_for("samples of both", |samples| samples.last().is_some_and(|sample| sample.devices.len() == 2));
    gpus.become_those_of(&with_fault("*", Fault::Code(Code::GpuIsLost)));
    let samples =
        place.wait_for("samples of one", |samples| samples.last().is_some_and(|sample| sample.devices.len() == 1));
    assert_eq!(samples.last().unwrap().devices[0].uuid, WELL);
    gpus.become_those_of(&two());
    place.wait_for("samples of both again", |samples| samples.last().unwrap().devices.len() == 2);
    assert!(running.runs());
}

#[test]
fn a_driver_that_was_reloaded_is_loaded_anew() {
    let place = Place::new();
    let gpus = Gpus::new(&two());
    let mut running = place.start(&gpus, 50);
    place.wait_for("samples", |samples| samples.len() >= 2);
    let mut gone = two();
    gone.faults.insert("nvmlDeviceGetCount".to_owned(), Fault::Code(Code::Uninitialized));
    gone.faults.insert("nvmlInit".to_owned(), Fault::Code(Code::DriverNotLoaded));
    gpus.become_those_of(&gone);
    let said = running.says();
    assert!(said.contains("nvmlDeviceGetCount"), "{said}");
    running.says();
    let said = running.says();
    assert!(said.contains("nvmlInit_v2"), "each other trouble is said: {said}");
    running.says();
    let before = place.samples().len();
    gpus.become_those_of(&two());
    assert_eq!(running.says(), "ds01-detect: the GPUs are watched again");
    place.wait_for("more samples", |samples| samples.len() > before + 1);
}

#[test]
fn a_driver_that_hangs_costs_the_time_that_it_hangs() {
    let place = Place::new();
    let gpus = Gpus::new(&two());
    let mut running = place.start(&gpus, 50);
    let before = place.wait_for("samples", |samples| samples.len() >= 2).len();
    gpus.become_those_of(&with_fault("nvmlDeviceGetUUID", Fault::Hang { hang_seconds: 6.0 }));
    let said = running.says();
    assert!(said.contains("nvml: timed out"), "{said}");
    gpus.become_those_of(&two());
    running.says();
    assert_eq!(running.says(), "ds01-detect: the GPUs are watched again");
    let samples = place.wait_for("more samples", |samples| samples.len() > before + 3);
    assert!(samples.windows(2).all(|pair| pair[0].to_ms == pair[1].from_ms), "nothing lies between");
}

#[test]
fn a_full_disk_takes_samples_and_leaves_whole_lines() {
    if !namespace::inside("troubles::a_full_disk_takes_samples_and_leaves_whole_lines", as_root) {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.samples_dir()).unwrap();
    namespace::mount(&["-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs"], &place.samples_dir());
    let gpus = Gpus::new(&two());
    let mut running = place.start(&gpus, 20);
    place.wait_for("a sample", |samples| !samples.is_empty());
    let filler = place.samples_dir().join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write(&[0; 512]).is_ok_and(|written| written > 0) {}
    drop(file);
    // The last line that fits in part, and then none.
    let said = running.says();
    assert!(said.contains("can't append to") && said.contains("gpu-samples.jsonl"), "{said}");
    let before = place.samples();
    fs::remove_file(filler).unwrap();
    while running.says() != "ds01-detect: the GPUs are watched again" {}
    let after = place.wait_for("more samples", |samples| samples.len() > before.len() + 1);
    assert_eq!(after[..before.len()], before);
}

/// Mounting needs root, which continuous integration has.
fn as_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "mounting: needs root");
    root
}

#[test]
fn where_others_can_write_nothing_is_written() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let gpus = Gpus::new(&two());
    let open = Place::new();
    fs::create_dir(open.samples_dir()).unwrap();
    fs::set_permissions(open.samples_dir(), fs::Permissions::from_mode(0o777)).unwrap();
    let said = open.start(&gpus, 50).says();
    assert!(said.contains("others than its owner can write to this directory"), "{said}");

    let linked = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), linked.samples_dir()).unwrap();
    let said = linked.start(&gpus, 50).says();
    assert!(said.contains("a link is not followed"), "{said}");

    let planted = Place::new();
    fs::create_dir(planted.samples_dir()).unwrap();
    let target = elsewhere.path().join("target");
    symlink(&target, planted.samples_dir().join("gpu-samples.jsonl")).unwrap();
    let said = planted.start(&gpus, 50).says();
    assert!(said.contains("this is a link, and not followed"), "{said}");
    assert!(!target.exists());
}
