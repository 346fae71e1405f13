//! One event, and the line it becomes.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{json, model::EngineName};

use super::Details;

/// Written into every line.
pub const SCHEMA_VERSION: &str = "1";

/// A line's greatest length, its newline included: writes up to this size to one file do not interleave.
pub const MAX_LINE_BYTES: usize = 4_000;

/// Texts are not shortened below this; lists are, then.
const SHORTEST_TEXT_BYTES: usize = 64;

/// Where a text was cut.
const ELLIPSIS: &str = "…";

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was seen.
    pub timestamp: Timestamp,
    /// Whom it concerns. Users' text.
    pub user: Option<String>,
    /// Which engine holds the container that it is about. In the line it is left out where that is Docker, and where it is about
    /// no container.
    pub engine: EngineName,
    /// What happened.
    pub details: Details,
}

/// The line's fields, in their order.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: Timestamp,
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    source: &'a str,
    #[serde(skip_serializing_if = "EngineName::is_docker")]
    engine: &'a EngineName,
    details: &'a Details,
    schema_version: &'a str,
}

impl Event {
    /// The line for the log, its newline included, written by the program `source`.
    ///
    /// # Errors
    ///
    /// None that the registered details can cause; the signature is the serialiser's.
    pub fn to_line(&self, source: &str) -> Result<Vec<u8>, serde_json::Error> {
        let line = Line {
            timestamp: self.timestamp,
            event_type: self.details.event_type(),
            user: self.user.as_deref(),
            source,
            engine: &self.engine,
            details: &self.details,
            schema_version: SCHEMA_VERSION,
        };
        let mut bytes = json::line(&line)?;
        if bytes.len() >= MAX_LINE_BYTES {
            let mut value = serde_json::to_value(&line)?;
            value["truncated"] = Value::Bool(true);
            bytes = shortened(value)?;
        }
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Shortens the longest text, again and again, until the line fits; then the longest list.
fn shortened(mut value: Value) -> Result<Vec<u8>, serde_json::Error> {
    loop {
        let bytes = json::line(&value)?;
        let Some(excess) = (bytes.len() + 1).checked_sub(MAX_LINE_BYTES).filter(|excess| *excess > 0) else {
            return Ok(bytes);
        };
        if let Some(text) = longest_text(&mut value) {
            // A byte of text is up to six of JSON, so the excess may be less in text: cut to a half at most, and come back.
            let keep = text.len().saturating_sub(excess + ELLIPSIS.len()).max(text.len() / 2);
            text.truncate(text.floor_char_boundary(keep.min(text.len() - ELLIPSIS.len() - 1)));
            text.push_str(ELLIPSIS);
        } else if let Some(list) = longest_list(&mut value) {
            list.truncate(list.len() / 2);
        } else {
            // Neither a long text nor a list: the registered events have no such shape.
            return Ok(bytes);
        }
    }
}

fn longest_text(value: &mut Value) -> Option<&mut String> {
    fn walk<'a>(value: &'a mut Value, longest: &mut Option<&'a mut String>) {
        match value {
            Value::String(text) if text.len() > longest.as_ref().map_or(SHORTEST_TEXT_BYTES, |best| best.len()) => {
                *longest = Some(text);
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, longest)),
            Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, longest)),
            _ => {}
        }
    }
    let mut longest = None;
    walk(value, &mut longest);
    longest
}

fn longest_list(value: &mut Value) -> Option<&mut Vec<Value>> {
    let details = value.get_mut("details")?.as_object_mut()?;
    details.values_mut().filter_map(Value::as_array_mut).filter(|list| !list.is_empty()).max_by_key(|list| list.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{detect::Origin, source::SourceName};

    fn event(user: Option<&str>, details: Details) -> Event {
        let timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        Event { timestamp, user: user.map(ToOwned::to_owned), engine: EngineName::DOCKER, details }
    }

    fn parsed(event: &Event) -> Value {
        let line = event.to_line("ds01-detect").unwrap();
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&line).unwrap()
    }

    fn discovered(name: &str, image: &str) -> Details {
        Details::ContainerDiscovered {
            container_id: "ab".repeat(32).parse().unwrap(),
            name: name.to_owned(),
            origin: Origin::RawDocker,
            has_gpu: None,
            image: image.to_owned(),
        }
    }

    #[test]
    fn a_line_has_the_fields_of_the_format_in_their_order() {
        let details = Details::SourceFailed { source: SourceName::Nvml, error: "lost".to_owned() };
        let line = String::from_utf8(event(None, details).to_line("ds01-detect").unwrap()).unwrap();
        assert_eq!(
            line,
            "{\"timestamp\":\"2026-03-02T12:00:00Z\",\"event_type\":\"detection.source_failed\",\
             \"source\":\"ds01-detect\",\"details\":{\"source\":\"nvml\",\"error\":\"lost\"},\"schema_version\":\"1\"}\n"
        );
    }

    #[test]
    fn an_engine_is_said_where_it_is_another_than_docker() {
        let docker = event(None, discovered("a", "b"));
        let podman = Event { engine: EngineName::PODMAN, ..docker.clone() };
        assert_eq!(parsed(&docker).get("engine"), None);
        assert_eq!(parsed(&podman)["engine"], "podman");
    }

    #[test]
    fn a_user_and_an_unknown_detail_are_said() {
        let value = parsed(&event(Some("bob@uni.example"), discovered("a", "b")));
        assert_eq!(value["user"], "bob@uni.example");
        assert_eq!(value["details"]["has_gpu"], Value::Null);
        assert_eq!(value.get("truncated"), None);
    }

    #[test]
    fn only_the_longest_text_is_shortened() {
        let value = parsed(&event(None, discovered("short", &"x".repeat(10_000))));
        assert_eq!(value["truncated"], true);
        assert_eq!(value["details"]["name"], "short");
        assert!(value["details"]["image"].as_str().unwrap().len() > 3_000);
    }

    #[test]
    fn the_longest_line_that_fits_is_left_alone() {
        let bare = event(None, discovered("", "")).to_line("ds01-detect").unwrap().len();
        let fits = parsed(&event(None, discovered("", &"x".repeat(MAX_LINE_BYTES - bare))));
        assert_eq!(fits.get("truncated"), None);
        let too_long = parsed(&event(None, discovered("", &"x".repeat(MAX_LINE_BYTES - bare + 1))));
        assert_eq!(too_long["truncated"], true);
    }

    #[test]
    fn lists_are_shortened_when_no_text_is_long() {
        let list: Vec<_> = (0..2_000).map(|n| n.to_string()).collect();
        let line = shortened(serde_json::json!({"details": {"gpus": list, "name": "a"}})).unwrap();
        assert!(line.len() < MAX_LINE_BYTES);
        assert!(!serde_json::from_slice::<Value>(&line).unwrap()["details"]["gpus"].as_array().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_line_too_long_or_unreadable(
            name in any::<String>(), unit in any::<char>(), times in 0_usize..6_000, user in proptest::option::of(".{0,3000}")
        ) {
            let value = parsed(&event(user.as_deref(), discovered(&name, &unit.to_string().repeat(times))));
            prop_assert_eq!(&value["event_type"], "detection.container_discovered");
        }
    }
}
