//! What is told, and how names leave the host.

use ds01_core::{
    detect::{
        Inventory,
        inventory::{ContainerEntry, GpuEntry, GpuUse, SourceEntry, SourceState},
    },
    metrics::{MOST_CONTAINERS, MOST_PAIRS, Names, Picture, ScanPart, families, text},
    model::IdleTime,
    source::fake::Scenario,
};
use prometheus_rig::{is_installed, promtool_on};

use crate::lab::{Lab, POLICY, policy, trainer};

/// The sample host after its story, with a check: every family that the format knows.
#[test]
fn the_sample_host() {
    let scenario = Scenario::teaching_lab().unwrap();
    let mut lab = None;
    scenario
        .play(|_, host| {
            let lab = lab.get_or_insert_with(|| Lab::of(host.clone()));
            lab.scan();
            Ok::<_, ds01_core::source::fake::ScenarioError>(())
        })
        .unwrap();
    let lab = lab.unwrap();
    lab.check();
    let text = lab.text();
    insta::with_settings!({filters => vec![
        (r#"version="[^"]*""#, r#"version="[version]""#),
        (r"(?m)^(ds01_scan_duration_seconds) \S+", "$1 [seconds]"),
    ]}, { insta::assert_snapshot!("sample_host", text) });
    if is_installed() {
        let (good, words) = promtool_on(&["check", "metrics"], text.as_bytes());
        assert!(good && words.is_empty(), "{words}");
    }
    // What is private stays here.
    for private in ["python", "--lr", "lab", "pid"] {
        let told = |line: &&str| {
            !line.starts_with('#')
                && line.contains(private)
                && !line.contains("_info")
                && !line.starts_with("ds01_suspicions")
        };
        assert_eq!(text.lines().find(told), None);
    }
}

#[test]
fn names_leave_the_host_as_the_policy_says() {
    let mut lab = Lab::new(&[trainer("secret-project", 500, 90)]);
    let with = |identities: &str| policy(&format!("{POLICY}metrics: {{identities: {identities}}}\n"));
    let named = |lab: &Lab| ["alice", "secret-project", "pytorch"].map(|name| lab.text().contains(name));
    lab.scans(2);
    assert_eq!(named(&lab), [true; 3], "as shipped");
    let held = lab.value(r#"ds01_user_gpu_seconds_total{user="alice",state="held"}"#).unwrap();
    assert!(held > 0.0);

    lab.policy = with("hashed");
    lab.scans(1);
    assert_eq!(named(&lab), [false; 3]);
    let hashed = lab.family("ds01_container_info");
    lab.scans(1);
    assert_eq!(lab.family("ds01_container_info"), hashed, "as before");
    let other = Lab::new(&[trainer("secret-project", 500, 90)]);
    let other = Lab { policy: with("hashed"), ..other };
    other.scans(1);
    assert_ne!(other.family("ds01_container_info"), hashed, "another host has another key");

    lab.policy = with("none");
    lab.scans(1);
    assert_eq!(named(&lab), [false; 3]);
    assert!(lab.family("ds01_container_info")[0].contains(r#"name="",user="","#));
    assert!(lab.value(r#"ds01_user_gpu_seconds_total{user="",state="held"}"#).unwrap() >= held);

    // A policy that is broken by a typo lets out nothing that it kept in before.
    lab.policy = policy(POLICY);
    lab.is_sound = Some(false);
    lab.scans(1);
    assert_eq!(named(&lab), [false; 3]);
    assert_eq!(lab.value("ds01_policy_sound"), Some(0.0));
    // Nor does one that was taken away.
    lab.is_sound = None;
    lab.scans(1);
    assert_eq!((named(&lab), lab.value("ds01_policy_sound")), ([false; 3], None));
    // And one that was broken from the beginning lets out nothing.
    let fresh = Lab { is_sound: Some(false), ..Lab::new(&[trainer("secret-project", 500, 90)]) };
    fresh.scans(1);
    assert_eq!(named(&fresh), [false; 3]);
    let none = Lab { is_sound: None, ..Lab::new(&[trainer("secret-project", 500, 90)]) };
    none.scans(1);
    assert_eq!((named(&none), none.value("ds01_policy_sound")), ([true; 3], None));
}

#[test]
fn what_is_too_much_is_left_out_and_counted() {
    let lab = Lab::new(&[trainer("one", 500, 90)]);
    let scan = lab.scan();
    let one = scan.inventory.containers.values().next().unwrap();
    let mut inventory = scan.inventory.clone();
    let more = 300;
    let plain = |n: usize| -> (String, ContainerEntry) {
        let full_id = format!("{n:064x}").parse().unwrap();
        let id = format!("{n:012x}");
        let entry = ContainerEntry { id: id.clone(), full_id, has_gpu: Some(false), gpus: Vec::new(), ..one.clone() };
        (id, ContainerEntry { gpu_processes: Some(Vec::new()), ..entry })
    };
    inventory.containers.extend((0..MOST_CONTAINERS - 1 + more).map(plain));
    let text = told(&inventory);
    assert!(text.contains(&format!("ds01_metrics_left_out{{what=\"containers\"}} {more}\n")), "{}", &text[..500]);
    let infos = text.lines().filter(|line| line.starts_with("ds01_container_info{")).count();
    assert_eq!(infos, MOST_CONTAINERS);
    assert!(text.contains(&format!("ds01_container_gpu_allocated{{id=\"{}\"", one.id)), "with a GPU first");
}

/// A context is a pair too, whether the device was given or not.
#[test]
fn pairs_of_what_was_given_and_of_what_is_held_are_counted_together() {
    let lab = Lab::new(&[trainer("one", 500, 90)]);
    let scan = lab.scan();
    let one = scan.inventory.containers.values().next().unwrap();
    let mut inventory = scan.inventory.clone();
    let gpu = inventory.gpus[0].clone();
    let uuids: Vec<String> = (0..40).map(|n| format!("GPU-{n}")).collect();
    inventory.gpus =
        (0..).zip(&uuids).map(|(index, uuid)| GpuEntry { index, uuid: uuid.clone(), ..gpu.clone() }).collect();
    let held = |uuid: &String| GpuUse { gpu_uuid: uuid.clone(), memory_mb: Some(1), memory_unknown: None };
    let mut process = one.gpu_processes.clone().unwrap().remove(0);
    process.gpus = uuids[20..].iter().map(held).collect();
    let both = |n: usize| {
        let id = format!("{n:012x}");
        let entry = ContainerEntry { id: id.clone(), full_id: format!("{n:064x}").parse().unwrap(), ..one.clone() };
        (id, ContainerEntry { gpus: uuids[..20].to_vec(), gpu_processes: Some(vec![process.clone()]), ..entry })
    };
    inventory.containers = (0..600).map(both).collect();
    let text = told(&inventory);
    let told = |family: &str| text.lines().filter(|line| line.starts_with(&format!("{family}{{"))).count();
    let pairs = told("ds01_container_gpu_allocated") + told("ds01_container_gpu_context");
    assert_eq!(pairs, MOST_PAIRS);
    assert!(text.contains("ds01_metrics_left_out{what=\"container_gpus\"} 4000\n"), "{}", &text[..500]);
}

/// AMD's driver as well as NVIDIA's: what it did not tell may be at work.
#[test]
fn whose_gpus_could_not_be_looked_at_is_not_known_to_be_idle() {
    let lab = Lab::new(&[trainer("one", 500, 0)]);
    lab.scans(4);
    let inventory = lab.scan().inventory;
    let id = inventory.containers.values().next().unwrap().full_id.clone();
    let idle = IdleTime { idle_ms: 60_000, observed_percent: Some(100) };
    let part = ScanPart { idle: [(id, idle)].into(), ..ScanPart::default() };
    let names = Names::without_key(true);
    let is_idle = |inventory: &Inventory| {
        let text = text(&families(&Picture { inventory, scan: &part, check: None, names: &names }));
        text.contains("\nds01_container_idle_seconds{")
    };
    assert!(is_idle(&inventory));
    for maker in ["nvml", "amd"] {
        let mut failed = inventory.clone();
        let entry = SourceEntry { state: SourceState::Failed, ..inventory.sources["nvml"].clone() };
        failed.sources.insert(maker.to_owned(), entry);
        assert!(!is_idle(&failed), "{maker}");
    }
}

fn told(inventory: &Inventory) -> String {
    let names = Names::without_key(true);
    text(&families(&Picture { inventory, scan: &ScanPart::default(), check: None, names: &names }))
}
