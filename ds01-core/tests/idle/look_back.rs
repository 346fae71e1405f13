//! A check that comes late: what the detector saw in the meantime.

use std::time::Duration;

use ds01_core::source::fake::Change;

use super::{
    host::id_of,
    whole::{PID, Whole},
};

const POLICY: &str = "defaults: {idle_timeout: 10h, max_runtime: null}\n\
                      policies: {grace_period: 0s, idle_detection_window: 1, high_demand_threshold: null}\n";

const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// Idle for 55 minutes of checks, then for `scans` five minutes without one, with work on the GPU at one of them. The idle
/// time in minutes at the next check.
fn idle_minutes(scans: u32, works_at: Option<u32>) -> u64 {
    let whole = Whole::new(POLICY);
    // A scan without an earlier one asks about a minute.
    whole.scan();
    for _ in 0..12 {
        whole.host.advance(FIVE_MINUTES);
        whole.check();
    }
    let works = |gpu_percent| Change { gpu_percent: [(PID, gpu_percent)].into(), ..Change::default() };
    for scan in 1..=scans {
        whole.host.advance(FIVE_MINUTES);
        if works_at == Some(scan) {
            whole.change(works(80));
        }
        whole.scan();
        whole.change(works(0));
    }
    whole.host.advance(FIVE_MINUTES);
    let checked = whole.check();
    checked.plan.decisions[&id_of(&checked, "one")].idle.as_secs() / 60
}

#[test]
fn a_check_takes_in_what_the_detector_saw() {
    assert_eq!(idle_minutes(0, None), 60);
    assert_eq!(idle_minutes(10, None), 110);
    assert_eq!(idle_minutes(10, Some(4)), 35);
}

#[test]
fn so_does_one_that_comes_hours_late() {
    assert_eq!(idle_minutes(24, None), 180);
    assert_eq!(idle_minutes(24, Some(6)), 95);
}
