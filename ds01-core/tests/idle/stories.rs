//! The stories that need no real daemon.

use std::time::Duration;

use ds01_core::{
    detect::Origin,
    idle::{Action, Demand, KeepAlive, Reason, Removal, StopCause, Verdict, rules::Waits},
    model::ContainerStatus,
};
use jiff::SignedDuration;

use super::host::{HOUR, Host, Work, id, policy};

/// Half an hour of idleness, the shipped thresholds.
const PLAIN: &str = "defaults: {idle_timeout: 30m, max_runtime: 1000h}\n";

fn kinds(actions: &[(u64, Action)]) -> Vec<(u64, &'static str)> {
    let kind = |action: &Action| match action {
        Action::Nothing => "nothing",
        Action::Warn { .. } => "warn",
        Action::WarnOfRuntime { .. } => "warn of runtime",
        Action::TellExempt(_) => "exempt",
        Action::Stop { cause: StopCause::Idle, .. } => "stop",
        Action::Stop { cause: StopCause::Runtime, .. } => "stop for runtime",
        Action::WarnOfRemoval { .. } => "warn of removal",
        Action::Remove(_) => "remove",
    };
    actions.iter().map(|(number, action)| (*number, kind(action))).collect()
}

#[test]
fn idle_on_all_is_warned_at_80_percent_and_stopped_at_100() {
    // The first observation is at 30 s, so that 24 idle minutes are reached by the check at 25, and 30 by that at 35.
    let mut host = Host::new(PLAIN, &["idle"]);
    host.scan();
    assert_eq!(kinds(&host.actions(0, 12)), [(5, "warn"), (6, "stop")]);
}

#[test]
fn no_cpu_and_a_busy_gpu_lives() {
    let mut host = Host::new(PLAIN, &["train"]);
    host.containers[0].work = Work::Gpu;
    assert_eq!(host.actions(0, 50), []);
}

#[test]
fn an_idle_gpu_and_a_data_loader_at_work_lives() {
    let mut host = Host::new(PLAIN, &["load"]);
    host.containers[0].work = Work::Cpu;
    assert_eq!(host.actions(0, 50), []);
}

#[test]
fn of_two_on_one_gpu_only_the_idle_one_goes() {
    let mut host = Host::new(PLAIN, &["idle", "works"]);
    host.containers[1].work = Work::Gpu;
    for _ in 0..12 {
        let plan = host.five_minutes();
        assert_eq!(plan.decisions.get(&id(1)).map(|decision| &decision.action), Some(&Action::Nothing));
    }
    assert_eq!(host.containers[0].facts.status, ContainerStatus::Exited);
}

#[test]
fn an_unreadable_gpu_is_judged_by_the_rest_unless_the_policy_says_never() {
    let mut host = Host::new(PLAIN, &["mig"]);
    host.containers[0].work = Work::GpuUnreadable;
    assert_eq!(kinds(&host.actions(0, 12)).last(), Some(&(7, "stop")));

    let mut host = Host::new(&format!("{PLAIN}policies: {{gpu_unknown: never}}\n"), &["mig"]);
    host.containers[0].work = Work::GpuUnreadable;
    assert_eq!(host.actions(0, 50), []);
}

#[test]
fn what_cannot_be_read_at_all_is_left_alone() {
    let mut host = Host::new(PLAIN, &["dark"]);
    host.containers[0].work = Work::Unreadable;
    assert_eq!(host.actions(0, 50), []);
    assert_eq!(host.five_minutes().decisions[&id(0)].reason, Some(Reason::NotIdle(Verdict::NoEvidence)));
}

#[test]
fn a_dev_container_goes_for_its_run_time_alone_and_is_warned() {
    let text = "container_types: {devcontainer: {idle_timeout: null, max_runtime: 4h}}\n";
    let mut host = Host::new(text, &["dev"]);
    host.containers[0].facts.origin = Origin::DevContainer;
    // It has run for two hours: 80 % of four are reached after 72 minutes, and all after 120.
    assert_eq!(kinds(&host.actions(0, 30)), [(15, "warn of runtime"), (24, "stop for runtime")]);
}

/// A limit that was raised after its warning is warned of again.
#[test]
fn a_warning_of_another_limit_is_no_warning() {
    let limit =
        |hours| policy(&format!("container_types: {{docker: {{idle_timeout: null, max_runtime: {hours}h}}}}\n"));
    let mut host = Host::new("container_types: {docker: {idle_timeout: null, max_runtime: 4h}}\n", &["long"]);
    assert_eq!(kinds(&host.actions(0, 15)), [(15, "warn of runtime")]);
    host.policy = limit(6);
    // 80 % of six hours, of which three hours and a quarter are over, and all of them.
    assert_eq!(kinds(&host.actions(0, 40)), [(19, "warn of runtime"), (33, "stop for runtime")]);
}

#[test]
fn whoever_is_found_far_over_the_run_time_is_warned_first() {
    let mut host = Host::new("container_types: {docker: {idle_timeout: null, max_runtime: 1h}}\n", &["old"]);
    let plan = host.five_minutes();
    assert_eq!(plan.decisions[&id(0)].action, Action::WarnOfRuntime { left: Duration::from_secs(240) });
    assert_eq!(kinds(&host.actions(0, 1)), [(1, "stop for runtime")]);
}

#[test]
fn the_wall_clock_changes_nobodys_time() {
    let mut host = Host::new("defaults: {idle_timeout: 30m, max_runtime: 24h}\n", &["idle", "works"]);
    host.containers[1].work = Work::Gpu;
    host.scan();
    let mut all = Vec::new();
    for jump in [26, -52, 26, 1000, -1000, 0, 0] {
        host.now.at += SignedDuration::from_hours(jump);
        let plan = host.five_minutes();
        all.push(plan.decisions[&id(0)].action.clone());
        assert!(plan.decisions.get(&id(1)).is_none_or(|decision| decision.action == Action::Nothing));
    }
    assert!(all[..4].iter().all(|action| *action == Action::Nothing), "{all:?}");
    assert!(matches!(all[4], Action::Warn { .. }), "{all:?}");
    assert!(matches!(all[5], Action::Stop { .. }), "{all:?}");
}

#[test]
fn the_grace_period_counts_from_the_last_start() {
    let mut host =
        Host::new("defaults: {idle_timeout: 10m, max_runtime: null}\npolicies: {grace_period: 1h}\n", &["new"]);
    host.containers[0].started_boot_ms = host.now.boot_ms;
    // Observed idle time goes on in the grace period: right behind it comes the warning.
    assert_eq!(kinds(&host.actions(0, 11)), []);
    host.containers[0].started_boot_ms = host.now.boot_ms;
    host.containers[0].facts.started_at = Some(host.now.at);
    assert_eq!(kinds(&host.actions(0, 14)), [(12, "warn"), (13, "stop")]);
}

#[test]
fn keep_alive_files() {
    let stopped = |file: fn(&Host) -> KeepAlive| {
        let mut host = Host::new(PLAIN, &["kept"]);
        host.containers[0].keep_alive = file(&host);
        kinds(&host.actions(0, 12)).last().is_some_and(|(_, last)| *last == "stop")
    };
    let at = |host: &Host, hours: i64| KeepAlive::File(host.now.at + SignedDuration::from_hours(hours));
    assert!(stopped(|_| KeepAlive::Absent));
    assert!(!stopped(|host| KeepAlive::File(host.now.at)));
    assert!(stopped(|host| KeepAlive::File(host.now.at - SignedDuration::from_hours(25))));
    assert!(stopped(|host| KeepAlive::File(host.now.at + SignedDuration::from_hours(24))));
    assert!(stopped(|_| KeepAlive::Link));
    assert!(stopped(|_| KeepAlive::Directory));
    assert!(!stopped(|_| KeepAlive::Unreadable("500".to_owned())));

    // Answered by a keep-alive, a warning is given again when that ends.
    let mut host = Host::new(PLAIN, &["kept"]);
    assert_eq!(kinds(&host.actions(0, 5)), [(5, "warn")]);
    host.containers[0].keep_alive = at(&host, -23);
    assert_eq!(kinds(&host.actions(0, 20)), [(13, "warn"), (14, "stop")]);
}

#[test]
fn a_refused_keep_alive_is_said_in_the_warning() {
    let mut host = Host::new(PLAIN, &["kept"]);
    host.containers[0].keep_alive = KeepAlive::Link;
    let actions = host.actions(0, 6);
    let Some((_, Action::Warn { keep_alive_refused: Some(why), .. })) = actions.first() else { panic!("{actions:?}") };
    assert!(why.contains("symbolic link"));
}

#[test]
fn those_who_are_never_touched() {
    let text = "defaults: {idle_timeout: 10m, max_runtime: 1h}\nmonitoring: {infrastructure_containers: [prom]}\n";
    let mut host = Host::new(text, &["no-gpu", "unclear", "no-origin", "prom", "label", "monitor"]);
    host.containers[0].facts.has_gpu = Some(false);
    host.containers[1].facts.has_gpu = None;
    host.containers[2].facts.origin = Origin::Unknown;
    host.containers[4].facts.labels.insert("ds01.protected".to_owned(), String::new());
    host.containers[5].facts.labels.insert("ds01.monitoring".to_owned(), "true".to_owned());
    for _ in 0..20 {
        assert!(host.five_minutes().decisions.values().all(|decision| decision.action == Action::Nothing));
    }
}

#[test]
fn high_demand_shortens_and_is_said_once() {
    let mut host = Host::new(PLAIN, &["idle"]);
    host.demand = Some(Demand { assigned: 8, total: 10 });
    let mut said = Vec::new();
    let mut actions = Vec::new();
    for number in 1..=6 {
        let plan = host.five_minutes();
        said.extend(plan.high_demand.map(|high| (number, high)));
        actions.push((number, plan.decisions.get(&id(0)).map_or(Action::Nothing, |decision| decision.action.clone())));
        if number == 4 {
            host.demand = None;
        }
        if number == 5 {
            host.demand = Some(Demand { assigned: 1, total: 10 });
        }
    }
    actions.retain(|(_, action)| *action != Action::Nothing);
    assert_eq!(kinds(&actions), [(3, "warn"), (4, "stop")]);
    assert_eq!(said, [(1, true), (6, false)]);
}

#[test]
fn an_exempt_owner_is_told_once_and_not_stopped() {
    let mut host = Host::new(PLAIN, &["exempt"]);
    let exemptions = "exemptions: [{username: alice, exempt_from: [idle_timeout, max_runtime], reason: a, approved_by: b, expires_on: null}]\n";
    host.policy = ds01_core::policy::parse(&ds01_core::policy::PolicyFiles {
        policy: ds01_core::policy::Document {
            path: "p.yaml".into(),
            bytes: "defaults: {idle_timeout: 30m, max_runtime: 3h}".into(),
        },
        overrides: None,
        exemptions: Some(ds01_core::policy::Document { path: "e.yaml".into(), bytes: exemptions.into() }),
        members: Default::default(),
    })
    .unwrap()
    .policy;
    assert_eq!(kinds(&host.actions(0, 40)), [(5, "exempt"), (12, "exempt")]);
}

#[test]
fn a_gap_adds_nothing_and_breaks_the_row() {
    let mut host = Host::new(PLAIN, &["idle"]);
    host.scan();
    assert_eq!(kinds(&host.actions(0, 5)), [(5, "warn")]);
    host.pass(12 * HOUR);
    // 25 minutes were observed; the check behind the gap adds none, and three idle checks in a row are needed anew.
    let plan = host.check();
    assert_eq!(plan.decisions[&id(0)].idle, Duration::from_secs(25 * 60));
    assert_eq!(plan.decisions[&id(0)].reason, Some(Reason::NotIdle(Verdict::NoEvidence)));
    let plan = host.five_minutes();
    assert_eq!(plan.decisions[&id(0)].waits, Some(Waits::Window(1, 3)));
    assert_eq!(kinds(&host.actions(0, 3)), [(2, "stop")]);
}

#[test]
fn work_in_a_gap_is_work() {
    let mut host = Host::new(PLAIN, &["worked"]);
    assert_eq!(kinds(&host.actions(0, 5)), [(5, "warn")]);
    host.containers[0].work = Work::Cpu;
    host.pass(2 * HOUR);
    host.containers[0].work = Work::Nothing;
    host.pass(10 * HOUR);
    assert_eq!(host.check().decisions[&id(0)].idle, Duration::ZERO);
    assert_eq!(kinds(&host.actions(0, 6)), [(5, "warn"), (6, "stop")]);
}

#[test]
fn a_reboot_and_a_restart_begin_anew() {
    let mut host =
        Host::new("defaults: {idle_timeout: 30m, max_runtime: null}\npolicies: {grace_period: 0s}", &["idle"]);
    assert_eq!(kinds(&host.actions(0, 5)), [(5, "warn")]);
    host.now.boot_id = "boot-2".to_owned();
    host.now.boot_ms = 60_000;
    host.containers[0].started_boot_ms = 30_000;
    assert_eq!(kinds(&host.actions(0, 5)), [(5, "warn")], "within the same life by Docker's word, and another boot");
    host.containers[0].facts.started_at = Some(host.now.at);
    assert_eq!(kinds(&host.actions(0, 9)), [(5, "warn"), (7, "stop")]);
}

#[test]
fn two_checks_at_once_do_not_take_the_announced_time_away() {
    let mut host = Host::new(PLAIN, &["idle"]);
    for _ in 0..120 {
        host.pass(30);
        host.scan();
    }
    let first = host.check();
    assert_eq!(
        first.decisions[&id(0)].action,
        Action::Warn { left: Duration::from_secs(240), keep_alive_refused: None }
    );
    for _ in 0..5 {
        host.pass(1);
        let again = host.check();
        assert_eq!(again.decisions[&id(0)].waits, Some(Waits::Announced));
    }
    host.pass(295);
    assert!(matches!(host.check().decisions[&id(0)].action, Action::Stop { .. }));
}

#[test]
fn no_more_are_stopped_in_one_run_than_the_policy_says() {
    let mut host = Host::new(&format!("{PLAIN}policies: {{max_stops_per_run: 2}}\n"), &["a", "b", "c", "d", "e"]);
    let mut stops = Vec::new();
    for _ in 0..10 {
        let plan = host.five_minutes();
        stops.push(plan.decisions.values().filter(|one| matches!(one.action, Action::Stop { .. })).count());
    }
    assert_eq!(stops, [0, 0, 0, 0, 0, 0, 2, 2, 1, 0]);
}

#[test]
fn created_and_held_containers_are_removed_where_the_policy_allows() {
    let run = |text: &str, origin: Origin, status: ContainerStatus| {
        let mut host = Host::new(text, &["still"]);
        host.containers[0].facts.origin = origin;
        host.containers[0].facts.status = status;
        host.actions(0, 10)
    };
    let created = || ContainerStatus::Created;
    // A hold of 30 minutes leaves five to the last check before its end, and one of 15 none: as much as it leaves to four
    // fifths of it is announced then.
    let removed = |number, removal| {
        let left = Duration::from_secs(if removal == Removal::NeverStarted { 300 } else { 180 });
        vec![(number - 1, Action::WarnOfRemoval { left, removal }), (number, Action::Remove(removal))]
    };
    assert_eq!(run("defaults: {max_runtime: 24h}", Origin::Managed, created()), removed(7, Removal::NeverStarted));
    assert_eq!(
        run("defaults: {max_runtime: 24h}", Origin::Managed, ContainerStatus::Exited),
        removed(5, Removal::Held)
    );
    assert_eq!(run("defaults: {max_runtime: 24h}", Origin::RawDocker, created()), []);
    assert_eq!(run("defaults: {max_runtime: 24h}", Origin::RawDocker, ContainerStatus::Exited), []);
    let all = "policies: {remove_stopped: always}";
    assert_eq!(run(all, Origin::RawDocker, ContainerStatus::Exited), removed(5, Removal::Held));
    assert_eq!(run(all, Origin::Unknown, ContainerStatus::Exited), []);
    assert_eq!(run("policies: {remove_stopped: never}", Origin::Managed, ContainerStatus::Exited), []);
    assert_eq!(run("policies: {created_container_timeout: null}", Origin::Managed, created()), []);
}

#[test]
fn what_was_stopped_here_is_held_as_the_group_says() {
    let mut host = Host::new("defaults: {container_hold_after_stop: 20m}", &["idle"]);
    host.containers[0].facts.origin = Origin::Managed;
    assert_eq!(kinds(&host.actions(0, 20)), [(5, "warn"), (7, "stop"), (12, "warn of removal"), (13, "remove")]);
}

#[test]
fn a_clock_set_forward_removes_nothing() {
    let mut host = Host::new("defaults: {max_runtime: 24h}", &["still"]);
    host.containers[0].facts.origin = Origin::Managed;
    host.containers[0].facts.status = ContainerStatus::Exited;
    host.five_minutes();
    host.now.at += SignedDuration::from_hours(1000);
    assert_eq!(host.actions(0, 2), []);
    host.now.boot_id = "boot-2".to_owned();
    assert_eq!(kinds(&host.actions(0, 10)), [(4, "warn of removal"), (5, "remove")]);
}

/// What nobody was told of is not done, however late it is.
#[test]
fn who_is_found_past_the_hold_is_warned_first_and_once() {
    let mut host = Host::new("policies: {gpu_hold_after_manual_stop: 15m}", &["still"]);
    host.containers[0].facts.origin = Origin::Managed;
    host.containers[0].facts.status = ContainerStatus::Exited;
    host.check();
    host.pass(10 * HOUR);
    let late = host.check().decisions.remove(&id(0)).unwrap();
    let announced = Duration::from_secs(180);
    assert_eq!(late.action, Action::WarnOfRemoval { left: announced, removal: Removal::Held });
    // Checks that come one after another add nothing up.
    for _ in 0..5 {
        host.pass(30);
        assert_eq!(host.check().decisions[&id(0)].action, Action::Nothing);
    }
    host.pass(30);
    assert_eq!(host.check().decisions[&id(0)].action, Action::Remove(Removal::Held));
}

/// Even where the policy leaves no time between the two.
#[test]
fn warning_and_removal_are_never_in_one_check() {
    for text in ["gpu_hold_after_manual_stop: 0s", "gpu_hold_after_manual_stop: 15m, warn_at: 1.0"] {
        let mut host = Host::new(&format!("policies: {{{text}}}"), &["still"]);
        host.containers[0].facts.origin = Origin::Managed;
        host.containers[0].facts.status = ContainerStatus::Exited;
        let [(first, Action::WarnOfRemoval { left: Duration::ZERO, .. }), (then, Action::Remove(_))] =
            host.actions(0, 10)[..]
        else {
            panic!("{text}");
        };
        assert_eq!(then, first + 1, "{text}");
    }
}

#[test]
fn one_that_ran_in_between_is_warned_anew() {
    let mut host = Host::new("policies: {gpu_hold_after_manual_stop: 15m}", &["still"]);
    host.containers[0].facts.origin = Origin::Managed;
    host.containers[0].facts.status = ContainerStatus::Exited;
    assert_eq!(kinds(&host.actions(0, 4)), [(4, "warn of removal")]);
    host.containers[0].facts.started_at = Some(host.now.at);
    assert_eq!(kinds(&host.actions(0, 10)), [(4, "warn of removal"), (5, "remove")]);
}
