//! What the program writes, through both ways to a real Prometheus.

use std::{collections::BTreeSet, fs, process::Command};

use prometheus_rig::{Exporter, Prometheus, Series, Target, is_installed, promtool_on};

use crate::server::{LIMIT, PATIENT, Server};

const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/scenarios/teaching-lab-at-noon.yaml");

#[test]
fn through_node_exporter_and_through_http_comes_the_same() {
    if !is_installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::with(PATIENT, None);
    let metrics = server.file();
    fs::create_dir(dir.path().join("log")).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_ds01-detect"))
        .args(["--scenario", SCENARIO, "--state-dir"])
        .arg(dir.path().join("state"))
        .arg("--events-file")
        .arg(dir.path().join("log/events.jsonl"))
        .arg("--metrics-file")
        .arg(&metrics)
        .status()
        .unwrap();
    // One of its sources fails in the story.
    assert!(status.code().is_some_and(|code| code < 2), "{status}");
    let (good, words) = promtool_on(&["check", "metrics"], &fs::read(&metrics).unwrap());
    assert!(good && words.is_empty(), "{words}");
    let exporter = Exporter::start(metrics.parent().unwrap());
    let targets = [Target::new("node", exporter.address()), Target::new("ds01", &server.address)];
    let prometheus = Prometheus::start(&targets, &[]);
    for job in ["node", "ds01"] {
        prometheus.wait_for(&format!("ds01_build_info{{job=\"{job}\"}}"), LIMIT);
    }
    let of = |job: &str| -> BTreeSet<String> {
        let all = prometheus.query(&format!("{{__name__=~\"ds01_.*\",job=\"{job}\"}}"));
        let line = |series: &Series| {
            let mut labels = series.labels.clone();
            labels.retain(|name, _| !matches!(name.as_str(), "job" | "instance"));
            format!("{labels:?} {}", series.value)
        };
        all.iter().map(line).collect()
    };
    let (node, ds01) = (of("node"), of("ds01"));
    assert_eq!(node, ds01);
    assert!(node.len() > 30, "{node:#?}");
    assert_eq!(prometheus.query("node_textfile_scrape_error")[0].value, 0.0);
    assert!(prometheus.query("up == 0").is_empty());
    // Joined with who has it, as a dashboard asks.
    let joined = "ds01_container_gpu_allocated * on(id) group_left(name, user) ds01_container_info";
    assert!(prometheus.query(joined).iter().all(|series| !series.label("name").is_empty()));
}
