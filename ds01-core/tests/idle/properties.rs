//! What holds for every history of work, gaps, clocks that are set, reboots and sources that fail.

use std::time::Duration;

use ds01_core::idle::{Action, Plan};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::host::{Host, Work, id};

/// Something that happens on the host.
#[derive(Debug, Clone)]
enum Step {
    /// The container does this from now on.
    Do(Work),
    /// So many seconds pass, with a scan at the end.
    Scan(u64),
    /// So many seconds pass, with a check at the end.
    Check(u64),
    /// So many seconds pass unobserved.
    Gap(u64),
    /// The wall clock is set by so many minutes.
    Clock(i64),
    Reboot,
    Restart,
    /// What is in the journal since the last check is lost.
    LoseJournal,
    /// The GPU takes so many watts from now on, whatever it does.
    Power(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let work = prop::sample::select(vec![Work::Gpu, Work::Cpu, Work::Nothing, Work::GpuUnreadable, Work::Unreadable]);
    prop_oneof![
        2 => work.prop_map(Step::Do),
        4 => Just(Step::Do(Work::Nothing)),
        20 => (1..700_u64).prop_map(Step::Scan),
        20 => (1..700_u64).prop_map(Step::Check),
        1 => (600..100_000_u64).prop_map(Step::Gap),
        1 => (-3000..3000_i64).prop_map(Step::Clock),
        1 => Just(Step::Reboot),
        1 => Just(Step::Restart),
        1 => Just(Step::LoseJournal),
        4 => (10..400_u64).prop_map(Step::Power),
    ]
}

/// What a bystander notes, who sees every observation as it is made.
#[derive(Clone, Default)]
struct Bystander {
    /// Boot clock of the last observation.
    last: Option<u64>,
    /// Whether that could read nothing.
    dark: bool,
    /// Seconds observed to be idle since the last work was.
    idle: u64,
    /// The check at which a warning was given, since the last work.
    warned: Option<usize>,
}

impl Bystander {
    /// Looks at what was done for the last `seconds`.
    fn see(&mut self, boot_ms: u64, work: Work, seconds: u64) {
        let length = self.last.map(|before| (boot_ms - before) / 1000);
        // A second's work after an hour that nobody observed is too little to show in the counters of that hour, and behind
        // a look that could read no counters there is nothing to compare with.
        let shows = length.is_some_and(|length| seconds * 800 >= length.max(10) * 20) && !self.dark;
        let worked = work == Work::Gpu || (work == Work::Cpu && shows);
        // Looks that are nearer than ten seconds are one.
        if length.is_some_and(|length| length < 10) && !worked {
            return;
        }
        if worked {
            (self.idle, self.warned) = (0, None);
        } else if matches!(work, Work::Nothing | Work::GpuUnreadable) {
            self.idle += length.filter(|length| *length <= 600).unwrap_or(0);
        }
        self.dark = work == Work::Unreadable;
        self.last = Some(boot_ms);
    }
}

const POLICY: &str =
    "defaults: {idle_timeout: 30m, max_runtime: null}\npolicies: {grace_period: 0s, idle_detection_window: 2}\n";
const TIMEOUT: u64 = 30 * 60;

/// Runs a history, checks what holds at each step, and returns what was done at each check.
fn run(steps: &[Step], restarts: bool) -> Result<Vec<(u64, Action)>, TestCaseError> {
    let mut host = Host::new(POLICY, &["one"]);
    host.restarts = restarts;
    let mut bystander = Bystander::default();
    let mut at_check = bystander.clone();
    // Whether there was work, seen or not, since the last warning.
    let mut worked = true;
    let mut done = Vec::new();
    let mut checks = 0_usize;
    for step in steps {
        worked |= matches!(host.containers[0].work, Work::Gpu | Work::Cpu);
        match step {
            Step::Do(work) => host.containers[0].work = *work,
            Step::Scan(seconds) => {
                host.pass(*seconds);
                host.scan();
                bystander.see(host.now.boot_ms, host.containers[0].work, *seconds);
            }
            Step::Gap(seconds) => host.pass(*seconds),
            Step::Clock(minutes) => host.now.at += SignedDuration::from_mins(*minutes),
            Step::Reboot | Step::Restart => {
                if matches!(step, Step::Reboot) {
                    host.now.boot_id += "x";
                    host.now.boot_ms = 10_000;
                }
                host.containers[0].facts.started_at = Some(host.now.at);
                host.containers[0].started_boot_ms = host.now.boot_ms;
                // What is in the journal of the life before says nothing of this one.
                bystander = Bystander::default();
                at_check = bystander.clone();
                worked = true;
            }
            Step::Power(watts) => host.containers[0].watts = *watts,
            Step::LoseJournal => {
                host.observations.clear();
                bystander.clone_from(&at_check);
            }
            Step::Check(seconds) => {
                host.pass(*seconds);
                let work = host.containers[0].work;
                bystander.see(host.now.boot_ms, work, *seconds);
                let plan = host.check();
                checks += 1;
                let decision = &plan.decisions[&id(0)];
                prop_assert!(
                    decision.idle <= Duration::from_secs(bystander.idle),
                    "{:?} counted, {} s observed",
                    decision.idle,
                    bystander.idle
                );
                match &decision.action {
                    Action::Warn { .. } => {
                        prop_assert!(bystander.idle >= TIMEOUT * 8 / 10);
                        prop_assert!(worked, "warned twice in one spell");
                        worked = false;
                        bystander.warned = Some(checks);
                    }
                    Action::Stop { .. } => {
                        prop_assert!(bystander.idle >= TIMEOUT, "observed idle for {} s only", bystander.idle);
                        let warned = bystander.warned;
                        prop_assert!(warned.is_some_and(|at| at < checks), "warned at {warned:?}, stopped at {checks}");
                        done.push((host.now.boot_ms, decision.action.clone()));
                        return Ok(done);
                    }
                    _ => {}
                }
                done.push((host.now.boot_ms, decision.action.clone()));
                at_check.clone_from(&bystander);
            }
        }
    }
    // Observed to be idle from here on, it goes in the end.
    host.containers[0].work = Work::Nothing;
    let mut stopped = false;
    for _ in 0..10 {
        stopped |=
            matches!(host.five_minutes().decisions.get(&id(0)).map(|one| &one.action), Some(Action::Stop { .. }));
    }
    prop_assert!(stopped, "idle for 50 minutes, and still there");
    Ok(done)
}

proptest! {
    /// Never stopped within the timeout of observed work; never without a warning at an earlier check; always stopped in
    /// the end.
    #[test]
    fn nobody_is_stopped_who_was_not_observed_idle(steps in prop::collection::vec(step(), 1..120)) {
        run(&steps, false)?;
    }

    /// Ended and begun anew between any two checks, the reaper does the same.
    #[test]
    fn a_restart_of_the_reaper_changes_nothing(steps in prop::collection::vec(step(), 1..80)) {
        prop_assert_eq!(run(&steps, false)?, run(&steps, true)?);
    }

    /// What its energy tells makes nobody idle, and holds up a stop for no longer than the power is new.
    #[test]
    fn energy_only_holds_up(steps in prop::collection::vec(step(), 1..120)) {
        let mut plain = Host::new(POLICY, &["one"]);
        let mut counted = Host::new(POLICY, &["one"]);
        counted.containers[0].energy_mj = Some(1_000);
        let stops = |plan: &Plan| matches!(plan.decisions[&id(0)].action, Action::Stop { .. });
        for step in &steps {
            for host in [&mut plain, &mut counted] {
                match step {
                    Step::Do(work) => host.containers[0].work = *work,
                    Step::Power(watts) => host.containers[0].watts = *watts,
                    Step::Scan(seconds) => {
                        host.pass(*seconds);
                        host.scan();
                    }
                    Step::Gap(seconds) => host.pass(*seconds),
                    _ => {}
                }
            }
            if let Step::Check(seconds) = step {
                plain.pass(*seconds);
                counted.pass(*seconds);
                let (plain, counted) = (plain.check(), counted.check());
                let idle = |plan: &Plan| plan.decisions[&id(0)].idle;
                prop_assert!(idle(&counted) <= idle(&plain), "{:?}, without: {:?}", idle(&counted), idle(&plain));
                // Not «stopped without it too»: whoever seems idle for less is warned in time, where the other is warned
                // late and so with more notice.
                let limit = plain.decisions[&id(0)].idle_limit.unwrap();
                prop_assert!(!stops(&counted) || idle(&plain) >= limit, "stopped after {:?}", idle(&plain));
                if stops(&plain) {
                    return Ok(());
                }
            }
        }
        counted.containers[0].work = Work::Nothing;
        prop_assert!((0..10).any(|_| stops(&counted.five_minutes())), "idle for 50 minutes, and still there");
    }

    /// What was read before from the journal, and is read again, or in another order, changes nothing.
    #[test]
    fn reading_the_journal_twice_changes_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut once = Host::new(POLICY, &["one"]);
        let mut twice = Host::new(POLICY, &["one"]);
        let mut journal = Vec::new();
        for step in &steps {
            for host in [&mut once, &mut twice] {
                match step {
                    Step::Do(work) => host.containers[0].work = *work,
                    Step::Scan(seconds) => {
                        host.pass(*seconds);
                        host.scan();
                    }
                    Step::Gap(seconds) => host.pass(*seconds),
                    _ => {}
                }
            }
            if let Step::Check(seconds) = step {
                once.pass(*seconds);
                twice.pass(*seconds);
                journal.extend(once.observations.clone());
                twice.observations = journal.iter().rev().cloned().collect();
                let same = once.check().decisions == twice.check().decisions;
                prop_assert!(same);
                prop_assert_eq!(&once.state, &twice.state);
                if once.containers[0].facts.status != ds01_core::model::ContainerStatus::Running {
                    break;
                }
            }
        }
    }
}
