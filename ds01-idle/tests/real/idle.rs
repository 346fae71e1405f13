//! Who works lives; who does nothing at all is warned, and then goes.

use std::{fs, time::Duration};

use docker_rig::{Container, wait_until};
use nvml_standin::{Gpm, Gpu, MigInstance};

use crate::{
    living::{told, watched},
    proxy::{Proxy, Then},
    reaper::POLICY,
    story::{DEADLINE, Story, main_pid, runs},
    told::{STOP, STOPPED, WARNING, strings, unboxed},
};

#[test]
fn idle_on_all_is_warned_at_80_percent_and_stopped_at_100() {
    const SHIPPED: &str = include_str!("../../../config/runtime/resource-limits.yaml");
    let Some(story) = Story::begin() else { return };
    story.reaper.set_policy(SHIPPED);
    let idle = story.sitter("idle", &["--label=ds01.user=ann"]);
    // Its grace period is half an hour.
    story.check(31);
    for minute in [36, 41, 46, 51, 56, 62] {
        story.check(Duration::from_secs(60 * minute + 15));
        let (events, done): (&[&str], &[&str]) = match minute {
            ..56 => (&[], &[]),
            56 => (&["idle_warning idle"], &[]),
            _ => (&["idle_warning idle", "idle_kill idle", "gpu_released idle"], &STOPPED),
        };
        assert_eq!((story.events(), story.done_to(&idle)), (strings(events), strings(done)), "at minute {minute}");
    }
    assert_eq!(story.notices(), [format!("{WARNING}: idle"), format!("{STOP}: idle")]);

    let told: Vec<String> = story.reaper.notices().iter().map(|notice| unboxed(notice).join("\n")).collect();
    let events: Vec<String> = story.reaper.events().iter().map(|event| format!("{event:#}")).collect();
    let text = story.plain(&[told, events].concat().join("\n\n"));
    let filters = [
        (r"\b(\d+m)\d+s\b", "$1[n]s"),
        (r#""(idle|stop_in)_seconds": \d+"#, r#""${1}_seconds": [n]"#),
        (r#""timestamp": "[^"]+""#, r#""timestamp": "[time]""#),
        // Where a test may not look at the host's network, neither may the program.
        ("network (unknown|0 bytes)", "network [0 bytes]"),
    ];
    insta::with_settings!({ filters => filters, omit_expression => true }, { insta::assert_snapshot!(text) });
}

/// The bug that all this began with.
#[test]
fn a_busy_gpu_and_no_cpu_lives() {
    let Some(story) = Story::begin() else { return };
    let (busy, idle) = (story.sitter("busy", &[]), story.idle_beside());
    story.gpus.work(&story.gpu(0), main_pid(&busy), 97);
    story.shows_that_only_idle_goes(&idle, &[&busy]);
}

#[test]
fn an_idle_gpu_and_a_data_loader_lives() {
    let Some(story) = Story::begin() else { return };
    // Clocks can be moved, and counters can't: half a second of work has to count over four minutes.
    story.reaper.set_policy(&POLICY.replace("policies: {", "policies: {cpu_idle_threshold: 0.1, "));
    let (loader, idle) = (story.loader("loader", &[]), story.idle_beside());
    for minute in [2, 6, 10, 14, 18] {
        let (before, pid) = (cpu_ticks(main_pid(&loader)), main_pid(&loader));
        wait_until("half a second of work", DEADLINE, || cpu_ticks(pid) >= before + 50);
        story.check(minute);
    }
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.notices(), [format!("{WARNING}: idle"), format!("{STOP}: idle")]);
    assert_eq!((story.done_to(&loader), runs(&loader)), (vec![], true));
    assert_eq!(story.done_to(&idle), STOPPED);
}

/// CPU time that a process used, in hundredths of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn of_two_gpus_one_that_is_busy_is_enough() {
    let Some(story) = Story::begin() else { return };
    let both = story.run("both", &[&story.gpus_option(&[0, 1])], &[]);
    story.gpus.work(&story.gpu(1), main_pid(&both), 40);
    story.checks([2, 6, 10, 14, 18]);
    assert_eq!((story.events(), story.notices(), story.done_to(&both)), (vec![], vec![], vec![]));
    story.gpus.leave(main_pid(&both));
    story.checks([22, 26, 30]);
    assert_eq!(story.events(), ["idle_warning both", "idle_kill both", "gpu_released both"]);
    assert_eq!(story.done_to(&both), STOPPED);
}

#[test]
fn of_two_that_share_a_gpu_the_idle_one_goes() {
    let Some(mut story) = Story::begin() else { return };
    let (busy, idle) = (story.sitter("busy", &[]), story.sitter("idle", &[]));
    story.gpus.work(&story.gpu(0), main_pid(&busy), 97);
    let idle_pid = main_pid(&idle);
    story.gpus.work(&story.gpu(0), idle_pid, 0);
    let gpus = story.gpus.clone();
    // What ends lets go of the GPU.
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains("/stop") {
            gpus.leave(idle_pid);
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    watched(&story, &mut story.sampler(), 1, 23);
    assert_eq!(told(&story, "idle"), ["idle_warning idle", "idle_kill idle"]);
    assert_eq!(story.done_to(&idle), STOPPED);
    assert_eq!((told(&story, "busy"), story.done_to(&busy), runs(&busy)), (vec![], vec![], true));
}

/// A container on a MIG instance of the story's first GPU.
fn on_instance(story: &Story, alias: &str, n: u32) -> Container {
    story.run(alias, &[&format!("--gpus=device={}", story.mig(n))], &[])
}

/// A GPU in MIG mode, and for each of two instances what GPM says of it.
fn partitioned(story: &Story, gpm: [Option<f64>; 2]) {
    let instance = |n: u32| {
        let gpm = gpm[usize::try_from(n).unwrap()].map(|graphics| Gpm { graphics, sm: graphics });
        MigInstance { gpm, ..MigInstance::new(n, &story.mig(n), n + 1, 9_856) }
    };
    let gpu = Gpu::new(&story.gpu(0), 81_920).instance(instance(0)).instance(instance(1));
    story.gpus.change(|scenario| scenario.gpus = vec![gpu]);
}

#[test]
fn a_mig_instance_is_judged_by_gpm() {
    let Some(story) = Story::begin() else { return };
    partitioned(&story, [Some(71.5), Some(0.0)]);
    let (busy, idle) = (on_instance(&story, "busy", 0), on_instance(&story, "idle", 1));
    // A look sees a tenth of a second of an instance. Without a sampler next to nothing is observed, and everybody waits.
    story.checks([2, 6, 10, 14, 18, 22]);
    assert_eq!((story.events(), story.done_to(&idle), story.done_to(&busy)), (vec![], vec![], vec![]));
    story.sampled(&[(story.mig(0), 71.5), (story.mig(1), 0.0)], 22..=44);
    story.checks([26, 30, 34, 38, 42]);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.done_to(&idle), STOPPED);
    assert_eq!(story.done_to(&busy), Vec::<String>::new());
    let evidence = story.reaper.events()[1]["details"]["evidence"].as_str().unwrap().to_owned();
    assert!(evidence.starts_with("GPU 0 %, "), "{evidence}");
}

#[test]
fn a_mig_instance_without_gpm_is_judged_by_the_rest_or_never() {
    let Some(story) = Story::begin() else { return };
    partitioned(&story, [None, None]);
    story.reaper.set_policy(&format!("{POLICY}user_overrides: {{ann: {{policies: {{gpu_unknown: never}}}}}}\n"));
    let (idle, ann) = (on_instance(&story, "idle", 0), {
        let option = format!("--gpus=device={}", story.mig(1));
        story.run("ann", &[&option, "--label=ds01.user=ann"], &[])
    });
    story.shows_that_only_idle_goes(&idle, &[&ann]);
    let evidence = story.reaper.events()[1]["details"]["evidence"].as_str().unwrap().to_owned();
    let warning = &story.told_about("idle")[0];
    assert!(warning.contains("Its GPU could not be read; nothing else in it was at work."), "{warning}");
    assert!(evidence.starts_with("GPU unknown (") && evidence.contains("this GPU has no GPM"), "{evidence}");
}
