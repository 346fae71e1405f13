//! Users' text in labels, through the programs that read the file.

use std::time::Duration;

use ds01_core::{metrics::LONGEST_LABEL, source::fake::ContainerSpec, text::sanitize};
use prometheus_rig::{Exporter, Prometheus, Target, is_installed, promtool_on};

use crate::lab::{Lab, trainer};

const LIMIT: Duration = Duration::from_secs(60);

fn hostile() -> Vec<String> {
    vec![
        r#"quo"te"#.to_owned(),
        r"back\slash\".to_owned(),
        "new\nline\r\n# TYPE ds01_x info\nds01_x 1".to_owned(),
        "\u{202e}gpj.exe\u{2066}".to_owned(),
        "\u{1b}[2J\u{0}\u{7f}\u{9b}".to_owned(),
        "x".repeat(4096),
        "训".repeat(4096),
        String::from_utf8_lossy(b"not \xff\xfe UTF-8").into_owned(),
        r#"",user="root",x=""#.to_owned(),
        "{}".to_owned(),
        String::new(),
    ]
}

#[test]
fn hostile_names_are_labels_like_others() {
    // Two containers for each user: of one image, whose names differ.
    let containers: Vec<ContainerSpec> = hostile()
        .into_iter()
        .enumerate()
        .flat_map(|(n, text)| {
            let pid = 500 + u32::try_from(n).unwrap() * 2;
            let spec = |name: String, pid| ContainerSpec {
                name,
                image: text.clone(),
                labels: [("ds01.user".to_owned(), text.clone())].into(),
                ..trainer("", pid, 10)
            };
            [spec(format!("{text}{n}a"), pid), spec(format!("{text}{n}b"), pid + 1)]
        })
        .collect();
    let count = containers.len();
    let lab = Lab::new(&containers);
    lab.scans(2);
    let series = lab.series();
    assert_eq!(lab.family("ds01_container_info").len(), count);
    assert!(!lab.text().contains("\nds01_x 1"), "a name is no line");
    for name in series.keys() {
        assert!(name.chars().count() < 6 * LONGEST_LABEL && sanitize(name) == *name, "{name}");
    }
    if !is_installed() {
        return;
    }
    let (good, words) = promtool_on(&["check", "metrics"], lab.text().as_bytes());
    assert!(good && words.is_empty(), "{words}");
    let exporter = Exporter::start(&lab.path("run"));
    assert!(exporter.metrics().contains("node_textfile_scrape_error 0"), "{}", exporter.metrics());
    let prometheus = Prometheus::start(&[Target::new("node", exporter.address())], &[]);
    let infos = prometheus.wait_for("ds01_container_info", LIMIT);
    assert_eq!(infos.len(), count);
    assert_eq!(prometheus.query("ds01_container_info * on(id) group_left ds01_container_status").len(), count);
    // What a person reads there is what ds01 shows elsewhere.
    for text in hostile() {
        let users: Vec<&str> = infos.iter().map(|info| info.label("user")).collect();
        let shown = sanitize(&text);
        let found = |user: &&&str| shown.chars().take(100).eq(user.chars().take(100)) || text.is_empty();
        assert!(users.iter().any(|user| found(&user)), "{text:?}: {users:?}");
    }
}

/// A check tells of the picture as it lies there, and a broken disk can have changed that.
#[test]
fn names_of_sources_are_labels_like_others() {
    let lab = Lab::new(&[trainer("a", 500, 10)]);
    let mut inventory = lab.scan().inventory;
    let source = inventory.sources["docker"].clone();
    inventory.sources.extend(["a\u{202e}b".to_owned(), "x".repeat(500)].map(|name| (name, source.clone())));
    std::fs::write(lab.path("state/workload-inventory.json"), inventory.to_json().unwrap()).unwrap();
    lab.check();
    assert_eq!(lab.value(r#"ds01_source_up{source="a\\u{202e}b"}"#), Some(1.0), "{}", lab.text());
    let longest = lab.family("ds01_source_up").into_iter().map(|series| series.chars().count()).max();
    assert!(longest < Some(2 * LONGEST_LABEL), "{longest:?}");
}

#[test]
fn two_containers_of_one_name_are_two() {
    // Engines don't allow it at one moment; a name that moves from one to another can be seen so.
    let lab = Lab::new(&[trainer("a", 500, 10), trainer("b", 600, 10)]);
    let mut inventory = lab.scan().inventory;
    inventory.containers.values_mut().for_each(|entry| entry.name = "same".to_owned());
    std::fs::write(lab.path("state/workload-inventory.json"), inventory.to_json().unwrap()).unwrap();
    // A check tells of the picture that lies there.
    lab.check();
    let infos = lab.family("ds01_container_info");
    assert_eq!(infos.iter().filter(|info| info.contains(r#"name="same""#)).count(), 2, "{infos:?}");
}
