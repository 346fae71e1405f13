//! Events read back from the log.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{duration::whole_seconds, model::EngineName, text::sanitize, units};

/// One line of the event log. It can be of another version, or of a program that this one does not know.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Logged {
    /// When it was seen.
    pub timestamp: Timestamp,
    /// `category.action`.
    pub event_type: String,
    /// Whom it concerns. Users' text.
    pub user: Option<String>,
    /// The program that wrote it.
    #[serde(default)]
    pub source: String,
    /// Which engine holds the container that it is about.
    #[serde(default)]
    pub engine: EngineName,
    /// Its fields, by the names that [`EVENT_TYPES`](super::EVENT_TYPES) lists.
    #[serde(default)]
    pub details: Map<String, Value>,
}

/// What kind of news an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something began, or is well again.
    Good,
    /// Somebody was warned.
    Warning,
    /// Something was stopped or removed, or failed.
    Bad,
    /// Anything else.
    Plain,
}

impl Logged {
    /// Reads a line. `None` for one that is torn or no event.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// A text among its fields.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.details.get(field)?.as_str()
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.details.get(field)?.as_u64()
    }

    /// The name of the container that it is about. Users' text.
    pub fn container(&self) -> Option<&str> {
        self.text("container").or_else(|| self.text("name"))
    }

    /// The full id of the container that it is about.
    pub fn container_id(&self) -> Option<&str> {
        self.text("container_id")
    }

    /// What kind of news it is.
    pub fn kind(&self) -> Kind {
        match self.event_type.as_str() {
            "detection.source_failed"
            | "detection.dead_process_discovered"
            | "maintenance.idle_kill"
            | "maintenance.runtime_kill"
            | "maintenance.stop_failed"
            | "notice.failed"
            | "maintenance.container_removed"
            | "maintenance.created_cleanup" => Kind::Bad,
            "maintenance.idle_warning"
            | "maintenance.runtime_warning"
            | "maintenance.removal_warning"
            | "maintenance.keep_refused"
            | "suspicion.raised" => Kind::Warning,
            "detection.container_discovered"
            | "detection.host_gpu_process_discovered"
            | "detection.source_recovered"
            | "maintenance.gpu_released" => Kind::Good,
            _ => Kind::Plain,
        }
    }

    /// What happened, in words, and made safe: `stopped for idleness, idle for 30m (GPU 0 %, ...)`. An event of another
    /// program or version is told by its fields.
    pub fn said(&self) -> String {
        let words = self.words().unwrap_or_else(|| {
            let fields = Value::Object(self.details.clone());
            format!("{} {fields}", self.event_type)
        });
        sanitize(&words).into_owned()
    }

    fn words(&self) -> Option<String> {
        let text = |field| self.text(field).unwrap_or("unknown");
        let span = |field| self.number(field).map(|seconds| whole_seconds(Duration::from_secs(seconds)));
        let idle = || span("idle_seconds").map(|idle| format!("idle for {idle} ({})", text("evidence")));
        let process = || {
            let pid = self.number("pid").map_or_else(|| "?".to_owned(), |pid| pid.to_string());
            let cmdline = self.text("cmdline").map(|cmdline| format!(", {cmdline}")).unwrap_or_default();
            format!("pid {pid}{cmdline}")
        };
        Some(match self.event_type.as_str() {
            "detection.container_discovered" => {
                let gpu = match self.details.get("has_gpu")?.as_bool() {
                    Some(true) => "with GPU",
                    Some(false) => "without GPU",
                    None => "GPU unknown",
                };
                format!("new container ({}, {gpu}), image {}", text("origin"), text("image"))
            }
            "notice.delivered" => {
                let places = self.details.get("places").and_then(Value::as_array);
                let places: Vec<&str> = places.into_iter().flatten().filter_map(Value::as_str).collect();
                format!(
                    "told {} by {} ({}): {}",
                    text("recipient"),
                    text("channel"),
                    text("severity"),
                    places.join(", ")
                )
            }
            "notice.written" => {
                let places = self.details.get("places").and_then(Value::as_array);
                let places: Vec<&str> = places.into_iter().flatten().filter_map(Value::as_str).collect();
                let (recipient, channel) = (text("recipient"), text("channel"));
                format!("put up for {recipient} by {channel} ({}): {}", text("severity"), places.join(", "))
            }
            "notice.failed" => {
                let (recipient, channel) = (text("recipient"), text("channel"));
                format!("could not tell {recipient} by {channel} ({}): {}", text("severity"), text("error"))
            }
            "detection.container_exited" => "container is gone".to_owned(),
            "detection.container_status_changed" => format!("was {}, is {}", text("old_status"), text("new_status")),
            "detection.classification_changed" => {
                let change = |what: &str| {
                    let (old, new) =
                        (self.details.get(&format!("old_{what}"))?, self.details.get(&format!("new_{what}"))?);
                    (old != new).then(|| format!("{what} was {}, is {}", plain(old), plain(new)))
                };
                ["origin", "user", "has_gpu", "gpu_access"]
                    .into_iter()
                    .filter_map(change)
                    .collect::<Vec<_>>()
                    .join("; ")
            }
            "detection.host_gpu_process_discovered" => {
                let memory = self.number("gpu_memory_mb").map(|mib| format!(", GPU memory {}", units::mib(mib)));
                format!("host process on a GPU: {}{}", process(), memory.unwrap_or_default())
            }
            "detection.host_gpu_process_exited" => format!("host process left the GPU: {}", process()),
            "detection.dead_process_discovered" => {
                let memory = self.number("gpu_memory_mb").map_or_else(|| "an unknown amount".to_owned(), units::mib);
                let gpu = text("gpu_uuid");
                format!(
                    "{memory} of GPU memory is held by pid {}, which no longer exists, on {gpu}",
                    self.number("pid")?
                )
            }
            "detection.dead_process_cleared" => {
                format!("GPU memory of pid {}, which no longer exists, is free", self.number("pid")?)
            }
            "detection.source_failed" => format!("{} failed: {}", text("source"), text("error")),
            "detection.source_recovered" => format!("{} is back after {}", text("source"), span("outage_seconds")?),
            "maintenance.idle_warning" => format!("warned: {}, stop in {}", idle()?, span("stop_in_seconds")?),
            "maintenance.idle_kill" => format!("stopped for idleness: {}", idle()?),
            "maintenance.runtime_warning" => {
                format!("warned: has run for {}, stop in {}", span("runtime_seconds")?, span("stop_in_seconds")?)
            }
            "maintenance.runtime_kill" => format!("stopped for its run time, after {}", span("runtime_seconds")?),
            "maintenance.stop_failed" => format!("could not be stopped: {}", text("error")),
            "maintenance.removal_warning" => format!("warned: removal in {}", span("removal_in_seconds")?),
            "maintenance.container_removed" => "removed after its hold".to_owned(),
            "maintenance.created_cleanup" => "removed: it was never started".to_owned(),
            "maintenance.kept" => {
                let why = self.text("why").map(|why| format!(": {why}")).unwrap_or_default();
                format!("kept for {} by {}{why}", span("left_seconds")?, text("by"))
            }
            "maintenance.keep_refused" => format!("{} may not keep it: {}", text("by"), text("reason")),
            "maintenance.gpu_released" => "its GPUs are free".to_owned(),
            "maintenance.exempt" => format!("over its limit, but its owner is exempt from {}", text("exempt_from")),
            "suspicion.raised" => format!("looks wrong ({}): {}", text("kind"), text("evidence")),
            "system.high_demand" => {
                let (assigned, total) = (self.number("assigned")?, self.number("total")?);
                let given = format!("{assigned} of {total} GPUs and MIG instances are given");
                match self.details.get("high")?.as_bool()? {
                    true => format!("demand is high, {given}: idle timeouts are shorter"),
                    false => format!("demand is no longer high, {given}"),
                }
            }
            _ => return None,
        })
    }
}

/// A field's value without the quotes of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "unknown".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Details, EVENT_TYPES, Event},
        source::SourceName,
    };

    fn logged(event_type: &str, details: &str) -> Logged {
        let line = format!(r#"{{"timestamp":"2026-03-02T12:00:00Z","event_type":"{event_type}","details":{details}}}"#);
        Logged::from_line(line.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_written_is_said_in_words() {
        let details = Details::SourceRecovered { source: SourceName::DOCKER, outage_seconds: 90 };
        let event = Event {
            timestamp: "2026-03-02T12:00:00Z".parse().unwrap(),
            user: None,
            engine: EngineName::DOCKER,
            details,
        };
        let line = event.to_line("ds01-detect").unwrap();
        assert_eq!(Logged::from_line(&line).unwrap().said(), "docker is back after 1m30s");

        let idle = r#"{"container":"train","idle_seconds":1440,"evidence":"GPU 0 %","stop_in_seconds":360}"#;
        assert_eq!(logged("maintenance.idle_warning", idle).said(), "warned: idle for 24m (GPU 0 %), stop in 6m");
        assert_eq!(logged("maintenance.idle_warning", idle).container(), Some("train"));
        let changed =
            r#"{"name":"x","old_origin":"compose","new_origin":"compose","old_has_gpu":null,"new_has_gpu":true}"#;
        assert_eq!(logged("detection.classification_changed", changed).said(), "has_gpu was unknown, is true");
        let hostile =
            logged("detection.container_discovered", r#"{"has_gpu":true,"origin":"compose","image":"\u001b[2J"}"#);
        assert_eq!(hostile.said(), r"new container (compose, with GPU), image \x1b[2J");
    }

    #[test]
    fn every_event_type_has_words_and_an_unknown_one_shows_its_fields() {
        for event_type in EVENT_TYPES {
            let fields: Map<String, Value> = event_type
                .fields
                .iter()
                .map(|field| {
                    let is_number =
                        field.name.ends_with("_seconds") || ["pid", "assigned", "total"].contains(&field.name);
                    let value = if is_number { Value::from(7) } else { Value::from(field.name) };
                    (field.name.to_owned(), if field.name == "high" { Value::Bool(true) } else { value })
                })
                .collect();
            let said = logged(event_type.name, &Value::Object(fields).to_string()).words();
            assert!(said.is_some_and(|said| !said.is_empty()), "{}", event_type.name);
        }
        assert_eq!(logged("other.thing", r#"{"a":1}"#).said(), r#"other.thing {"a":1}"#);
    }
}
