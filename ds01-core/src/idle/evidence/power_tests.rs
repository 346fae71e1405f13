use super::*;
use crate::idle::{
    evidence::Observation,
    evidence::Verdict,
    evidence::{GpuEvidence, GpuFigure},
    evidence::{Signals, Since, Thresholds},
    state::Track,
    test_support::{THRESHOLDS, on_gpu, seen},
};

/// As built in.
const NOISE: f64 = 2.0;

/// Reads the counter every 30 s from the boot clock 1,000 s on, while the GPU takes these mean powers in turn.
fn counts(watts: &[f64]) -> Vec<EnergyCount> {
    let (mut count, mut counts) = (EnergyCount { mj: 5_000, boot_ms: 1_000_000 }, Vec::new());
    counts.push(count);
    for watts in watts {
        count.mj += (watts * 30_000.0) as u64;
        count.boot_ms += 30_000;
        counts.push(count);
    }
    counts
}

/// What each of these intervals shows.
fn excesses(watts: &[f64]) -> Vec<Option<f64>> {
    let mut idle = IdlePower::default();
    let judge = |pair: &[EnergyCount]| {
        let excess = idle.excess_watts(&pair[0], &pair[1], NOISE);
        idle.take_in(&pair[0], &pair[1]);
        excess
    };
    counts(watts).windows(2).map(judge).collect()
}

fn looks(counts: &[EnergyCount]) -> Vec<Observation> {
    let look = |count: &EnergyCount| {
        let mut look = seen(count.boot_ms / 1000);
        look.gpus[0].energy = Some(*count);
        look
    };
    counts.iter().map(look).collect()
}

fn after(looks: &[Observation]) -> Track {
    after_by(looks, Some(NOISE))
}

fn after_by(looks: &[Observation], gpu_watts: Option<f64>) -> Track {
    let mut track = Track::new(&looks[0]);
    looks[1..].iter().for_each(|look| track.observe(look, &Thresholds { gpu_watts, ..THRESHOLDS }));
    track
}

#[test]
fn a_burst_is_more_than_noise() {
    assert_eq!(excesses(&[60.0, 60.9, 59.6, 61.8]), [None; 4], "a GPU that idles, with the noise that it has");
    // 100 J in 30 s.
    let [None, None, Some(watts)] = excesses(&[60.0, 59.8, 63.3])[..] else { panic!() };
    assert!((3.4..3.6).contains(&watts), "{watts}");
    // On a GPU that takes much when it idles, noise is more.
    assert_eq!(excesses(&[115.0, 117.5]), [None; 2]);
    assert!(excesses(&[115.0, 117.7])[1].is_some());
    assert_eq!(excesses(&[300.0, 60.0]), [None; 2], "work that ended");
    assert!(excesses(&[300.0, 60.0, 70.0])[2].is_some());
}

#[test]
fn a_level_that_stays_is_work_for_a_while_only() {
    let mut watts = vec![30.0; 30];
    watts.extend([62.0; 40]);
    let excesses = excesses(&watts);
    let active: Vec<usize> = (0..excesses.len()).filter(|n| excesses[*n].is_some()).collect();
    assert_eq!(active, [30, 31, 32, 33, 34]);
}

#[test]
fn a_gpu_that_gets_warm_does_not_work() {
    // Six watts in ten minutes.
    let watts: Vec<f64> = (0..60).map(|n| 60.0 + 6.0 * f64::from(n.clamp(20, 40) - 20) / 20.0 * 0.7).collect();
    assert_eq!(excesses(&watts), [None; 60]);
}

#[test]
fn a_counter_that_went_back_or_did_not_tell_proves_nothing() {
    let count = |mj, boot_ms| EnergyCount { mj, boot_ms };
    let mut idle = IdlePower::default();
    assert_eq!(idle.excess_watts(&count(0, 0), &count(900_000, 30_000), NOISE), None, "nothing to compare with");
    idle.take_in(&count(0, 0), &count(1_800_000, 30_000));
    let before = idle.clone();
    assert_eq!(idle.excess_watts(&count(9_000_000, 60_000), &count(10, 90_000), NOISE), None);
    idle.take_in(&count(9_000_000, 60_000), &count(10, 90_000));
    assert_eq!(idle, before);
    assert_eq!(idle.excess_watts(&count(10, 90_000), &count(20, 90_000), NOISE), None, "no time passed");
    assert_eq!(
        idle.excess_watts(&count(0, 90_000), &count(u64::MAX, 120_000), NOISE).map(|watts| watts > 1e6),
        Some(true)
    );
    let old = count(0, 30_000 + 480_001);
    assert_eq!(idle.excess_watts(&old, &count(9_000_000, old.boot_ms + 30_000), NOISE), None, "idle long ago");
}

#[test]
fn over_a_second_or_two_a_step_of_the_counter_is_no_power() {
    let mut idle = IdlePower::default();
    let count = |mj, boot_ms| EnergyCount { mj, boot_ms };
    idle.take_in(&count(0, 0), &count(1_800_000, 30_000));
    // 100 ms of 60 W too many within a second: 6 W.
    assert_eq!(idle.excess_watts(&count(0, 30_000), &count(66_000, 31_000), NOISE), None);
    assert!(idle.excess_watts(&count(0, 30_000), &count(110_000, 31_000), NOISE).is_some());
}

#[test]
fn work_between_looks_begins_idle_time_anew() {
    let mut watts = vec![60.0; 10];
    let quiet = after(&looks(&counts(&watts)));
    assert_eq!(quiet.idle_ms, 300_000);
    watts.extend([66.0, 60.0]);
    let track = after(&looks(&counts(&watts)));
    assert_eq!(track.idle_ms, 30_000);
    let worked = after(&looks(&counts(&watts[..11])));
    let interval = worked.interval.unwrap();
    assert_eq!(interval.verdict, Verdict::GpuActive);
    assert_eq!(interval.signals.gpu.to_string(), "GPU 0 % when looked at, but 6.0 W above its idle power");
    assert_eq!(after(&looks(&counts(&watts[..11])).map_energy(None)).idle_ms, 330_000, "no counter, no veto");
}

#[test]
fn the_policy_says_from_how_many_watts_power_counts() {
    let mut watts = vec![60.0; 10];
    watts.extend([66.0, 60.0]);
    let looks = looks(&counts(&watts));
    let idle_s = |gpu_watts| after_by(&looks, gpu_watts).idle_ms / 1000;
    assert_eq!([Some(0.0), Some(2.0), Some(5.6)].map(idle_s), [30; 3]);
    // With the noise of 60 W, 6 W are not more than this.
    assert_eq!([Some(5.8), Some(1000.0)].map(idle_s), [360; 2]);
}

#[test]
fn where_the_policy_ignores_power_it_proves_nothing() {
    let looks = looks(&counts(&[60.0, 60.0, 60.0, 66.0, 900.0]));
    let track = after_by(&looks, None);
    assert_eq!(track.idle_ms, 150_000);
    assert_eq!(track.interval.as_ref().unwrap().signals.gpu, GpuEvidence::Idle(0.0));
    // Should power count from now on, it is known what the GPU took.
    assert_eq!(track.idle_powers, after(&looks).idle_powers);

    let before = after(&looks[..4]);
    let since = Since { before: &looks[3], net_at_check: None, joined: &[], idle_powers: &before.idle_powers };
    let gpu = |gpu_watts| Signals::between(&since, &looks[4], &Thresholds { gpu_watts, ..THRESHOLDS }).gpu;
    assert_eq!(gpu(None), GpuEvidence::Idle(0.0));
    assert!(matches!(gpu(Some(NOISE)), GpuEvidence::Worked { .. }));
}

#[test]
fn power_makes_nothing_idle_and_speaks_up_where_nothing_else_is_known() {
    let counts = counts(&[60.0, 60.0, 60.0, 66.0]);
    let mut unknown = looks(&counts);
    for look in &mut unknown {
        look.gpus[0].figure = GpuFigure::Unknown { why: "no answer".to_owned() };
    }
    let gpu = |looks: &[Observation]| after(looks).interval.unwrap().signals.gpu;
    assert!(matches!(gpu(&unknown[..4]), GpuEvidence::Unknown(_)));
    assert!(matches!(gpu(&unknown), GpuEvidence::Worked { percent: None, .. }));
    assert_eq!(gpu(&unknown).to_string(), "GPU unknown when looked at, but 6.0 W above its idle power");
    let mut busy = looks(&counts[..4]);
    busy[3].gpus = on_gpu(0, 50.0).gpus;
    assert_eq!(gpu(&busy), GpuEvidence::Active(50.0));
}

#[test]
fn short_intervals_leave_no_low_behind() {
    let mut track = after(&looks(&counts(&[60.0; 4])));
    let powers = track.idle_powers.clone();
    let last = track.last.gpus[0].energy.unwrap();
    let mut soon = on_gpu(last.boot_ms / 1000 + 1, 50.0);
    soon.gpus[0].energy = Some(EnergyCount { mj: last.mj + 1, boot_ms: last.boot_ms + 1_000 });
    track.observe(&soon, &THRESHOLDS);
    assert_eq!((track.idle_ms, track.judged_by().unwrap().verdict), (0, Verdict::GpuActive), "work counts at once");
    assert_eq!(track.idle_powers, powers);
}

#[test]
fn each_gpu_has_its_own_idle_power() {
    let mut looks = looks(&counts(&[60.0, 60.0, 60.0]));
    for (n, look) in looks.iter_mut().enumerate() {
        let mut other = look.gpus[0].clone();
        other.gpu = "GPU-2".to_owned();
        other.energy =
            Some(EnergyCount { mj: n as u64 * 300_000 + u64::from(n == 3) * 120_000, ..other.energy.unwrap() });
        look.gpus.push(other);
    }
    let quiet = after(&looks[..3]);
    assert_eq!((quiet.idle_ms, quiet.idle_powers.len()), (60_000, 2));
    assert!(after(&looks).interval.unwrap().signals.gpu.is_active());
    // A GPU that is somebody else's too is not asked, and forgotten when it is gone.
    looks[3].gpus[1].energy = None;
    assert!(!after(&looks).interval.unwrap().signals.gpu.is_active());
    looks[3].gpus.remove(1);
    assert_eq!(after(&looks).idle_powers.len(), 1);
}

trait MapEnergy {
    fn map_energy(self, energy: Option<EnergyCount>) -> Self;
}

impl MapEnergy for Vec<Observation> {
    fn map_energy(mut self, energy: Option<EnergyCount>) -> Self {
        self.iter_mut().for_each(|look| look.gpus[0].energy = energy);
        self
    }
}
