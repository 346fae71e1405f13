//! The policy as it is shipped.

use ds01_core::policy::{ContainerType, Level, parse};

use super::{folder, root};

fn shipped() -> ds01_core::policy::Loaded {
    parse(&folder(&root().join("config/runtime"))).unwrap()
}

#[test]
fn it_is_sound_and_nothing_is_left_to_built_in_values() {
    let loaded = shipped();
    assert_eq!(loaded.warnings, []);
    for kind in ContainerType::ALL {
        for row in loaded.policy.resolve(None, kind).rows() {
            assert_ne!(row.level, Level::BuiltIn, "{}", row.name);
        }
    }
}

/// What is built in is what is shipped: a file that leaves a key out means the same as one that repeats it.
#[test]
fn what_it_says_for_everybody_is_what_is_built_in() {
    let built_in = parse(&super::one_file("groups: {}")).unwrap().policy.resolve(None, ContainerType::Managed);
    let shipped = shipped().policy.resolve(None, ContainerType::Managed);
    let values = |resolved: ds01_core::policy::Resolved| resolved.rows().into_iter().map(|row| (row.name, row.value));
    assert!(values(built_in).eq(values(shipped)));
}

#[test]
fn how_much_is_kept_is_what_is_built_in() {
    assert_eq!(shipped().policy.journal, ds01_core::policy::Retention::default());
    assert_eq!(shipped().policy.metrics, ds01_core::policy::Metrics::default());
}

/// Tables show the settings in the order in which an admin meets them in the file.
#[test]
fn tables_have_the_order_of_the_file() {
    let file = std::fs::read_to_string(root().join("config/runtime/resource-limits.yaml")).unwrap();
    let (_, policies) = file.split_once("\npolicies:\n").unwrap();
    let rows = shipped().policy.resolve(None, ContainerType::Managed).rows();
    let at = |name: &str| policies.find(&format!("\n  {name}"));
    let places: Vec<usize> = rows.iter().filter_map(|row| at(row.name)).collect();
    assert_eq!(places.len(), 19);
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn numbers_are_shown_with_what_they_count() {
    let rows = shipped().policy.resolve(None, ContainerType::Managed).rows();
    let shown = |name: &str| rows.iter().find(|row| row.name == name).unwrap().in_its_unit();
    let expected = ["5 %", "0 %", "2 W", "2 % of one core", "1048576 bytes", "3 checks", "30m", "null"];
    let names = [
        "gpu_idle_threshold",
        "gpu_process_threshold",
        "gpu_power_threshold",
        "cpu_idle_threshold",
        "network_idle_threshold",
        "idle_detection_window",
        "grace_period",
        "max_stops_per_run",
    ];
    assert_eq!(names.map(shown), expected);
}

#[test]
fn groups_and_types_have_the_limits_of_the_reference() {
    let policy = shipped().policy;
    let limits = |resolved: ds01_core::policy::Resolved| {
        [resolved.limits.idle_timeout.value, resolved.limits.max_runtime.value]
            .map(|limit| limit.map_or("null".to_owned(), |limit| ds01_core::duration::display(limit).to_string()))
    };
    for (group, expected) in
        [("student", ["30m", "1d"]), ("researcher", ["1h", "2d"]), ("faculty", ["2h", "3d"]), ("admin", ["1h", "1d"])]
    {
        assert_eq!(limits(policy.resolve_for_group(group, ContainerType::Managed)), expected, "{group}");
    }
    for (kind, expected) in [
        (ContainerType::DevContainer, ["null", "7d"]),
        (ContainerType::Compose, ["30m", "3d"]),
        (ContainerType::Docker, ["30m", "2d"]),
        (ContainerType::Unknown, ["15m", "1d"]),
    ] {
        assert_eq!(limits(policy.resolve(Some("anybody"), kind)), expected, "{kind}");
    }
}

#[test]
fn everything_else_is_as_in_the_reference() {
    let policy = shipped().policy;
    let expected = [
        ("group", "student"),
        ("idle_timeout", "30m"),
        ("max_runtime", "1d"),
        ("gpu_hold_after_stop", "15m"),
        ("container_hold_after_stop", "30m"),
        ("gpu_idle_threshold", "5"),
        ("gpu_process_threshold", "0"),
        ("gpu_power_threshold", "2"),
        ("cpu_idle_threshold", "2"),
        ("network_idle_threshold", "1048576"),
        ("idle_detection_window", "3"),
        ("gpu_unknown", "secondary"),
        ("grace_period", "30m"),
        ("warn_at", "0.8"),
        ("keepalive_path", "/workspace/.keep-alive"),
        ("keepalive_max_duration", "1d"),
        ("keep_max", "1d"),
        ("max_stops_per_run", "null"),
        ("sigterm_grace", "1m"),
        ("gpu_hold_after_manual_stop", "15m"),
        ("created_container_timeout", "30m"),
        ("remove_stopped", "managed"),
        ("high_demand_threshold", "0.8"),
        ("high_demand_idle_reduction", "0.5"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(super::values(&policy, "anybody", ContainerType::Managed), expected);
    assert_eq!(policy.monitoring.infrastructure_label, "ds01.protected");
    assert!(policy.monitoring.infrastructure_containers.iter().any(|name| name == "ds01-prometheus"));
}
