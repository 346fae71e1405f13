//! What one scrape target told, series by series.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ds01_core::detect::UNKNOWN_USER;
use jiff::Timestamp;

use super::{
    host::{Container, Gpu, Process, Use, by_name},
    own::{Own, instant},
};
use crate::{
    gpus::{Hold, short},
    row::{Type, since},
    warnings::STALE_AFTER,
};

/// A target's series.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// When its detector looked.
    pub(super) scan: Option<Timestamp>,
    /// When Prometheus heard of that.
    pub(super) scraped_at: Option<Timestamp>,
    /// Whether it answers, where it tells nothing of ds01.
    pub(super) up: Option<bool>,
    /// By name: whether it answered, and when it did last.
    pub(super) sources: BTreeMap<String, (Option<bool>, Option<Timestamp>)>,
    last: Option<Timestamp>,
    gpus: BTreeMap<String, Gpu>,
    containers: BTreeMap<String, Told>,
    /// Host processes: user, then UUID.
    held: BTreeMap<String, BTreeMap<String, Held>>,
}

/// A container's series.
#[derive(Debug, Default)]
struct Told {
    info: Option<Info>,
    status: Option<String>,
    started_at: Option<Timestamp>,
    infrastructure: Option<bool>,
    given: BTreeSet<String>,
    held: BTreeSet<String>,
    memory: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Info {
    name: String,
    user: Option<String>,
    user_source: Option<String>,
    kind: Type,
    image: Option<String>,
}

/// What a user's processes hold of one GPU.
#[derive(Debug, Default)]
struct Held {
    memory_bytes: Option<u64>,
    processes: Option<u64>,
}

impl Target {
    /// Whether it tells of ds01 now.
    pub(super) fn is_told(&self) -> bool {
        self.scan.is_some() || !self.gpus.is_empty() || !self.containers.is_empty() || !self.sources.is_empty()
    }

    /// When its detector looked last, as far as is known.
    pub(super) fn last_word(&self) -> Option<Timestamp> {
        self.scan.max(self.last)
    }

    /// How long ago that was, by the clocks of host and Prometheus: this program may run anywhere.
    pub(super) fn age(&self, now: Timestamp) -> Option<Duration> {
        self.scan.map(|scan| since(scan, self.scraped_at.unwrap_or(now)))
    }

    /// Whether what it tells is not how things are now.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        self.age(now).is_none_or(|age| age > STALE_AFTER)
    }

    /// Whether nothing in it tells one machine from another.
    pub(super) fn is_bare(&self) -> bool {
        self.gpus.is_empty() && self.containers.is_empty()
    }

    /// Whether both have a GPU or a container in common.
    pub(super) fn shares(&self, other: &Self) -> bool {
        self.gpus.keys().any(|uuid| other.gpus.contains_key(uuid))
            || self.containers.keys().any(|id| other.containers.contains_key(id))
    }

    // Each of these takes in one figure, and says whether it was the first of its kind.

    pub(super) fn answers(&mut self, value: Option<f64>) -> bool {
        self.up.replace(value == Some(1.0)).is_none()
    }

    pub(super) fn scraped(&mut self, at: Option<Timestamp>) -> bool {
        first(&mut self.scraped_at, at)
    }

    pub(super) fn spoke(&mut self, at: Option<Timestamp>) -> bool {
        first(&mut self.last, at)
    }

    /// Takes in a series of ds01's by its name without prefix. One that is not known, or without what makes it of use, is left out.
    pub(super) fn take(&mut self, name: &str, labels: &Own<'_>, value: Option<f64>) -> bool {
        let bytes = value.and_then(whole);
        match name {
            "scan_timestamp_seconds" => first(&mut self.scan, value.and_then(instant)),
            "source_up" => match labels.text("source") {
                Some(source) => first(&mut self.sources.entry(source).or_default().0, value.map(|value| value > 0.0)),
                None => true,
            },
            "source_last_good_timestamp_seconds" => match labels.text("source") {
                Some(source) => first(&mut self.sources.entry(source).or_default().1, value.and_then(instant)),
                None => true,
            },
            "gpu_info" | "gpu_memory_bytes" => self.take_gpu(name, labels, bytes),
            "host_gpu_memory_used_bytes" | "host_gpu_processes" => {
                let user = labels.text("user").unwrap_or_default();
                let Some(uuid) = labels.text("uuid") else { return true };
                let held = self.held.entry(user).or_default().entry(uuid).or_default();
                let place = if name == "host_gpu_processes" { &mut held.processes } else { &mut held.memory_bytes };
                first(place, bytes)
            }
            _ => match (name.strip_prefix("container_"), labels.text("id")) {
                (Some(name), Some(id)) => self.containers.entry(id).or_default().take(name, labels, value),
                _ => true,
            },
        }
    }

    fn take_gpu(&mut self, name: &str, labels: &Own<'_>, bytes: Option<u64>) -> bool {
        let Some(uuid) = labels.text("uuid") else { return true };
        let none = || Gpu { gpu: String::new(), uuid: uuid.clone(), model: None, profile: None, memory_bytes: None };
        let gpu = self.gpus.entry(uuid.clone()).or_insert_with(none);
        if name == "gpu_memory_bytes" {
            return first(&mut gpu.memory_bytes, bytes);
        }
        let is_first = gpu.gpu.is_empty();
        if is_first {
            gpu.gpu = labels.text("gpu").unwrap_or_else(|| short(&uuid));
            gpu.model = labels.text("model");
            gpu.profile = labels.text("profile");
        }
        is_first
    }

    /// What its series come to. Where GPUs could not be looked at, who holds what is not known.
    pub(super) fn told(self, gpus_failed: bool) -> (Vec<Gpu>, Vec<Container>, Vec<Process>) {
        // A partitioned GPU has a memory and no place of its own.
        let mut gpus: Vec<Gpu> = self.gpus.into_values().filter(|gpu| !gpu.gpu.is_empty()).collect();
        gpus.sort_by(|a, b| by_name(&a.gpu, &b.gpu));
        let labels: BTreeMap<&str, &str> = gpus.iter().map(|gpu| (gpu.uuid.as_str(), gpu.gpu.as_str())).collect();
        let label = |uuid: &str| labels.get(uuid).map_or_else(|| short(uuid), |label| (*label).to_owned());
        let containers = self.containers.into_iter().map(|(id, told)| told.container(id, gpus_failed, label));
        let containers = containers.collect();
        let processes = self.held.into_iter().map(|(user, held)| {
            // A process with two GPUs is counted on each of them.
            let count = held.values().filter_map(|held| held.processes).max();
            let memory = sum(held.values().map(|held| held.memory_bytes));
            let held = held.iter().map(|(uuid, held)| (uuid.as_str(), Hold::Held, held.memory_bytes));
            Process {
                user: Some(user).filter(|user| !user.is_empty() && user != UNKNOWN_USER),
                processes: count.unwrap_or(1),
                pid: None,
                name: None,
                started_at: None,
                gpus: uses(held, label),
                gpu_memory_bytes: memory,
                belongs_to: Vec::new(),
                stale: false,
            }
        });
        let processes = processes.collect();
        (gpus, containers, processes)
    }
}

impl Told {
    fn take(&mut self, name: &str, labels: &Own<'_>, value: Option<f64>) -> bool {
        match name {
            "info" => {
                let user = labels.text("user").filter(|user| user != UNKNOWN_USER);
                let info = Info {
                    name: labels.text("name").unwrap_or_default(),
                    user,
                    user_source: labels.text("user_source"),
                    kind: labels.get("type").and_then(Type::container).unwrap_or(Type::Unknown),
                    image: labels.text("image"),
                };
                first(&mut self.info, Some(info))
            }
            "status" if value == Some(1.0) => first(&mut self.status, labels.text("status")),
            "infrastructure" => first(&mut self.infrastructure, value.map(|value| value > 0.0)),
            "start_time_seconds" => first(&mut self.started_at, value.and_then(instant)),
            "gpu_allocated" | "gpu_context" | "gpu_memory_used_bytes" => {
                let Some(uuid) = labels.text("uuid") else { return true };
                match name {
                    "gpu_allocated" => value != Some(1.0) || self.given.insert(uuid),
                    "gpu_context" => value != Some(1.0) || self.held.insert(uuid),
                    _ => value.and_then(whole).is_none_or(|bytes| self.memory.insert(uuid, bytes).is_none()),
                }
            }
            _ => true,
        }
    }

    fn container(self, id: String, gpus_failed: bool, label: impl Fn(&str) -> String) -> Container {
        let hold = |uuid: &str| match (self.held.contains(uuid), gpus_failed) {
            (true, _) => Hold::Held,
            (false, true) => Hold::Untold,
            (false, false) => Hold::Given,
        };
        let devices: BTreeSet<&str> = self.given.iter().chain(&self.held).map(String::as_str).collect();
        let memory = |uuid: &str| self.memory.get(uuid).copied();
        // What one of its contexts holds is not told: the sum is not known.
        let all = sum(self.held.iter().map(|uuid| memory(uuid)));
        let has_gpu = if devices.is_empty() && gpus_failed { None } else { Some(!devices.is_empty()) };
        let gpus = uses(devices.iter().map(|uuid| (*uuid, hold(uuid), memory(uuid))), label);
        let info = self.info.unwrap_or_else(|| Info {
            name: String::new(),
            user: None,
            user_source: None,
            kind: Type::Unknown,
            image: None,
        });
        Container {
            // Whoever keeps identities to himself leaves the name empty.
            name: if info.name.is_empty() { id.clone() } else { info.name },
            id,
            engine: None,
            user: info.user,
            user_source: info.user_source,
            kind: info.kind,
            image: info.image,
            status: self.status,
            started_at: self.started_at,
            infrastructure: self.infrastructure == Some(true),
            has_gpu,
            gpus,
            gpu_memory_bytes: all.filter(|_| !gpus_failed),
            stale: false,
        }
    }
}

fn uses<'a>(devices: impl Iterator<Item = (&'a str, Hold, Option<u64>)>, label: impl Fn(&str) -> String) -> Vec<Use> {
    let mut uses: Vec<Use> =
        devices.map(|(uuid, hold, memory_bytes)| Use { gpu: label(uuid), hold, memory_bytes }).collect();
    uses.sort_by(|a, b| by_name(&a.gpu, &b.gpu));
    uses
}

/// The first value counts.
fn first<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_first = place.is_none();
    if is_first {
        *place = value;
    }
    is_first
}

/// The sum, where all of it is known.
fn sum(mut parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    parts.try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)))
}

/// A figure as a whole number; none for one that is negative, or beyond what a float counts one by one, as no memory is.
fn whole(value: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    (0.0..=MOST).contains(&value).then_some(value as u64)
}
