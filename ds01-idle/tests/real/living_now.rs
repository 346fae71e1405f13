//! GPUs that live, in real time: what the sampler, scans and checks make of them without a clock that is taken ahead.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use docker_rig::Container;
use nvml_standin::{Gpu, Living, MigInstance, Tenant, Work};

use crate::{
    living::told,
    proxy::{Proxy, Then},
    reaper::POLICY,
    story::{Story, main_pid, runs},
    told::STOPPED,
};

/// For so long the story goes on: twice what an idle container gets.
const STORY: Duration = Duration::from_secs(100);

/// A program of a third of a second of CPU, as Python and a CUDA context take it, that lives for three seconds. Then a pause.
const BRIEF: [&str; 3] = [
    "sh",
    "-c",
    "trap 'exit 0' TERM; while :; do timeout -s KILL 0.4 sh -c 'while :; do :; done'; sleep 3; sleep 14 & wait $!; done",
];

fn tenant(container: &Container, works: &[Work], gpu_instance_id: Option<u32>) -> Tenant {
    let pid = main_pid(container);
    Tenant { pid, memory_mib: 1_000, works: works.to_vec(), gpu_instance_id, ..Tenant::default() }
}

/// The process of `brief` that works, while there is one: the `sleep 3`.
fn working(brief: &Container) -> Option<u32> {
    let main = main_pid(brief);
    let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).ok()?;
    let mut pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.find(|pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\x003\0"))
}

/// Beside a busy neighbour: a small server, and a process that lives for three seconds now and then. On a MIG instance: a small
/// server, and one who does nothing. Through an MPS server: one who works, and one who does not.
#[test]
fn whoever_works_is_kept_and_the_idle_one_goes() {
    let Some(mut story) = Story::begin() else { return };
    story.reaper.set_policy(
        &POLICY
            .replace("docker: {idle_timeout: 9m", "docker: {idle_timeout: 45s")
            .replace("policies: {grace_period: 1m", "policies: {idle_detection_window: 2, grace_period: 1s"),
    );
    story.gpus.change(|scenario| {
        let mut parted = Gpu::new(&story.gpu(1), 81_920);
        parted =
            [0, 1].into_iter().fold(parted, |gpu, n| gpu.instance(MigInstance::new(n, &story.mig(n), n + 1, 9_856)));
        scenario.gpus[1] = parted;
        scenario.gpus.push(Gpu::new(&story.gpu(2), 81_920));
    });
    let on = |alias: &str, device: String| story.run(alias, &[&format!("--gpus=device={device}")], &[]);
    let (busy, server) = (on("busy", story.gpu(0)), on("server", story.gpu(0)));
    let brief = story.run("brief", &[&format!("--gpus=device={}", story.gpu(0))], &BRIEF);
    let (mig_server, mig_idle) = (on("mig-server", story.mig(0)), on("mig-idle", story.mig(1)));
    let (mps_busy, mps_idle) = (on("mps-busy", story.gpu(2)), on("mps-idle", story.gpu(2)));

    let bursts = |every_ms| Work { from_ms: 3_000, every_ms: Some(every_ms), for_ms: 300, ..Work::default() };
    let began_us = story.gpus.now().as_microsecond().unsigned_abs();
    // Of the few bursts that fit into so short a timeout, a driver can miss all: the stories that are hours long have that.
    let living = |tenants: Vec<Tenant>| Some(Living { began_us, tenants, missed_per_mille: 0, ..Living::default() });
    let mps = |container: &Container, works: &[Work]| Tenant { mps: true, ..tenant(container, works, None) };
    let mps_server = Tenant { pid: std::process::id(), memory_mib: 66, ..Tenant::default() };
    story.gpus.change(|scenario| {
        scenario.gpus[0].living =
            living(vec![tenant(&busy, &[Work::default()], None), tenant(&server, &[bursts(20_000)], None)]);
        scenario.gpus[1].living =
            living(vec![tenant(&mig_server, &[bursts(20_000)], Some(1)), tenant(&mig_idle, &[], Some(2))]);
        let through = vec![mps_server, mps(&mps_busy, &[Work::default()]), mps(&mps_idle, &[])];
        scenario.gpus[2].living = living(through);
        scenario.gpus[2].living.as_mut().unwrap().mps_server = Some(std::process::id());
    });

    // What ends lets go of its GPU.
    let gpus = story.gpus.clone();
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains("/stop") {
            gpus.change(|scenario| scenario.gpus[1].living.as_mut().unwrap().tenants.truncate(1));
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    let mut sampler = story.sampler();
    let begun = Instant::now();
    let mut next = [Duration::ZERO; 3];
    let mut there = None;
    // On a slow machine it takes longer.
    while begun.elapsed() < STORY || (runs(&mig_idle) && begun.elapsed() < 3 * STORY) {
        let works = working(&brief).filter(|_| runs(&brief));
        if works != there {
            there = works;
            let now_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
            story.gpus.change(|scenario| {
                let tenants = &mut scenario.gpus[0].living.as_mut().unwrap().tenants;
                let brief = works.map(|pid| {
                    let work = Work { from_ms: now_ms + 500, until_ms: Some(now_ms + 800), ..Work::default() };
                    Tenant { pid, memory_mib: 500, opens_ms: now_ms, works: vec![work], ..Tenant::default() }
                });
                tenants.truncate(2);
                tenants.extend(brief);
            });
        }
        let now = story.elapsed();
        for (which, every) in [5, 10, 15].map(Duration::from_secs).into_iter().enumerate() {
            if begun.elapsed() >= next[which] {
                next[which] += every;
                match which {
                    0 => sampler.look_at(&story, now),
                    1 => story.scan(now),
                    _ => drop(story.check(now)),
                }
            }
        }
        thread::sleep(Duration::from_millis(100));
    }

    assert_eq!(told(&story, "mig-idle"), ["idle_warning mig-idle", "idle_kill mig-idle"]);
    assert_eq!(story.done_to(&mig_idle), STOPPED);
    let kept = [("busy", busy), ("server", server), ("brief", brief), ("mig-server", mig_server)];
    for (alias, container) in kept.iter().chain(&[("mps-busy", mps_busy), ("mps-idle", mps_idle)]) {
        assert_eq!((told(&story, alias), runs(container)), (vec![], true), "{alias}");
    }
}
