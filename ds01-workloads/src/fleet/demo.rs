//! The sample fleet of `--fleet --demo`: every state that a host can be in.

use std::time::Duration;

use ds01_core::detect::Inventory;
use jiff::Timestamp;

use super::{
    host::{Container, FailedSource, Gpu, Host, Process, State, Use},
    seen::Seen,
    told,
};
use crate::{gpus::Hold, row::Type, source};

const GIB: u64 = 1024 * 1024 * 1024;

/// The fleet as if it was seen `at` then.
pub(super) fn fleet(at: Timestamp) -> Seen {
    let ago = |minutes: u64| at - Duration::from_secs(60 * minutes);
    // The sample host of `--demo`, which is compiled in and tested: it is sound.
    let lab = source::demo(at).unwrap_or_else(|_| Inventory::empty());
    let hosts = vec![
        told::host("gpu01", &lab, at),
        Host {
            containers: Some(vec![
                container("a1", "llama-sft", "erin", Some(ago(2_900)), vec![held("0", 71), held("1", 70)]),
                container("a2", "notebook-7", "farid", Some(ago(190)), vec![given("2")]),
            ]),
            host_processes: Some(vec![Process {
                user: Some("gina".to_owned()),
                processes: 2,
                pid: None,
                name: None,
                started_at: None,
                gpus: vec![held("3", 12)],
                gpu_memory_bytes: Some(12 * GIB),
                belongs_to: Vec::new(),
                stale: false,
            }]),
            ..answering("gpu02", 4, ago(0))
        },
        answering("gpu03", 8, ago(0)),
        Host {
            containers: None,
            failed_sources: vec![FailedSource { source: "docker".to_owned(), last_good: Some(ago(34)) }],
            ..answering("gpu04", 4, ago(0))
        },
        Host {
            state: State::Stale,
            why: Some("its last scan was 47m ago: see ds01-workload-detector.timer there".to_owned()),
            containers: Some(vec![container("b1", "eval", "erin", Some(ago(300)), vec![held("0", 22)])]),
            ..answering("gpu05", 2, ago(47))
        },
        Host::silent("gpu06", Some(ago(126)), "its exporter does not answer Prometheus".to_owned()),
    ];
    Seen { at, hosts, from: "demo", said: Vec::new() }
}

fn answering(name: &str, gpus: u8, last_word: Timestamp) -> Host {
    let gpu = |index: u8| Gpu {
        gpu: index.to_string(),
        uuid: format!("GPU-{name}-{index}"),
        model: Some("NVIDIA H100 80GB HBM3".to_owned()),
        profile: None,
        memory_bytes: Some(80 * GIB),
    };
    Host {
        host: name.to_owned(),
        state: State::Answers,
        last_word: Some(last_word),
        why: None,
        failed_sources: Vec::new(),
        gpus: Some((0..gpus).map(gpu).collect()),
        containers: Some(Vec::new()),
        host_processes: Some(Vec::new()),
    }
}

fn container(id: &str, name: &str, user: &str, started_at: Option<Timestamp>, gpus: Vec<Use>) -> Container {
    let memory: u64 = gpus.iter().filter_map(|held| held.memory_bytes).sum();
    Container {
        id: format!("{id:0<12}"),
        engine: None,
        name: name.to_owned(),
        user: Some(user.to_owned()),
        user_source: Some("label:ds01.user".to_owned()),
        kind: Type::RawDocker,
        image: Some("pytorch:2.9".to_owned()),
        status: Some("running".to_owned()),
        started_at,
        infrastructure: false,
        has_gpu: Some(true),
        gpus,
        gpu_memory_bytes: Some(memory),
        stale: false,
    }
}

fn held(gpu: &str, gigabytes: u64) -> Use {
    Use { gpu: gpu.to_owned(), hold: Hold::Held, memory_bytes: Some(gigabytes * GIB) }
}

fn given(gpu: &str) -> Use {
    Use { gpu: gpu.to_owned(), hold: Hold::Given, memory_bytes: None }
}
