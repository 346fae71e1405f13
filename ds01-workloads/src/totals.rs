//! What the rows come to: the last line of the table, and the headings of `--by-user`.

use std::{collections::BTreeMap, time::Duration};

use ds01_core::units;

use crate::{
    gpus::{self, Hold},
    row::{Row, Type},
};

/// The sums over all rows that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) containers: usize,
    pub(crate) with_gpu: usize,
    pub(crate) processes: usize,
    /// Processes that no longer exist and whose GPU memory is not free.
    pub(crate) dead: usize,
    /// Containers that only `--all` would show.
    pub(crate) stopped_hidden: usize,
    /// Since the scan. `None` when there was none yet.
    pub(crate) scan_age: Option<Duration>,
}

impl Totals {
    /// Adds up `rows`.
    pub(crate) fn of<'a>(
        rows: impl IntoIterator<Item = &'a Row>,
        stopped_hidden: usize,
        scan_age: Option<Duration>,
    ) -> Self {
        let mut totals = Self { stopped_hidden, scan_age, ..Self::default() };
        for row in rows {
            match row.kind {
                Type::HostProcess => totals.processes += 1,
                Type::DeadProcess => totals.dead += 1,
                // It is no workload.
                Type::Host => {}
                _ => {
                    totals.containers += 1;
                    totals.with_gpu += usize::from(row.gpus.can_use());
                }
            }
        }
        totals
    }

    /// The last line. The age of the scan comes first: it is what a narrow terminal must not cut.
    pub(crate) fn line(&self) -> String {
        let age = match self.scan_age {
            Some(age) => format!("{} ago", units::duration(age)),
            None => "never scanned".to_owned(),
        };
        let hidden = match self.stopped_hidden {
            0 => String::new(),
            count => format!(" (and {count} stopped: --all)"),
        };
        let dead = match self.dead {
            0 => String::new(),
            count => format!(", {}", counted(count, "dead one", "dead ones")),
        };
        format!(
            "{age}: {}, {} with GPU, {}{dead}{hidden}",
            counted(self.containers, "container", "containers"),
            self.with_gpu,
            counted(self.processes, "host GPU process", "host GPU processes"),
        )
    }
}

/// The heading of one user's rows: how many, on which GPUs, with how much GPU memory. What is stopped has none of them.
pub(crate) fn user_heading(user: &str, rows: &[&Row]) -> String {
    let holders: Vec<&Row> = rows.iter().copied().filter(|row| row.running && row.gpus.may_use()).collect();
    let gpus = match gpus_of(&holders) {
        Some(gpus) => gpus,
        None if !holders.is_empty() => "GPU unknown".to_owned(),
        None => "no GPU".to_owned(),
    };
    let (known, unknown): (Vec<_>, Vec<_>) = holders.iter().map(|row| row.gpu_memory_mb).partition(Option::is_some);
    let sum = known.into_iter().flatten().sum();
    let memory = match (sum, unknown.is_empty()) {
        (_, true) => units::mib(sum),
        (0, false) => "unknown".to_owned(),
        (_, false) => format!("at least {}", units::mib(sum)),
    };
    format!("{user}: {}, {gpus}, GPU memory {memory}", counted(rows.len(), "workload", "workloads"))
}

/// How many GPUs and MIG instances these rows have together, and which: in brackets those that none of them uses.
fn gpus_of(holders: &[&Row]) -> Option<String> {
    let mut holds: BTreeMap<(usize, &str), Hold> = BTreeMap::new();
    for gpu in holders.iter().flat_map(|row| row.gpus.resolved()) {
        let hold = holds.entry((gpu.label.len(), gpu.label.as_str())).or_insert(gpu.hold);
        *hold = best(*hold, gpu.hold);
    }
    let is_mig = |label: &str| label.contains(':') || label.starts_with("MIG-");
    let instances = holds.keys().filter(|(_, label)| is_mig(label)).count();
    let counts = [(holds.len() - instances, "GPU", "GPUs"), (instances, "MIG instance", "MIG instances")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    let devices = holds.iter().map(|((_, label), hold)| (*label, *hold, None));
    (!counts.is_empty()).then(|| format!("{} [{}]", counts.join(" and "), gpus::words(devices, false)))
}

/// Who uses it in one row uses it; and who may, may.
fn best(a: Hold, b: Hold) -> Hold {
    let rank = |hold: Hold| match hold {
        Hold::Held => 0,
        Hold::Untold => 1,
        Hold::Given | Hold::Unresolved => 2,
    };
    std::cmp::min_by_key(a, b, |hold| rank(*hold))
}

/// A number with its noun.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
