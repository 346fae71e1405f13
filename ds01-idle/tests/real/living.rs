//! GPUs whose figures move as an H200's do, through the driver's library.

use std::time::Duration;

use docker_rig::Container;
use nvml_standin::{Living, Tenant, Work};

use crate::{
    proxy::{Proxy, Then},
    story::{Story, main_pid, runs},
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

/// Scans each 30 seconds and a check each four minutes, from one minute to another.
fn watched(story: &Story, from: u64, to: u64) {
    for half_minute in 2 * from..2 * to {
        story.scan(Duration::from_secs(30 * half_minute));
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
    watched(&story, 1, 20);
    let told = |alias: &str| {
        story.events_about(alias).into_iter().filter(|event| event.starts_with("idle_")).collect::<Vec<_>>()
    };
    assert_eq!((told("server"), told("busy")), (vec![], vec![]), "both are at work");

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
    watched(&story, 20, 44);
    let told = |alias: &str| {
        story.events_about(alias).into_iter().filter(|event| event.starts_with("idle_")).collect::<Vec<_>>()
    };
    assert_eq!(told("server"), ["idle_warning server", "idle_kill server"]);
    assert_eq!(story.done_to(&server), STOPPED);
    assert_eq!((told("busy"), runs(&busy)), (vec![], true));
}

/// A process that lives for three seconds every minute, alone on its GPU: only its energy is sure to show.
#[test]
fn short_work_alone_on_a_gpu_is_kept() {
    let Some(story) = Story::begin() else { return };
    let brief = story.sitter("brief", &[]);
    let works = Work { from_ms: 7_000, every_ms: Some(61_000), for_ms: 300, ..Work::default() };
    lives(&story, &[tenant(&brief, &[works])]);
    watched(&story, 1, 24);
    let events = story.events_about("brief");
    assert!(!events.iter().any(|event| event.starts_with("idle_")), "{events:?}");
}
