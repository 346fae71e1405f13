//! One host of the fleet as plain data, whichever way it was asked.
//!
//! It is also what `--json` prints: the shape is described in docs/formats.md. What could not be had is `None`, and `null` there.

use std::{cmp::Ordering, collections::BTreeSet};

use ds01_core::model::{Belonging, EngineName};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{gpus::Hold, row::Type};

/// What is known of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Host {
    /// Its name in the table. Foreign text.
    pub(crate) host: String,
    pub(crate) state: State,
    /// When its detector looked last, as far as anybody here knows.
    pub(crate) last_word: Option<Timestamp>,
    /// Why it is not current. Foreign text.
    pub(crate) why: Option<String>,
    /// The sources that failed at its last scan.
    pub(crate) failed_sources: Vec<FailedSource>,
    /// Its GPUs: those that are not partitioned, and MIG instances.
    pub(crate) gpus: Option<Vec<Gpu>>,
    pub(crate) containers: Option<Vec<Container>>,
    pub(crate) host_processes: Option<Vec<Process>>,
}

impl Host {
    /// The GPUs that workloads hold or were given, by their labels, but for the platform's own. Who has a partitioned GPU has its
    /// instances.
    pub(super) fn taken(&self) -> BTreeSet<&str> {
        let takes = |container: &&Container| container.runs() && !container.stale && !container.infrastructure;
        let containers = self.containers.iter().flatten().filter(takes);
        let processes = self.host_processes.iter().flatten().filter(|process| !process.stale);
        let uses = containers.flat_map(|container| &container.gpus).chain(processes.flat_map(|process| &process.gpus));
        uses.filter(|held| held.hold != Hold::Unresolved).map(|held| held.gpu.as_str()).collect()
    }

    /// Whether it is known who holds its GPUs: each source that failed may be the one that would tell of somebody.
    pub(super) fn knows_holders(&self) -> bool {
        self.failed_sources.is_empty() && self.containers.is_some() && self.host_processes.is_some()
    }
}

/// Whether what is known of a host is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It answers, and its scans are fresh.
    Answers,
    /// It answers with what an old scan saw.
    Stale,
    /// It does not answer.
    Silent,
}

/// A source that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailedSource {
    pub(crate) source: String,
    pub(crate) last_good: Option<Timestamp>,
}

/// A GPU or MIG instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Gpu {
    /// What admins call it: `0`, or `0:1` for an instance.
    pub(crate) gpu: String,
    pub(crate) uuid: String,
    pub(crate) model: Option<String>,
    /// Of an instance, such as `3g.40gb`.
    pub(crate) profile: Option<String>,
    pub(crate) memory_bytes: Option<u64>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Container {
    /// The first 12 digits of its id, or all of them where those of another container begin alike.
    pub(crate) id: String,
    /// Which engine holds it, where that was told. Foreign text.
    #[serde(skip_serializing_if = "is_usual")]
    pub(crate) engine: Option<EngineName>,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) user_source: Option<String>,
    #[serde(rename = "type", serialize_with = "word")]
    pub(crate) kind: Type,
    pub(crate) image: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    /// Whether it is the platform's own, which holds no GPU from anybody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) infrastructure: bool,
    /// Whether it can use a GPU.
    pub(crate) has_gpu: Option<bool>,
    pub(crate) gpus: Vec<Use>,
    /// On all its GPUs together.
    pub(crate) gpu_memory_bytes: Option<u64>,
    /// Whether this is what an earlier scan saw.
    pub(crate) stale: bool,
}

/// Processes of a host with a GPU context, outside containers: one, or all of a user where no more is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Process {
    pub(crate) user: Option<String>,
    /// How many they are.
    pub(crate) processes: u64,
    pub(crate) pid: Option<u32>,
    pub(crate) name: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) gpus: Vec<Use>,
    pub(crate) gpu_memory_bytes: Option<u64>,
    /// What they belong to beside their user. Prometheus is not told. Foreign text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) belongs_to: Vec<Belonging>,
    /// Whether this is what an earlier scan saw.
    pub(crate) stale: bool,
}

/// A workload's hold on one GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Use {
    /// As [`Gpu::gpu`]; a short UUID for one that the host does not list.
    pub(crate) gpu: String,
    #[serde(serialize_with = "hold")]
    pub(crate) hold: Hold,
    pub(crate) memory_bytes: Option<u64>,
}

/// Where no engine is said, Docker is meant.
fn is_usual(engine: &Option<EngineName>) -> bool {
    engine.as_ref().is_none_or(EngineName::is_docker)
}

impl FailedSource {
    /// Whether it is a container engine.
    pub(super) fn is_engine(&self) -> bool {
        self.source.parse::<EngineName>().is_ok()
    }
}

impl Host {
    /// A host of which nothing is known but why.
    pub(crate) fn silent(host: &str, last_word: Option<Timestamp>, why: String) -> Self {
        Self {
            host: host.to_owned(),
            state: State::Silent,
            last_word,
            why: Some(why),
            failed_sources: Vec::new(),
            gpus: None,
            containers: None,
            host_processes: None,
        }
    }

    /// Whether what is told of its workloads is how they are now.
    pub(crate) fn is_current(&self) -> bool {
        self.state == State::Answers
    }
}

/// Names with numbers by their numbers: `gpu2` stands before `gpu10`.
pub(crate) fn by_name(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (one, other) = (left.as_bytes().first(), right.as_bytes().first());
        let (Some(one), Some(other)) = (one, other) else {
            // `01` and `1` are different names, however alike.
            return one.is_some().cmp(&other.is_some()).then_with(|| a.cmp(b));
        };
        if one.is_ascii_digit() && other.is_ascii_digit() {
            let (number, rest) = number(left);
            let (other, other_rest) = self::number(right);
            let order = number.len().cmp(&other.len()).then_with(|| number.cmp(other));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (rest, other_rest);
            continue;
        }
        let (Some(one), Some(other)) = (left.chars().next(), right.chars().next()) else { return a.cmp(b) };
        if one != other {
            return one.cmp(&other);
        }
        (left, right) = (&left[one.len_utf8()..], &right[other.len_utf8()..]);
    }
}

/// The digits that a text begins with, without leading zeros, and what follows.
fn number(text: &str) -> (&str, &str) {
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    (digits.trim_start_matches('0'), rest)
}

fn word<S: Serializer>(kind: &Type, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

fn hold<S: Serializer>(hold: &Hold, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match hold {
        Hold::Held => "context",
        Hold::Given => "given",
        Hold::Untold => "unknown",
        Hold::Unresolved => "unresolved",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_their_numbers() {
        let mut names = ["gpu10", "gpu2", "gpu02", "b", "gpu2-a", "gpu", "ü1", "10.0.0.9", "10.0.0.10"];
        names.sort_by(|a, b| by_name(a, b));
        assert_eq!(names, ["10.0.0.9", "10.0.0.10", "b", "gpu", "gpu02", "gpu2", "gpu2-a", "gpu10", "ü1"]);
    }
}
