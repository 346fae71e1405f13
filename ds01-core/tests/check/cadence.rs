//! A scan every 30 seconds and a check every five minutes, as shipped: whenever somebody looks, the figures are the true ones.

use std::{sync::Arc, time::Duration};

use ds01_core::{
    idle::{self, Hands, Signal},
    scan::{self, ScanOptions},
    source::fake::{ContainerSpec, ProcessSpec, Work},
};

use crate::bench::{Bench, POLICY, trainer};

const CPU_PERCENT: f64 = 50.0;
const GPU_PERCENT: u32 = 97;
const NET_PER_SECOND: u64 = 10_000;

/// A steady worker, and one that does nothing.
fn containers() -> [ContainerSpec; 2] {
    let steady = trainer("steady", 501);
    let process = ProcessSpec { gpu_percent: GPU_PERCENT, ..steady.processes[0].clone() };
    let work = Work { cpu_percent: CPU_PERCENT, net_bytes_per_second: NET_PER_SECOND, ..Work::default() };
    [ContainerSpec { processes: vec![process], work, ..steady }, trainer("idle", 502)]
}

/// Whether a figure is within 5 % of the truth.
fn is_true(shown: f64, truth: f64) -> bool {
    (shown - truth).abs() <= truth * 0.05
}

#[test]
fn no_figure_is_off_whenever_somebody_looks() {
    let bench = Bench::new(POLICY, &containers());
    let scan = || {
        let idle::CheckOptions { state_dir, events, deadline, settings, .. } = bench.options();
        scan::run(&bench.sources, &ScanOptions { state_dir, events, deadline, settings, metrics: None }).unwrap()
    };
    let mut looked = 0;
    for second in 0..=660_u64 {
        if second % 30 == 0 {
            scan();
        }
        // Between two scans, as timers that know nothing of each other fall.
        if second % 300 == 7 {
            bench.check();
        }
        if second > 330 {
            let hands = Hands {
                controls: ds01_core::source::Controls::docker(Arc::clone(&bench.control)),
                broadcast: bench.people.clone(),
            };
            let looks = idle::preview(&bench.sources, &hands, &bench.options()).unwrap();
            for (id, case) in looks.cases() {
                let track = case.track.unwrap();
                let interval = track.interval.as_ref().unwrap();
                let age = looks.look.now.since(track.last.boot_ms);
                let at = format!("{}, {second} s: {interval:?}", case.facts.name);
                assert!(interval.length_ms >= 10_000 && age < Duration::from_secs(10), "{at}");
                let signals = &interval.signals;
                let (Signal::Active(cpu) | Signal::Idle(cpu)) = signals.cpu else { panic!("{at}") };
                let (Signal::Active(net) | Signal::Idle(net)) = signals.network else { panic!("{at}") };
                let gpu = signals.gpu.to_string();
                if case.facts.name == "idle" {
                    assert!(cpu.abs() < 0.1 && net == 0 && gpu == "GPU 0 %", "{at}");
                    continue;
                }
                assert!(is_true(cpu, CPU_PERCENT) && gpu == format!("GPU {GPU_PERCENT} %"), "{at}");
                // It counts from the scan just before a check to the observation that the interval ended with.
                let observed = second - age.as_secs();
                let counted_from = if observed > 607 { 600 } else { 300 };
                assert_eq!(net, NET_PER_SECOND * (observed - counted_from), "{at}");
                looked += 1;
                assert_eq!(looks.plan.decisions[id].idle, Duration::ZERO, "{at}");
            }
        }
        bench.host.advance(Duration::from_secs(1));
    }
    assert_eq!(looked, 330);
}
