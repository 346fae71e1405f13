//! The groups of `--by-user` and `--by-gpu` over all hosts.

use std::collections::{BTreeMap, BTreeSet};

use ds01_core::units;

use super::{
    host::{Gpu, Host, by_name},
    rows::memory,
};
use crate::{
    gpus::Hold,
    row::{Change, Row},
    totals::counted,
    view::{self, Group},
};

/// A group for each user, wherever the workloads are.
pub(super) fn by_user(mut rows: Vec<&Row>) -> Vec<Group<'_>> {
    view::by_user(&mut rows);
    let groups = rows.chunk_by(|a, b| a.user == b.user);
    groups.map(|rows| Group { heading: Some(user_heading(rows)), rows: rows.to_vec() }).collect()
}

/// What a user has now: stale rows and those that left are drawn, and not counted.
fn user_heading(rows: &[&Row]) -> String {
    let here: Vec<&&Row> = rows.iter().filter(|row| row.change != Change::Left && !row.stale).collect();
    let hosts: BTreeSet<&str> = here.iter().map(|row| row.host.as_str()).collect();
    let holders = || here.iter().filter(|row| row.running && row.gpus.may_use());
    let devices: BTreeSet<(&str, &str)> = holders()
        .flat_map(|row| row.gpus.resolved().map(|device| (row.host.as_str(), device.label.as_str())))
        .collect();
    let instances = devices.iter().filter(|(_, label)| label.contains(':') || label.starts_with("MIG-")).count();
    let counts = [(devices.len() - instances, "GPU", "GPUs"), (instances, "MIG instance", "MIG instances")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    let gpus = match (counts.is_empty(), holders().next()) {
        (false, _) => counts.join(" and "),
        (true, Some(_)) => "GPU unknown".to_owned(),
        (true, None) => "no GPU".to_owned(),
    };
    let known = holders().filter_map(|row| row.gpu_memory_mb).fold(0, u64::saturating_add);
    let memory = match (known, holders().all(|row| row.gpu_memory_mb.is_some())) {
        (_, true) => units::mib(known),
        (0, false) => "unknown".to_owned(),
        (_, false) => format!("at least {}", units::mib(known)),
    };
    let user = rows.first().map_or("", |row| &row.user);
    format!(
        "{user}: {} on {}, {gpus}, GPU memory {memory}",
        counted(here.len(), "workload", "workloads"),
        counted(hosts.len(), "host", "hosts")
    )
}

/// A group for each GPU and MIG instance, host by host. With `free`, those that nobody has stand there, too. A workload with
/// several GPUs stands under each, and one without under none.
pub(super) fn by_gpu<'a>(hosts: &[Host], rows: &[&'a Row], free: bool) -> Vec<Group<'a>> {
    let mut of_host: BTreeMap<&str, Vec<&'a Row>> = BTreeMap::new();
    for row in rows {
        of_host.entry(row.host.as_str()).or_default().push(row);
    }
    let mut groups = Vec::new();
    for host in hosts {
        let rows = of_host.remove(host.host.as_str()).unwrap_or_default();
        let listed = host.gpus.as_deref().unwrap_or_default();
        // Also those that workloads have and the host does not list.
        let mut labels: Vec<&str> = listed.iter().map(|gpu| gpu.gpu.as_str()).collect();
        labels.extend(rows.iter().flat_map(|row| row.gpus.resolved().map(|device| device.label.as_str())));
        labels.sort_by(|a, b| by_name(a, b));
        labels.dedup();
        for label in labels {
            let has = |row: &&&Row| row.gpus.resolved().any(|device| device.label == label);
            let rows: Vec<&Row> = rows.iter().filter(has).copied().collect();
            if rows.is_empty() && !(free && host.is_current()) {
                continue;
            }
            let gpu = listed.iter().find(|gpu| gpu.gpu == label);
            groups.push(Group { heading: Some(gpu_heading(host, label, gpu, &rows)), rows });
        }
        let unknown: Vec<&Row> =
            rows.iter().filter(|row| row.gpus.may_use() && row.gpus.resolved().next().is_none()).copied().collect();
        if !unknown.is_empty() {
            groups.push(Group { heading: Some(format!("{} GPU unknown", host.host)), rows: unknown });
        }
    }
    groups
}

fn gpu_heading(host: &Host, label: &str, gpu: Option<&Gpu>, rows: &[&Row]) -> String {
    let parts = gpu.map(|gpu| [gpu.model.clone(), gpu.profile.clone(), memory(gpu.memory_bytes)]);
    let parts: Vec<String> = parts.into_iter().flatten().flatten().collect();
    let what = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    // The platform's own take it from nobody.
    let is_here = |row: &&&Row| row.change != Change::Left && row.running && !row.stale && !row.infrastructure;
    let here: Vec<&&Row> = rows.iter().filter(is_here).collect();
    let holds = |row: &Row| row.gpus.resolved().any(|device| device.label == label && device.hold == Hold::Held);
    let held = here.iter().filter(|row| holds(row)).count();
    let state = match (here.len(), held) {
        _ if !host.is_current() => "not known now".to_owned(),
        // Who does not know who runs does not know what is free.
        (0, _) if !host.knows_holders() => "not known now".to_owned(),
        (0, _) => "free".to_owned(),
        (count, 0) => format!("given to {}, no context seen", counted(count, "workload", "workloads")),
        (count, _) => counted(count, "workload", "workloads"),
    };
    format!("{} GPU {label}{what}: {state}", host.host)
}
