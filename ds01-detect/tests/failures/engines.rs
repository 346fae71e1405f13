//! What several engines cost: of each, in a steady scan, its version and its list.

use docker_rig::fake_daemon::{Containers, FakeDaemon};
use nvml_standin::Scenario;

use crate::{
    host::container,
    support::{Detector, Gpus},
};

/// An engine with this many containers, which have numbers of their own on each engine, and no process on any.
fn engine(first: u32, count: u32) -> FakeDaemon {
    let numbers = first..first + count;
    let containers = numbers.fold(Containers::new("1.41", "1.12"), |all, number| container(all, number, "created"));
    FakeDaemon::start(move |request| containers.answer(request)).unwrap()
}

/// What it was asked since the last call of this.
fn asked(daemon: &FakeDaemon, before: &mut usize) -> Vec<String> {
    let all = daemon.requests();
    all[std::mem::replace(before, all.len())..].to_vec()
}

#[test]
fn a_steady_scan_sends_each_engine_two_requests_however_many_there_are() {
    let gpus = Gpus::new(&Scenario::default());
    let engines = [engine(1, 5), engine(11, 40), engine(101, 1)];
    let [docker, podman, lab] = &engines;
    let detector = Detector::new().docker(docker.socket()).nvml(gpus.library());
    let detector = detector.engine("podman", podman.socket()).engine("lab", lab.socket());
    let mut seen = [0; 3];
    let mut scan = || {
        detector.run(&[]).ends_with(0);
        let mut requests = engines.iter().zip(&mut seen).map(|(daemon, before)| asked(daemon, before));
        [(); 3].map(|()| requests.next().unwrap())
    };
    assert_eq!(scan().map(|sent| sent.len()), [2 + 5, 2 + 40, 2 + 1], "each container is inspected once");
    for _ in 0..2 {
        for sent in scan() {
            let [version, list] = &sent[..] else { panic!("{sent:?}") };
            assert_eq!(version, "/version");
            assert!(list.starts_with("/v1.41/containers/json?"), "{list}");
        }
    }
}
