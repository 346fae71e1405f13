//! What a source that fails takes with it.

use std::sync::Arc;

use ds01_core::source::{
    Engine,
    fake::{FakeHost, SourceMood, Step},
};

use crate::lab::{Lab, trainer};

fn all_but(lab: &Lab, families: &[&str]) {
    for family in [
        "ds01_container_info",
        "ds01_container_status",
        "ds01_container_gpu_allocated",
        "ds01_container_gpu_context",
        "ds01_container_gpu_memory_used_bytes",
        "ds01_container_idle_seconds",
        "ds01_gpu_info",
        "ds01_gpu_memory_bytes",
        "ds01_gpu_demand_ratio",
        "ds01_user_gpu_seconds_total",
    ] {
        assert_eq!(lab.family(family).is_empty(), families.contains(&family), "{family}:\n{}", lab.text());
    }
}

fn up(lab: &Lab, source: &str) -> Option<f64> {
    lab.value(&format!("ds01_source_up{{source=\"{source}\"}}"))
}

#[test]
fn the_series_of_a_source_that_fails_go_and_come_back() {
    let lab = Lab::new(&[trainer("train", 500, 90)]);
    lab.scans(2);
    all_but(&lab, &[]);
    assert_eq!(["docker", "nvml", "proc"].map(|source| up(&lab, source)), [Some(1.0); 3]);
    let held = r#"ds01_user_gpu_seconds_total{user="alice",state="held"}"#;

    let good = lab.value(r#"ds01_source_last_good_timestamp_seconds{source="docker"}"#).unwrap();
    lab.happens(Step { docker: Some(SourceMood::Refused), ..Step::default() });
    lab.scans(1);
    all_but(
        &lab,
        &[
            "ds01_container_info",
            "ds01_container_status",
            "ds01_container_gpu_allocated",
            "ds01_container_gpu_context",
            "ds01_container_gpu_memory_used_bytes",
            "ds01_container_idle_seconds",
            "ds01_gpu_demand_ratio",
        ],
    );
    assert_eq!((up(&lab, "docker"), up(&lab, "nvml")), (Some(0.0), Some(1.0)));
    assert_eq!(lab.value(r#"ds01_source_last_good_timestamp_seconds{source="docker"}"#), Some(good));
    let counted = lab.value(held).unwrap();

    lab.happens(Step { docker: Some(SourceMood::Ok), nvml: Some(SourceMood::Errs), ..Step::default() });
    lab.scans(1);
    all_but(
        &lab,
        &[
            "ds01_container_gpu_allocated",
            "ds01_container_gpu_context",
            "ds01_container_gpu_memory_used_bytes",
            "ds01_container_idle_seconds",
            "ds01_gpu_info",
            "ds01_gpu_memory_bytes",
            "ds01_gpu_demand_ratio",
        ],
    );
    assert_eq!((up(&lab, "docker"), up(&lab, "nvml")), (Some(1.0), Some(0.0)));

    lab.happens(Step { nvml: Some(SourceMood::Ok), ..Step::default() });
    lab.scans(2);
    all_but(&lab, &[]);
    assert!(lab.value(held).unwrap() > counted);
}

#[test]
fn each_engine_has_a_series_but_for_users_own() {
    let mut lab = Lab::new(&[trainer("train", 500, 90)]);
    for (name, docker) in
        [("podman", SourceMood::Errs), ("docker:1001", SourceMood::Hangs), ("docker:1002", SourceMood::Ok)]
    {
        let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        host.apply(&Step { docker: Some(docker), ..Step::default() }, false).unwrap();
        lab.sources.engines.push(Engine { name: name.parse().unwrap(), source: Arc::new(host) });
    }
    lab.scans(2);
    let series = [
        r#"ds01_source_up{source="docker"}"#,
        r#"ds01_source_up{source="nvml"}"#,
        r#"ds01_source_up{source="podman"}"#,
    ];
    assert_eq!(lab.family("ds01_source_up")[..3], series.map(str::to_owned));
    assert_eq!(["docker", "podman"].map(|engine| up(&lab, engine)), [Some(1.0), Some(0.0)]);
    assert!(!lab.text().contains("docker:100"), "{}", lab.text());
}

#[test]
fn a_source_that_this_host_has_not_has_no_series() {
    let lab = Lab::of(FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap()));
    lab.happens(Step { nvml: Some(SourceMood::Absent), ..Step::default() });
    lab.scan();
    assert_eq!((up(&lab, "nvml"), up(&lab, "proc")), (None, Some(1.0)));
    assert_eq!(lab.value("ds01_gpu_demand_ratio"), None);
}
