//! A host in memory, and what is said of its GPUs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

#[path = "doubts_tests.rs"]
mod doubts_tests;
#[path = "own_tests.rs"]
mod own_tests;

use super::*;
use crate::{
    detect::{Settings, inventory::SourceState},
    idle::{
        evidence::Thresholds,
        gpus::{Picture, StopFor, Wanted, devices},
        journal::Look,
        state::{CheckMark, IdleState},
    },
    model::ContainerStatus,
    policy::{Document, PolicyFiles, PublicView, parse},
    source::fake::{
        Change, ContainerSpec, Disappear, FakeHost, GpuRequest, GpuSpec, MigSpec, ProcessSpec, SourceMood, Step, Work,
    },
};

const LIMIT: Duration = Duration::from_secs(5);

/// A host with its detector and its reaper.
struct Lab {
    host: FakeHost,
    inventory: Inventory,
    state: IdleState,
    policy: Policy,
}

fn start() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn policy(text: &str) -> Policy {
    let policy = Document { path: "limits.yaml".into(), bytes: text.into() };
    let files = PolicyFiles { policy, overrides: None, exemptions: None, members: BTreeMap::new() };
    parse(&files).unwrap().policy
}

/// GPUs 0 to 2, and 3 in two instances.
fn lab() -> Lab {
    let host = FakeHost::new("lab", start());
    host.with_users([(1001, "alice".to_owned()), (1002, "ben".to_owned())].into());
    let gpu = |index: u32| GpuSpec {
        index,
        uuid: format!("GPU-{index}"),
        name: "NVIDIA A100".to_owned(),
        memory_mb: 81_920,
        power_watts: Some(61.5),
        ..GpuSpec::default()
    };
    let mig = |index: u32, profile: &str, memory_mb| MigSpec {
        index,
        uuid: format!("MIG-{index}"),
        gpu_instance: index + 1,
        memory_mb,
        profile: profile.to_owned(),
        ..MigSpec::default()
    };
    let partitioned =
        GpuSpec { mig: Some(vec![mig(0, "3g.40gb", 40_192), mig(1, "2g.20gb", 19_968)]), gpm: true, ..gpu(3) };
    host.add_gpus(&[gpu(0), gpu(1), gpu(2), partitioned]).unwrap();
    let policy = policy(
        "defaults: {idle_timeout: 30m, max_runtime: 24h}\ncontainer_types: {docker: {idle_timeout: 30m, max_runtime: 48h}}\npolicies: {high_demand_threshold: null}\n",
    );
    Lab { host, inventory: Inventory::empty(), state: IdleState::default(), policy }
}

fn container(name: &str, user: &str, gpus: &[&str]) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        env: [("DS01_USER".to_owned(), user.to_owned())].into(),
        gpus: Some(GpuRequest::Ids(gpus.iter().map(|gpu| (*gpu).to_owned()).collect())),
        ..ContainerSpec::default()
    }
}

fn process(pid: u32, uid: u32, gpu: &str, memory_mb: u64, gpu_percent: u32) -> ProcessSpec {
    ProcessSpec { pid, uid, gpus: [(gpu.to_owned(), Some(memory_mb))].into(), gpu_percent, ..ProcessSpec::default() }
}

impl Lab {
    fn scan(&mut self) -> Look {
        let settings = Settings { monitoring: self.policy.monitoring.clone(), ..Settings::default() };
        let look = Look::at(&self.host.sources(), &self.inventory, LIMIT, &settings, None);
        self.inventory = look.inventory.clone();
        look
    }

    /// So many checks, five minutes apart.
    fn checks(&mut self, count: u32) {
        for _ in 0..count {
            self.host.advance(Duration::from_secs(300));
            let look = self.scan();
            let thresholds = Thresholds::from(&self.policy.resolve(None, ContainerType::Unknown).rules);
            self.state.observe(&look.now.boot_id, &look.observations, |_| Some(thresholds));
            let mark = CheckMark { at: look.now.at, boot_id: look.now.boot_id, boot_ms: look.now.boot_ms };
            self.state.last_check = Some(mark);
        }
    }

    fn states(&self) -> Vec<GpuState> {
        let idleness = Idleness::from(&self.state);
        // The file says the same as the memory.
        assert_eq!(Idleness::from_json(&self.state.to_json().unwrap()).unwrap(), idleness);
        let now = self.inventory.last_scan.unwrap();
        states(&self.inventory, Some(&idleness), Some(&self.policy), now, &TimeZone::UTC)
    }

    fn words(&self) -> Vec<(String, &'static str)> {
        self.states().iter().map(|gpu| (gpu.gpu.clone(), gpu.state.as_str())).collect()
    }

    fn of(&self, gpu: &str) -> GpuState {
        self.states().into_iter().find(|state| state.gpu == gpu).unwrap()
    }
}

fn after(minutes: i64) -> Option<Timestamp> {
    Some(start() + SignedDuration::from_mins(minutes))
}

#[test]
fn an_empty_host_is_free_with_its_figures() {
    let mut lab = lab();
    lab.scan();
    let all = [("0", "free"), ("1", "free"), ("2", "free"), ("3", "partitioned"), ("3:0", "free"), ("3:1", "free")];
    assert_eq!(lab.words(), all.map(|(gpu, word)| (gpu.to_owned(), word)));
    let first = lab.of("0");
    assert_eq!((first.model.as_deref(), first.memory_total_mb), (Some("NVIDIA A100"), Some(81_920)));
    assert_eq!((first.memory_used_mb, first.utilization_percent, first.power_watts), (Some(0), Some(0.0), Some(61.5)));
    assert_eq!((first.measured_at, lab.of("3:1").profile.as_deref()), (after(0), Some("2g.20gb")));
    assert_eq!(lab.of("3").power_watts, Some(61.5));
}

#[test]
fn idle_work_and_until_when_are_told_apart() {
    let mut lab = lab();
    let train =
        ContainerSpec { processes: vec![process(4_001, 0, "0", 2_048, 90)], ..container("train", "alice", &["0"]) };
    let loads =
        ContainerSpec { work: Work { cpu_percent: 80.0, ..Work::default() }, ..container("loads", "ben", &["MIG-0"]) };
    let idle = ContainerSpec { processes: vec![process(4_003, 0, "1", 512, 0)], ..container("idle", "ben", &["1"]) };
    for spec in [&train, &loads, &idle] {
        lab.host.add_container(spec).unwrap();
    }
    lab.host.add_process(&process(6_001, 1001, "2", 700, 0)).unwrap();
    lab.scan();
    assert_eq!((lab.of("0").state, lab.of("1").state), (Occupancy::AtWork, Occupancy::Held), "no check yet");
    assert_eq!(lab.of("2").state, Occupancy::Held, "seen once is not free");
    lab.checks(3);
    assert_eq!((lab.of("0").state, lab.of("1").state), (Occupancy::AtWork, Occupancy::HeldIdle));
    assert_eq!((lab.of("2").state, lab.of("3:0").state), (Occupancy::Held, Occupancy::AtWork));
    assert_eq!(lab.of("3:1").state, Occupancy::Free);

    let idle = lab.of("1");
    let [holder] = &idle.holders[..] else { panic!("{idle:?}") };
    assert_eq!((holder.user.as_deref(), holder.name.as_deref()), (Some("ben"), Some("idle")));
    assert_eq!((holder.context, holder.memory_mb, holder.since), (Some(true), Some(512), after(0)));
    assert_eq!((idle.idle_since, holder.idle_since), (holder.idle_since, after(5)), "since the first look of a check");
    assert_eq!((holder.stop_at, holder.stop_for), (after(35), Some(StopFor::Idle)));
    let train = lab.of("0");
    assert_eq!((train.holders[0].stop_at, train.holders[0].stop_for), (after(48 * 60), Some(StopFor::MaxRuntime)));
    let given = lab.of("3:0");
    assert_eq!((given.holders[0].context, given.holders[0].memory_mb), (Some(false), Some(0)));
    let outside = lab.of("2");
    assert_eq!((outside.holders[0].kind, outside.holders[0].user.as_deref()), (HolderKind::Process, Some("alice")));

    // Work that was seen since the last check counts at once.
    let change = Change { gpu_percent: [(4_003, 60)].into(), ..Change::default() };
    lab.host.apply(&Step { change: [("idle".to_owned(), change)].into(), ..Step::default() }, false).unwrap();
    lab.scan();
    assert_eq!((lab.of("1").state, lab.of("1").idle_since), (Occupancy::AtWork, None));
}

#[test]
fn of_several_holders_one_at_work_is_enough_and_the_last_to_stop_counts() {
    let mut lab = lab();
    lab.host.add_container(&container("first", "alice", &["0", "1"])).unwrap();
    lab.checks(1);
    lab.host.add_container(&container("second", "ben", &["0"])).unwrap();
    lab.checks(2);
    let shared = lab.of("0");
    assert_eq!((shared.state, shared.idle_since), (Occupancy::HeldIdle, after(10)), "{shared:?}");
    assert_eq!(lab.of("1").idle_since, after(5));
    let work = Change { work: Some(Work { cpu_percent: 90.0, ..Work::default() }), ..Change::default() };
    lab.host.apply(&Step { change: [("second".to_owned(), work)].into(), ..Step::default() }, false).unwrap();
    lab.checks(1);
    assert_eq!((lab.of("0").state, lab.of("1").state), (Occupancy::AtWork, Occupancy::HeldIdle));
}

#[test]
fn who_is_kept_is_not_said_to_be_stopped() {
    let mut lab = lab();
    lab.host.add_container(&container("idle", "alice", &["0"])).unwrap();
    lab.checks(2);
    let entry = lab.inventory.containers.values().next().unwrap();
    let kept = crate::idle::Kept {
        by: "alice".to_owned(),
        uid: 1001,
        why: None,
        at: lab.inventory.last_scan.unwrap(),
        boot_id: String::new(),
        boot_ms: 0,
        left_ms: 3_600_000,
        used_ms: 0,
        anew: false,
        started_at: entry.started_at,
        extra: crate::detect::inventory::Extra::new(),
    };
    lab.state.kept.insert(entry.full_id.clone(), kept);
    let holder = lab.of("0").holders.remove(0);
    assert_eq!((holder.kept_until, holder.stop_for), (after(70), Some(StopFor::MaxRuntime)));
}

#[test]
fn without_checks_that_are_recent_nobody_is_known_to_be_idle() {
    let mut lab = lab();
    lab.host.add_container(&container("idle", "alice", &["0"])).unwrap();
    lab.checks(3);
    lab.host.advance(Duration::from_secs(16 * 60));
    lab.scan();
    let old = lab.of("0");
    assert_eq!((old.state, old.holders[0].stop_at), (Occupancy::Held, None));
    let now = lab.inventory.last_scan.unwrap();
    let unread = states(&lab.inventory, None, None, now, &TimeZone::UTC);
    assert_eq!(unread[0].state, Occupancy::Held);
    assert!(Idleness::from_json(br#"{"schema_version":"2"}"#).is_err() && Idleness::from_json(b"{").is_err());
}

#[test]
fn what_could_not_be_asked_is_never_free() {
    let mut lab = lab();
    lab.host.add_container(&container("idle", "alice", &["0"])).unwrap();
    lab.scan();
    let step = |docker, lost_gpus: Option<Vec<u32>>| Step { docker, lost_gpus, ..Step::default() };
    lab.host.apply(&step(None, Some(vec![1, 3])), false).unwrap();
    lab.scan();
    let words = |lab: &Lab| lab.words().into_iter().map(|(_, word)| word).collect::<Vec<_>>();
    assert_eq!(words(&lab), ["held", "unknown", "free", "unknown", "unknown", "unknown"], "a GPU that is lost");
    let why = lab.of("1").why.unwrap();
    assert_eq!(why, "lost: nvmlDeviceGetHandleByIndex: GPU is lost", "which GPU it is goes without saying");
    lab.host.apply(&step(Some(SourceMood::Refused), Some(vec![])), false).unwrap();
    lab.scan();
    assert_eq!(words(&lab), ["held", "unknown", "unknown", "partitioned", "unknown", "unknown"], "without Docker");
    let picture = Picture::new(&lab.inventory, lab.states(), PublicView::Owners);
    assert_eq!(picture.failed, ["docker"]);
    assert!(picture.gpus[1].why.as_deref() == Some("it could not be looked at"), "no words of others in public");
    // Of several engines it says which; a user's own fails as its user likes.
    let docker = lab.inventory.sources["docker"].clone();
    lab.inventory.sources.extend(["docker:1001", "podman"].map(|name| (name.to_owned(), docker.clone())));
    lab.inventory.sources.get_mut("docker").unwrap().state = SourceState::Ok;
    assert_eq!(Picture::new(&lab.inventory, lab.states(), PublicView::Owners).failed, ["podman"]);
}

#[test]
fn the_platforms_own_hold_what_they_use_and_the_dead_what_they_left() {
    let mut lab = lab();
    let protected = |name: &str, processes| ContainerSpec {
        labels: [("ds01.protected".to_owned(), "true".to_owned())].into(),
        gpus: Some(GpuRequest::Count(-1)),
        processes,
        ..container(name, "root", &[])
    };
    lab.host.add_container(&protected("exporter", vec![])).unwrap();
    lab.host.add_container(&protected("shared-model", vec![process(4_001, 0, "1", 60_000, 50)])).unwrap();
    let stopped = ContainerSpec { status: Some(ContainerStatus::Exited), ..container("over", "ben", &["2"]) };
    lab.host.add_container(&stopped).unwrap();
    lab.scan();
    assert_eq!(
        (lab.of("0").state, lab.of("2").state, lab.of("3:0").state),
        (Occupancy::Free, Occupancy::Free, Occupancy::Free)
    );
    let used = lab.of("1");
    assert_eq!((used.state, used.holders.len(), used.holders[0].stop_at), (Occupancy::AtWork, 1, None));

    let held =
        crate::detect::inventory::GpuUse { gpu_uuid: "GPU-2".into(), memory_mb: Some(9_000), memory_unknown: None };
    let dead = |confirmed| crate::detect::inventory::DeadProcess {
        pid: 77,
        gpus: vec![held.clone()],
        gpu_memory_mb: Some(9_000),
        since: start(),
        confirmed,
        extra: crate::detect::inventory::Extra::new(),
    };
    lab.inventory.dead_processes.insert(77, dead(false));
    assert_eq!(lab.of("2").state, Occupancy::Free);
    lab.inventory.dead_processes.insert(77, dead(true));
    let left = lab.of("2");
    assert_eq!(
        (left.state, left.holders[0].kind, left.holders[0].memory_mb),
        (Occupancy::Held, HolderKind::DeadProcess, Some(9_000))
    );
}

#[test]
fn each_level_shows_less_than_the_one_before() {
    let mut lab = lab();
    lab.host.add_container(&container("secret-project", "alice", &["0"])).unwrap();
    let cmdline = "python3 --password hunter2".to_owned();
    lab.host
        .add_process(&ProcessSpec { name: "unheard-of".into(), cmdline, ..process(6_001, 1002, "1", 700, 0) })
        .unwrap();
    lab.checks(3);
    let shown = |view| {
        let picture = Picture::new(&lab.inventory, lab.states(), view);
        let text = serde_json::to_string(&picture).unwrap();
        assert_eq!(Picture::from_json(text.as_bytes()).unwrap(), picture);
        for never in ["hunter2", "unheard-of", "busybox", "4001", "6001", "ds01.detected"] {
            assert!(!text.contains(never), "{view:?} shows {never}: {text}");
        }
        ["secret-project", "alice", "ben", "held_idle", "GPU-0", "stop_at"].map(|word| text.contains(word))
    };
    assert_eq!(shown(PublicView::Full), [true; 6]);
    assert_eq!(shown(PublicView::Owners), [false, true, true, true, true, true]);
    assert_eq!(shown(PublicView::Anonymous), [false, false, false, true, true, true]);
}

#[test]
fn sixteen_gpus_of_seven_instances_are_a_hundred_devices() {
    let host = FakeHost::new("large", start());
    let mig = |gpu: u32, index: u32| MigSpec {
        index,
        uuid: format!("MIG-{gpu}-{index}"),
        gpu_instance: index + 7,
        memory_mb: 9_728,
        profile: "1g.10gb".to_owned(),
        ..MigSpec::default()
    };
    let gpu = |index: u32| GpuSpec {
        index,
        uuid: format!("GPU-{index}"),
        mig: Some((0..7).map(|at| mig(index, at)).collect()),
        ..GpuSpec::default()
    };
    host.add_gpus(&(0..16).map(gpu).collect::<Vec<_>>()).unwrap();
    let whole = ContainerSpec { gpus: Some(GpuRequest::Ids(vec!["15".to_owned()])), ..container("whole", "ben", &[]) };
    host.add_container(&whole).unwrap();
    let mut lab = Lab { host, ..lab() };
    lab.scan();
    let states = lab.states();
    assert_eq!(states.len(), 16 * 8);
    let free = states.iter().filter(|gpu| gpu.state == Occupancy::Free).count();
    assert_eq!(free, 15 * 7, "whoever has a partitioned GPU has its instances");
    let wanted = Wanted { gpus: 105, memory_mb: Some(9_000), mig: Some("1g.10gb".to_owned()), ..Wanted::default() };
    assert!(wanted.met(&states).is_some() && Wanted { gpus: 106, ..wanted }.met(&states).is_none());
    assert_eq!(devices(&states).count(), 16 * 7);

    // Also while one of them is lost, and its instances with it.
    lab.host.apply(&Step { lost_gpus: Some(vec![3]), ..Step::default() }, false).unwrap();
    lab.scan();
    let states = lab.states();
    assert_eq!(states.iter().filter(|gpu| gpu.state == Occupancy::Unknown).count(), 8);
    let whole = Wanted { gpus: 1, ..Wanted::default() };
    assert_eq!((devices(&states).count(), whole.at_most(&states)), (16 * 7, 0));
}

#[test]
fn a_container_whose_gpu_nobody_knows_is_counted() {
    let mut lab = lab();
    let spec = ContainerSpec {
        devices: vec!["/dev/nvidia-uvm".to_owned()],
        ..ContainerSpec { gpus: None, ..container("odd", "ben", &[]) }
    };
    lab.host.add_container(&spec).unwrap();
    lab.scan();
    let picture = Picture::new(&lab.inventory, lab.states(), PublicView::Owners);
    assert_eq!(picture.untold, 1);
    lab.host
        .apply(
            &Step {
                disappear: Disappear { containers: vec!["odd".into()], ..Disappear::default() },
                ..Step::default()
            },
            false,
        )
        .unwrap();
    lab.scan();
    assert_eq!(Picture::new(&lab.inventory, lab.states(), PublicView::Owners).untold, 0);
}
