//! High demand: shorter timeouts, told on entering and on leaving.

use ds01_core::{
    detect::Origin,
    source::fake::{All, ContainerSpec, Disappear, GpuRequest, Step},
};

use crate::bench::{Bench, POLICY, trainer};

fn policy() -> String {
    POLICY.replace("high_demand_threshold: null", "high_demand_threshold: 0.8, high_demand_idle_reduction: 0.5")
}

/// One that is idle on GPU 0, and one at work on GPU 1.
fn both() -> [ContainerSpec; 2] {
    let mut busy = ContainerSpec { gpus: Some(GpuRequest::Ids(vec!["1".to_owned()])), ..trainer("busy", 502) };
    busy.processes[0].gpus = [("1".to_owned(), Some(1024))].into();
    busy.processes[0].gpu_percent = 90;
    [trainer("idle", 501), busy]
}

#[test]
fn with_all_gpus_given_away_an_idle_one_goes_in_half_the_time() {
    let bench = Bench::new(&policy(), &both());
    bench.checks(3);
    assert_eq!(bench.told(), ["high_demand"]);
    bench.next_check();
    assert_eq!(bench.told(), ["high_demand", "idle_warning idle"]);
    assert_eq!(bench.stopped(), [""; 0], "after 15 minutes, and without a warning");
    bench.next_check();
    assert_eq!(bench.stopped(), ["idle"]);
    bench.next_check();
    let told = ["high_demand", "idle_warning idle", "idle_kill idle", "gpu_released idle", "high_demand"];
    assert_eq!(bench.told(), told);

    let events = bench.events();
    let demand = |event: &serde_json::Value| event["details"].clone();
    assert_eq!(demand(&events[0]), serde_json::json!({"high": true, "assigned": 2, "total": 2}));
    assert_eq!(demand(&events[4]), serde_json::json!({"high": false, "assigned": 1, "total": 2}));
    assert_eq!(
        events[1]["details"]["container_type"],
        ds01_core::policy::ContainerType::from(Origin::RawDocker).as_str()
    );
    (0..5).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.told().len(), 5);
}

/// A monitor sees all GPUs and takes none.
#[test]
fn what_the_platform_itself_was_given_is_no_demand() {
    let [idle, _] = both();
    let monitor = ContainerSpec {
        gpus: Some(GpuRequest::All(All::All)),
        labels: [("ds01.monitoring".to_owned(), "true".to_owned())].into(),
        processes: Vec::new(),
        ..trainer("dcgm-exporter", 502)
    };
    let bench = Bench::new(&policy(), &[idle, monitor]);
    bench.checks(5);
    assert_eq!(bench.told(), ["raised dcgm-exporter"], "an admin is told of its label");
}

#[test]
fn below_the_threshold_nothing_is_told_and_nothing_is_shorter() {
    let [idle, _] = both();
    let bench = Bench::new(&policy(), &[idle]);
    bench.checks(5);
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn what_nobody_can_tell_changes_nothing() {
    let bench = Bench::new(&policy(), &both());
    bench.check();
    bench.apply(&Step { lost_gpus: Some(vec![1]), ..Step::default() });
    bench.next_check();
    assert_eq!(bench.told(), ["high_demand"]);
    let disappear = Disappear { containers: vec!["busy".to_owned()], ..Disappear::default() };
    bench.apply(&Step { lost_gpus: Some(vec![]), disappear, ..Step::default() });
    bench.next_check();
    assert_eq!(bench.told(), ["high_demand", "high_demand"]);
    assert_eq!(bench.events()[1]["details"]["high"], false);
}
