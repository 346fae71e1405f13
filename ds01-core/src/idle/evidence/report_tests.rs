use super::*;
use crate::idle::{GpuEvidence, evidence::Thresholds, test_support::THRESHOLDS};
use crate::model::{Unknown, UnknownKind};

const ASKED: Asked = Asked { since_us: 1_000, until_us: 31_000, boot_ms: 500_000 };

fn failed<T>() -> Reading<T> {
    Unknown::new(UnknownKind::Failed, "no answer").into()
}

fn sample(pid: u32, time_us: u64, sm_percent: u32) -> ProcessSample {
    ProcessSample { pid, time_us, sm_percent, encoder_percent: 0, decoder_percent: 0, memory_percent: 0 }
}

fn device(percents: &[u32]) -> Reading<Vec<DeviceSample>> {
    Reading::Known(percents.iter().map(|percent| DeviceSample { time_us: 2_000, percent: *percent }).collect())
}

fn gpu_activity(processes: Reading<Vec<ProcessSample>>, device: Reading<Vec<DeviceSample>>) -> GpuActivity {
    GpuActivity {
        processes,
        device,
        graphics_pids: Reading::Known(Vec::new()),
        energy_mj: Reading::Known(60_000),
        energy_after: std::time::Duration::from_millis(250),
        gpm_percent: Unknown::new(UnknownKind::NotAsked, "GPM").into(),
    }
}

/// A GPU that the container, pid 7, holds a context on beside others.
fn shared(processes: Reading<Vec<ProcessSample>>, device: Reading<Vec<DeviceSample>>) -> GpuReport {
    GpuReport {
        gpu: "GPU-1".to_owned(),
        utilization: Reading::Known(Utilization::Gpu(gpu_activity(processes, device), ASKED)),
        tenancy: Tenancy {
            own_pids: Reading::Known(BTreeSet::from([7])),
            own_context: Reading::Known(true),
            others: Reading::Known(true),
            other_contexts: Reading::Known(true),
            mps: false,
        },
        by_unknown: false,
        sampled: Vec::new(),
    }
}

fn own(percent: f64) -> GpuFigure {
    GpuFigure::OwnProcesses { percent }
}

fn is_unknown(report: &GpuReport) -> bool {
    matches!(report.measure().figure, GpuFigure::Unknown { .. })
}

#[test]
fn own_processes_come_first_and_none_is_none() {
    let figure = |samples: &[ProcessSample]| shared(Reading::Known(samples.to_vec()), device(&[99])).measure().figure;
    assert_eq!(figure(&[sample(7, 2_000, 40), sample(7, 3_000, 60), sample(8, 2_000, 90)]), own(60.0));
    assert_eq!(figure(&[]), own(0.0), "not found");
    assert_eq!(figure(&[sample(8, 2_000, 90)]), own(0.0), "foreign");
    assert_eq!(figure(&[sample(7, 1_000, 90)]), own(0.0), "old");
    let video = ProcessSample { decoder_percent: 30, ..sample(7, 2_000, 0) };
    assert_eq!(figure(&[video]), own(30.0));
}

#[test]
fn nonsense_about_an_own_process_is_no_proof_of_idleness() {
    let figure = |samples: &[ProcessSample]| shared(Reading::Known(samples.to_vec()), device(&[99])).measure().figure;
    let by_device = GpuFigure::Device { percent: 99.0, attributable: true };
    assert_eq!(figure(&[sample(7, 2_000, 4_000_000_000)]), by_device);
    assert_eq!(figure(&[sample(7, 2_000, 101), sample(7, 2_000, 50)]), own(50.0));
    assert_eq!(figure(&[sample(8, 2_000, 4_000_000_000)]), own(0.0));
}

#[test]
fn else_the_device_decides_by_its_highest_sample() {
    let figure = |percents: &[u32]| shared(failed(), device(percents)).measure().figure;
    assert_eq!(figure(&[0, 4, 2]), GpuFigure::Device { percent: 4.0, attributable: true });
    assert_eq!(figure(&[0, 400, 2]), GpuFigure::Device { percent: 2.0, attributable: true });
    assert!(is_unknown(&shared(failed(), device(&[]))), "no sample is not 0 %");
    assert!(is_unknown(&shared(failed(), failed())));
    let old = Reading::Known(vec![DeviceSample { time_us: 900, percent: 0 }]);
    assert!(is_unknown(&shared(failed(), old)));
}

#[test]
fn a_device_figure_proves_idleness_for_all_and_work_only_for_those_on_it() {
    let evidence = |percent, attributable| {
        let figure = GpuFigure::Device { percent, attributable };
        GpuMeasure {
            gpu: "GPU-1".to_owned(),
            figure,
            context: None,
            energy: None,
            shared_energy: None,
            covered_ms: None,
            used_ms: None,
        }
        .evidence(&THRESHOLDS, false)
    };
    assert_eq!(evidence(4.9, false), GpuEvidence::Idle(4.9));
    assert_eq!(evidence(5.0, true), GpuEvidence::Active(5.0));
    assert!(matches!(evidence(5.0, false), GpuEvidence::Unknown(_)));

    let attributable = |own_context, others| {
        let mut report = shared(failed(), device(&[50]));
        (report.tenancy.own_context, report.tenancy.others) = (own_context, others);
        report.measure().figure == GpuFigure::Device { percent: 50.0, attributable: true }
    };
    assert!(attributable(Reading::Known(true), Reading::Known(true)));
    assert!(attributable(Reading::Known(false), Reading::Known(false)));
    assert!(!attributable(Reading::Known(false), Reading::Known(true)));
    assert!(!attributable(failed(), failed()));
}

#[test]
fn work_that_nobody_else_can_have_done_is_the_containers() {
    let mut report = shared(Reading::Known(Vec::new()), device(&[80]));
    assert_eq!(report.measure().figure, own(0.0), "somebody else is there");
    report.tenancy.others = Reading::Known(false);
    assert_eq!(report.measure().figure, GpuFigure::Device { percent: 80.0, attributable: true });
    report.tenancy = Tenancy { mps: true, others: Reading::Known(true), ..report.tenancy };
    assert_eq!(report.measure().figure, GpuFigure::Device { percent: 80.0, attributable: true }, "MPS");
}

#[test]
fn unknown_pids_and_a_clock_set_back_leave_nothing_to_judge_by() {
    let mut report = shared(Reading::Known(Vec::new()), device(&[80]));
    report.tenancy.own_pids = failed();
    assert_eq!(report.measure().figure, GpuFigure::Device { percent: 80.0, attributable: true });
    let activity = gpu_activity(Reading::Known(Vec::new()), device(&[0]));
    let utilization = Utilization::Gpu(activity, Asked { since_us: 9_000, until_us: 8_000, ..ASKED });
    assert!(is_unknown(&GpuReport { utilization: Reading::Known(utilization), ..report }));
}

#[test]
fn a_mig_instance_is_known_through_gpm_alone() {
    let mig = |gpm| GpuReport {
        utilization: Reading::Known(Utilization::Mig(gpm, Duration::from_millis(110), ASKED)),
        ..shared(failed(), failed())
    };
    assert_eq!(mig(Reading::Known(12.5)).measure().figure, GpuFigure::Gpm { percent: 12.5, attributable: true });
    assert!(is_unknown(&mig(Reading::Known(f64::NAN))));
    assert!(is_unknown(&mig(Reading::Known(140.0))));
    assert!(is_unknown(&mig(failed())));
}

#[test]
fn a_lost_gpu_is_never_idle() {
    let lost =
        GpuReport { utilization: Unknown::new(UnknownKind::Lost, "GPU is lost").into(), ..shared(failed(), failed()) };
    assert!(
        matches!(lost.measure().evidence(&THRESHOLDS, false), GpuEvidence::Unknown(why) if why.contains("GPU is lost"))
    );
}

/// On Blackwell, a GPU was seen to report 100 % for days after a process had died in a kernel.
#[test]
fn a_figure_of_the_gpu_is_work_only_of_who_can_have_done_it() {
    let latched = |own_context, rows: Vec<ProcessSample>| {
        let mut report = shared(Reading::Known(rows), device(&[100]));
        (report.tenancy.own_context, report.tenancy.others) = (own_context, Reading::Known(false));
        report.measure()
    };
    let without = latched(Reading::Known(false), Vec::new());
    let GpuEvidence::Unknown(why) = without.evidence(&THRESHOLDS, false) else { panic!() };
    assert_eq!(why, "GPU-1: used at 100 %, and the container held no context on it");
    assert_eq!(without.evidence(&THRESHOLDS, true), GpuEvidence::Active(100.0), "it held one at the other end");
    for measure in [
        latched(Reading::Known(true), Vec::new()),
        latched(failed(), Vec::new()),
        latched(Reading::Known(false), vec![sample(7, 2_000, 40)]),
    ] {
        assert_eq!(measure.evidence(&THRESHOLDS, false), GpuEvidence::Active(100.0), "{measure:?}");
    }
    let of = |before: &GpuMeasure| GpuEvidence::of([&without], std::slice::from_ref(before), &THRESHOLDS);
    assert_eq!(of(&latched(Reading::Known(true), Vec::new())), GpuEvidence::Active(100.0));
    assert!(matches!(of(&without), GpuEvidence::Unknown(_)));
    // Energy is proof by itself.
    assert!(of(&without).with_power(Some(40.0)).is_active());
}

/// On an H200, 0.3 s of work every 20 s was 2 to 4 % of a process, and no process that slept ever showed 1 %.
#[test]
fn any_share_of_its_own_processes_is_work() {
    let evidence = |percent| GpuMeasure {
        gpu: "GPU-1".to_owned(),
        figure: own(percent),
        context: None,
        energy: None,
        shared_energy: None,
        covered_ms: None,
        used_ms: None,
    };
    assert_eq!(evidence(1.0).evidence(&THRESHOLDS, false), GpuEvidence::Active(1.0));
    assert_eq!(evidence(0.0).evidence(&THRESHOLDS, false), GpuEvidence::Idle(0.0));
    let lenient = Thresholds { gpu_process_percent: 2.0, ..THRESHOLDS };
    assert_eq!(evidence(2.0).evidence(&lenient, false), GpuEvidence::Idle(2.0));
    assert_eq!(evidence(3.0).evidence(&lenient, false), GpuEvidence::Active(3.0));
}

#[test]
fn several_gpus() {
    let of = |figures: &[Option<f64>]| {
        let measures = figures.iter().map(|percent| GpuMeasure {
            gpu: "GPU".to_owned(),
            figure: percent.map_or(GpuFigure::Unknown { why: "lost".to_owned() }, own),
            context: None,
            energy: None,
            shared_energy: None,
            covered_ms: None,
            used_ms: None,
        });
        GpuEvidence::of(&measures.collect::<Vec<_>>(), &[], &THRESHOLDS)
    };
    assert_eq!(of(&[Some(0.0), Some(90.0)]), GpuEvidence::Active(90.0));
    assert_eq!(of(&[None, Some(90.0), Some(0.0)]), GpuEvidence::Active(90.0));
    assert_eq!(of(&[Some(0.0), Some(0.0)]), GpuEvidence::Idle(0.0));
    assert!(matches!(of(&[Some(0.0), None]), GpuEvidence::Unknown(_)));
    assert!(matches!(of(&[None, Some(0.0)]), GpuEvidence::Unknown(_)));
    assert!(matches!(of(&[]), GpuEvidence::Unknown(_)));
}

#[test]
fn energy_is_told_where_nobody_else_can_have_used_it() {
    let energy = |change: fn(&mut Tenancy)| {
        let mut report = shared(failed(), device(&[0]));
        change(&mut report.tenancy);
        report.measure().energy
    };
    let counted = Some(EnergyCount { mj: 60_000, boot_ms: 500_250 });
    assert_eq!(energy(|_| {}), None, "others hold contexts");
    let measure = shared(failed(), failed()).measure();
    assert_eq!((measure.energy, measure.shared_energy), (None, counted), "it tells whether anybody worked");
    assert_eq!(energy(|tenancy| tenancy.others = Reading::Known(false)), counted);
    assert_eq!(energy(|tenancy| tenancy.other_contexts = Reading::Known(false)), counted, "it holds the only one");
    assert_eq!(
        energy(|tenancy| {
            (tenancy.own_context, tenancy.other_contexts) = (Reading::Known(false), Reading::Known(false));
        }),
        None,
        "nobody holds one, and others were given it"
    );
    assert_eq!(energy(|tenancy| tenancy.other_contexts = failed()), None);
    assert_eq!(energy(|tenancy| tenancy.others = failed()), None);

    let mig = GpuReport {
        utilization: Reading::Known(Utilization::Mig(failed(), Duration::ZERO, ASKED)),
        ..shared(failed(), failed())
    };
    assert_eq!(
        GpuReport { tenancy: Tenancy { others: Reading::Known(false), ..mig.tenancy }, ..mig }.measure().energy,
        None
    );
    let mut none = gpu_activity(failed(), failed());
    none.energy_mj = failed();
    let mut report = shared(failed(), failed());
    report.utilization = Reading::Known(Utilization::Gpu(none, ASKED));
    report.tenancy.others = Reading::Known(false);
    assert_eq!(report.measure().energy, None);
}

/// What the sampler saw in the five seconds that end so many seconds before the look.
fn five_seconds(before_s: u64, own_percent: f64) -> Sampled {
    let to_ms = ASKED.boot_ms - before_s * 1000;
    Sampled {
        covered: Span { from_ms: to_ms - 5_000, to_ms },
        percent: Some(99.0),
        mean_percent: Some(50.0),
        own_percent: Some(own_percent),
        by_unknown: false,
    }
}

#[test]
fn what_the_sampler_saw_counts_as_what_the_look_sees() {
    let asked = Asked { since_us: 1_000_000, until_us: 31_000_000, boot_ms: 500_000 };
    let none: Reading<Vec<ProcessSample>> = Reading::Known(Vec::new());
    let ring = |percent| -> Reading<Vec<DeviceSample>> {
        Reading::Known((0..50).map(|n| DeviceSample { time_us: asked.until_us - n * 200_000, percent }).collect())
    };
    let beside = |percent: u32, sampled: &[Sampled]| GpuReport {
        utilization: Reading::Known(Utilization::Gpu(gpu_activity(none.clone(), ring(percent)), asked)),
        sampled: sampled.to_vec(),
        ..shared(failed(), failed())
    };
    let measured = |report: &GpuReport| {
        let measure = report.measure();
        (measure.figure, measure.covered_ms, measure.used_ms)
    };
    assert_eq!(measured(&beside(0, &[])), (own(0.0), Some(10_000), Some(0)), "as far as the ring reaches");
    assert_eq!(measured(&beside(99, &[])).1, Some(0), "beside work a driver misses short work");
    let mut without_context = beside(99, &[]);
    without_context.tenancy.own_context = Reading::Known(false);
    assert_eq!(measured(&without_context).1, Some(10_000), "it can't have worked");

    let (worked, quiet) = (five_seconds(20, 6.0), five_seconds(10, 0.0));
    assert_eq!(measured(&beside(0, &[worked.clone(), quiet.clone()])), (own(6.0), Some(20_000), Some(300)));
    assert_eq!(measured(&beside(99, &[worked.clone(), quiet])), (own(6.0), Some(20_000), Some(300)));
    let by_unknown = Sampled { by_unknown: true, ..five_seconds(10, 0.0) };
    assert_eq!(measured(&beside(0, &[by_unknown])), (own(0.0), Some(10_000), Some(0)), "it could have been its own");

    // Nobody works on it who is there: the row of the ring is somebody's who has ended.
    let unknown_now = GpuReport { by_unknown: true, ..beside(0, &[worked]) };
    assert_eq!(unknown_now.measure().covered_ms, Some(15_000), "its own work was seen");
    let nobodys = GpuReport { by_unknown: true, ..beside(0, &[five_seconds(20, 0.0)]) };
    assert_eq!(nobodys.measure().covered_ms, Some(5_000));

    let lone = |sampled: &[Sampled]| {
        let mut report = beside(99, sampled);
        report.tenancy.others = Reading::Known(false);
        report.measure()
    };
    let alone = lone(&[five_seconds(10, 0.0)]);
    assert_eq!(alone.figure, GpuFigure::Device { percent: 99.0, attributable: true });
    assert_eq!((alone.covered_ms, alone.used_ms), (Some(15_000), Some(9_900 + 2_500)), "of all that was done");
}

#[test]
fn a_mig_instance_is_covered_by_the_samplers_spans() {
    let asked = Asked { since_us: 1_000_000, until_us: 31_000_000, boot_ms: 500_000 };
    let span = |before_s, percent| Sampled {
        percent: Some(percent),
        mean_percent: Some(percent),
        own_percent: None,
        ..five_seconds(before_s, 0.0)
    };
    let measure = |gpm: Reading<f64>, sampled: &[Sampled]| {
        let report = GpuReport {
            utilization: Reading::Known(Utilization::Mig(gpm, Duration::from_millis(110), asked)),
            sampled: sampled.to_vec(),
            ..shared(failed(), failed())
        };
        let measure = report.measure();
        (measure.figure, measure.covered_ms)
    };
    let gpm = |percent| GpuFigure::Gpm { percent, attributable: true };
    assert_eq!(measure(Reading::Known(0.0), &[]), (gpm(0.0), Some(110)));
    assert_eq!(measure(Reading::Known(0.0), &[span(5, 0.0), span(0, 6.0)]), (gpm(6.0), Some(10_000)));
    // One that began before the look before ended after it: it counts as a whole, and never for more than was asked about.
    let six: Vec<Sampled> = (0..7).map(|n| span(n * 5, 0.0)).collect();
    assert_eq!(measure(failed(), &six), (gpm(0.0), Some(30_000)));
}
