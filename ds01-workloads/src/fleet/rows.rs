//! From hosts to the rows of the table: workloads, and what is to be said of the hosts themselves.

use ds01_core::{detect::UNKNOWN_USER, units};
use jiff::Timestamp;

use super::host::{Container, FailedSource, Host, Process, State, Use};
use crate::{
    gpus::{Device, GpuNames, Gpus},
    row::{Change, Counters, Key, Row, Type, since},
};

/// The status of a host where nothing runs.
pub(crate) const EMPTY: &str = "empty";

const MIB: u64 = 1024 * 1024;

/// What is shown where nothing applies.
const NONE: &str = "-";

impl Host {
    /// The names of its GPUs.
    pub(super) fn names(&self) -> GpuNames<'_> {
        GpuNames::told(self.gpus.iter().flatten().map(|gpu| (gpu.gpu.as_str(), gpu.uuid.as_str())))
    }

    /// What is to be said of it. That nothing runs there is worth a row when nothing is `filtered`.
    pub(super) fn notes(&self, filtered: bool, at: Timestamp) -> Vec<Row> {
        let why = self.why.as_deref().unwrap_or("it does not say why");
        let last = |status: &str| match self.last_word {
            Some(last) => format!("{status} since {}: {why}", minute(last, at)),
            None => format!("{status}, last word unknown: {why}"),
        };
        let age = self.last_word.map(|last| since(last, at));
        let mut notes = Vec::new();
        match self.state {
            State::Answers => {}
            State::Stale => notes.push(self.note("stale", age, last("stale"))),
            State::Silent => notes.push(self.note("silent", age, last("silent"))),
        }
        notes.extend(self.failed_sources.iter().map(|failed| {
            let age = failed.last_good.map(|good| since(good, at));
            let row = self.note("failed", age, failure(failed, at));
            Row { key: Key::Host(failed.source.clone()), ..row }
        }));
        let is_empty = |list: Option<usize>| list == Some(0);
        let nothing_runs =
            is_empty(self.containers.as_ref().map(Vec::len)) && is_empty(self.host_processes.as_ref().map(Vec::len));
        if notes.is_empty() && nothing_runs && !filtered {
            let gpus = Gpus::told(Some(false), Vec::new(), false, false);
            let row = self.note(EMPTY, None, "nothing runs here".to_owned());
            notes.push(Row { gpus, ..row });
        }
        notes
    }

    fn note(&self, status: &str, age: Option<std::time::Duration>, text: String) -> Row {
        Row {
            host: self.host.clone(),
            key: Key::Host(status.to_owned()),
            kind: Type::Host,
            engine: None,
            user: NONE.to_owned(),
            user_unsaid: None,
            gpus: Gpus::told(None, Vec::new(), false, false),
            status: status.to_owned(),
            running: true,
            age,
            name: text,
            id: NONE.to_owned(),
            image: None,
            belongs_to: Vec::new(),
            gpu_memory_mb: None,
            infrastructure: false,
            stale: false,
            counters: Counters::None,
            usage: None,
            change: Change::Same,
        }
    }

    /// The row of a container of this host.
    pub(super) fn container_row(&self, container: &Container, at: Timestamp) -> Row {
        let devices = devices(&container.gpus);
        let status = container.status.as_deref().unwrap_or("unknown");
        Row {
            key: Key::Container(container.id.clone()),
            kind: container.kind,
            gpus: Gpus::told(container.has_gpu, devices, self.has_all(&container.gpus), false),
            running: container.runs(),
            name: container.name.clone(),
            id: container.id.clone(),
            engine: container.engine.clone(),
            image: container.image.clone(),
            infrastructure: container.infrastructure,
            ..self.row(
                container.user.as_deref(),
                status,
                container.started_at,
                container.gpu_memory_bytes,
                container.stale,
                at,
            )
        }
    }

    /// The row of host processes of this host.
    pub(super) fn process_row(&self, process: &Process, at: Timestamp) -> Row {
        let many = |count: u64| if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
        let key = match process.pid {
            // Its start tells a reused pid apart.
            Some(pid) => {
                Key::Process { pid, start_ticks: process.started_at.map_or(0, |at| at.as_second().unsigned_abs()) }
            }
            None => Key::User(process.user.clone().unwrap_or_default()),
        };
        Row {
            key,
            kind: Type::HostProcess,
            gpus: Gpus::told(Some(true), devices(&process.gpus), self.has_all(&process.gpus), true),
            running: true,
            name: process.name.clone().unwrap_or_else(|| many(process.processes)),
            id: process.pid.map_or_else(|| NONE.to_owned(), |pid| pid.to_string()),
            image: None,
            belongs_to: process.belongs_to.clone(),
            ..self.row(
                process.user.as_deref(),
                "running",
                process.started_at,
                process.gpu_memory_bytes,
                process.stale,
                at,
            )
        }
    }

    /// What both have in common.
    fn row(
        &self,
        user: Option<&str>,
        status: &str,
        started_at: Option<Timestamp>,
        memory: Option<u64>,
        stale: bool,
        at: Timestamp,
    ) -> Row {
        let stale = stale || !self.is_current();
        // How old it was then; how old it is now nobody knows.
        let at = if self.is_current() { at } else { self.last_word.unwrap_or(at) };
        Row {
            user: user.unwrap_or(UNKNOWN_USER).to_owned(),
            age: started_at.map(|started| since(started, at)),
            gpu_memory_mb: memory.map(|bytes| bytes / MIB),
            stale,
            ..self.note(&if stale { format!("was-{status}") } else { status.to_owned() }, None, String::new())
        }
    }

    /// Whether these are all GPUs of a host that has more than one.
    fn has_all(&self, uses: &[Use]) -> bool {
        let gpus = self.gpus.as_deref().unwrap_or_default();
        let is_whole = |gpu: &str| !gpu.contains(':');
        gpus.len() > 1
            && gpus.iter().all(|gpu| is_whole(&gpu.gpu) && uses.iter().any(|held| held.gpu == gpu.gpu))
            && uses.len() == gpus.len()
    }
}

impl Container {
    /// Whether it is shown without `--all`.
    pub(super) fn runs(&self) -> bool {
        !matches!(self.status.as_deref(), Some("created" | "exited" | "dead" | "removing"))
    }
}

fn devices(uses: &[Use]) -> Vec<Device> {
    let device = |held: &Use| Device {
        label: held.gpu.clone(),
        hold: held.hold,
        memory_mb: held.memory_bytes.map(|bytes| bytes / MIB),
    };
    uses.iter().map(device).collect()
}

/// What a failed source means.
fn failure(failed: &FailedSource, at: Timestamp) -> String {
    let tells = match failed.source.as_str() {
        _ if failed.is_engine() => "its containers are not known",
        "nvml" => "its GPUs and who uses them are not known",
        "amd" => "its GPUs of AMD's and who uses them are not known",
        "proc" => "its processes and their users are not known",
        _ => "see its scans",
    };
    let since = failed.last_good.map_or_else(String::new, |good| format!(" since {}", minute(good, at)));
    format!("{} failed{since}: {tells}", failed.source)
}

/// A moment in UTC, to the minute, as short as a narrow column needs it: `12:04Z` within a day, else `2026-03-02 12:04Z`.
fn minute(moment: Timestamp, now: Timestamp) -> String {
    /// Within a day, the time alone is unmistakable.
    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
    let format = if moment <= now && since(moment, now) < DAY { "%H:%MZ" } else { "%Y-%m-%d %H:%MZ" };
    moment.strftime(format).to_string()
}

/// What `--gpu` and `--user` asked for and no host has.
pub(crate) fn not_here(hosts: &[Host], filter: &crate::filter::Filter, at: Timestamp) -> Vec<String> {
    let rows = || {
        hosts.iter().flat_map(move |host| {
            let containers = host.containers.iter().flatten().map(move |container| host.container_row(container, at));
            let processes = host.host_processes.iter().flatten().map(move |process| host.process_row(process, at));
            containers.chain(processes)
        })
    };
    let users = filter.users.iter().filter(|user| !rows().any(|row| row.user == **user));
    let users = users.map(|user| {
        format!("nobody of the name {user} has a workload on a host that answers: ds01-workloads --fleet --by-user shows who has")
    });
    let gpus = filter.gpus.iter().filter(|gpu| {
        !hosts.iter().any(|host| {
            let names = host.names();
            names.meant_by(gpu).iter().any(|label| names.has(label))
        })
    });
    let gpus = gpus.map(|gpu| format!("no host that answers has a GPU {gpu}"));
    users.chain(gpus).collect()
}

/// An amount of memory, where it is known.
pub(super) fn memory(bytes: Option<u64>) -> Option<String> {
    bytes.map(units::bytes)
}
