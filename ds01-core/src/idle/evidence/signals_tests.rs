use super::*;
use crate::{
    idle::{
        evidence::{CpuBurst, EnergyCount, IdlePowers, StartedProcess, Verdict},
        test_support::{THRESHOLDS, seen},
    },
    model::{Unknown, UnknownKind},
    policy::GpuUnknown,
};

fn failed<T>() -> Reading<T> {
    Unknown::new(UnknownKind::Denied, "/sys/fs/cgroup").into()
}

fn between(before: &Observation, now: &Observation) -> Signals {
    let (net_at_check, idle_powers) = (before.net_bytes.known().copied(), &IdlePowers::new());
    let since = Since { before, net_at_check, joined: &[], idle_powers };
    Signals::between(&since, now, &THRESHOLDS)
}

#[test]
fn cpu_is_percent_of_one_core_over_the_interval() {
    let before = seen(100);
    let after = |seconds: u64, used_us: u64| {
        let mut now = seen(100 + seconds);
        now.cpu_us = Reading::Known(1_000_000 + used_us);
        between(&before, &now).cpu
    };
    assert_eq!(after(30, 0), Signal::Idle(0.0));
    assert_eq!(after(30, 599_000), Signal::Idle(100.0 * 0.599 / 30.0));
    assert_eq!(after(30, 600_000), Signal::Active(2.0));
    assert_eq!(after(30, 60_000_000), Signal::Active(200.0));
    assert_eq!(after(1, 30_000), Signal::Idle(3.0), "30 ms of housekeeping in one second are no work");
    assert!(after(1, 1_000_000).is_active());
}

#[test]
fn counters_that_went_backwards_or_were_not_read_are_unknown() {
    let mut lower = seen(130);
    lower.cpu_us = Reading::Known(5);
    lower.net_bytes = Reading::Known(5);
    let signals = between(&seen(100), &lower);
    assert!(!signals.cpu.is_known() && !signals.network.is_known());

    let mut unread = seen(100);
    unread.cpu_us = failed();
    unread.net_bytes = failed();
    for signals in [between(&unread, &seen(130)), between(&seen(70), &unread)] {
        assert!(!signals.cpu.is_known() && !signals.network.is_known());
    }
}

#[test]
fn network_counts_from_the_last_check() {
    let mut now = seen(130);
    now.net_bytes = Reading::Known(2_000_000);
    let network = |net_at_check| {
        let since = Since { before: &seen(100), net_at_check, joined: &[], idle_powers: &IdlePowers::new() };
        Signals::between(&since, &now, &THRESHOLDS).network
    };
    assert_eq!(network(Some(1_000_000)), Signal::Idle(1_000_000));
    assert_eq!(network(Some(2_000_000 - 1_048_576)), Signal::Active(1_048_576));
    assert!(!network(None).is_known());
}

#[test]
fn what_began_since_the_last_look_is_work() {
    let started = |started_boot_ms: u64| {
        let mut now = seen(130);
        now.activity = Reading::Known(ProcessActivity {
            newest: Some(StartedProcess { started_boot_ms, name: "python3".to_owned() }),
            terminals: Default::default(),
        });
        now
    };
    assert!(!between(&seen(100), &started(99_999)).processes.is_active());
    assert!(between(&seen(100), &started(100_000)).processes.is_active());
    let mut unread = seen(100);
    unread.activity = failed();
    assert!(between(&unread, &started(110_000)).processes.is_active());
    assert!(!between(&unread, &started(90_000)).processes.is_known());
    assert!(!between(&seen(70), &unread).processes.is_known());
}

#[test]
fn input_at_a_terminal_is_a_time_that_changed_whichever_way() {
    let with = |seconds: u64, terminals: &[(&str, i64)]| {
        let mut now = seen(seconds);
        let terminals = terminals.iter().map(|(n, at)| ((*n).to_owned(), *at)).collect();
        now.activity = Reading::Known(ProcessActivity { newest: None, terminals });
        now
    };
    let before = with(100, &[("0", 500), ("1", 700)]);
    assert!(!between(&before, &with(130, &[("0", 500), ("1", 700)])).processes.is_active());
    assert!(between(&before, &with(130, &[("0", 600), ("1", 700)])).processes.is_active());
    assert!(between(&before, &with(130, &[("0", 400), ("1", 700)])).processes.is_active(), "the clock was set back");
    assert!(between(&before, &with(130, &[("0", 500), ("1", 700), ("2", 0)])).processes.is_active(), "opened");
    assert!(!between(&before, &with(130, &[("0", 500)])).processes.is_active(), "closed");
}

#[test]
fn a_burst_of_cpu_is_work_where_the_gpu_is_shared_and_noise_where_its_energy_tells() {
    let look = |energy: Option<u64>, us: u64| {
        let mut observation = seen(60);
        observation.cpu_burst = Some(CpuBurst { us, over_ms: 5_000 });
        observation.gpus[0].energy = energy.map(|mj| EnergyCount { mj, boot_ms: 60_000 });
        between(&seen(30), &observation)
    };
    let shared = look(None, 100_000);
    assert_eq!((shared.cpu_burst, shared.work()), (Some(2.0), Some(Sign::Cpu)));
    assert_eq!(Verdict::of(&shared, GpuUnknown::Secondary), Verdict::OtherwiseActive);
    assert!(shared.to_string().contains("CPU 0.0 % of one core (2.0 % in its busiest seconds)"), "{shared}");
    assert_eq!(look(None, 99_000).work(), None);

    // What goes on all the time is no burst.
    let busier = |burst_us: u64| {
        let mut observation = seen(60);
        observation.cpu_us = Reading::Known(1_000_000 + 25 * 15_000 + burst_us);
        observation.cpu_burst = Some(CpuBurst { us: burst_us, over_ms: 5_000 });
        observation.gpus[0].energy = None;
        between(&seen(30), &observation).work()
    };
    assert_eq!((busier(170_000), busier(176_000)), (None, Some(Sign::Cpu)), "1.5 % all the time");
    assert_eq!(look(Some(1), 100_000).work(), None);
}
