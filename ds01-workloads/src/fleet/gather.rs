//! From samples to hosts: a pure function of what Prometheus told. The series are described in docs/formats.md.
//!
//! A **target** is what Prometheus scrapes: all labels that are not ds01's own. A host is a target's `instance` without its
//! port. One that is scraped twice is shown once, and said; so are two machines of one name.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ds01_core::units;
use jiff::Timestamp;

use super::{
    answer::Sample,
    host::{FailedSource, Host, State, by_name},
    lacking::Lacking,
    machines::{Machine, Scraped, machines},
    own::{Own, instant, is_own},
    target::Target,
};
use crate::row::since;

/// The series that are asked for, without their prefix.
pub(super) const SERIES: [&str; 14] = [
    "container_gpu_allocated",
    "container_gpu_context",
    "container_gpu_memory_used_bytes",
    "container_info",
    "container_infrastructure",
    "container_start_time_seconds",
    "container_status",
    "gpu_info",
    "gpu_memory_bytes",
    "host_gpu_memory_used_bytes",
    "host_gpu_processes",
    "scan_timestamp_seconds",
    "source_last_good_timestamp_seconds",
    "source_up",
];

/// What all names of ds01's series begin with.
pub(super) const PREFIX: &str = "ds01_";

/// Which question a sample answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// What is there now?
    Now,
    /// When was each host scraped; and which targets answer without ds01's series?
    Scraped,
    /// When did each host that is known speak last?
    Last,
}

/// What was told so far.
#[derive(Debug)]
pub(super) struct Gather {
    host_label: String,
    targets: HashMap<Vec<(String, String)>, Target>,
    /// Series that came without the label that names their host.
    nameless: usize,
    /// Series that were told before, with another figure or other words.
    twice: usize,
}

impl Gather {
    pub(super) fn new(host_label: &str) -> Self {
        Self { host_label: host_label.to_owned(), targets: HashMap::new(), nameless: 0, twice: 0 }
    }

    /// Takes in one sample.
    pub(super) fn take(&mut self, question: Question, sample: &Sample) {
        let labels = &sample.metric;
        if labels.get(&self.host_label).is_none() {
            self.nameless += 1;
            return;
        }
        let mut key: Vec<(String, String)> = labels
            .iter()
            .filter(|(name, value)| !value.is_empty() && (*name == self.host_label || !is_own(name)))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        key.sort_unstable();
        let target = self.targets.entry(key).or_default();
        let known = match (question, labels.get("__name__")) {
            (Question::Scraped, Some("up")) => target.answers(sample.value()),
            (Question::Scraped, _) => target.scraped(sample.value().and_then(instant)),
            (Question::Last, _) => target.spoke(sample.value().and_then(instant)),
            (Question::Now, Some(name)) => match name.strip_prefix(PREFIX) {
                Some(name) => target.take(name, &Own::of(labels, &self.host_label), sample.value()),
                None => true,
            },
            (Question::Now, None) => true,
        };
        self.twice += usize::from(!known);
    }

    /// The hosts, and what to say about how they were told. Each of `expected` is a host, whether anybody told of it or not.
    pub(super) fn hosts(self, expected: &[String], now: Timestamp) -> (Vec<Host>, Vec<String>) {
        let mut said = Vec::new();
        if self.nameless > 0 {
            said.push(format!(
                "{} series have no label {}, and so no host: see host_label in fleet.yaml",
                self.nameless, self.host_label
            ));
        }
        if self.twice > 0 {
            said.push(format!("{} series were told twice with different labels: the first is shown", self.twice));
        }
        let mut named: BTreeMap<String, Vec<Scraped>> = BTreeMap::new();
        for (key, target) in self.targets {
            let (own, labels): (Vec<_>, Vec<_>) = key.into_iter().partition(|(name, _)| *name == self.host_label);
            let instance = own.into_iter().next().map(|(_, value)| value).unwrap_or_default();
            named.entry(without_port(&instance).to_owned()).or_default().push(Scraped { instance, labels, target });
        }
        for name in expected {
            let name = name.rsplit_once('@').map_or(name.as_str(), |(_, host)| host);
            named.entry(name.to_owned()).or_default();
        }
        let mut hosts: Vec<Host> =
            named.into_iter().flat_map(|(name, targets)| hosts_of(&name, targets, now, &mut said)).collect();
        hosts.sort_by(|a, b| by_name(&a.host, &b.host));
        (hosts, said)
    }
}

/// `gpu01:9100` is gpu01; an address of IPv6 keeps its colons.
fn without_port(instance: &str) -> &str {
    match instance.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty()
                && !port.is_empty()
                && port.bytes().all(|c| c.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => instance,
    }
}

/// The host of that name: or several, where machines are called the same.
fn hosts_of(name: &str, targets: Vec<Scraped>, now: Timestamp, said: &mut Vec<String>) -> Vec<Host> {
    let (machines, left_out) = machines(targets, now);
    if !left_out.is_empty() {
        let left_out: Vec<String> = left_out.into_iter().collect();
        said.push(format!(
            "{name} is scraped more than once: {} is left out; keep one of node_exporter and ds01-metrics.socket",
            left_out.join(" and ")
        ));
    }
    let several = machines.len() > 1;
    if several {
        said.push(format!("{} machines are called {name}: each is shown with its labels", machines.len()));
    }
    if machines.is_empty() {
        return vec![Host::silent(name, None, silence(None, false).to_owned())];
    }
    let hosts = machines.into_iter().map(|Machine { shown, last_word, up, whole }| {
        let name = if several { &whole } else { name };
        if shown.target.is_told() {
            host_of(name, shown.target, last_word, now)
        } else {
            Host::silent(name, last_word, silence(up, last_word.is_some()).to_owned())
        }
    });
    hosts.collect()
}

/// Why a host is silent.
fn silence(up: Option<bool>, spoke: bool) -> &'static str {
    match (up, spoke) {
        (Some(false), _) => "its exporter does not answer Prometheus",
        (Some(true), _) => "its exporter answers, without ds01's series",
        (None, true) => "Prometheus has no series of it any more",
        (None, false) => "Prometheus knows no host of this name",
    }
}

fn host_of(name: &str, target: Target, last_word: Option<Timestamp>, now: Timestamp) -> Host {
    let (state, why) = match target.scan {
        None => (State::Stale, Some("it does not say when its detector looked".to_owned())),
        Some(scan) if target.is_stale(now) => (State::Stale, Some(stale(since(scan, now)))),
        Some(_) => (State::Answers, None),
    };
    let lacking = Lacking::of(target.sources.iter().map(|(name, (up, _))| (name.as_str(), *up == Some(false))));
    let failed_sources: Vec<FailedSource> = target
        .sources
        .iter()
        .filter(|(_, (up, _))| *up == Some(false))
        .map(|(source, (_, last_good))| FailedSource { source: source.clone(), last_good: *last_good })
        .collect();
    let (gpus, containers, processes) = target.told(lacking.gpus);
    Host {
        host: name.to_owned(),
        state,
        last_word,
        why,
        failed_sources,
        gpus: (!lacking.gpus).then_some(gpus),
        containers: (!lacking.containers).then_some(containers),
        host_processes: (!lacking.processes).then_some(processes),
    }
}

/// Why a host is not current although it answers.
pub(super) fn stale(age: Duration) -> String {
    format!("its last scan was {} ago: see ds01-workload-detector.timer there", units::duration(age))
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
