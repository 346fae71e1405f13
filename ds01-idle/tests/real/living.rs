//! GPUs whose figures move as an H200's do, through the driver's library.

use std::time::Duration;

use docker_rig::Container;
use nvml_standin::{Living, Tenant, Work};

use crate::{
    proxy::{Proxy, Then},
    story::{Story, StorySampler, main_pid, runs},
    told::STOPPED,
};

const MINUTE_MS: u64 = 60_000;

/// What a process does on the first GPU.
fn tenant(container: &Container, works: &[Work]) -> Tenant {
    Tenant { pid: main_pid(container), memory_mib: 1_000, works: works.to_vec(), ..Tenant::default() }
}

/// The story's first GPU lives from now on, and these are on it.
fn lives(story: &Story, tenants: &[Tenant]) {
    let began_us = story.gpus.now().as_microsecond().unsigned_abs();
    let living = Living { began_us, tenants: tenants.to_vec(), ..Living::default() };
    story.gpus.change(|scenario| scenario.gpus[0].living = Some(living));
}

/// What was told about a container that is idle.
pub(crate) fn told(story: &Story, alias: &str) -> Vec<String> {
    story.events_about(alias).into_iter().filter(|event| event.starts_with("idle_")).collect()
}

/// A sampler's look each five seconds, a scan each 30 seconds and a check each four minutes, from one minute to another.
pub(crate) fn watched(story: &Story, sampler: &mut StorySampler, from: u64, to: u64) {
    for half_minute in 2 * from..2 * to {
        let seconds = 30 * half_minute;
        (0..6).rev().for_each(|n| sampler.look_at(story, Duration::from_secs(seconds - 5 * n)));
        story.scan(Duration::from_secs(seconds));
        if half_minute % 8 == 0 {
            story.check(Duration::from_secs(30 * half_minute + 5));
        }
    }
}

/// On an H200, 0.3 s of work every 20 s beside a busy process was 2 to 4 %, and was called idle.
#[test]
fn a_small_server_beside_a_busy_neighbour_is_kept_while_it_serves_and_goes_when_it_ceases() {
    let Some(mut story) = Story::begin() else { return };
    let (busy, server) = (story.sitter("busy", &[]), story.sitter("server", &[]));
    let serves = Work { from_ms: 5_000, until_ms: Some(20 * MINUTE_MS), every_ms: Some(20_000), for_ms: 300 };
    lives(&story, &[tenant(&busy, &[Work::default()]), tenant(&server, &[serves])]);
    let mut sampler = story.sampler();
    watched(&story, &mut sampler, 1, 20);
    assert_eq!((told(&story, "server"), told(&story, "busy")), (vec![], vec![]), "both are at work");

    // What ends lets go of the GPU.
    let (gpus, pid) = (story.gpus.clone(), main_pid(&server));
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains("/stop") {
            gpus.change(|scenario| {
                let tenants = &mut scenario.gpus[0].living.as_mut().unwrap().tenants;
                tenants.retain(|tenant| tenant.pid != pid);
            });
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    watched(&story, &mut sampler, 20, 44);
    assert_eq!(told(&story, "server"), ["idle_warning server", "idle_kill server"]);
    assert_eq!(story.done_to(&server), STOPPED);
    assert_eq!((told(&story, "busy"), runs(&busy)), (vec![], true));
}

/// A process that lives for three seconds every minute, alone on its GPU: only its energy is sure to show.
#[test]
fn short_work_alone_on_a_gpu_is_kept() {
    let Some(story) = Story::begin() else { return };
    let brief = story.sitter("brief", &[]);
    let works = Work { from_ms: 7_000, every_ms: Some(61_000), for_ms: 300, ..Work::default() };
    lives(&story, &[tenant(&brief, &[works])]);
    for half_minute in 2..48 {
        story.scan(Duration::from_secs(30 * half_minute));
        if half_minute % 8 == 0 {
            story.check(Duration::from_secs(30 * half_minute + 5));
        }
    }
    assert_eq!(told(&story, "brief"), Vec::<String>::new());
}

/// Without a sampler nobody knows who does short work beside a busy neighbour, so that everybody there is waited for.
#[test]
fn without_a_sampler_nobody_is_stopped_beside_a_busy_neighbour() {
    let Some(story) = Story::begin() else { return };
    let (busy, idle) = (story.sitter("busy", &[]), story.sitter("idle", &[]));
    lives(&story, &[tenant(&busy, &[Work::default()]), tenant(&idle, &[])]);
    for half_minute in 2..48 {
        story.scan(Duration::from_secs(30 * half_minute));
        if half_minute % 8 == 0 {
            story.check(Duration::from_secs(30 * half_minute + 5));
        }
    }
    assert_eq!((told(&story, "idle"), told(&story, "busy")), (vec![], vec![]));
    assert!(runs(&idle) && runs(&busy));
}

/// Of clients of an MPS server all work is booked to the server: an idle one goes when nobody works through it.
#[test]
fn clients_of_an_mps_server_are_kept_while_one_of_them_works_and_go_when_none_does() {
    let Some(mut story) = Story::begin() else { return };
    let (busy, idle) = (story.sitter("busy", &[]), story.sitter("idle", &[]));
    let client = |container: &Container, works: &[Work]| Tenant { mps: true, ..tenant(container, works) };
    let until = Work { until_ms: Some(12 * MINUTE_MS), ..Work::default() };
    let server = Tenant { pid: std::process::id(), memory_mib: 66, ..Tenant::default() };
    let began_us = story.gpus.now().as_microsecond().unsigned_abs();
    let tenants = vec![server, client(&busy, &[until]), client(&idle, &[])];
    let living = Living { began_us, tenants, mps_server: Some(std::process::id()), ..Living::default() };
    story.gpus.change(|scenario| scenario.gpus[0].living = Some(living));
    let gpus = story.gpus.clone();
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains("/stop") {
            gpus.change(|scenario| scenario.gpus[0].living.as_mut().unwrap().tenants.truncate(1));
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    let mut sampler = story.sampler();
    watched(&story, &mut sampler, 1, 12);
    assert_eq!((told(&story, "busy"), told(&story, "idle")), (vec![], vec![]), "somebody works through the server");
    watched(&story, &mut sampler, 12, 30);
    for (alias, container) in [("busy", &busy), ("idle", &idle)] {
        assert_eq!(told(&story, alias), [format!("idle_warning {alias}"), format!("idle_kill {alias}")]);
        assert_eq!(story.done_to(container), STOPPED);
    }
}
