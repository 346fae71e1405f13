use crate::model::EngineName;
use jiff::SignedDuration;

use super::*;
use crate::{
    detect::{Origin, UserSource},
    idle::{
        evidence::GpuFigure,
        journal::{CheckMade, Deed, What},
        test_support::{id, noon, on_gpu, seen},
    },
    ledger::{Roll, Row},
    model::ContainerStatus,
};

const GPU: &str = "GPU-1";

fn at(seconds: u64) -> Timestamp {
    noon() + SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

/// A host process at a look `seconds` after noon, that used so many percent of the GPU since the look before.
fn process(pid: u32, seconds: u64, percent: u64) -> Record {
    let mut gpus = seen(seconds).gpus;
    gpus[0].figure = GpuFigure::OwnProcesses { percent: f64::from(u32::try_from(percent).unwrap()) };
    gpus[0].covered_ms = Some(30_000);
    gpus[0].used_ms = Some(30_000 * percent / 100);
    Record::Process(ProcessSeen {
        at: at(seconds),
        boot_id: "boot-1".to_owned(),
        boot_ms: seconds * 1000,
        pid,
        start_ticks: 5,
        user: "ann".to_owned(),
        program: "python3".to_owned(),
        held_ms: 30_000,
        gpus,
    })
}

fn container(seconds: u64, percent: u64) -> Record {
    let mut seen = on_gpu(seconds, f64::from(u32::try_from(percent).unwrap()));
    seen.at = at(seconds);
    seen.held_ms = Some(30_000);
    seen.gpus[0].covered_ms = Some(30_000);
    seen.gpus[0].used_ms = Some(30_000 * percent / 100);
    Record::Seen(seen)
}

fn life(seconds: u64, status: ContainerStatus) -> Record {
    Record::Life(Life {
        engine: EngineName::DOCKER,
        at: at(seconds),
        boot_id: "boot-1".to_owned(),
        boot_ms: seconds * 1000,
        container_id: id(),
        name: "train".to_owned(),
        user: Some("alice".to_owned()),
        user_source: UserSource::LabelDs01,
        origin: Origin::RawDocker,
        image: "pytorch".to_owned(),
        has_gpu: Some(true),
        gpus: vec![GPU.to_owned()],
        status,
        started_at: Some(noon()),
        began_boot_ms: None,
        stop_timeout_seconds: None,
        auto_remove: false,
        problem: None,
        labels: BTreeMap::new(),
    })
}

fn gone(seconds: u64) -> Record {
    Record::Gone(Gone { at: at(seconds), boot_id: "boot-1".to_owned(), boot_ms: seconds * 1000, ids: vec![id()] })
}

fn stopped_by_check(seconds: u64) -> Record {
    Record::Check(CheckMade {
        at: at(seconds),
        boot_id: "boot-1".to_owned(),
        boot_ms: seconds * 1000,
        check: 7,
        demand: None,
        keep_alive: BTreeMap::new(),
        asked: Vec::new(),
        told: Vec::new(),
        done: [(id(), Deed { what: What::StoppedIdle, done: true })].into(),
        partial: false,
    })
}

/// The rows of noon's day, when it is over.
fn rows(records: &[Record]) -> Vec<Row> {
    let policy = Policy::built_in();
    let mut roll = Roll::new("2026-03-02".parse().unwrap(), &policy);
    records.iter().for_each(|record| roll.take(record));
    roll.finish(at(12 * 3600))
}

#[test]
fn processes_of_one_program_are_one_workload_that_works_if_any_of_them_does() {
    let looks = (1..=10).flat_map(|n| [process(100, 30 * n, 0), process(200, 30 * n, 60), process(300, 30 * n, 50)]);
    let [row] = &rows(&looks.collect::<Vec<_>>())[..] else { panic!("one row") };
    assert_eq!((row.held_ms(), row.spent.work_ms, row.share_ms), (300_000, 300_000, 300_000));
    assert_eq!(row.spent.used_ms, 300_000, "together they did more than there is");
    // And idle only if all are.
    let looks = (1..=10).flat_map(|n| [process(100, 30 * n, 0), process(200, 30 * n, 0)]);
    assert_eq!(rows(&looks.collect::<Vec<_>>())[0].spent.idle_ms, 300_000);
}

#[test]
fn a_process_that_let_go_of_the_gpu_did_not_hold_it_meanwhile() {
    let looks: Vec<Record> = [30, 60, 600, 630].map(|seconds| process(100, seconds, 10)).into();
    assert_eq!(rows(&looks)[0].held_ms(), 120_000);
}

#[test]
fn a_scan_and_a_check_between_two_scans_count_the_same_time_once() {
    // A check looks five seconds after each second scan, and asks about the time since then.
    let mut records = vec![life(0, ContainerStatus::Running)];
    for n in 1..=20 {
        records.push(container(30 * n, 50));
        if n % 2 == 0 {
            let Record::Seen(mut check) = container(30 * n + 12, 50) else { unreachable!() };
            check.held_ms = Some(12_000);
            check.gpus[0].covered_ms = Some(12_000);
            check.gpus[0].used_ms = Some(6_000);
            records.push(Record::Seen(check));
        }
    }
    let row = &rows(&records)[0];
    assert_eq!((row.held_ms(), row.spent.used_ms, row.spent.covered_ms), (612_000, 306_000, 612_000));
}

/// A check is written down when all is done, and scans go on meanwhile.
#[test]
fn a_stop_is_counted_whatever_was_written_down_before_it() {
    let looks: Vec<Record> = (1..=10).map(|n| container(30 * n, 0)).collect();
    for after in
        [vec![gone(330)], vec![life(330, ContainerStatus::Exited)], vec![life(330, ContainerStatus::Exited), gone(360)]]
    {
        let records = [&[life(0, ContainerStatus::Running)], &looks[..], &after, &[stopped_by_check(305)]].concat();
        let [row] = &rows(&records)[..] else { panic!("one row") };
        assert_eq!((row.stops, row.who.user.as_deref()), (1, Some("alice")), "{after:?}");
        assert_eq!(row.given_back_ms, (12 * 3600 - 305) * 1000);
        // And a look that was written down late begins no other life.
        let late = [&records[..], &[container(315, 0)]].concat();
        assert_eq!(rows(&late)[0].held_ms(), row.held_ms());
    }
}

#[test]
fn one_that_is_started_again_is_another_life() {
    let again = |seconds| {
        let Record::Seen(mut seen) = container(seconds, 10) else { unreachable!() };
        seen.started_at = at(600);
        Record::Seen(seen)
    };
    let records = [container(30, 10), container(60, 10), gone(90), again(630), again(660)];
    assert_eq!(rows(&records)[0].held_ms(), 60_000 + 15_000 + 60_000, "half of the time until it was missed");
}
