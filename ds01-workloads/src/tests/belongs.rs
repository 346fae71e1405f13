//! What host processes belong to: the column and the filter.

use ds01_core::{
    detect::Inventory,
    model::{Belonging, BelongingKind, Proof},
};

use super::{container, gpu_uuid, inventory, piped, process, shown};

fn belonging(kind: BelongingKind, name: &str, proof: Proof) -> Belonging {
    Belonging { name: Some(name.to_owned()), ..Belonging::new(kind, proof) }
}

fn host() -> Inventory {
    let mut job = process(100, "alice", "python3 train.py", &[&gpu_uuid(0)]);
    let id = Some("42".to_owned());
    let proven = Belonging { id, ..belonging(BelongingKind::SlurmJob, "42.batch", Proof::Cgroup) };
    job.belongs_to = vec![proven, belonging(BelongingKind::Apptainer, "torch.sif", Proof::Process)];
    let mut liar = process(200, "mallory", "./miner", &[&gpu_uuid(0)]);
    liar.belongs_to = vec![
        belonging(BelongingKind::UserUnit, "docker-\u{1b}[2J.scope", Proof::Cgroup),
        belonging(BelongingKind::SlurmJob, "42", Proof::Process),
    ];
    inventory(vec![container("web", |_| {})], vec![job, liar, process(300, "bob", "python3", &[&gpu_uuid(0)])])
}

#[test]
fn wide_has_the_column_where_it_says_anything() {
    let table = piped(&host(), &["--wide"]);
    let cells = ["slurm-job 42.batch, apptainer torch.sif?", "user-unit docker-\\x1b[2J.scope, slurm-job 42?"];
    assert!(table.contains("BELONGS TO") && cells.iter().all(|cell| table.contains(cell)), "{table}");
    assert!(!piped(&host(), &[]).contains("BELONGS TO"));
    let plain = inventory(vec![container("web", |_| {})], vec![process(300, "bob", "python3", &[&gpu_uuid(0)])]);
    assert!(!piped(&plain, &["--wide"]).contains("BELONGS TO"), "nothing to say");
    assert_eq!(piped(&plain, &["--columns", "belongs-to", "--no-headers"]).trim(), "-\n-".trim());
    let narrow = shown(&host(), &["--wide"], Some(80), false);
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
}

#[test]
fn the_filter_takes_kinds_ids_and_names() {
    let ids = |wanted: &[&str]| {
        let asked: Vec<&str> = wanted.iter().flat_map(|wanted| ["--belongs-to", wanted]).collect();
        piped(&host(), &[&asked[..], &["--columns", "id", "--no-headers", "--sort", "id"]].concat())
    };
    assert_eq!(ids(&["slurm-job"]), "100\n200\n");
    assert_eq!(ids(&["slurm-job:42.batch"]), "100\n");
    assert_eq!(ids(&["slurm-job:42"]), "100\n200\n", "the table marks what only the process says");
    assert_eq!(ids(&["user-unit", "apptainer:torch.sif"]), "100\n200\n");
    assert_eq!(ids(&["pod"]), "");
}
