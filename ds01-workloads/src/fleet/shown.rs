//! What is shown of a fleet after filters: rows, groups, sums, and the document of `--json`.

use ds01_core::table::Medium;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    groups,
    host::{Host, State},
    sums::Sums,
};
use crate::{
    filter::Filter,
    row::{Row, Type},
    view::{self, Group, Layout},
};

/// The version of the document.
const SCHEMA_VERSION: &str = "1";

/// Hosts with the workloads that a filter leaves.
#[derive(Debug)]
pub(crate) struct Shown {
    hosts: Vec<Host>,
    at: Timestamp,
    /// Whether workloads were left out.
    filtered: bool,
}

/// What `--fleet --json` prints. docs/formats.md describes it.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    schema_version: &'static str,
    made_at: Timestamp,
    from: &'static str,
    totals: Sums,
    hosts: &'a [Host],
}

impl Shown {
    /// Leaves out what the filter does not want. Hosts stay, whatever is asked for: one that is silent may have it.
    pub(crate) fn new(mut hosts: Vec<Host>, filter: &Filter, at: Timestamp) -> Self {
        for host in &mut hosts {
            let filter = filter.resolved_by(&host.names());
            let containers = host.containers.take().map(|mut containers| {
                containers.retain(|container| filter.shows(&host.container_row(container, at)));
                containers
            });
            let processes = host.host_processes.take().map(|mut processes| {
                processes.retain(|process| filter.shows(&host.process_row(process, at)));
                processes
            });
            (host.containers, host.host_processes) = (containers, processes);
        }
        Self { hosts, at, filtered: !filter.is_any() }
    }

    /// All rows, in no order.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let at = self.at;
        let rows = self.hosts.iter().flat_map(|host| {
            let containers = host.containers.iter().flatten().map(move |container| host.container_row(container, at));
            let processes = host.host_processes.iter().flatten().map(move |process| host.process_row(process, at));
            host.notes(self.filtered, at).into_iter().chain(containers).chain(processes)
        });
        rows.collect()
    }

    /// Whether not one host answers.
    pub(crate) fn is_silent(&self) -> bool {
        self.hosts.iter().all(|host| host.state == State::Silent)
    }

    /// The table of `rows`, which are these or were.
    pub(crate) fn draw(&self, rows: &[Row], layout: &Layout, medium: Medium) -> String {
        let (notes, workloads): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.kind == Type::Host);
        let mut groups = vec![Group { heading: None, rows: notes }];
        if layout.by_user {
            groups.extend(groups::by_user(workloads));
        } else if layout.by_gpu {
            // Only free ones tell nothing of what was asked for.
            groups.extend(groups::by_gpu(&self.hosts, &workloads, !self.filtered));
        } else {
            groups = vec![Group { heading: None, rows: rows.iter().collect() }];
        }
        view::draw_groups(&groups, &Sums::of(&self.hosts).line(), layout, medium)
    }

    /// The document of `--json`.
    pub(crate) fn document(&self, from: &'static str) -> Document<'_> {
        Document {
            schema_version: SCHEMA_VERSION,
            made_at: self.at,
            from,
            totals: Sums::of(&self.hosts),
            hosts: &self.hosts,
        }
    }
}
