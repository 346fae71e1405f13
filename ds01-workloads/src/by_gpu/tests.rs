//! The table of GPUs on terminals of several widths and in a pipe.

use ds01_core::{
    idle::gpus::{Activity, GpuState, Holder, HolderKind, Occupancy, Picture, StopFor},
    policy::PublicView,
    table::Medium,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{GpuOptions, table::drawn};
use crate::{
    cli::{Cli, Task},
    host_gpus::Gpus,
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

/// Sixteen GPUs in seven instances each, of which some are held.
fn partitioned_sixteen() -> Vec<GpuState> {
    let h100 = |label: String, state, holders| GpuState {
        model: Some("NVIDIA H100 80GB HBM3".to_owned()),
        profile: label.contains(':').then(|| "1g.10gb".to_owned()),
        memory_total_mb: Some(if label.contains(':') { 9_728 } else { 81_559 }),
        memory_used_mb: Some(0),
        utilization_percent: None,
        power_watts: None,
        ..gpu(&label, state, holders)
    };
    let instance = |index: u32, instance: u32| {
        let label = format!("{index}:{instance}");
        match (index, instance) {
            (2, 3) => h100(label, Occupancy::Held, vec![holder(Some("alice"), Some("thesis"))]),
            (11, _) => h100(label, Occupancy::Held, vec![holder(Some("e.okafor@uni.example"), Some("vsc-gan-b07e55"))]),
            _ => h100(label, Occupancy::Free, vec![]),
        }
    };
    (0..16)
        .flat_map(|index| {
            let whole = h100(index.to_string(), Occupancy::Partitioned, vec![]);
            std::iter::once(whole).chain((0..7).map(move |number| instance(index, number)))
        })
        .collect()
}

#[test]
fn sixteen_gpus_in_seven_instances_each_show_what_they_are() {
    for (name, width) in widths() {
        let text = drawn(&seen(partitioned_sixteen()), Medium { width, color: false }, true, &TimeZone::UTC);
        assert_eq!(text.lines().filter(|line| line.contains("1g.10gb")).count(), 16 * 7, "{text}");
        insta::assert_snapshot!(format!("sixteen_{name}"), text);
    }
}

#[test]
fn what_says_the_same_everywhere_goes_first_and_the_state_never_does() {
    let at_80 = |gpus| {
        let text = drawn(&seen(gpus), Medium { width: Some(80), color: false }, true, &TimeZone::UTC);
        text.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let free: Vec<GpuState> = ["0", "1"].map(|label| gpu(label, Occupancy::Free, vec![])).into();
    let whole = at_80(free.clone());
    assert_eq!(
        whole, "GPU MODEL MEMORY UTIL POWER STATE IDLE USER UNTIL",
        "no model is cut for who holds none of them"
    );
    let long = |name: &str| GpuState { model: Some(name.to_owned()), ..free[0].clone() };
    let models = vec![long("A model with a name that is rather long"), long("Another model that has a longer name")];
    assert_eq!(at_80(models), "GPU MODEL MEMORY UTIL STATE USER");
}

#[test]
fn a_name_that_is_not_here_is_said_and_one_that_is_not_shown_is_not_called_missing() {
    let said = |seen: &Gpus, users: &[&str], gpus: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        seen.not_here(&owned(users), &owned(gpus))
    };
    let mut all = seen(every_state());
    assert_eq!(said(&all, &["alice", "ben"], &["3", "3:1", "GPU-6"]), Vec::<String>::new());
    let words = said(&all, &["nobodyhere"], &["99"]);
    assert_eq!(words[0], "this host has no GPU 99: it has 0, 1, 2, 3, 3:0, 3:1, 4, 5, 6");
    assert_eq!(words[1], "nobody of the name nobodyhere holds a GPU here: ds01-workloads --by-gpu shows who does");
    all.picture.view = PublicView::Anonymous;
    let words = said(&all, &["alice", "nobodyhere"], &[]);
    assert!(words.len() == 1 && words[0].contains("public_view: anonymous"), "{words:?}");
    all.picture.failed = vec!["nvml".to_owned()];
    assert_eq!(said(&all, &[], &["99"]), Vec::<String>::new(), "nobody can tell");
}

#[test]
fn what_has_no_sense_for_gpus_is_refused() {
    let cli = |arguments: &[&str]| Cli::try_parse_from([&["ds01-workloads", "--by-gpu"], arguments].concat());
    assert!(cli(&["--free", "--user", "alice"]).is_err(), "what somebody holds is not free");
    assert!(cli(&["--free", "--gpu", "1"]).is_ok());
}
