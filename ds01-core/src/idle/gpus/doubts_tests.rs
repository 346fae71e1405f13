//! GPUs on which nobody is seen, and that are not said to be free.

use super::*;
use crate::{
    detect::inventory::UnreadableProcess,
    idle::habits::{GpuHabit, Latched, Since},
    model::{DeviceUtilization, EngineName, GpuAccess, Reading, UtilizationSource},
};

impl Lab {
    /// Lets a GPU (0 to 2), or an instance of GPU 3, show so much use.
    fn shows(&mut self, gpu: &str, percent: f64) {
        let figure = DeviceUtilization::new(percent, None, UtilizationSource::Rates).unwrap();
        let usage = match gpu.split_once(':') {
            None => &mut self.inventory.gpus[gpu.parse::<usize>().unwrap()].usage,
            Some((_, index)) => &mut self.inventory.gpus[3].mig_instances[index.parse::<usize>().unwrap()].usage,
        };
        usage.as_mut().unwrap().figures.utilization = Reading::Known(figure);
    }

    /// A scanned container without a GPU, which this was found out about.
    fn odd(&mut self, change: impl FnOnce(&mut ContainerEntry)) {
        self.host.add_container(&ContainerSpec { gpus: None, ..container("odd", "ben", &[]) }).unwrap();
        self.scan();
        change(self.odd_one());
    }

    fn odd_one(&mut self) -> &mut ContainerEntry {
        self.inventory.containers.values_mut().find(|entry| entry.name == "odd").unwrap()
    }

    fn picture(&self, view: PublicView) -> Picture {
        Picture::new(&self.inventory, self.states(), view)
    }

    /// The states of all that can be had: GPUs 0 to 2, and two instances.
    fn had(&self) -> Vec<&'static str> {
        devices(&self.states()).map(|gpu| gpu.state.as_str()).collect()
    }
}

fn uninspected(entry: &mut ContainerEntry) {
    (entry.has_gpu, entry.config, entry.problem) = (None, None, Some("HTTP 500: \"no\"".to_owned()));
}

#[test]
fn what_is_used_by_nobody_who_is_seen_is_not_free() {
    let mut lab = lab();
    lab.host.add_process(&process(6_001, 1001, "2", 700, 0)).unwrap();
    lab.scan();
    lab.shows("0", 4.9);
    lab.shows("1", 93.0);
    lab.shows("2", 93.0);
    lab.shows("3:0", 50.0);
    assert_eq!(lab.had(), ["free", "unknown", "at-work", "unknown", "free"]);
    let wanted = Wanted { gpus: 2, ..Wanted::default() };
    assert_eq!((wanted.met(&lab.states()), wanted.at_most(&lab.states())), (None, 3));
    let why = |view| lab.picture(view).gpus[1].why.clone().unwrap();
    assert_eq!(why(PublicView::Owners), "it is used, and nobody is seen on it");
    assert!(why(PublicView::Full).contains("ds01-idle suspicions"), "what an admin can do");
    let doubts = lab.picture(PublicView::Anonymous).doubts();
    assert_eq!(doubts, ["GPU 1, 3:0: whether it is free nobody can tell: it is used, and nobody is seen on it"]);
    // Of a GPU that could not be read, the figure is old.
    lab.inventory.gpus[1].stale = true;
    assert_eq!(lab.of("1").why.as_deref(), Some("it could not be read"));
}

#[test]
fn compute_instances_of_one_gpu_instance_have_one_figure() {
    let mut lab = lab();
    lab.host.add_container(&container("train", "ben", &["MIG-1"])).unwrap();
    lab.scan();
    lab.inventory.gpus[3].mig_instances[0].gpu_instance_id = lab.inventory.gpus[3].mig_instances[1].gpu_instance_id;
    lab.shows("3:0", 50.0);
    lab.shows("3:1", 50.0);
    assert_eq!((lab.of("3:0").state, lab.of("3:1").state), (Occupancy::Free, Occupancy::AtWork));
}

/// After an abrupt death a counter can stay at 100 % until somebody opens a context: waiting for it to fall, nobody would.
#[test]
fn a_counter_that_stands_still_keeps_no_gpu_from_being_free() {
    let mut lab = lab();
    lab.checks(1);
    lab.shows("1", 100.0);
    assert_eq!(lab.of("1").state, Occupancy::Unknown);
    let check = lab.state.last_check.clone().unwrap();
    let since = Since { at: start(), boot_ms: check.boot_ms - 600_000 };
    let latched = Latched { since, until_ms: check.boot_ms, checks: 3, percent: 99 };
    let mut seen = |latched| {
        let habit = GpuHabit { idle_mw: None, latched: Some(latched) };
        lab.state.habits.gpus.insert("GPU-1".to_owned(), habit);
        lab.of("1").state
    };
    assert_eq!(seen(latched), Occupancy::Free, "three checks in a row saw nobody on it");
    assert_eq!(seen(Latched { checks: 2, ..latched }), Occupancy::Unknown);
    let long_ago = Latched { until_ms: check.boot_ms - 1_000_000, ..latched };
    let long_ago = Latched { since: Since { boot_ms: long_ago.until_ms - 600_000, ..since }, ..long_ago };
    assert_eq!(seen(long_ago), Occupancy::Unknown, "the checks since then did not see it");
    assert_eq!(seen(latched), Occupancy::Free);
    // Without recent checks nothing is known of that.
    let now = lab.inventory.last_scan.unwrap();
    assert_eq!(states(&lab.inventory, None, None, now, &TimeZone::UTC)[1].state, Occupancy::Unknown);
}

#[test]
fn while_one_that_could_not_be_inspected_runs_no_gpu_is_free() {
    let mut lab = lab();
    lab.host.add_container(&container("train", "alice", &["0"])).unwrap();
    lab.odd(uninspected);
    assert_eq!(lab.had(), ["held", "unknown", "unknown", "unknown", "unknown"]);
    let (full, owners) = (lab.picture(PublicView::Full), lab.picture(PublicView::Owners));
    assert_eq!((full.untold, owners.untold), (1, 1));
    assert_eq!((full.gpus[0].why.as_deref(), full.gpus[3].why.as_deref()), (None, None));
    let id = lab.odd_one().full_id.short().to_owned();
    let (any, end) = ("a running container can have any GPU, and nobody can tell which", "works or it stops");
    let said = format!("{any}: odd of ben could not be inspected (HTTP 500: \"no\"); see `docker inspect {id}`.");
    let why = full.gpus[1].why.clone().unwrap();
    assert!(why.starts_with(&said) && why.ends_with(end), "{why}");
    assert_eq!(owners.gpus[1].why.as_deref(), Some(any), "no names, and no words of the engine's");
    assert_eq!(full.doubts(), [format!("GPU 1, 2, 3:0, 3:1: whether it is free nobody can tell: {why}")]);

    // Seen on one GPU, it may have been given others beside.
    let odd = lab.odd_one();
    (odd.has_gpu, odd.gpu_access, odd.gpus) = (Some(true), Some(GpuAccess::Process), vec!["GPU-1".to_owned()]);
    assert_eq!(lab.had(), ["held", "held", "unknown", "unknown", "unknown"]);
}

#[test]
fn whom_it_does_not_concern_takes_no_gpu_away() {
    let free = ["free"; 5];
    type Change = fn(&mut ContainerEntry);
    let changes: [(&str, Change); 5] = [
        ("the platform's own", |odd| odd.infrastructure = Some("`monitoring`".to_owned())),
        ("of a user's own engine, who says what he likes", |odd| odd.engine = "docker:1001".parse().unwrap()),
        ("of one that once held a context", |odd| {
            (odd.engine, odd.has_gpu) = ("docker:1001".parse().unwrap(), Some(true));
        }),
        ("ended", |odd| odd.status = ContainerStatus::Exited),
        ("given none, and once seen on one", |odd| {
            (odd.has_gpu, odd.gpu_access, odd.config) =
                (Some(true), Some(GpuAccess::Process), Some(Default::default()));
        }),
    ];
    for (what, change) in changes {
        let mut lab = lab();
        lab.odd(uninspected);
        change(lab.odd_one());
        assert_eq!((lab.had(), lab.picture(PublicView::Full).untold), (free.to_vec(), 0), "{what}");
    }
    let mut podmans = lab();
    podmans.odd(uninspected);
    podmans.odd_one().engine = EngineName::PODMAN;
    assert!(podmans.of("0").why.unwrap().contains("`podman inspect "));
}

#[test]
fn devices_that_do_not_say_which_gpu_can_be_any() {
    let mut lab = lab();
    let uvm = |name: &str| ContainerSpec {
        devices: vec!["/dev/nvidia-uvm".to_owned()],
        ..ContainerSpec { gpus: None, ..container(name, "ben\u{1b}[2J", &[]) }
    };
    lab.host.add_container(&uvm("odd")).unwrap();
    lab.host.add_container(&uvm("odder")).unwrap();
    lab.scan();
    assert_eq!((lab.had(), lab.picture(PublicView::Full).untold), (vec!["unknown"; 5], 2));
    let why = lab.of("0").why.unwrap();
    for words in ["odd", "was given GPU devices", "started with `--gpus`", "`monitoring`", "and 1 more", "\\x1b[2J"] {
        assert!(why.contains(words), "{words}: {why:?}");
    }
    assert!(!why.contains('\u{1b}'));
}

#[test]
fn a_process_that_can_not_be_read_hides_what_it_is_on_and_no_more() {
    let mut lab = lab();
    let idle = ContainerSpec { processes: vec![process(4_003, 0, "1", 512, 0)], ..container("idle", "ben", &["1"]) };
    lab.host.add_container(&idle).unwrap();
    lab.checks(3);
    assert_eq!(lab.had(), ["free", "held-idle", "free", "free", "free"]);
    let proc = lab.inventory.sources.get_mut("proc").unwrap();
    (proc.state, proc.error) = (SourceState::Failed, Some("proc: could not tell of everything: process 77".to_owned()));
    assert_eq!(lab.had(), ["unknown", "held-idle", "unknown", "unknown", "unknown"], "no process could be read");

    let held = |uuid: &str| GpuUse { gpu_uuid: uuid.to_owned(), memory_mb: None, memory_unknown: None };
    let why = "process 77: /proc/77: no answer within 1s".to_owned();
    let hung = UnreadableProcess { pid: 77, gpus: vec![held("GPU-1"), held("GPU-2"), held("MIG-0")], why: why.clone() };
    lab.inventory.unreadable_processes.insert(77, hung);
    assert_eq!(lab.had(), ["free", "held", "unknown", "unknown", "free"], "of those on GPU 1 one may work");
    assert_eq!((lab.of("2").why, lab.of("1").idle_since), (Some(why), None));
    assert_eq!(lab.picture(PublicView::Owners).gpus[2].why.as_deref(), Some("it could not be looked at"));
    assert!(lab.picture(PublicView::Full).doubts().is_empty(), "said as a failure of /proc's");
}

#[test]
fn until_when_is_said_of_engines_whose_containers_may_be_stopped() {
    let mut lab = lab();
    lab.host.add_container(&container("idle", "ben", &["1"])).unwrap();
    lab.checks(3);
    assert!(lab.of("1").holders[0].stop_at.is_some());
    lab.policy.engines.reap = [EngineName::PODMAN].into();
    assert_eq!((lab.of("1").state, lab.of("1").holders[0].stop_at), (Occupancy::HeldIdle, None));
    // A user's own engine is named with its user.
    lab.inventory.containers.values_mut().for_each(|entry| entry.engine = "docker:1001".parse().unwrap());
    assert_eq!(lab.of("1").holders[0].stop_at, None);
    lab.policy.engines.reap.insert("docker:1001".parse().unwrap());
    assert!(lab.of("1").holders[0].stop_at.is_some());
}
