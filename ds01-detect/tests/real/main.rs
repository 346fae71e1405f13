//! The program on a real Docker daemon and a real NVML library: the rig and the stand-in.
//!
//! The daemon is shared by tests that run side by side: each looks at its own containers only.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

#[path = "../support/mod.rs"]
mod support;

use support::{Detector, Gpus};

#[test]
fn smoke() {
    let Some(rig) = docker_rig::Rig::from_env() else { return };
    let gpus = Gpus::new(&nvml_standin::Scenario::default());
    let detector = Detector::new().docker(rig.socket()).nvml(gpus.library());
    let run = detector.run(&["--verbose"]).ends_with(0);
    eprintln!("{}", run.stderr());
    eprintln!("{:#}", detector.inventory());
    eprintln!("{:?}", detector.events());
}
