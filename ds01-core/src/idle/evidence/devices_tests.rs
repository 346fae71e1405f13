use crate::model::EngineName;
use jiff::Timestamp;

use super::*;
use crate::{detect::inventory::SourceState, idle::Demand};
use crate::{
    detect::{
        Origin, UserSource,
        inventory::{ContainerProcess, Extra, GpuUse, MigEntry, SourceEntry, UnresolvedGpu},
    },
    model::{
        ContainerId, ContainerStatus, DeviceSample, Gpu, GpuActivity, GpuReading, Mig, MigInstance, ProcessSample,
    },
};

const ASKED: Asked = Asked { since_us: 1_000, until_us: 9_000, boot_ms: 90_000 };

fn lost<T>() -> Reading<T> {
    Unknown::new(UnknownKind::Lost, "GPU is lost").into()
}

fn id(n: u8) -> ContainerId {
    format!("{n:02x}").repeat(32).parse().unwrap()
}

/// A running container with these GPUs.
fn container(n: u8, gpus: &[&str]) -> ContainerEntry {
    ContainerEntry {
        engine: EngineName::DOCKER,
        id: id(n).short().to_owned(),
        full_id: id(n),
        name: format!("c{n}"),
        origin: Origin::RawDocker,
        user: "alice".to_owned(),
        user_source: UserSource::Unknown,
        has_gpu: Some(true),
        gpu_access: None,
        gpu_devices: Vec::new(),
        gpus: gpus.iter().map(ToString::to_string).collect(),
        gpus_unresolved: Vec::new(),
        status: ContainerStatus::Running,
        image: "b".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        started_at: Some(Timestamp::UNIX_EPOCH),
        pid: Some(7),
        gpu_processes: Some(Vec::new()),
        gpu_memory_mb: None,
        infrastructure: None,
        detected_at: Timestamp::UNIX_EPOCH,
        detected_labels: BTreeMap::new(),
        problem: None,
        stale: false,
        config: None,
        pid_start_ticks: None,
        main_uid: None,
        user_uid: None,
        user_remembered: None,
        extra: Extra::new(),
    }
}

/// The same, with a context on `gpu`.
fn holding(mut entry: ContainerEntry, pid: u32, gpu: &str) -> ContainerEntry {
    let held = GpuUse { gpu_uuid: gpu.to_owned(), memory_mb: None, memory_unknown: None };
    let process = ContainerProcess { pid, name: "python3".to_owned(), gpus: vec![held], extra: Extra::new() };
    entry.gpu_processes.get_or_insert_default().push(process);
    entry
}

fn gpu_entry(index: u32, uuid: &str, mig: &[&str]) -> GpuEntry {
    GpuEntry {
        index,
        vendor: Default::default(),
        uuid: uuid.to_owned(),
        name: None,
        minor_number: None,
        pci_bus_id: None,
        memory_total_mb: None,
        usage: None,
        mig_enabled: Some(!mig.is_empty()),
        mig_instances: (0..).zip(mig).map(|(index, uuid)| mig_entry(index, uuid)).collect(),
        problem: None,
        stale: false,
        extra: Extra::new(),
    }
}

fn mig_entry(index: u32, uuid: &str) -> MigEntry {
    MigEntry {
        index,
        uuid: uuid.to_owned(),
        name: None,
        gpu_instance_id: None,
        compute_instance_id: None,
        memory_total_mb: None,
        usage: None,
        extra: Extra::new(),
    }
}

/// GPUs `A` and `B`, and `M` in two instances, `M0` and `M1`.
fn inventory(containers: &[ContainerEntry]) -> Inventory {
    let source = SourceEntry {
        state: SourceState::Ok,
        since: Timestamp::UNIX_EPOCH,
        last_good: None,
        error: None,
        hint: None,
        failed_since: None,
        last_good_since_boot_ms: None,
        extra: Extra::new(),
    };
    Inventory {
        gpus: vec![gpu_entry(0, "A", &[]), gpu_entry(1, "B", &[]), gpu_entry(2, "M", &["M0", "M1"])],
        containers: containers.iter().map(|entry| (entry.id.clone(), entry.clone())).collect(),
        sources: ["docker", "nvml", "proc"].map(|name| (name.to_owned(), source.clone())).into(),
        ..Inventory::empty()
    }
}

fn process(pid: u32) -> GpuProcess {
    GpuProcess { pid, memory_mb: Reading::Known(1), mps: false }
}

/// A GPU on which these pids hold a context, of whom the driver says that `worked` did, and which did `percent` in all.
fn gpu(uuid: &str, processes: Reading<Vec<GpuProcess>>, worked: &[(u32, u32)], percent: u32) -> GpuReading {
    let sample = |(pid, sm_percent): &(u32, u32)| ProcessSample {
        pid: *pid,
        time_us: 2_000,
        sm_percent: *sm_percent,
        encoder_percent: 0,
        decoder_percent: 0,
        memory_percent: 0,
    };
    let activity = GpuActivity {
        processes: Reading::Known(worked.iter().map(sample).collect()),
        device: Reading::Known(vec![DeviceSample { time_us: 2_000, percent }]),
        graphics_pids: Reading::Known(Vec::new()),
        energy_mj: lost(),
        energy_after: std::time::Duration::ZERO,
        gpm_percent: Unknown::new(UnknownKind::NotAsked, "GPM").into(),
    };
    let gpu = Gpu { activity: Reading::Known(activity), processes, ..bare(uuid, Mig::Disabled) };
    GpuReading { index: 0, gpu: Reading::Known(gpu) }
}

fn bare(uuid: &str, mig: Mig) -> Gpu {
    Gpu {
        uuid: uuid.to_owned(),
        name: lost(),
        minor_number: lost(),
        pci_bus_id: lost(),
        memory_total_mb: lost(),
        memory_used_mb: lost(),
        utilization: lost(),
        power_watts: lost(),
        mig: Reading::Known(mig),
        processes: Reading::Known(Vec::new()),
        activity: Unknown::new(UnknownKind::NotSupported, "MIG").into(),
    }
}

fn instance(uuid: &str, graphics_percent: Reading<f64>, pids: &[u32]) -> MigInstance {
    MigInstance {
        index: 0,
        uuid: uuid.to_owned(),
        name: lost(),
        gpu_instance_id: lost(),
        compute_instance_id: lost(),
        memory_total_mb: lost(),
        memory_used_mb: lost(),
        processes: Reading::Known(pids.iter().copied().map(process).collect()),
        graphics_percent,
        graphics_over: std::time::Duration::from_millis(110),
    }
}

fn partitioned(instances: Vec<MigInstance>) -> GpuReading {
    GpuReading { index: 2, gpu: Reading::Known(bare("M", Mig::Enabled(instances))) }
}

/// What is found of the first of `containers`, whose pids are `pids`.
fn measures(
    containers: &[ContainerEntry],
    pids: Reading<BTreeSet<u32>>,
    gpus: Vec<GpuReading>,
) -> Vec<(String, GpuFigure)> {
    let (inventory, snapshot) = (inventory(containers), GpuSnapshot { driver_version: None, gpus });
    let devices = Devices::new(&inventory, &snapshot, &[]);
    let measures = devices.measures(&Seen { whose: Whose::Container(&containers[0]), pids: &pids, asked: ASKED });
    measures.into_iter().map(|measure| (measure.gpu, measure.figure)).collect()
}

fn pids(pids: &[u32]) -> Reading<BTreeSet<u32>> {
    Reading::Known(pids.iter().copied().collect())
}

fn own(percent: f64) -> GpuFigure {
    GpuFigure::OwnProcesses { percent }
}

fn shared(percent: f64, attributable: bool) -> GpuFigure {
    GpuFigure::Device { percent, attributable }
}

/// The figure of a container given `A`, whose pids are known.
fn figure(containers: &[ContainerEntry], on_it: Vec<GpuProcess>, worked: &[(u32, u32)], percent: u32) -> GpuFigure {
    let found = measures(containers, pids(&[7]), vec![gpu("A", Reading::Known(on_it), worked, percent)]);
    let [(uuid, figure)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(uuid, "A");
    figure.clone()
}

#[test]
fn alone_on_its_gpu_all_work_is_its_own() {
    let alone = [container(1, &["A"])];
    assert_eq!(figure(&alone, vec![process(7)], &[(7, 60)], 60), own(60.0));
    assert_eq!(figure(&alone, vec![process(7)], &[], 80), shared(80.0, true), "whoever the driver books it to");
    assert_eq!(figure(&alone, vec![process(7)], &[], 0), own(0.0));
}

#[test]
fn what_others_do_is_not_its_own() {
    let beside = [container(1, &["A"]), container(2, &["A"])];
    assert_eq!(figure(&beside, vec![process(7), process(8)], &[(8, 90)], 90), own(0.0));
    assert_eq!(figure(&beside, vec![process(7)], &[], 90), own(0.0), "given to another, whether it is there or not");
    let elsewhere = [container(1, &["A"]), container(2, &["B"])];
    assert_eq!(figure(&elsewhere, vec![process(7), process(8)], &[(8, 90)], 90), own(0.0), "a process of nobody's");
    let mut ended = container(2, &["A"]);
    ended.status = ContainerStatus::Exited;
    assert_eq!(figure(&[container(1, &["A"]), ended], vec![process(7)], &[], 90), shared(90.0, true));
}

#[test]
fn a_gpu_that_another_holds_without_being_given_it_is_shared() {
    let beside = [container(1, &["A"]), holding(container(2, &["B"]), 9, "A")];
    assert_eq!(figure(&beside, vec![process(7), process(9)], &[(9, 90)], 90), own(0.0));
}

#[test]
fn contexts_beyond_its_configuration_are_looked_at_too() {
    let entry = holding(container(1, &["A"]), 7, "B");
    let gpus =
        vec![gpu("A", Reading::Known(vec![]), &[], 0), gpu("B", Reading::Known(vec![process(7)]), &[(7, 70)], 70)];
    let found = measures(&[entry], pids(&[7]), gpus);
    assert_eq!(found, [("A".to_owned(), own(0.0)), ("B".to_owned(), own(70.0))]);
}

#[test]
fn a_client_of_mps_is_judged_by_the_whole_gpu() {
    let beside = [container(1, &["A"]), container(2, &["A"])];
    let client = GpuProcess { mps: true, ..process(7) };
    let on_it = || vec![client.clone(), process(8)];
    assert_eq!(figure(&beside, on_it(), &[(99, 40)], 40), shared(40.0, true), "it has a context on it");
    assert_eq!(figure(&beside, on_it(), &[], 0), shared(0.0, true));
    let foreign = vec![process(7), GpuProcess { mps: true, ..process(8) }];
    assert_eq!(figure(&beside, foreign, &[(99, 40)], 40), own(0.0), "another's client");
}

#[test]
fn with_its_pids_unknown_the_gpu_speaks_and_only_idleness_is_certain() {
    let of = |containers: &[ContainerEntry], on_it: Reading<Vec<GpuProcess>>, percent| {
        measures(containers, lost(), vec![gpu("A", on_it, &[(8, percent)], percent)]).remove(0).1
    };
    let alone = [container(1, &["A"])];
    let occupied = || Reading::Known(vec![process(8)]);
    assert_eq!(of(&alone, occupied(), 90), shared(90.0, false), "who is on it can't be told");
    assert_eq!(of(&alone, occupied(), 1), shared(1.0, false));
    assert_eq!(of(&alone, Reading::Known(vec![]), 90), shared(90.0, true), "nobody else was given it, or is there");
    assert_eq!(of(&[container(1, &["A"]), container(2, &["A"])], Reading::Known(vec![]), 90), shared(90.0, false));
    assert_eq!(of(&alone, lost(), 90), shared(90.0, false), "nor is it told who is there");
}

/// Without the list nobody knows whether it is a client of an MPS server, to whom its work would be booked.
#[test]
fn with_an_unknown_list_of_processes_its_own_share_counts_and_its_absence_does_not() {
    let alone = [container(1, &["A"])];
    let of = |worked: &[(u32, u32)], percent| {
        measures(&alone, pids(&[7]), vec![gpu("A", lost(), worked, percent)]).remove(0).1
    };
    assert_eq!(of(&[(7, 30)], 90), own(30.0));
    assert_eq!(of(&[(99, 90)], 90), shared(90.0, false));
    assert_eq!(of(&[], 0), shared(0.0, false));
}

#[test]
fn a_gpu_in_mig_mode_stands_for_its_instances() {
    let instances = || vec![instance("M0", Reading::Known(40.0), &[7]), instance("M1", Reading::Known(0.0), &[])];
    let gpm = |percent, attributable| GpuFigure::Gpm { percent, attributable };
    let found = measures(&[container(1, &["M"])], pids(&[7]), vec![partitioned(instances())]);
    assert_eq!(found, [("M0".to_owned(), gpm(40.0, true)), ("M1".to_owned(), gpm(0.0, true))]);

    let beside = [container(1, &["M1"]), container(2, &["M0"])];
    let found = measures(&beside, pids(&[8]), vec![partitioned(instances())]);
    assert_eq!(found, [("M1".to_owned(), gpm(0.0, true))], "the neighbour's instance is not its own");

    let beside = [container(1, &["M0"]), container(2, &["M"])];
    let found = measures(&beside, pids(&[8]), vec![partitioned(instances())]);
    assert_eq!(found, [("M0".to_owned(), gpm(40.0, false))], "one who was given the whole GPU was given this one too");

    let silent = vec![partitioned(vec![instance("M0", lost(), &[7]), instance("M1", lost(), &[])])];
    let found = measures(&[container(1, &["M0"])], pids(&[7]), silent);
    assert!(matches!(&found[..], [(uuid, GpuFigure::Unknown { .. })] if uuid == "M0"), "{found:?}");
}

#[test]
fn what_the_driver_does_not_tell_of_is_unknown() {
    let gone = GpuReading { index: 0, gpu: lost() };
    let found =
        measures(&[container(1, &["A", "B"])], pids(&[7]), vec![gone, gpu("B", Reading::Known(vec![]), &[], 0)]);
    let [(a, GpuFigure::Unknown { why }), (b, figure)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((a.as_str(), b.as_str(), figure), ("A", "B", &own(0.0)));
    assert!(why.contains("the driver does not tell of it"), "{why}");

    let silent = GpuReading { index: 0, gpu: Reading::Known(Gpu { activity: lost(), ..bare("A", Mig::Disabled) }) };
    let found = measures(&[container(1, &["A"])], pids(&[7]), vec![silent]);
    assert!(matches!(&found[0].1, GpuFigure::Unknown { why } if why.contains("GPU is lost")), "{found:?}");
}

#[test]
fn a_request_that_names_no_gpu_is_an_unknown_one() {
    let mut entry = container(1, &["A"]);
    entry.gpus_unresolved = vec![UnresolvedGpu { device: "7".to_owned(), reason: "no GPU has index 7".to_owned() }];
    let found = measures(&[entry], pids(&[7]), vec![gpu("A", Reading::Known(vec![]), &[], 0)]);
    let unknown = GpuFigure::Unknown { why: "no GPU has index 7".to_owned() };
    assert_eq!(found, [("A".to_owned(), own(0.0)), ("7".to_owned(), unknown)]);
}

#[test]
fn demand_counts_what_is_given_to_whom_is_up_once_and_of_this_host() {
    let demand = |containers: &[ContainerEntry]| Demand::of(&inventory(containers), &BTreeSet::new()).unwrap();
    let of_four = |assigned| Demand { assigned, total: 4 };
    assert_eq!(demand(&[]), of_four(0));
    assert_eq!(demand(&[container(1, &["A"]), container(2, &["A"])]), of_four(1));
    assert_eq!(demand(&[container(1, &["M"])]), of_four(2), "both instances");
    assert_eq!(demand(&[container(1, &["A", "B"]), container(2, &["M0"])]), of_four(3));
    assert_eq!(demand(&[holding(container(1, &[]), 7, "B")]), of_four(1), "a context is as good");
    assert_eq!(demand(&[container(1, &["elsewhere"])]), of_four(0));
    let ended = ContainerEntry { status: ContainerStatus::Exited, ..container(1, &["A"]) };
    let paused = ContainerEntry { status: ContainerStatus::Paused, ..container(2, &["B"]) };
    assert_eq!(demand(&[ended, paused]), of_four(1));
}

#[test]
fn demand_is_unknown_where_a_source_did_not_tell_all() {
    for (source, state) in
        [("docker", SourceState::Failed), ("nvml", SourceState::Failed), ("nvml", SourceState::Absent)]
    {
        let mut inventory = inventory(&[container(1, &["A"])]);
        inventory.sources.get_mut(source).unwrap().state = state;
        assert_eq!(Demand::of(&inventory, &BTreeSet::new()), None, "{source} {state:?}");
    }
    assert_eq!(Demand::of(&Inventory::empty(), &BTreeSet::new()), None);
}

#[path = "devices_display_tests.rs"]
mod display;

/// Nothing tells what a container did on one: whoever has one beside NVIDIA's can't be idle, and it is no GPU to give back.
#[test]
fn what_was_done_on_an_observed_gpu_is_unknown_and_it_counts_for_no_demand() {
    use crate::{
        idle::{evidence::GpuEvidence, test_support::THRESHOLDS},
        model::Vendor,
    };

    let entry = container(1, &["A", "X"]);
    let mut inventory = inventory(std::slice::from_ref(&entry));
    let before = Demand::of(&inventory, &BTreeSet::new()).unwrap();
    inventory.gpus.push(GpuEntry { vendor: Vendor::Amd, ..gpu_entry(0, "X", &[]) });
    assert_eq!(Demand::of(&inventory, &BTreeSet::new()), Some(before));

    let snapshot = GpuSnapshot { driver_version: None, gpus: vec![gpu("A", Reading::Known(vec![]), &[], 0)] };
    let devices = Devices::new(&inventory, &snapshot, &[]);
    let measures = devices.measures(&Seen { whose: Whose::Container(&entry), pids: &pids(&[7]), asked: ASKED });
    let evidence = GpuEvidence::of(&measures, &[], &THRESHOLDS);
    assert!(evidence.is_only_observed() && evidence.to_string().contains("(X: "), "{evidence}");
    let lost = container(1, &["B", "X"]);
    let measures = devices.measures(&Seen { whose: Whose::Container(&lost), pids: &pids(&[7]), asked: ASKED });
    assert!(GpuEvidence::of(&measures, &[], &THRESHOLDS).is_only_observed(), "and not that B is lost");
}
