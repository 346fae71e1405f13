//! The table of GPUs on terminals of several widths and in a pipe.

use ds01_core::{
    idle::gpus::{Activity, GpuState, Holder, HolderKind, Occupancy, Picture, StopFor},
    policy::PublicView,
    table::Medium,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Gpus, table::drawn};
use crate::{
    cli::{Cli, GpuOptions, Task},
    source::demo_with_checks,
};
use clap::Parser;

fn now() -> Timestamp {
    "2026-03-02T14:30:00Z".parse().unwrap()
}

fn minutes(count: i64) -> Timestamp {
    now() + SignedDuration::from_mins(count)
}

fn gpu(label: &str, state: Occupancy, holders: Vec<Holder>) -> GpuState {
    GpuState {
        gpu: label.to_owned(),
        uuid: format!("GPU-{label}"),
        model: Some("NVIDIA A100-SXM4-80GB".to_owned()),
        profile: label.contains(':').then(|| "3g.40gb".to_owned()),
        state,
        idle_since: (state == Occupancy::HeldIdle).then(|| minutes(-200)),
        memory_total_mb: Some(81_920),
        memory_used_mb: Some(61_240),
        utilization_percent: Some(97.4),
        power_watts: Some(371.2),
        measured_at: Some(now()),
        why: None,
        holders,
    }
}

fn holder(user: Option<&str>, name: Option<&str>) -> Holder {
    Holder {
        kind: if name.is_some() { HolderKind::Container } else { HolderKind::Process },
        user: user.map(ToOwned::to_owned),
        name: name.map(ToOwned::to_owned),
        since: Some(minutes(-600)),
        context: Some(true),
        memory_mb: Some(1),
        activity: Activity::Unknown,
        idle_since: None,
        stop_at: None,
        stop_for: None,
        kept_until: None,
    }
}

/// Every state, and the figures that can be missing.
fn every_state() -> Vec<GpuState> {
    let stops =
        |stop_for, at| Holder { stop_at: Some(at), stop_for: Some(stop_for), ..holder(Some("ben"), Some("resnet")) };
    let kept = Holder { kept_until: Some(minutes(300)), ..stops(StopFor::MaxRuntime, minutes(3_000)) };
    let dead = Holder { kind: HolderKind::DeadProcess, ..holder(None, None) };
    let bare = |gpu: GpuState| GpuState {
        memory_used_mb: None,
        utilization_percent: None,
        power_watts: None,
        model: None,
        ..gpu
    };
    let hostile = holder(Some("mallory\u{1b}[2J"), Some("\u{202e}evil\nname"));
    vec![
        gpu("0", Occupancy::Free, vec![]),
        gpu(
            "1",
            Occupancy::AtWork,
            vec![holder(Some("alice"), Some("thesis")), holder(Some("dmitri@uni.example"), None)],
        ),
        gpu("2", Occupancy::HeldIdle, vec![stops(StopFor::Idle, minutes(20))]),
        gpu("3", Occupancy::Partitioned, vec![]),
        gpu("3:0", Occupancy::HeldIdle, vec![kept]),
        gpu("3:1", Occupancy::AtWork, vec![stops(StopFor::MaxRuntime, minutes(3_000))]),
        gpu("4", Occupancy::Held, vec![dead, hostile]),
        bare(gpu("5", Occupancy::Unknown, vec![])),
        GpuState { measured_at: Some(minutes(-60)), ..gpu("6", Occupancy::Unknown, vec![holder(Some("alice"), None)]) },
    ]
}

fn seen(gpus: Vec<GpuState>) -> Gpus {
    let picture = Picture {
        schema_version: "1".to_owned(),
        host: Some("lab".to_owned()),
        at: Some(now()),
        view: PublicView::Full,
        failed: Vec::new(),
        untold: 1,
        gpus,
    };
    Gpus { picture, now: now(), notes: Vec::new(), is_public: false, knows_idle: true }
}

fn widths() -> [(&'static str, Option<usize>); 3] {
    [("80", Some(80)), ("200", Some(200)), ("piped", None)]
}

#[test]
fn every_state_at_every_width() {
    for (name, width) in widths() {
        let text = drawn(&seen(every_state()), Medium { width, color: false }, true, &TimeZone::UTC);
        assert!(width.is_none_or(|width| text.lines().all(|line| line.chars().count() <= width)), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        insta::assert_snapshot!(format!("every_state_{name}"), text);
    }
    let bare = drawn(&seen(every_state()), Medium { width: None, color: false }, false, &TimeZone::UTC);
    assert_eq!(bare.lines().count(), every_state().len());
}

#[test]
fn the_public_part_says_so() {
    let mut public = Gpus { is_public: true, ..seen(every_state()) };
    public.picture.view = PublicView::Owners;
    let text = drawn(&public, Medium { width: Some(80), color: false }, true, &TimeZone::UTC);
    assert!(text.contains("this is the public part (public_view: owners)"), "{text}");
}

#[test]
fn the_sample_host() {
    let (inventory, idleness, policy) = demo_with_checks(now()).unwrap();
    let at = inventory.last_scan.unwrap();
    let states = ds01_core::idle::gpus::states(&inventory, Some(&idleness), Some(&policy), at, &TimeZone::UTC);
    for (name, width) in widths() {
        let picture = Picture::new(&inventory, states.clone(), PublicView::Full);
        let sample = Gpus { picture, now: at, ..seen(vec![]) };
        insta::assert_snapshot!(
            format!("sample_{name}"),
            drawn(&sample, Medium { width, color: false }, true, &TimeZone::UTC)
        );
    }
}

fn options(arguments: &[&str]) -> GpuOptions {
    let cli = Cli::try_parse_from([&["ds01-workloads", "--by-gpu"], arguments].concat()).unwrap();
    match cli.task() {
        Task::ByGpu(options) => *options,
        task => panic!("{task:?}"),
    }
}

#[test]
fn filters_choose_by_gpu_and_by_whoever_holds_it() {
    let shown = |arguments: &[&str]| {
        let options = options(arguments);
        every_state().into_iter().filter(|gpu| options.shows(gpu)).map(|gpu| gpu.gpu).collect::<Vec<_>>()
    };
    assert_eq!(shown(&["--gpu", "3"]), ["3", "3:0", "3:1"]);
    assert_eq!(shown(&["--gpu", "3:1", "--gpu", "GPU-0"]), ["0", "3:1"]);
    assert_eq!(shown(&["--user", "alice"]), ["1", "6"]);
    assert_eq!(shown(&["--user", "alice", "--gpu", "1"]), ["1"]);
}
